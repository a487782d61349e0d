#pragma once

#include "runtime/ort.h"
#include "runtime/taps.h"

namespace olivine::runtime {

/// The operator `kTap` for one session, with who watches it. Must live as long as the session.
class TapOp : public Ort::CustomOpBase<TapOp, class TapKernel, true> {
 public:
  explicit TapOp(TapWatcher& watcher);

  const char* GetName() const;
  std::size_t GetInputTypeCount() const { return 2; }
  ONNXTensorElementDataType GetInputType(std::size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
  OrtCustomOpInputOutputCharacteristic GetInputCharacteristic(std::size_t index) const;
  std::size_t GetOutputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetOutputType(std::size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
  OrtStatusPtr CreateKernelV2(const OrtApi& api, const OrtKernelInfo* info, void** kernel) const;

  /// Where session options find the operator.
  OrtCustomOpDomain* domain() const { return domain_; }

 private:
  TapWatcher& watcher_;
  Ort::CustomOpDomain domain_;
};

}  // namespace olivine::runtime
