// Any bytes: a space that parses is written and parsed again to the same space, and its genomes are
// sound.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lts/base/error.h"
#include "lts/space/search_space.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const lts::SearchSpace space = lts::ParseSpace(lts::ParseJson(text, "fuzz.json"), "fuzz.json");
    const lts::SearchSpace again =
        lts::ParseSpace(lts::ParseJson(lts::WriteJson(space.ToJson()), "again.json"), "again.json");
    if (again.fields() != space.fields() || again.gene_count() != space.gene_count()) std::abort();
    if (space.Size().log10 < 0) std::abort();
    if (space.gene_count() > 1000) return 0;  // the rest costs time in proportion
    lts::Rng rng(1);
    const lts::Workload workload{.prompt_tokens = 1, .output_tokens = 1};
    if (const auto genome = space.Sample(rng, workload, 3)) {
      if (!space.Satisfies(*genome, workload) || space.Canonical(*genome) != *genome) std::abort();
      if (space.Encode(space.Decode(*genome)) != genome) std::abort();
    }
  } catch (const lts::Error&) {  // NOLINT(bugprone-empty-catch): bad files are refused
  }
  return 0;
}
