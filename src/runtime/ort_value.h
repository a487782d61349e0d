#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ir/type.h"
#include "runtime/ort.h"
#include "tensor/any_value.h"

namespace olivine::runtime {

/// A tensor's packed elements in memory, and what keeps them there.
struct Payload {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

/// The elements where they are if they lie in memory or in a mapped file at an address that suits their type, else
/// evaluated. Not for strings.
Payload payload_of(const tensor::Tensor& tensor);

/// An OrtValue over a payload, not copied: the payload must outlive it. Not for strings.
Ort::Value wrap(const tensor::Tensor& tensor, const Payload& payload);

/// OrtValues for one run with the payloads that they point to.
class RunValues {
 public:
  /// Error[config] for what ORT's interface can't take: an empty sequence, an optional without content.
  Ort::Value make(const tensor::AnyValue& value);

 private:
  Ort::Value make(const tensor::Tensor& tensor);

  std::vector<Payload> payloads_;
};

/// A copy of what ORT computed. Error[verification] for sparse tensors and opaque types.
tensor::AnyValue from_ort(const Ort::Value& value);

/// The type that ORT reports. Unknown sizes are -1 there, so a scalar and an unknown rank look alike.
ir::Type type_from_ort(const Ort::TypeInfo& info);

}  // namespace olivine::runtime
