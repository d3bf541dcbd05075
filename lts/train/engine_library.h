// Opens what trains: a shared library of ours that is linked with libtorch, which `lts` itself is
// not. libtorch takes 0.3 s to load and more than 100 MiB, which every command would pay for and
// every measurement of memory would count.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lts/train/learner.h"

namespace lts {

inline constexpr std::string_view kEngineLibrary = "liblts_train_torch.so";

// Where it is looked for, in this order: `path` alone when it is not empty; else below the folder
// of this process's program: ../lib/lts/ (where both are built and installed).
std::vector<std::string> EngineLibraryCandidates(const std::string& path);

// The engine of the first candidate that is there; it is never closed. Throws kUnsupported, saying
// where it was looked for and how to get it, when none is there, or when it cannot be loaded or
// belongs to another version of lts.
const LearnerEngine& OpenEngineLibrary(const std::string& path = "");

}  // namespace lts
