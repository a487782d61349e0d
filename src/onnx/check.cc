#include <fmt/format.h>
#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include <array>
#include <exception>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/threads.h"
#include "onnx/contrib/registry.h"
#include "onnx/onnx.h"
#include "onnx/protos.h"

namespace olivine::onnx {
namespace {

/// The library's messages speak of C++ call sites and trail off in blank lines; a user wants the sentence.
std::string cleaned(std::string message) {
  for (char& c : message) {
    if (c == '\n') c = ' ';
  }
  while (!message.empty() && message.back() == ' ') message.pop_back();
  std::size_t twice = 0;
  while ((twice = message.find("  ")) != std::string::npos) message.erase(twice, 1);
  return message;
}

void check_imports(const std::vector<ir::OpsetImport>& imports) {
  for (const ir::OpsetImport& import : imports) {
    const std::int64_t newest = newest_opset(import.domain);
    if (newest != 0 && import.version > newest) {
      throw Error(ErrorCode::conversion,
                  fmt::format("imports opset {} of {}, newer than the newest one known here, {}", import.version,
                              import.domain.empty() ? "ai.onnx" : import.domain, newest))
          .remedy("use a newer olivine, or export the model at an older opset");
    }
  }
}

/// What the checker needs to know of the model as a whole, and what only the whole model can have wrong.
::onnx::checker::CheckerContext checker_context(const ::onnx::ModelProto& proto) {
  constexpr auto kNewestVersion = static_cast<std::int64_t>(::onnx::Version::IR_VERSION);
  if (proto.ir_version() < 1 || proto.ir_version() > kNewestVersion) {
    throw std::runtime_error(
        fmt::format("its IR version is {}; 1 to {} are known here", proto.ir_version(), kNewestVersion));
  }
  std::unordered_set<std::string_view> keys;
  for (const auto& entry : proto.metadata_props()) {
    if (!keys.insert(entry.key()).second)
      throw std::runtime_error(fmt::format("its metadata has two entries '{}'", entry.key()));
  }
  std::unordered_map<std::string, int> opsets;
  for (const auto& import : proto.opset_import()) {
    if (import.version() < 1 || import.version() > std::numeric_limits<int>::max()) {
      throw std::runtime_error(fmt::format("it imports version {} of '{}'", import.version(), import.domain()));
    }
    opsets[import.domain()] = static_cast<int>(import.version());
  }
  // Before IR version 3 models named no opsets.
  if (opsets.empty() != (proto.ir_version() < 3)) {
    throw std::runtime_error(fmt::format("a model of IR version {} {}", proto.ir_version(),
                                         opsets.empty() ? "must import an opset" : "cannot import opsets"));
  }
  if (opsets.empty()) opsets[""] = 1;
  ::onnx::checker::CheckerContext context;
  context.set_ir_version(static_cast<int>(proto.ir_version()));
  context.set_opset_imports(std::move(opsets));
  context.set_schema_registry(&schema_registry());
  return context;
}

/// onnx.checker, with this room's registry.
void run_checker(const ::onnx::ModelProto& proto) {
  constexpr int kFirstVersionWithFunctions = 8;
  const ::onnx::checker::CheckerContext context = checker_context(proto);
  const ::onnx::checker::LexicalScopeContext scope;
  ::onnx::checker::check_graph(proto.graph(), context, scope);
  if (context.get_ir_version() >= kFirstVersionWithFunctions) {
    ::onnx::checker::check_model_local_functions(proto, context, scope);
  }
}

}  // namespace

void check_opsets(const ir::Model& model) {
  check_imports(model.opset_imports);
  for (const auto& function : model.functions) {
    with_place(fmt::format("function '{}'", function->name), [&] { check_imports(function->opset_imports); });
  }
}

namespace {

/// The checker prints a warning about operators that ONNX once tried out to the standard output, which belongs to the
/// program that uses us.
class Silence {
 public:
  Silence() : buffer_(std::cout.rdbuf(nullptr)) {}
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() {
    std::cout.rdbuf(buffer_);
    std::cout.clear();
  }

 private:
  std::streambuf* buffer_;
};

void check_structure_of(const ::onnx::ModelProto& proto) {
  try {
    const Silence silence;
    run_checker(proto);
  } catch (const std::exception& problem) {
    throw Error(ErrorCode::conversion, fmt::format("the model is not valid: {}", cleaned(problem.what())));
  }
}

void check_types_of(::onnx::ModelProto& proto) {
  try {
    // As onnx.checker's full check: what is propagated of data would refuse right models, for it takes the product of a
    // column and a row for one of vectors.
    ::onnx::shape_inference::InferShapes(proto, &schema_registry(), ::onnx::ShapeInferenceOptions(true, 1, false));
  } catch (const std::exception& problem) {
    throw Error(ErrorCode::conversion,
                fmt::format("the model's types contradict each other: {}", cleaned(problem.what())));
  }
}

/// Both look at the same model but for the types that inference adds, so that they can run side by side. What is wrong
/// with the structure is told first: types mean little without it.
void check_side_by_side(const ir::Model& model) {
  const std::string message = serialize_weightless(model);
  std::array<std::exception_ptr, 2> problems;
  parallel_for(2, [&](std::size_t task) {
    try {
      const ArenaModel proto(message);
      if (task == 0) check_structure_of(*proto);
      if (task == 1) check_types_of(*proto);
    } catch (...) {
      problems[task] = std::current_exception();
    }
  });
  for (const std::exception_ptr& problem : problems) {
    if (problem) std::rethrow_exception(problem);
  }
}

}  // namespace

void check_structure(const ir::Model& model) {
  check_opsets(model);
  check_structure_of(*weightless_proto(model));
}

void check_model(const ir::Model& model) {
  // Below this, starting threads costs more than it saves.
  constexpr std::size_t kManyNodes = 5000;
  check_opsets(model);
  if (node_count(model) >= kManyNodes) return check_side_by_side(model);
  const ArenaModel proto = weightless_proto(model);
  check_structure_of(*proto);
  check_types_of(*proto);
}

}  // namespace olivine::onnx
