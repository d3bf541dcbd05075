#include "lts/runtime/ort/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/runtime/ort/version.h"

namespace lts::ort {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFileName = "libonnxruntime.so";
constexpr std::size_t kMaxQuoted = 300;
constexpr const char* kHint =
    "get it by `make onnxruntime`, or name one with --ort-library or $LTS_ORT_LIBRARY";

// What the library's one exported function returns.
struct ApiBase {
  const void* (*GetApi)(std::uint32_t version);
  const char* (*GetVersionString)();
};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? "" : value;
}

bool IsNewEnough(std::string_view version) {
  return VersionNumbers(version) >= std::vector<int>{1, static_cast<int>(kApiVersion)};
}

// Folders of `parent` that begin with `prefix`, by the version behind it, newest first.
std::vector<fs::path> VersionedFolders(const fs::path& parent, std::string_view prefix) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (fs::directory_iterator it(parent, ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    if (it->path().filename().string().starts_with(prefix)) found.push_back(it->path());
  }
  const auto version = [&](const fs::path& path) {
    const std::string name = path.filename().string();
    return VersionNumbers(std::string_view(name).substr(prefix.size()));
  };
  std::sort(found.begin(), found.end(), [&](const fs::path& a, const fs::path& b) {
    const auto version_a = version(a);
    const auto version_b = version(b);
    return version_a != version_b ? version_a > version_b : a < b;
  });
  return found;
}

void AddPackages(const fs::path& lib, std::vector<fs::path>& folders) {
  for (const fs::path& python : VersionedFolders(lib, "python3.")) {
    for (const char* packages : {"site-packages", "dist-packages"}) {
      folders.push_back(python / packages / "onnxruntime" / "capi");
    }
  }
  // Debian's packages lie beside any version's.
  folders.push_back(lib / "python3" / "dist-packages" / "onnxruntime" / "capi");
}

// The newest libonnxruntime.so.VERSION of a folder.
std::optional<fs::path> NewestIn(const fs::path& folder) {
  std::optional<fs::path> newest;
  std::vector<int> newest_version;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(kFileName)) continue;
    std::string_view suffix(name);
    suffix.remove_prefix(kFileName.size());
    if (!suffix.empty() && suffix.front() != '.') continue;
    std::vector<int> version = VersionNumbers(suffix.empty() ? suffix : suffix.substr(1));
    if (!newest || version > newest_version) {
      newest = it->path();
      newest_version = std::move(version);
    }
  }
  return newest;
}

// Loads the library and proves that it is what it should be. `name` is what dlopen gets, `shown`
// what messages call it.
std::unique_ptr<const Api> Load(const std::string& name, const std::string& shown,
                                const std::string& path) {
  void* const handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): it is per thread
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the system cannot load it: {}", shown,
                            Quoted(why == nullptr ? "no reason given" : why, kMaxQuoted)));
  }
  using GetApiBase = const ApiBase* (*)();
  const auto get_base = reinterpret_cast<GetApiBase>(::dlsym(handle, "OrtGetApiBase"));
  const ApiBase* const base = get_base == nullptr ? nullptr : get_base();
  if (base == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: not ONNX Runtime: it has no OrtGetApiBase", shown));
  }
  const char* const version_text = base->GetVersionString();
  const std::string version = Quoted(version_text == nullptr ? "" : version_text);
  // A library too old for the version asked for says so on stderr, so its own version comes first.
  const void* const table = IsNewEnough(version) ? base->GetApi(kApiVersion) : nullptr;
  if (table == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: ONNX Runtime '{}' is too old, expected 1.{} or newer", shown,
                            version, kApiVersion));
  }
  return std::make_unique<const Api>(table, version, path);
}

