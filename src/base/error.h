#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace olivine {

/// What kind of trouble an error is. The value is the exit code of the `olivine` command.
enum class ErrorCode : int {
  internal = 1,      ///< a bug of ours
  config = 2,        ///< the workflow, an option or a flag is wrong
  conversion = 3,    ///< the model cannot be read as a valid model, or cannot be converted
  verification = 4,  ///< the converted model does not compute what the original computes
  io = 5,            ///< a file cannot be read or written
  interrupted = 130  ///< the user asked to stop
};

std::string_view error_code_name(ErrorCode code);

/// The one exception of the library. It is caught only at the doors: the command and the bindings.
///
/// `what()` is one paragraph: `error[config]: flow.json:12 /passes/fp16/keep_io_type: unknown option; did you mean
/// keep_io_types?`. The path of breadcrumbs grows from the inside out: whoever catches an error on its way adds where
/// he was with `prepend`, then rethrows.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message);

  /// Adds the enclosing place (a file, a pass, a node) in front of the path.
  Error& prepend(std::string_view place) &;
  Error&& prepend(std::string_view place) &&;

  /// What the user can do about it: a clause that follows the message after "; ".
  Error& remedy(std::string_view remedy) &;
  Error&& remedy(std::string_view remedy) &&;

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::vector<std::string>& path() const { return path_; }
  const std::string& remedy() const { return remedy_; }
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  void compose();

  ErrorCode code_;
  std::string message_;
  std::vector<std::string> path_;
  std::string remedy_;
  std::string what_;
};

/// Collects problems of one kind so that the user learns all of them at once.
class ErrorList {
 public:
  void add(Error error) { errors_.push_back(std::move(error)); }
  bool empty() const { return errors_.empty(); }
  std::size_t size() const { return errors_.size(); }
  const std::vector<Error>& errors() const { return errors_; }

  /// Throws the single error as it is, or one error that lists them all, one a line. The code is the first one's.
  void throw_if_any() const;

 private:
  std::vector<Error> errors_;
};

/// Runs `body`; an Error that leaves it gets `place` in front of its path.
template <typename Body>
auto with_place(std::string_view place, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (Error& error) {
    error.prepend(place);
    throw;
  }
}

}  // namespace olivine
