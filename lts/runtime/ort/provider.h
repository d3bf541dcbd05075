// Execution providers: what ONNX Runtime computes on. The library lists those that it was built
// for; whether one works on this machine shows when it is asked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lts/runtime/ort/ort_api.h"

namespace lts::ort {

// Always there, last in every list; runs what another provider does not.
inline constexpr std::string_view kCpuProvider = "CPUExecutionProvider";

// As the library names them, by its own priority: {"CUDAExecutionProvider",
// "CPUExecutionProvider"}. Throws as Api::Check.
std::vector<std::string> AvailableProviders(const Api& api);

// The library's name of `name`, which may lack "ExecutionProvider" and be of any case; "" is the
// processor's. Throws kNotFound with the names that there are.
std::string FindProvider(const Api& api, std::string_view name);

// Makes sessions of `options` run on `provider`, a name of FindProvider, with its default options.
// Throws kUnsupported with the library's reason when it cannot start on this machine. Some find
// that out only when a session is created: NewSession throws then.
void AppendProvider(const Api& api, std::string_view provider, OrtSessionOptions& options);

}  // namespace lts::ort
