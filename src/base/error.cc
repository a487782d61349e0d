#include "base/error.h"

#include <fmt/format.h>

namespace olivine {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::internal:
      return "internal";
    case ErrorCode::config:
      return "config";
    case ErrorCode::conversion:
      return "conversion";
    case ErrorCode::verification:
      return "verification";
    case ErrorCode::io:
      return "io";
    case ErrorCode::interrupted:
      return "interrupted";
  }
  return "internal";
}

Error::Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) { compose(); }

Error& Error::prepend(std::string_view place) & {
  if (!place.empty()) path_.insert(path_.begin(), std::string(place));
  compose();
  return *this;
}

Error&& Error::prepend(std::string_view place) && { return std::move(prepend(place)); }

Error& Error::remedy(std::string_view remedy) & {
  remedy_ = remedy;
  compose();
  return *this;
}

Error&& Error::remedy(std::string_view text) && { return std::move(remedy(text)); }

void Error::compose() {
  what_ = fmt::format("error[{}]: {}", error_code_name(code_), fmt::join(path_, " "));
  if (!path_.empty()) what_ += ": ";
  what_ += message_;
  if (!remedy_.empty()) what_ += "; " + remedy_;
}

void ErrorList::throw_if_any() const {
  if (errors_.empty()) return;
  if (errors_.size() == 1) throw errors_.front();
  std::string message = fmt::format("{} problems", errors_.size());
  for (const Error& error : errors_) {
    message +=
        fmt::format("\n  {}{}{}", fmt::join(error.path(), " "), error.path().empty() ? "" : ": ", error.message());
    if (!error.remedy().empty()) message += "; " + error.remedy();
  }
  throw Error(errors_.front().code(), std::move(message));
}

}  // namespace olivine
