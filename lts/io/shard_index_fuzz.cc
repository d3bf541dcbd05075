// Any bytes as a model.safetensors.index.json: only lts::Error escapes, and every file that an
// accepted one names lies beside it.
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "lts/base/error.h"
#include "lts/io/shard_index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const std::filesystem::path folder = "/checkpoint";
    for (const auto& [tensor, file] : lts::ParseShardIndex(text, "fuzz")) {
      const std::filesystem::path path = (folder / file).lexically_normal();
      LTS_CHECK(path.parent_path() == folder && path.filename() == file);
    }
  } catch (const lts::Error&) {
  }
  return 0;
}
