// Families whose options are all pairs of two halves that do not mix: a layer's d_inner and its
// n_head, say. What an option adds to a sum is then what its first half adds and what its second
// one does, and of a maximum the larger of the two.
//
// Any n first halves can be put together with any n second ones to n layers, in any way with the
// same totals. So the states of halves (layer_states.h) are made apart, some thousands where those
// of whole layers are millions, and only at the end are pairs of them compared. No point of the
// front is lost by it: a state that is at least as good as another of its half stays so with any
// state of the other half added (search/pareto_dp.h: sums and maxima are monotone in each argument,
// wherever it comes from).
//
// Options may be of two *kinds*, with first and second halves of their own (inner layers and the
// last one): then states that are put together have as many layers of each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lts/search/pareto_dp.h"

namespace lts {

struct FamilyHalves {
  struct Half {
    std::vector<std::int64_t> options;  // [halves, components]
    std::vector<std::int32_t> kinds;    // [halves] 0 or 1
    std::int64_t count() const { return std::ssize(kinds); }
  };
  Half first;
  Half second;
  std::int64_t kind_count = 1;             // 1 or 2
  std::vector<std::int32_t> option_kinds;  // [Family options]
  // [first, second] index of the option of the family; -1 where the kinds differ.
  std::vector<std::int32_t> option_of;
};

// The halves that Family::halves names, if options are what they add up to. None where it names
// none; where options of a kind are not all of its pairs, each once; where there are more than two
// kinds, or many more pairs than options; where some component does not add up; where one of the
// halves is the same for all options of a kind. The family is as pareto_dp.h says.
// O(options (components + log options)).
std::optional<FamilyHalves> SplitFamily(std::span<const Combine> components, const Family& family);

}  // namespace lts
