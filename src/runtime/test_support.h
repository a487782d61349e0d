#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "ir/graph.h"
#include "onnx/onnx.h"
#include "runtime/session.h"
#include "tensor/tensor.h"

/// What the tests of this room share. They need ONNX Runtime: where none is found the error that says so fails them.
namespace olivine::runtime {

/// A folder that goes when the test is over.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "olivine_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw Error(ErrorCode::io, "no temporary folder");
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

  std::filesystem::path write(const std::filesystem::path& name, std::string_view bytes) const {
    const std::filesystem::path path = path_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

 private:
  std::filesystem::path path_;
};

/// Sets an environment variable for the time of a test; an empty value removes it.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* const before = ::getenv(name)) before_ = before;
    value.empty() ? ::unsetenv(name) : ::setenv(name, value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

/// Messages of a log, for looking at.
struct Messages {
  std::vector<std::string> lines;
  Log log() {
    return Log([this](LogLevel, const std::string& line) { lines.push_back(line); }, LogLevel::notice);
  }
};

inline std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// A model from the text of its main graph.
inline ir::Model model_of(std::string_view graph) {
  return onnx::parse_model("<ir_version: 10, opset_import: [\"\": 20]>\n" + std::string(graph));
}

inline ir::Value& input(const ir::Model& model, std::string_view name) {
  for (ir::Value* const value : model.graph->inputs()) {
    if (value->name() == name) return *value;
  }
  throw Error(ErrorCode::internal, "no input " + std::string(name));
}

inline tensor::Tensor floats(tensor::Dims dims, std::vector<float> values) {
  return tensor::from_values<float>(DataType::float32, std::move(dims), values);
}

inline std::vector<double> doubles(const tensor::Tensor& tensor) {
  return tensor::as_doubles(tensor::cast(tensor, DataType::float64), 1 << 24).value();
}
inline std::vector<double> doubles(const tensor::AnyValue& value) { return doubles(*value.tensor()); }

}  // namespace olivine::runtime
