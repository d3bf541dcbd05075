// The runtimes of this build. To add one: runtime/<name>/ and one line in registry/registry.cc.
#pragma once

#include <span>

#include "lts/runtime/runtime.h"

namespace lts {

std::span<const RuntimeEntry* const> Runtimes();
// Throws kNotFound with a suggestion.
const RuntimeEntry& FindRuntime(std::string_view name);
// Throws kNotFound, or kUnsupported (with the reason) when it is not available here or lacks the
// dtype.
std::unique_ptr<Runtime> CreateRuntime(std::string_view name, const RuntimeOptions& options);

}  // namespace lts
