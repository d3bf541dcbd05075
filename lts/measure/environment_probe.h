// Reads what machine this is from /proc and /sys. Never throws for a missing file: unknown stays "unknown" or 0.
#pragma once

#include "lts/record/measurement.h"

namespace lts {

// `root` stands before /proc and /sys, so that tests can show other machines.
Environment ProbeEnvironment(const std::string& runtime, const std::string& root = "");

}  // namespace lts
