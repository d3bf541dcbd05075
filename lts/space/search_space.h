// A search space: dimensions with their values, fixed settings and constraints. Maps genomes to
// architectures. File grammar (TOML or JSON), presets and their sources: docs/spaces.md,
// presets.cc.
//
// Genome: one index per gene. Gene order is the LTS paper's: n_layer, d_model, then d_inner and
// n_head, each once (shared) or once per possible layer (per_layer; max n_layer genes). Genes of
// layers that an architecture does not have are silent: Canonical() zeroes them, so equal
// architectures have equal canonical genomes.
//
// Constraints: one that names a per-layer dimension must hold for every layer, with the d_inner and
// n_head of that layer. That n_head divides d_model is always required. Counted metrics are counted
// from the graph, and only when a constraint names one and everything cheaper holds; bytes
// (weights_mib, kv_cache_mib) are those of float32.
//
// Immutable after construction; const calls from several threads are safe.
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
#include "lts/quality/law_file.h"
#include "lts/record/measurement.h"
#include "lts/space/constraint.h"

namespace lts {

struct Dimension {
  std::string name;  // n_layer, d_model, d_inner, n_head
  // Ascending, unique, 1..65536 of them, within the limits of architecture.h.
  std::vector<std::int64_t> values;
  bool per_layer = false;  // d_inner and n_head only
  bool operator==(const Dimension&) const = default;
};

using Genome = std::vector<std::int32_t>;

struct SpaceFields {
  std::string name;
  std::string summary;
  std::string backbone = "gpt2";
  std::int64_t vocab_size = 50257;
  std::int64_t max_seq_len = 1024;
  // Of backbones that leave them open; absent: the backbone's own. d_embed 0: each architecture's
  // d_model.
  std::optional<std::int64_t> memory_tokens = {};
  std::optional<AdaptiveVocabulary> adaptive = {};
  std::vector<Dimension> dimensions;     // all four, in gene order
  std::vector<std::string> constraints;  // at most 60, on dimensions and unmeasured metrics
  // What `lts_law` means here, refitted to models of the user; absent: the frozen constants.
  std::optional<LawFile> law = {};
  bool operator==(const SpaceFields&) const = default;
};

// Number of points: exact when below 2^63, else its decimal logarithm.
struct SpaceSize {
  double log10 = 0;
  std::optional<std::int64_t> exact;
};

class SearchSpace {
 public:
  // Throws kInvalidArgument: unknown or missing dimension, empty, unsorted or absurd values, memory
  // or an adaptive vocabulary that the backbone does not have or that some d_model is too narrow
  // for, a constraint that does not parse or names a measured metric, a constraint on one dimension
  // that none of its values satisfies; kNotFound with a suggestion: unknown backbone or name in a
  // constraint. Contradictions beyond that: CheckNotEmpty.
  explicit SearchSpace(SpaceFields fields);

  const SpaceFields& fields() const { return fields_; }
  const std::string& name() const { return fields_.name; }
  // The own constants of lts_law, for Predict() and its like; nullptr: the frozen ones.
  const LtsLawFit* own_law() const { return fields_.law ? &fields_.law->fit : nullptr; }
  // Distinct architectures before constraints; silent genes are not counted. O(sum of n_layer).
  SpaceSize Size() const;
  std::int64_t gene_count() const { return gene_count_; }
  std::int64_t GeneValues(std::int64_t gene) const;  // number of values of a gene

  // A genome's number of layers, and the layer of a gene (-1: not a per-layer gene).
  std::int64_t ActiveLayers(const Genome& genome) const;
  std::int64_t LayerOf(std::int64_t gene) const;

  Genome Canonical(Genome genome) const;
  // Whether the genome decodes (n_head divides d_model) and satisfies every constraint of the
  // space; when `violated` is given, it receives the text of the first violated one, cheap ones
  // first. Well below 1 us a layer when constraints name dimensions only, else about 2 us a layer:
  // counts only, no weights are built. Throws kInvalidArgument when a constraint needs the workload
  // and it does not fit max_seq_len; a count that overflows is infinite.
  bool Satisfies(const Genome& genome, const Workload& workload,
                 std::string* violated = nullptr) const;
  // The part of Satisfies() that looks at one layer alone: the constraints on dimensions, and that
  // n_head divides d_model.
  struct Layer {
    std::int64_t n_layer, d_model, d_inner, n_head;
  };
  bool LayerHolds(const Layer& layer) const;
  Architecture Decode(const Genome& genome) const;  // LTS_DCHECK that it decodes
  // The architecture of this shape with all that the space fixes, whether or not these are values
  // of its dimensions. Throws as Architecture does.
  Architecture Build(std::int64_t d_model, std::vector<LayerShape> layers) const;
  // nullopt: its values, backbone, vocabulary or context are not the space's. Constraints aside.
  std::optional<Genome> Encode(const Architecture& architecture) const;

