// What the exact solver must know of one family, made as small as possible: the first half of
// search/pareto_dp.h. Every step keeps the front of the family's objective vectors:
//
//  1. A limit that the best values in reach break makes a depth empty; one that the worst values in
//     reach satisfy at every depth is dropped. Limits are monotone in the components of kIncreasing
//     and kDecreasing, so both are corners of the box of reachable totals.
//  2. The trend of a component is that of all objectives and limits left, combined: opposite ones
//     make kAny. Components without one are dropped.
//  3. A sum that is the same for all options depends on the depth alone, and one that is a x + b of
//     another sum x (for every option) totals a X + b n_layer + base: its trend joins that of x,
//     the other way round where a < 0, and it is dropped.
//  4. Of a maximum, nothing below the least base of the depths counts, so options are raised to it;
//     then one that is the same for all options is dropped, and one that is a non-decreasing
//     function of another over the options is that function of the other's maximum: as in 3.
//  5. An option that is no better than another in any component can be replaced by it in every
//     layer, and is dropped.
//
// What is left becomes a key (equal for states that may be compared), an order (the one maximum of
// kIncreasing that layer_states.h never has to compare) and values (all minimised). Where more than
// two values would be left, sums of few different totals join the key.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lts/search/family_halves.h"
#include "lts/search/pareto_dp.h"

namespace lts {

struct ReducedFamily {
  std::int64_t index = 0;             // of the family in its problem
  std::vector<std::int64_t> depths;   // indices into Family::depths that may satisfy all limits
  std::vector<std::int64_t> limits;   // that some architecture may break
  std::vector<std::int32_t> options;  // indices of those of the family, ascending by order
  std::int64_t max_layers = 0;        // of `depths`

  // Of each of `options`:
  std::vector<std::int32_t> order;  // rank by the maximum that is left to the order; 0 without one
  // What a layer adds to the key of a state. States of as many layers have the same key exactly
  // when they are equal in all components that must be: mixed radix, no carry within max_layers.
  std::vector<std::int64_t> keys;
  std::int64_t key_count = 1;        // keys of states are 0 ... key_count - 1; < 2^62
  std::vector<std::int64_t> values;  // [options, dimensions()]: first the sums, and so on
  std::int64_t sums = 0;
  std::int64_t maxima = 0;
  std::int64_t minima = 0;
  std::int64_t dimensions() const { return sums + maxima + minima; }
  // [components] 1 where states of the same key and number of layers have the same total. Of a half
  // one more, of the number of layers of kind 1.
  std::vector<char> fixed_by_key;
};

// `depths` is empty when no architecture of the family satisfies all limits; then nothing else is
// set. Throws kInvalidArgument when the family is not as pareto_dp.h says. O(components^2 options)
// and a front of the options.
ReducedFamily Reduce(const SeparableProblem& problem, std::int64_t index, const Family& family);

// The same of one half of the options of a family (family_halves.h) of which `whole` is what Reduce
// says, with at least one depth: its `options` are indices of halves. Limits hold of totals of both
// halves, so those of the whole are kept, whatever this half reaches alone. The kind is one more
// sum, which must be equal.
ReducedFamily ReduceHalf(const SeparableProblem& problem, const Family& family,
                         const ReducedFamily& whole, const FamilyHalves::Half& half);

// Outside of this range no architecture of that depth with so many layers of kind 1 satisfies all
// limits; least > most when none does at all. `depth` is one of whole.depths. O(n_layer limits).
struct KindCounts {
  std::int64_t least = 0;
  std::int64_t most = 0;
};
KindCounts CountsInReach(const SeparableProblem& problem, const Family& family,
                         const ReducedFamily& whole, const FamilyHalves& halves,
                         std::int64_t depth);

// Whether states can still become architectures that satisfy all limits. Refers to all three
// arguments.
class LimitBounds {
 public:
  LimitBounds(const SeparableProblem& problem, const Family& family, const ReducedFamily& reduced);
  // totals: [components] of one state of `layers` layers, without base; the answer holds for all of
  // its key. False only when no completion of any of them satisfies all limits, at any depth.
  bool MaySatisfy(std::int64_t layers, std::span<const std::int64_t> totals) const;

 private:
  const SeparableProblem& problem_;
  const Family& family_;
  const ReducedFamily& reduced_;
  std::vector<std::int64_t> low_;   // [components] of one layer, over all options
  std::vector<std::int64_t> high_;  // [components]
};

}  // namespace lts
