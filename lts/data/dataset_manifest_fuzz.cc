// Whatever the bytes, read as data.json: a manifest that is written and read back equal, or one
// lts::Error of one line.
#include <cstdint>
#include <string_view>

#include "lts/base/error.h"
#include "lts/data/dataset_manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const lts::DatasetManifest manifest = lts::ParseManifest(
        lts::ParseJson({reinterpret_cast<const char*>(data), size}, "fuzz"), "fuzz");
    LTS_CHECK(manifest.end_of_text < manifest.vocab_size);
    LTS_CHECK(lts::ParseManifest(lts::ManifestToJson(manifest), "again") == manifest);
  } catch (const lts::Error& error) {
    LTS_CHECK(std::string_view(error.what()).find_first_of("\n\r") == std::string_view::npos);
  }
  return 0;
}
