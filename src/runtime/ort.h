#pragma once

#include <onnxruntime_cxx_api.h>

#include <string>
#include <string_view>

#include "base/error.h"

/// Only the .cc files of this room include this: no header that other rooms see mentions ONNX Runtime's types.
namespace olivine::runtime {

/// ORT's message without blanks at its end.
std::string ort_message(const Ort::Exception& error);

/// Runs `body`; an exception of ONNX Runtime becomes an Error of `code` that starts with `action`.
template <typename Body>
auto ort_call(ErrorCode code, std::string_view action, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const Ort::Exception& error) {
    throw Error(code, std::string(action) + ": " + ort_message(error));
  }
}

}  // namespace olivine::runtime
