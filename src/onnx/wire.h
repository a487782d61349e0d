#pragma once

#include <cstdint>
#include <cstring>
#include <protozero/pbf_message.hpp>
#include <protozero/pbf_reader.hpp>
#include <protozero/varint.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tensor/tensor.h"

/// Protobuf's wire format over protozero: messages are walked where they lie, unknown fields are kept as they came.
namespace olivine::onnx::wire {

using Type = protozero::pbf_wire_type;

/// A field number with its wire type: what a `switch` over a message's fields compares.
constexpr std::uint32_t varint(std::uint32_t field) { return field << 3U; }
constexpr std::uint32_t bytes(std::uint32_t field) { return (field << 3U) | 2U; }
constexpr std::uint32_t fixed32(std::uint32_t field) { return (field << 3U) | 5U; }
constexpr std::uint32_t fixed64(std::uint32_t field) { return (field << 3U) | 1U; }

/// Walks the fields of one message. Every length is checked against the message's end; protozero's exceptions leave it.
class Reader {
 public:
  explicit Reader(std::string_view message) : message_(message.data(), message.size()) {}

  bool next() {
    start_ = message_.data().data();
    return message_.next();
  }
  std::uint32_t key() const { return (message_.tag() << 3U) | static_cast<std::uint32_t>(message_.wire_type()); }

  std::string_view view() {
    const protozero::data_view view = message_.get_view();
    return {view.data(), view.size()};
  }
  std::string text() { return std::string(view()); }
  std::int64_t integer() { return message_.get_int64(); }
  std::int32_t integer32() { return message_.get_int32(); }
  float floating() { return message_.get_float(); }
  double floating64() { return message_.get_double(); }

  /// Skips the current field and appends it, tag and all, to `unknown`.
  void keep(std::string& unknown) {
    message_.skip();
    unknown.append(start_, message_.data().data());
  }

 private:
  protozero::pbf_reader message_;
  const char* start_ = nullptr;
};

/// Appends the numbers of a `repeated int64` field, packed or not.
void append_varints(std::string_view packed, std::vector<std::int64_t>& out);

/// A message under construction, with the payloads of tensors left out: they stand at positions in the text.
class Writer {
 public:
  void put_varint(std::uint32_t field, std::int64_t value) {
    put_raw_varint(varint(field));
    put_raw_varint(static_cast<std::uint64_t>(value));
  }
  void put_float(std::uint32_t field, float value);
  void put_text(std::uint32_t field, std::string_view value) {
    put_header(field, value.size());
    text_.append(value);
  }
  /// Protobuf's habit: an empty string is not written.
  void put_text_if(std::uint32_t field, std::string_view value) {
    if (!value.empty()) put_text(field, value);
  }
  void put_message(std::uint32_t field, Writer&& message);
  /// A bytes field that holds the tensor's elements.
  void put_payload(std::uint32_t field, const tensor::Tensor& tensor);
  /// Fields as they came from a file.
  void put_unknown(std::string_view fields) { text_.append(fields); }

  std::uint64_t size() const { return text_.size() + payload_bytes_; }

  struct Payload {
    std::size_t position;
    tensor::Tensor tensor;
  };
  std::string& text() { return text_; }
  std::vector<Payload>& payloads() { return payloads_; }

 private:
  void put_raw_varint(std::uint64_t value);
  void put_header(std::uint32_t field, std::uint64_t length) {
    put_raw_varint(bytes(field));
    put_raw_varint(length);
  }

  std::string text_;
  std::vector<Payload> payloads_;
  std::uint64_t payload_bytes_ = 0;
};

}  // namespace olivine::onnx::wire
