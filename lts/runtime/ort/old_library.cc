// A stand-in for libonnxruntime.so 1.18, for tests: it has the entry point, its version, and no
// table of the version that is asked for.
#include <cstdint>

namespace {

struct ApiBase {
  const void* (*GetApi)(std::uint32_t version);
  const char* (*GetVersionString)();
};

}  // namespace

extern "C" const ApiBase* OrtGetApiBase() {
  static constexpr ApiBase kBase{
      [](std::uint32_t /*version*/) -> const void* { return nullptr; },
      [] { return "1.18.1"; },
  };
  return &kBase;
}
