// A search space: dimensions with their values, fixed settings and constraints. Maps genomes to architectures.
// File grammar (TOML or JSON) and presets: docs/spaces.md and presets.cc. Sources: lts_paper.md section 2, archai.md
// section 1, text_predictor.md section A.
//
// Genome: one index per gene. Gene order is the LTS paper's: n_layer, d_model, then d_inner and n_head, each once (shared)
// or once per possible layer (per_layer; max n_layer genes). Genes of layers that an architecture does not have are
// silent: Canonical() zeroes them, so equal architectures have equal canonical genomes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/count.h"
#include "lts/base/json.h"
#include "lts/base/rng.h"
#include "lts/record/measurement.h"
#include "lts/space/constraint.h"

namespace lts {

struct Dimension {
  std::string name;                  // n_layer, d_model, d_inner, n_head
  std::vector<std::int64_t> values;  // ascending, unique, 1..65536 of them
  bool per_layer = false;            // d_inner and n_head only
  bool operator==(const Dimension&) const = default;
};

using Genome = std::vector<std::int32_t>;

struct SpaceFields {
  std::string name;
  std::string summary;
  std::string backbone = "gpt2";
  std::int64_t vocab_size = 50257;
  std::int64_t max_seq_len = 1024;
  std::vector<Dimension> dimensions;     // all four, in gene order
  std::vector<std::string> constraints;  // texts; names must be dimensions or unmeasured metrics
};

// Number of points: exact when below 2^63, else its decimal logarithm.
struct SpaceSize {
  double log10 = 0;
  std::optional<std::int64_t> exact;
};

class SearchSpace {
 public:
  // Throws kInvalidArgument: unknown or missing dimension, empty or unsorted values, a constraint that names something
  // unknown (with a suggestion) or measured, a space that no architecture satisfies (see CheckNotEmpty).
  explicit SearchSpace(SpaceFields fields);

  const SpaceFields& fields() const { return fields_; }
  const std::string& name() const { return fields_.name; }
  SpaceSize Size() const;                // distinct architectures before constraints (silent genes not counted)
  std::int64_t gene_count() const;
  std::int64_t GeneValues(std::int64_t gene) const;  // number of values of a gene

  Genome Canonical(Genome genome) const;
  // Whether the genome decodes (n_head divides d_model) and satisfies every constraint of the space; when `violated` is
  // given, it receives the text of the first violated one. Cheap: counts only, nothing is built. About 1-3 us.
  bool Satisfies(const Genome& genome, const Workload& workload, std::string* violated = nullptr) const;
  Architecture Decode(const Genome& genome) const;   // LTS_DCHECK that it decodes
  std::optional<Genome> Encode(const Architecture& architecture) const;  // nullopt: not in the space

  // A uniform draw of every gene that satisfies the constraints: rejection, up to `max_tries` draws (then nullopt).
  std::optional<Genome> Sample(Rng& rng, const Workload& workload, int max_tries = 20000) const;
  // All canonical genomes that satisfy the constraints, in lexicographic order. Throws kUnsupported above `limit` points.
  std::vector<Genome> Enumerate(const Workload& workload, std::int64_t limit = 10'000'000) const;

  // A copy with more constraints.
  SearchSpace With(std::span<const std::string> constraints) const;
  Json ToJson() const;

 private:
  SpaceFields fields_;
  std::vector<Constraint> constraints_;
};

// Throws kInvalidArgument "space 'x': no architecture satisfies ..." naming the constraint to blame: by interval
// arithmetic, by enumeration of small spaces, and by 20,000 draws in large ones (then the message says so).
void CheckNotEmpty(const SearchSpace& space, const Workload& workload);

// {"name": ..., "n_layer": {"min": 1, "max": 10}, "d_inner": {"values": [...], "per_layer": true}, "constraints": [...]}
SearchSpace ParseSpace(const Json& json, std::string_view file);
// Presets: archai-gpt2 (5,880 points), lts-gpt2 (heterogeneous), text-predictor (146,900 points).
std::span<const SpaceFields> SpacePresets();
// A preset by name, or a file when the name has a '/' or ends in .toml or .json. Throws kNotFound with a suggestion.
SearchSpace LoadSpace(std::string_view name_or_path);

}  // namespace lts
