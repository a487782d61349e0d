#include "onnx/wire.h"

namespace olivine::onnx::wire {

void append_varints(std::string_view packed, std::vector<std::int64_t>& out) {
  const char* at = packed.data();
  const char* const end = at + packed.size();
  while (at != end) out.push_back(static_cast<std::int64_t>(protozero::decode_varint(&at, end)));
}

void Writer::put_raw_varint(std::uint64_t value) {
  while (value >= 0x80U) {
    text_.push_back(static_cast<char>((value & 0x7fU) | 0x80U));
    value >>= 7U;
  }
  text_.push_back(static_cast<char>(value));
}

void Writer::put_float(std::uint32_t field, float value) {
  put_raw_varint(fixed32(field));
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  text_.append(raw, sizeof raw);
}

void Writer::put_message(std::uint32_t field, Writer&& message) {
  put_header(field, message.size());
  for (Payload& payload : message.payloads_) {
    payload.position += text_.size();
    payloads_.push_back(std::move(payload));
  }
  text_.append(message.text_);
  payload_bytes_ += message.payload_bytes_;
}

void Writer::put_payload(std::uint32_t field, const tensor::Tensor& tensor) {
  put_header(field, tensor.byte_size());
  payloads_.push_back({text_.size(), tensor});
  payload_bytes_ += tensor.byte_size();
}

}  // namespace olivine::onnx::wire
