#include "lts/runtime/cpu/kernels/targets.h"

#include <hwy/highway.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/suggest.h"

#define LTS_STRING_OF(x) #x
#define LTS_STRING(x) LTS_STRING_OF(x)

namespace lts {
namespace {

std::string_view MaxIsa() {
  static const std::string isa = [] {
    const char* value = std::getenv("LTS_MAX_ISA");  // NOLINT(concurrency-mt-unsafe)
    return std::string(value == nullptr ? "" : value);
  }();
  return isa;
}

}  // namespace

void ApplyMaxIsa() {
  if (!MaxIsaIsSet()) return;
  [[maybe_unused]] static const bool once = [] {
    hwy::DisableTargets(TargetsBeyond(MaxIsa()));
    return true;
  }();
}

bool MaxIsaIsSet() { return !MaxIsa().empty(); }

const char* KernelTarget() {
  return hwy::TargetName(hwy::SupportedAndGeneratedTargets().front());  // best first
}

const char* HighwayVersion() {
  return LTS_STRING(HWY_MAJOR) "." LTS_STRING(HWY_MINOR) "." LTS_STRING(HWY_PATCH);
}

std::int64_t TargetsBeyond(std::string_view isa) {
  std::vector<std::string> known;
  // One bit a target, the better ones lower.
  for (std::int64_t rest = HWY_TARGETS; rest != 0; rest &= rest - 1) {
    const std::int64_t target = rest & -rest;
    if (hwy::TargetName(target) == isa) return target - 1;
    known.emplace_back(hwy::TargetName(target));
  }
  throw Error(ErrorCode::kInvalidArgument,
              "LTS_MAX_ISA: " + UnknownName("instruction set", isa, known));
}

}  // namespace lts
