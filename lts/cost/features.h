// What an architecture makes a device do, as a few physical quantities that times and memory are
// sums of: multiply-adds, bytes, elements, dispatches. A layer's quantities depend on d_model and
// on that layer alone; what is left (embedding, last norm, head) on d_model alone.
//
// Interprets the backbone's graph: the ops of a layer are found once, as what a graph of two layers
// has more than one of one layer, and then counted with other dimensions. So every backbone whose
// layers are alike but for LayerShape works, and a count costs tens of nanoseconds. Relative
// positions are left out: no engine runs the backbone that has them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/graph.h"
#include "lts/cost/cost_context.h"
#include "lts/record/metric.h"

namespace lts {

inline constexpr std::size_t kMaxCostFeatures = 8;
// [FeaturesOf(metric).size()], the rest is 0.
using FeatureVector = std::array<double, kMaxCostFeatures>;

struct FeatureInfo {
  std::string_view name;
  std::string_view unit;  // "multiply-adds", "bytes", "elements", "ops", "1"
  // What a unit costs on a common processor core, in ms or MiB. Only the proportions matter: the
  // fit scales all by one factor first.
  double prior = 0;
  // Of the prior, relative to it: how far a device may well be from these proportions.
  double spread = 1;
};

// kTtftMs, kTpotMs and kPeakMemoryMib; LTS_CHECK otherwise.
std::span<const FeatureInfo> FeaturesOf(Metric metric);

// The feature of kPeakMemoryMib of which the largest layer counts, not the sum.
inline constexpr std::size_t kActivationFeature = 3;

class CostFeatures {
 public:
  // Throws kNotFound for an unknown backbone, kInvalidArgument when counts of the workload are < 1
  // or it does not fit max_seq_len.
  explicit CostFeatures(const CostContext& context);

  // What one layer adds. n_head need not divide d_model; head widths are rounded down as there.
  FeatureVector Layer(Metric metric, std::int64_t d_model, const LayerShape& layer) const;
  // The same of the last layer, where an engine computes no more of it than the logits of the last
  // position need: keys and values of all tokens, everything else of one (kTtftMs; else = Layer).
  FeatureVector LastLayer(Metric metric, std::int64_t d_model, const LayerShape& layer) const;
  // What is there once.
  FeatureVector Shared(Metric metric, std::int64_t d_model) const;
  // Bytes of the activations alive in a layer of a prefill: the largest layer counts.
  // kPeakMemoryMib has it as its feature `activations`, which is in neither of the above.
  double ActivationBytes(std::int64_t d_model, const LayerShape& layer) const;

 private:
  struct Step {
    double sequences = 1;
    double tokens = 1;       // of each sequence whose keys and values are computed
    double rest_tokens = 1;  // of each sequence that everything else is computed for
    double pairs = 1;        // (query, key) pairs of a sequence
    double context = 1;      // keys of a sequence
  };
  Step Prefill(bool last_position_only) const;
  Step Decode() const;
  FeatureVector Count(Metric metric, std::int64_t d_model, const LayerShape& layer,
                      const Step& step) const;

  Workload workload_;
  DType dtype_;     // of the weights
  DType kv_dtype_;  // of the cache
  std::int64_t vocab_size_;
  std::int64_t max_seq_len_;
  std::vector<Op> layer_ops_;
  std::vector<Op> shared_ops_;
  bool tied_head_ = true;
};

}  // namespace lts
