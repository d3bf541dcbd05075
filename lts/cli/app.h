// The command line: `lts COMMAND ...`. The only code of lts that prints. Streams and terminal are
// passed in, so that tests run commands in their own process.
//
// Exit codes: 0 done; 1 failed while working; 2 bad usage or bad input (every lts::Error but
// kCancelled). Results go to `out`, progress and errors to `err`; an error is one line, "lts
// search: <message>".
#pragma once

#include <csignal>
#include <iosfwd>
#include <string>
#include <vector>

#include "lts/cli/table.h"
#include "lts/cli/terminal.h"

namespace CLI {
class App;
}

namespace lts::cli {

struct Context {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  Terminal terminal;
  std::string executable = {};  // for memory probes: a program that knows `memory-probe`; "" = this
                                // process's own
  std::string command_line = {};  // for the record
  OutputFormat format = OutputFormat::kTable;
  bool quiet = false;
  int exit_code = 0;  // set by a command that ran but found something wrong
};

// All of the context's input.
std::string ReadInput(Context& context);

// args[0] is the program's name.
int Run(const std::vector<std::string>& args, Context& context);

// Set by SIGINT and SIGTERM once InstallSignalHandlers() was called; a second signal ends the
// process at once.
extern volatile std::sig_atomic_t g_interrupted;
void InstallSignalHandlers();

// --format and --quiet, the same for every command that prints a table.
void AddFormatOption(CLI::App& command, Context& context);
void AddQuietOption(CLI::App& command, Context& context);

}  // namespace lts::cli
