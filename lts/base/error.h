// How lts fails. Bad input, files or environment throw lts::Error; a broken invariant of our own
// code ends the process through LTS_CHECK, which no input may ever reach. Expected outcomes are
// values (std::optional, Availability), not errors.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace lts {

enum class ErrorCode {
  kInvalidArgument,  // the caller's input is wrong: an option, a field, a shape
  kNotFound,         // a named thing (file, preset, objective) does not exist
  kIo,               // the file system said no: unreadable, full, read-only
  kCorrupt,          // a file of ours or of others breaks its own format
  kOutOfMemory,      // refused before allocating
  kUnsupported,      // valid, but this build or machine cannot do it
  kCancelled,        // the user or a budget stopped it
};

// The command line exits with 1 for kCancelled and 2 for all others. The message is one line, in
// this order: what, where, got, expected, hint.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

// "Can this be used here, and if not, why?" `reason` is empty when ok.
struct Availability {
  bool ok = true;
  std::string reason;
};

namespace internal {
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression);
}  // namespace internal

#define LTS_CHECK(condition)          \
  ((condition) ? static_cast<void>(0) \
               : ::lts::internal::CheckFailed(__FILE__, __LINE__, #condition))
#ifdef NDEBUG
#define LTS_DCHECK(condition) static_cast<void>(sizeof(!(condition)))
#else
#define LTS_DCHECK(condition) LTS_CHECK(condition)
#endif

}  // namespace lts
