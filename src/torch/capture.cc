#include "torch/capture.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "torch/capture_sources.h"

namespace olivine::torch {
namespace {

namespace fs = std::filesystem;
using config::Json;

void write(const fs::path& path, std::string_view text) {
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  write_text_file(path, text);
}

/// Calls `take` for every whole line.
class Lines {
 public:
  explicit Lines(std::function<void(std::string_view)> take) : take_(std::move(take)) {}

  void operator()(std::string_view more) {
    rest_ += more;
    std::size_t begin = 0;
    for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      take_(std::string_view(rest_).substr(begin, end - begin));
    }
    rest_.erase(0, begin);
  }

 private:
  std::function<void(std::string_view)> take_;
  std::string rest_;
};

ErrorCode code_of(const std::string& kind) {
  if (kind == "config") return ErrorCode::config;
  if (kind == "import") return ErrorCode::io;
  return kind == "internal" ? ErrorCode::internal : ErrorCode::conversion;
}

/// What the process says of its failure.
Error told_failure(const fs::path& folder, const std::string& python) {
  const Json told = Json::parse(read_text_file(folder / "error.json"), nullptr, false);
  if (!told.is_object()) return Error(ErrorCode::internal, "the capture's error.json is no JSON").prepend(python);
  std::string message = told.value("message", "the capture failed");
  if (const std::string traceback = told.value("traceback", ""); !traceback.empty()) message += "\n" + traceback;
  const std::string remedy = told.value("remedy", "");
  // A clause after a traceback would be lost at its end.
  if (!remedy.empty() && told.contains("traceback")) {
    return Error(code_of(told.value("kind", "")), fmt::format("{}; {}{}", told.value("message", ""), remedy,
                                                              message.substr(told.value("message", "").size())));
  }
  return Error(code_of(told.value("kind", "")), message).remedy(remedy);
}

/// What is known of a process that said nothing.
Error untold_failure(const ProcessResult& result, const std::string& python) {
  const std::string how = result.signal != 0 ? fmt::format("was ended by signal {}", result.signal)
                                             : fmt::format("ended with {}", result.exit_code);
  std::string tail = result.errors.substr(result.errors.size() > 2000 ? result.errors.size() - 2000 : 0);
  while (!tail.empty() && tail.back() == '\n') tail.pop_back();
  Error error(ErrorCode::io,
              fmt::format("Python {} while it captured the model{}{}", how, tail.empty() ? "" : ":\n", tail));
  if (result.signal == 9) error.remedy("it may have run out of memory");
  return error.prepend(python);
}

std::vector<std::string> texts(const Json& record, const char* key) {
  return record.contains(key) ? record[key].get<std::vector<std::string>>() : std::vector<std::string>();
}

Captured read_record(std::shared_ptr<const TemporaryFolder> folder) {
  const fs::path out = folder->path() / "out";
  Captured captured;
  captured.record = Json::parse(read_text_file(out / "capture.json"), nullptr, false);
  try {
    const Json& record = captured.record;
    captured.input_names = texts(record, "input_names");
    captured.output_names = texts(record, "output_names");
    captured.notices = texts(record, "notices");
    if (record.contains("symbols")) captured.symbols = record["symbols"].get<std::map<std::string, std::string>>();
    for (const Json& entry : record.at("cases")) {
      CapturedCase one;
      for (const std::string& file : texts(entry, "inputs")) one.inputs.push_back(out / file);
      for (const std::string& file : texts(entry, "outputs")) one.outputs.push_back(out / file);
      one.sizes = entry.at("sizes").get<std::map<std::string, std::int64_t>>();
      captured.cases.push_back(std::move(one));
    }
    (record.contains("onnx") ? captured.onnx : captured.program) =
        out / (record.contains("onnx") ? "model.onnx" : "model.pt2");
    captured.record.erase("cases");
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::internal, fmt::format("the capture's record is not as it should be: {}", error.what()));
  }
  captured.folder = std::move(folder);
  return captured;
}

/// Olive names an environment by its folder of programs.
std::string inside(const std::string& python) {
  std::error_code ignored;
  for (const char* const name : {"python", "python3", "bin/python"}) {
    if (fs::exists(fs::path(python) / name, ignored)) return (fs::path(python) / name).string();
  }
  return python;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::error_code error;
  std::string pattern = (fs::temp_directory_path(error) / "olivine-XXXXXX").string();
  if (error || ::mkdtemp(pattern.data()) == nullptr) {
    throw Error(ErrorCode::io, "no temporary folder can be made").remedy("TMPDIR names the place for it");
  }
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string interpreter(const std::string& given) {
  if (!given.empty()) return inside(given);
  if (std::string chosen = environment_variable("OLIVINE_PYTHON"); !chosen.empty()) return chosen;
  if (const std::string active = environment_variable("VIRTUAL_ENV"); !active.empty()) {
    const fs::path python = fs::path(active) / "bin/python";
    std::error_code ignored;
    if (fs::exists(python, ignored)) return python.string();
  }
  return "python3";
}

Captured capture(const CaptureRequest& request) {
  const auto folder = std::make_shared<const TemporaryFolder>();
  for (const SourceFile& file : capture_sources()) write(folder->path() / "package" / file.path, file.text);
  const fs::path out = folder->path() / "out";
  const fs::path place = folder->path() / "request.json";
  write(place, Json{{"model", request.model}, {"options", request.options}, {"folder", out.string()}}.dump());

  ProcessOptions process;
  const std::string python = interpreter(request.python);
  // Our package goes in front of what is installed, and Python's own settings stay.
  const std::string path = environment_variable("PYTHONPATH");
  process.arguments = {python, "-m", "olivine_capture", place.string()};
  process.environment = {"PYTHONPATH=" + (folder->path() / "package").string() + (path.empty() ? "" : ":" + path),
                         "PYTHONDONTWRITEBYTECODE=1", "PYTHONSAFEPATH=1", "PYTHONUNBUFFERED=1",
                         "OLIVINE_CAPTURE_WATCHES_INPUT=1"};
  process.on_output = Lines([&](std::string_view line) {
    const Json told = Json::parse(line, nullptr, false);
    if (request.progress && told.is_object()) request.progress(told.value("progress", ""));
  });
  ProcessResult result;
  try {
    result = run_process(process);
  } catch (Error& error) {
    if (error.code() == ErrorCode::io) {
      error.remedy("name a Python that has torch with the option python, or with OLIVINE_PYTHON");
    }
    throw;
  }
  std::error_code ignored;
  if (fs::exists(out / "error.json", ignored)) throw told_failure(out, python);
  if (result.exit_code != 0 || result.signal != 0) throw untold_failure(result, python);
  return read_record(folder);
}

}  // namespace olivine::torch
