#include "lts/runtime/registry/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "lts/base/suggest.h"
#include "lts/runtime/cpu/cpu.h"
#include "lts/runtime/ort/ort.h"
#include "lts/runtime/reference/reference.h"

namespace lts {

std::span<const RuntimeEntry* const> Runtimes() {
  static constexpr std::array<const RuntimeEntry*, 3> kRuntimes{&kCpuRuntime, &kOrtRuntime,
                                                                &kReferenceRuntime};
  return kRuntimes;
}

const RuntimeEntry& FindRuntime(std::string_view name) {
  std::vector<std::string> names;
  for (const RuntimeEntry* entry : Runtimes()) {
    if (entry->name == name) return *entry;
    names.emplace_back(entry->name);
  }
  throw Error(ErrorCode::kNotFound, UnknownName("runtime", name, names));
}

std::unique_ptr<Runtime> CreateRuntime(std::string_view name, const RuntimeOptions& options) {
  const RuntimeEntry& entry = FindRuntime(name);
  CheckRuntimeOptions(options);
  if (const Availability here = entry.available(options); !here.ok) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("runtime '{}' is not available here: {}", name, here.reason));
  }
  if (!options.provider.empty() && entry.providers == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("runtime '{}': got the provider '{}', but it has none to choose from",
                            name, Quoted(options.provider)));
  }
  const std::vector<DType> dtypes = entry.dtypes();
  if (std::find(dtypes.begin(), dtypes.end(), options.dtype) == dtypes.end()) {
    std::string known;
    for (const DType dtype : dtypes) {
      known += fmt::format("{}{}", known.empty() ? "" : ", ", kDTypes.Name(dtype));
    }
    throw Error(ErrorCode::kUnsupported,
                fmt::format("runtime '{}': got dtype '{}', expected one of: {}", name,
                            kDTypes.Name(options.dtype), known));
  }
  CheckKvDType(entry, options);
  return entry.create(options);
}

}  // namespace lts
