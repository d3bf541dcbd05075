// What multisets of layers of one family add up to: the second half of search/pareto_dp.h.
//
// The order of layers does not matter, so options are taken one after another and each may be added
// any number of times to what those before it made (the unbounded knapsack: every multiset is made
// once, by its options in ascending order). A *cell* holds the states of as many layers with the
// same key, those alone that no other equals or beats in all values.
//
// Options ascend by `order`, the maximum that is never compared: whatever is added next is at least
// as large as what any state has so far and so replaces it. Hence of two states in a cell the one
// with better values is the better parent, whatever its maximum. As a result in its own right, a
// state that is beaten only by states of a larger maximum stays, as one of the cell's *past*; one
// that comes later has no smaller maximum and is dropped when a state of the cell equals or beats
// it.
//
// Cost: O(options * states of cells) for up to one value, times the size of a cell's front for two
// values and its square beyond. 12 bytes per state that is alive (in a cell, or below one that is)
// and 8 per value of those that are no past.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "lts/search/family_reduction.h"

namespace lts {

class LayerStates {
 public:
  using State = std::uint32_t;
  // May any completion of the states with this one's number of layers and key be wanted?
  using KeepCell = std::function<bool(std::int64_t layers, State state)>;

  // The states of 1 ... max_layers layers; `wanted`: [max_layers + 1], not 0 for numbers of layers
  // that will be asked for. Throws kUnsupported when more than `max_states` are alive.
  LayerStates(const ReducedFamily& family, std::span<const char> wanted, std::int64_t max_states);
  void Build(const KeepCell& keep_cell);

  // Calls f(state) for every state of a wanted number of layers.
  template <typename F>
  void ForEach(std::int64_t layers, const F& f) const {
    for (const Cell& cell : layers_[static_cast<std::size_t>(layers)].cells) {
      for (const State state : cell.past) f(state);
      for (const State state : cell.states) f(state);
    }
  }
  // Calls f(index into ReducedFamily::options) for each layer, descending.
  template <typename F>
  void ForEachLayer(State state, const F& f) const {
    for (; state != kRoot; state = nodes_[state].parent) f(nodes_[state].option);
  }
  std::int64_t created() const { return created_; }  // states that were ever part of a cell

 private:
  static constexpr State kRoot = 0;

  // One layer more than its parent. Those without a reference are free and linked by `parent`.
  struct Node {
    State parent;
    std::int32_t option;
    std::uint32_t references;  // of children and of the cell
  };
  struct Cell {
    std::int64_t key;
    std::vector<std::int64_t> values;  // [states, dimensions], ascending lexicographically
    std::vector<State> states;
    std::vector<State> past;
  };
  // Cells of one number of layers, by key: in a table where keys are few.
  struct Layer {
    std::vector<Cell> cells;
    std::vector<std::int32_t> table;
    std::unordered_map<std::int64_t, std::int32_t> map;
  };

  std::int32_t& CellOf(Layer& layer, std::int64_t key);
  void Extend(const Cell& from, std::size_t option, std::int64_t layers, const KeepCell& keep_cell);
  // Fills found_ with the states of `from` and one layer more that no state of `to` covers.
  void FindUncovered(const Cell& from, std::size_t option, const Cell* to);
  void SortFound();
  void Merge(std::size_t option, bool keep_past, Cell& to);
  bool Covered(std::span<const std::int64_t> front, std::size_t prefix,
               const std::int64_t* values) const;
  State Create(State parent, std::size_t option);
  void Release(State state);

  const ReducedFamily& family_;
  std::vector<char> wanted_;
  std::int64_t max_states_;
  std::size_t dimensions_;
  bool dense_ = false;
  std::vector<Layer> layers_;  // [max_layers + 1]
  std::vector<Node> nodes_;
  State free_ = kRoot;  // the first free node
  std::int64_t alive_ = 0;
  std::int64_t created_ = 0;
  // Reused from one Extend to the next.
  std::vector<std::int64_t> found_values_;
  std::vector<State> found_;  // parents, then states
  std::vector<std::int64_t> merged_values_;
  std::vector<State> merged_;
};

}  // namespace lts
