// Runs another program to its end: input on its stdin, its stdout and stderr collected. For short
// answers, not streams.
//
// LTS_EMULATOR in the environment is for tests of a cross-built lts, where the kernel cannot run
// what lts starts: the path of an emulator such as /usr/bin/qemu-aarch64, which takes a program's
// path and arguments. Children whose machine code is of this program's kind (itself, above all) are
// then started through it, others as always. Unset or empty: none.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lts {

struct ChildProcessOptions {
  double timeout_s = 120;      // then the child is killed; > 0
  std::function<bool()> stop;  // asked about 20 times a second; true kills the child
  // Bytes kept of stdout and of stderr each; the rest is read and dropped.
  std::size_t max_output = std::size_t{64} << 10;
  std::vector<std::string> environment;  // "NAME=value" each, set for the child beside what it
                                         // inherits
};

struct ChildProcessResult {
  enum class End { kExited, kSignalled, kTimedOut, kStopped } end = End::kExited;
  int code = 0;  // exit status or number of the signal
  std::string out;
  std::string err;
};

// Starts `program` (a path; no search, no shell) with `arguments` after its own name and waits for
// its end. The child inherits the environment and no descriptor but 0, 1 and 2; signals are at
// their defaults. It never outlives this call and leaves no zombie. A child that ends without
// reading its input is no error. Throws kIo when it cannot be started. Safe to call from several
// threads; needs SIGCHLD not to be ignored.
ChildProcessResult RunChildProcess(const std::string& program,
                                   const std::vector<std::string>& arguments,
                                   std::string_view input, const ChildProcessOptions& options);

}  // namespace lts
