// Exact Pareto fronts where every objective is a function of sums and maxima over layers.
//
// A *family* holds all architectures that share everything but their layers: each layer is one of
// the family's options, in any order, and the family says which numbers of layers there are. What
// the objectives need to know of an architecture are a few 64-bit integer *components*: base +
// sum (or maximum) over its layers of what each adds. Integers, so that sums are exact in any order
// and equal architectures tie exactly; times are given in fixed point.
//
// Method: dynamic programming over layers inside a family. A state is what a multiset of l layers
// adds up to. State a is at least as good as b when, component by component, a has no more of what
// makes some objective or limit worse, no less of what makes one better, and exactly as much of
// what does both or is not known to be monotone. Whatever layers follow, and at whatever depth, a's
// completion is then at least as good as b's in every objective and satisfies every limit that b's
// does: sums and maxima are monotone in each argument, so the order of a and b survives adding the
// same layer to both, and objectives are monotone in components by promise (Trend). So dropping b
// loses no point of the front (Bellman's principle for partial orders; Martins 1984). The fronts of
// all families are then merged.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lts {

enum class Combine { kSum, kMax };

// How a criterion answers to more of a component, all others being equal. For an objective
// (minimised): kIncreasing: never better. For a limit: kIncreasing: never satisfied again.
enum class Trend { kNone, kIncreasing, kDecreasing, kAny };

struct Family {
  struct Depth {
    std::int64_t n_layer = 1;        // >= 1
    std::vector<std::int64_t> base;  // [components]; for kMax: what there is without any layer
  };
  std::vector<Depth> depths;          // ascending n_layer
  std::vector<std::int64_t> options;  // [options, components]: what one layer adds; >= 1 option
};

// Magnitudes stay below 2^62 in every total.
class SeparableProblem {
 public:
  virtual ~SeparableProblem() = default;
  virtual std::span<const Combine> components() const = 0;
  virtual std::int64_t objectives() const = 0;  // 1..8
  virtual std::int64_t limits() const = 0;      // constraints on components; >= 0
  virtual std::int64_t families() const = 0;
  virtual Family GetFamily(std::int64_t family) const = 0;
  // Of criterion c in that family: the objectives, then the limits.
  virtual Trend TrendOf(std::int64_t family, std::int64_t criterion,
                        std::int64_t component) const = 0;
  // `depth` is an index into Family::depths; totals: [components]; out: [objectives], minimised.
  virtual void Objectives(std::int64_t family, std::int64_t depth,
                          std::span<const std::int64_t> totals, std::span<double> out) const = 0;
  virtual bool Satisfies(std::int64_t limit, std::int64_t family, std::int64_t depth,
                         std::span<const std::int64_t> totals) const = 0;
};

struct ExactMember {
  std::int64_t family = 0;
  std::int64_t depth = 0;             // index into Family::depths
  std::vector<std::int32_t> options;  // of each layer, ascending
  std::vector<double> objectives;     // minimised
  bool operator==(const ExactMember&) const = default;
};

struct ExactFront {
  std::vector<ExactMember> members;  // by objectives, ascending; of equal points one
  std::int64_t states = 0;           // that were kept over all families: the work done
};

// The front of all architectures of the problem that satisfy every limit. Deterministic. Throws
// kUnsupported when more than `max_states` states would be alive in one family.
ExactFront SolveExactly(const SeparableProblem& problem, std::int64_t max_states = 50'000'000);

}  // namespace lts
