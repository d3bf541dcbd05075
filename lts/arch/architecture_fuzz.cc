// Any bytes as an architecture file: only lts::Error escapes the parser, what it accepts survives a
// round trip, has stable ids and can be counted.
#include <cstdint>
#include <optional>
#include <string_view>

#include "lts/arch/architecture.h"
#include "lts/arch/count.h"
#include "lts/arch/graph.h"
#include "lts/base/error.h"
#include "lts/base/json.h"

namespace {

using lts::Architecture;

void CheckAccepted(const lts::Json& json, const Architecture& architecture) {
  const Architecture again = lts::ParseArchitecture(architecture.ToDocument(), "round trip");
  LTS_CHECK(again == architecture);
  LTS_CHECK(again.Id() == architecture.Id());
  LTS_CHECK(!architecture.ShortName().empty());

  const lts::Json config =
      lts::ParseJson(lts::WriteJson(architecture.ToDocument()), "round trip through text");
  LTS_CHECK(lts::ComputeArchaiIds(config).plain == architecture.Id());
  const lts::ArchaiIds ids = lts::ComputeArchaiIds(json);
  LTS_CHECK(ids.plain != ids.with_arch_type);

  try {
    const lts::Json theirs = lts::ToHuggingFaceConfig(architecture);
    LTS_CHECK(lts::ParseArchitecture(theirs, "round trip of Hugging Face") == architecture);
  } catch (const lts::Error& error) {
    LTS_CHECK(error.code() == lts::ErrorCode::kUnsupported);
  }

  const lts::Graph graph = lts::BuildGraph(architecture);
  if (architecture.n_layer() <= 64) lts::ValidateGraph(graph);
  const lts::ParameterCounts counts = lts::CountParameters(graph);
  LTS_CHECK(counts.decoder() > 0 && counts.total() > counts.decoder());
  try {
    const lts::WorkloadCounts workload = lts::CountWorkload(
        graph, {.prompt_tokens = architecture.max_seq_len(), .output_tokens = 1, .batch = 1},
        lts::DType::kFloat32);
    LTS_CHECK(workload.total_flops > 0 && workload.weight_bytes == 4 * counts.total());
  } catch (const lts::Error&) {
    // Sizes within their limits may still overflow as a product; that is reported.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  lts::Json json;
  try {
    json = lts::ParseJson(text, "fuzz");
    lts::ComputeArchaiIds(json);
  } catch (const lts::Error&) {
    return 0;
  }
  const auto parse = [&json]() -> std::optional<Architecture> {
    try {
      return lts::ParseArchitecture(json, "fuzz");
    } catch (const lts::Error&) {
      return std::nullopt;
    }
  };
  if (const auto architecture = parse()) CheckAccepted(json, *architecture);
  return 0;
}
