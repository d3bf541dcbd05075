// Finds libonnxruntime.so on this machine and opens it: at run time, so that lts builds without it
// and runs where it is missing.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lts/runtime/ort/ort_api.h"

namespace lts::ort {

// Where to look, in this order.
struct LibraryPlaces {
  std::string named;        // by the user (--ort-library); when not empty, nowhere else
  std::string environment;  // $LTS_ORT_LIBRARY; likewise
  std::vector<std::string> system_names;  // for the system's own search: "libonnxruntime.so.1"
  // Holding libonnxruntime.so.VERSION; of several in one folder the newest counts.
  std::vector<std::filesystem::path> folders;
};

// What a process is told of its places: the value of a variable, "" where it is not set.
using Variables = std::function<std::string(const char* name)>;

// The places of this machine: $LTS_ORT_LIBRARY, the system's library, the onnxruntime packages of
// Python ($VIRTUAL_ENV, $CONDA_PREFIX, each of $PYENV_ROOT/versions (~/.pyenv when not set), newest
// first, ~/.local, /usr/local, /usr), and what `make onnxruntime` fetched into
// $XDG_DATA_HOME/lts/onnxruntime (~/.local/share when not set).
LibraryPlaces PlacesHere(const std::string& named);
// The same by these variables.
LibraryPlaces PlacesOf(const std::string& named, const Variables& variables);

// The library, opened once per file and process and never closed: its threads may outlive any
// object here. Throws, in one line, what is wrong with a named one: kNotFound, kInvalidArgument (a
// folder, pipe or device, no shared library, not ONNX Runtime), kCorrupt (truncated), kUnsupported
// (another architecture, older than 1.19). Where none is named, one that is no good is passed over,
// and kUnsupported lists them when none is left. A library is code: opening one runs it. Safe to
// call from several threads; about 100 us once it is open.
const Api& OpenLibrary(const LibraryPlaces& places);

// Checks the file without running anything of it: a regular file, an ELF shared library of this
// program's architecture, as long as its own headers say. Throws as OpenLibrary.
void CheckLibraryFile(const std::filesystem::path& path);

}  // namespace lts::ort
