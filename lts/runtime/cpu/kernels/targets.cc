#include "lts/runtime/cpu/kernels/targets.h"

#include <hwy/highway.h>

#define LTS_STRING_OF(x) #x
#define LTS_STRING(x) LTS_STRING_OF(x)

namespace lts {

const char* KernelTarget() {
  return hwy::TargetName(hwy::SupportedAndGeneratedTargets().front());  // best first
}

const char* HighwayVersion() {
  return LTS_STRING(HWY_MAJOR) "." LTS_STRING(HWY_MINOR) "." LTS_STRING(HWY_PATCH);
}

}  // namespace lts