  // Draws the genes that `which` marks anew, gene by gene as the LTS paper does: n_layer, d_model,
  // then every layer's d_inner and n_head uniformly from the values that satisfy the constraints on
  // dimensions given the genes drawn so far. Layers that the genome did not have are drawn too, and
  // a layer left in violation by a new d_model is drawn again instead of being lost. Canonical
  // result; false (genome unspecified) when a layer has no such value. Constraints on metrics are
  // not looked at.
  bool Redraw(Genome& genome, const std::vector<bool>& which, Rng& rng) const;
  // A draw of every gene as above that satisfies all constraints: rejection, up to `max_tries`
  // draws (then nullopt).
  std::optional<Genome> Sample(Rng& rng, const Workload& workload, int max_tries = 20000) const;
  // All canonical genomes that satisfy the constraints, in lexicographic order. Throws kUnsupported
  // when Size() is above `limit` points.
  std::vector<Genome> Enumerate(const Workload& workload, std::int64_t limit = 10'000'000) const;

  // A copy with more constraints.
  SearchSpace With(std::span<const std::string> constraints) const;
  SearchSpace WithLaw(LawFile law) const;  // a copy with own constants of lts_law
  Json ToJson() const;                     // what ParseSpace reads: a space equal in all fields

 private:
  friend class EmptinessProof;  // not_empty.cc: reads the compiled constraints

  // What a constraint can name, as a slot number: the four dimensions, then the metrics in order.
  static constexpr int kNLayer = 0;
  static constexpr int kDModel = 1;
  static constexpr int kDInner = 2;
  static constexpr int kNHead = 3;
  static constexpr int kDimensions = 4;
  // A constraint with its names resolved.
  struct Rule {
    Constraint constraint;
    std::vector<int> slots;  // of each name
    bool counted = false;    // names a metric
    bool per_layer = false;  // names a per-layer dimension
  };

  void CheckFields() const;
  Rule Compile(const std::string& text) const;
  const std::vector<std::int64_t>& values(int dimension) const {
    return fields_.dimensions[static_cast<std::size_t>(dimension)].values;
  }
  bool per_layer(int dimension) const {
    return fields_.dimensions[static_cast<std::size_t>(dimension)].per_layer;
  }
  std::int64_t Gene(int dimension, std::int64_t layer) const;  // index of the gene that holds it
  Layer LayerAt(const Genome& genome, std::int64_t layer) const;
  // False when no d_inner and n_head can satisfy the rules on dimensions, by interval arithmetic.
  bool CanLayerHold(std::int64_t n_layer, std::int64_t d_model) const;
  bool DrawLayer(Genome& genome, std::int64_t layer, bool draw_d_inner, bool draw_n_head,
                 Rng& rng) const;
  // Draws what is asked for, or, if no value fits, everything that may be drawn.
  bool DrawOrRepair(Genome& genome, std::int64_t layer, bool d_inner, bool n_head, bool may_d_inner,
                    bool may_n_head, Rng& rng) const;
  bool CompleteLayers(Genome& genome, std::int64_t old_layers, const std::vector<bool>& which,
                      Rng& rng) const;

  SpaceFields fields_;
  std::vector<Rule> rules_;
  // Indices of the values that satisfy the rules on that dimension alone.
  std::vector<std::int32_t> allowed_[kDimensions];
  std::int64_t max_layers_ = 0;
  std::int64_t gene_count_ = 0;
};

// Throws kInvalidArgument "space 'x': no architecture satisfies ..." naming the constraints to
// blame: by interval arithmetic, by going through small spaces, and by 20,000 draws in large ones
// (then the message says so). Also when the workload needs more context than max_seq_len. Returns
// at the first architecture found, usually within a millisecond; a space that is empty may take a
// few seconds.
void CheckNotEmpty(const SearchSpace& space, const Workload& workload);

// {"name": ..., "n_layer": {"min": 1, "max": 10}, "d_inner": {"values": [...], "per_layer": true}}
// and so on: docs/spaces.md has the grammar. `file` starts every message. Throws kInvalidArgument
// and kNotFound (unknown keys, names).
SearchSpace ParseSpace(const Json& json, std::string_view file);
// Presets: archai-gpt2 (5,880 points), text-predictor (146,900 points), and of the LTS paper
// lts-gpt2 and lts-transformer-xl (heterogeneous) with their homogeneous variants (docs/spaces.md).
std::span<const SpaceFields> SpacePresets();
// A preset by name, or a file when the name has a '/' or ends in .toml or .json. Throws kNotFound
// with a suggestion.
SearchSpace LoadSpace(std::string_view name_or_path);

}  // namespace lts
