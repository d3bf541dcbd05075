#include "lts/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace lts::internal {

void CheckFailed(const char* file, int line, const char* expression) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace lts::internal
