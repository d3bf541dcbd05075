#include "lts/train/engine_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/base/version.h"
#include "lts/train/engine_entry.h"

namespace lts {

std::vector<std::string> EngineLibraryCandidates(const std::string& path) {
  if (!path.empty()) return {path};
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  const std::filesystem::path root = program.parent_path().parent_path();
  return {(root / "lib" / "lts" / kEngineLibrary).string()};
}

const LearnerEngine& OpenEngineLibrary(const std::string& path) {
  const std::vector<std::string> candidates = EngineLibraryCandidates(path);
  std::string looked;
  for (const std::string& candidate : candidates) {
    looked += (looked.empty() ? "" : ", ") + candidate;
    if (!std::filesystem::exists(candidate)) continue;
    void* const library = ::dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: cannot be loaded: {}", candidate, Quoted(::dlerror(), 300)));
    }
    const auto entry = reinterpret_cast<EngineEntry>(::dlsym(library, kEngineEntryName));
    const EngineOffer offer = entry == nullptr ? EngineOffer{} : entry();
    if (offer.version == nullptr || std::string_view(offer.version) != kVersion) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: is of version {}, expected {}", candidate,
                              offer.version == nullptr ? "unknown" : offer.version, kVersion));
    }
    return *offer.engine;
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("this build of lts has no trainer (looked for {}); install libtorch "
                          "(Debian: libtorch-dev) and build lts again",
                          looked));
}

}  // namespace lts
