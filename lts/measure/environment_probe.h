// Reads what machine this is from /proc and /sys. Never throws for a missing or odd file: unknown
// stays "unknown" or 0.
#pragma once

#include <string>

#include "lts/record/measurement.h"

namespace lts {

// `config`: its runtime is a name in the runtime registry (kNotFound otherwise) and gives isa and
// libraries, those of the library and the provider that it names.
// `root` stands before /proc and /sys, so that tests can show other machines; logical_cores always
// is that of this process. Takes well under a millisecond of reading files; not thread-safe against
// a changing `root` alone.
Environment ProbeEnvironment(const RuntimeConfig& config, const std::string& root = "");

}  // namespace lts
