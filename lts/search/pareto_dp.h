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
// all families are then merged. family_reduction.h and layer_states.h say how it is made fast, and
// family_halves.h how much faster it is where options are pairs of halves that do not mix.
//
// What makes a problem hard is the number of states that may not be compared: of components that
// must be equal (worse for one objective and better for another) the values that sums of them take,
// and for each the front of the other components. So give components that always occur together as
// one (a latency, not its parts), and times in units no finer than they are known.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "lts/base/thread_pool.h"

namespace lts {

enum class Combine { kSum, kMax };

// How a criterion answers to more of a component, all others being equal. For an objective
// (minimised): kIncreasing: never better. For a limit: kIncreasing: never satisfied again. kNone:
// not at all; kAny: in any way, which is always true and never fast.
enum class Trend { kNone, kIncreasing, kDecreasing, kAny };

// Of two criteria at once.
inline Trend Combined(Trend a, Trend b) {
  if (a == Trend::kNone) return b;
  return b == Trend::kNone || a == b ? a : Trend::kAny;
}

struct Family {
  struct Depth {
    std::int64_t n_layer = 1;        // >= 1
    std::vector<std::int64_t> base;  // [components]; for kMax: what there is without any layer
  };
  std::vector<Depth> depths;          // ascending n_layer
  std::vector<std::int64_t> options;  // [options, components]: what one layer adds; >= 1 option
  // [options], or empty: two labels of the option, of its first and its second half. Where all
  // pairs of halves are options, and what they add to is what either half adds (family_halves.h has
  // it exactly, and checks it), the family is solved by halves, which changes no front.
  std::vector<std::pair<std::int32_t, std::int32_t>> halves;
};

// Magnitudes stay below 2^62 in every total, for any choice of options. Calls are pure.
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
  // Of totals that satisfy every limit, and of some that no architecture has, within the range of
  // those that some have; finite, or the architecture is on no front.
  virtual void Objectives(std::int64_t family, std::int64_t depth,
                          std::span<const std::int64_t> totals, std::span<double> out) const = 0;
  // Also asked of totals that no architecture has, within the range of those that some have.
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
  // Made and not beaten at once, and pairs of halves looked at, over all families: the work done.
  std::int64_t states = 0;
};

// The front of all architectures of the problem that satisfy every limit. Deterministic, and the
// same on any number of threads: `pool` (nullptr: none) takes families side by side. On one thread:
// about 1 s for 14 families of 14 depths up to 15 and 150 options each (pareto_dp_bench.cc). Throws
// kUnsupported when more than `max_states` states would be alive in one family (some 50 bytes
// each), kInvalidArgument when the problem is not as said above.
//
// Two layers of options {1, 1}, {2, 3} and {3, 3}, both sums without base, the first minimised and
// the second maximised: the front is {2, -2}, {3, -4}, {4, -6} with the options 00, 01 and 11; 2 is
// no better than 1.
ExactFront SolveExactly(const SeparableProblem& problem, ThreadPool* pool = nullptr,
                        std::int64_t max_states = 50'000'000);

}  // namespace lts