// Libraries by their real path, or by the name under which the system found them.
class Cache {
 public:
  const Api& OpenFile(const fs::path& path) {
    const std::string shown = Quoted(path.string(), kMaxQuoted);
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (error) {
      const bool missing = error == std::errc::no_such_file_or_directory;
      throw Error(missing ? ErrorCode::kNotFound : ErrorCode::kIo,
                  fmt::format("{}: {}", shown, missing ? "no such file" : error.message()));
    }
    const std::lock_guard lock(mutex_);
    const auto found = libraries_.find(real.string());
    if (found != libraries_.end()) return *found->second;
    CheckLibraryFile(path);
    return Keep(real.string(), Load(real.string(), shown, real.string()));
  }

  // nullptr: the system knows no such library.
  const Api* OpenSystem(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = libraries_.find(name);
    if (found != libraries_.end()) return found->second.get();
    if (void* const handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL); handle == nullptr) {
      return nullptr;
    }
    return &Keep(name, Load(name, "the system's " + name, ""));
  }

 private:
  const Api& Keep(const std::string& key, std::unique_ptr<const Api> library) {
    return *libraries_.emplace(key, std::move(library)).first->second;
  }

  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<const Api>> libraries_;  // guarded by mutex_
};

// Never destroyed: sessions of static storage may still use a library at exit.
Cache& LibraryCache() {
  static Cache* const cache = new Cache;
  return *cache;
}

}  // namespace

LibraryPlaces PlacesHere(const std::string& named) { return PlacesOf(named, Variable); }

LibraryPlaces PlacesOf(const std::string& named, const Variables& variables) {
  LibraryPlaces places;
  places.named = named;
  places.environment = variables("LTS_ORT_LIBRARY");
  places.system_names = {"libonnxruntime.so.1", "libonnxruntime.so"};
  const std::string home = variables("HOME");
  for (const char* active : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    if (const std::string root = variables(active); !root.empty()) {
      AddPackages(fs::path(root) / "lib", places.folders);
    }
  }
  fs::path pyenv = variables("PYENV_ROOT");
  if (pyenv.empty() && !home.empty()) pyenv = fs::path(home) / ".pyenv";
  if (!pyenv.empty()) {
    for (const fs::path& python : VersionedFolders(pyenv / "versions", "")) {
      AddPackages(python / "lib", places.folders);
    }
  }
  if (!home.empty()) AddPackages(fs::path(home) / ".local" / "lib", places.folders);
  AddPackages("/usr/local/lib", places.folders);
  AddPackages("/usr/lib", places.folders);
  const std::string data = variables("XDG_DATA_HOME");
  if (!data.empty()) {
    places.folders.push_back(fs::path(data) / "lts" / "onnxruntime");
  } else if (!home.empty()) {
    places.folders.push_back(fs::path(home) / ".local" / "share" / "lts" / "onnxruntime");
  }
  return places;
}

const Api& OpenLibrary(const LibraryPlaces& places) {
  Cache& cache = LibraryCache();
  for (const auto& [origin, path] :
       {std::pair<const char*, const std::string*>{"--ort-library", &places.named},
        {"$LTS_ORT_LIBRARY", &places.environment}}) {
    if (path->empty()) continue;
    try {
      return cache.OpenFile(*path);
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}: {}", origin, error.what()));
    }
  }
  std::string refused;
  const auto refuse = [&refused](const Error& error) {
    refused += fmt::format("; {}", error.what());
  };
  for (const std::string& name : places.system_names) {
    try {
      if (const Api* const found = cache.OpenSystem(name)) return *found;
    } catch (const Error& error) {
      refuse(error);
    }
  }
  for (const fs::path& folder : places.folders) {
    try {
      if (const auto path = NewestIn(folder)) return cache.OpenFile(*path);
    } catch (const Error& error) {
      refuse(error);
    }
  }
  throw Error(ErrorCode::kUnsupported, fmt::format("{} 1.{} or newer is not on this machine; {}{}",
                                                   kFileName, kApiVersion, kHint, refused));
}

}  // namespace lts::ort
