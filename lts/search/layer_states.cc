#include "lts/search/layer_states.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "lts/base/error.h"

namespace lts {
namespace {

// Entries of all tables by key together: 16 MiB.
constexpr std::int64_t kTableEntries = std::int64_t{1} << 22;

// What a table or map holds for a key without a cell.
constexpr std::int32_t kNoCell = -1;
constexpr std::int32_t kUnwantedCell = -2;

std::size_t Index(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

LayerStates::LayerStates(const ReducedFamily& family, std::span<const char> wanted,
                         std::int64_t max_states)
    : family_(family),
      wanted_(wanted.begin(), wanted.end()),
      max_states_(std::min<std::int64_t>(max_states, std::numeric_limits<State>::max())),
      dimensions_(Index(family.dimensions())),
      dense_(family.key_count <= kTableEntries / (family.max_layers + 1)),
      layers_(Index(family.max_layers + 1)) {
  for (Layer& layer : layers_) {
    if (dense_) layer.table.assign(Index(family.key_count), kNoCell);
  }
  // No layer at all. Its values are 0 for sums and set by the first layer for the others.
  nodes_.push_back({.parent = kRoot, .option = -1, .references = 1});
  Cell& root = layers_[0].cells.emplace_back(Cell{.key = 0, .states = {kRoot}});
  root.values.assign(dimensions_, 0);
  const auto maxima = root.values.begin() + family.sums;
  std::fill_n(maxima, family.maxima, std::numeric_limits<std::int64_t>::min());
  std::fill_n(maxima + family.maxima, family.minima, std::numeric_limits<std::int64_t>::max());
}

void LayerStates::Build(const KeepCell& keep_cell) {
  for (std::size_t option = 0; option < family_.options.size(); ++option) {
    // Ascending numbers of layers, so that an option is added to what it has just made.
    for (std::int64_t layers = 0; layers < family_.max_layers; ++layers) {
      for (const Cell& from : layers_[Index(layers)].cells)
        Extend(from, option, layers + 1, keep_cell);
    }
  }
}

std::int32_t& LayerStates::CellOf(Layer& layer, std::int64_t key) {
  if (dense_) return layer.table[Index(key)];
  return layer.map.try_emplace(key, kNoCell).first->second;
}

void LayerStates::Extend(const Cell& from, std::size_t option, std::int64_t layers,
                         const KeepCell& keep_cell) {
  Layer& layer = layers_[Index(layers)];
  std::int32_t& index = CellOf(layer, from.key + family_.keys[option]);
  if (index == kUnwantedCell) return;
  FindUncovered(from, option, index == kNoCell ? nullptr : &layer.cells[Index(index)]);
  if (found_.empty()) return;
  // Beyond this line something changes: rare for most options but the first.
  for (State& parent : found_) parent = Create(parent, option);
  if (index == kNoCell) {
    if (!keep_cell(layers, found_[0])) {
      index = kUnwantedCell;
      for (const State state : found_) Release(state);
      return;
    }
    index = static_cast<std::int32_t>(layer.cells.size());
    layer.cells.push_back({.key = from.key + family_.keys[option]});
  }
  created_ += std::ssize(found_);
  Merge(option, wanted_[Index(layers)] != 0, layer.cells[Index(index)]);
}

// Does one of the first `prefix` states of a front, all with a first value that is no larger, equal
// or beat `values`? In the plane the last of them has the least second value.
bool LayerStates::Covered(std::span<const std::int64_t> front, std::size_t prefix,
                          const std::int64_t* values) const {
  if (prefix == 0 || dimensions_ <= 1) return prefix > 0;
  if (dimensions_ == 2) return front[prefix * 2 - 1] <= values[1];
  for (std::size_t row = prefix; row-- > 0;) {
    const std::int64_t* const other = &front[row * dimensions_];
    std::size_t k = 1;
    while (k < dimensions_ && other[k] <= values[k]) ++k;
    if (k == dimensions_) return true;
  }
  return false;
}

void LayerStates::FindUncovered(const Cell& from, std::size_t option, const Cell* to) {
  found_values_.clear();
  found_.clear();
  const std::int64_t* const step = family_.values.data() + option * dimensions_;
  const std::size_t sums = Index(family_.sums);
  const std::size_t maxima = sums + Index(family_.maxima);
  const std::size_t rows = to == nullptr ? 0 : to->states.size();
  std::size_t prefix = dimensions_ == 0 ? rows : 0;
  for (std::size_t row = 0; row < from.states.size(); ++row) {
    const std::size_t at = found_values_.size();
    const std::int64_t* const values = from.values.data() + row * dimensions_;
    found_values_.insert(found_values_.end(), values, values + dimensions_);
    std::int64_t* const x = found_values_.data() + at;
    for (std::size_t k = 0; k < sums; ++k) x[k] += step[k];
    for (std::size_t k = sums; k < maxima; ++k) x[k] = std::max(x[k], step[k]);
    for (std::size_t k = maxima; k < dimensions_; ++k) x[k] = std::min(x[k], step[k]);
    // First values ascend in `from`, and still do when a sum, maximum or minimum is taken.
    while (prefix < rows && to->values[prefix * dimensions_] <= x[0]) ++prefix;
    if (rows > 0 && Covered(to->values, prefix, x)) {
      found_values_.resize(at);
    } else {
      found_.push_back(from.states[row]);
    }
  }
  if (maxima + Index(family_.minima) > sums) SortFound();
}

// Sums keep the states of a cell in order and none beating another. Maxima and minima do not.
void LayerStates::SortFound() {
  if (found_.size() <= 1) return;
  std::vector<std::size_t> order(found_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto row = [&](std::size_t i) {
    return std::span(found_values_).subspan(i * dimensions_, dimensions_);
  };
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return std::ranges::lexicographical_compare(row(a), row(b));
  });
  merged_values_.clear();
  merged_.clear();
  for (const std::size_t i : order) {
    const auto x = row(i);
    if (Covered(merged_values_, merged_.size(), x.data())) continue;
    merged_values_.insert(merged_values_.end(), x.begin(), x.end());
    merged_.push_back(found_[i]);
  }
  found_values_.swap(merged_values_);
  found_.swap(merged_);
}

void LayerStates::Merge(std::size_t option, bool keep_past, Cell& to) {
  merged_values_.clear();
  merged_.clear();
  const auto append = [&](const std::vector<std::int64_t>& values, std::size_t row, State state) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(row * dimensions_);
    merged_values_.insert(merged_values_.end(), first,
                          first + static_cast<std::ptrdiff_t>(dimensions_));
    merged_.push_back(state);
  };
  std::size_t next = 0;
  for (std::size_t row = 0; row < to.states.size(); ++row) {
    const std::int64_t* const x = to.values.data() + row * dimensions_;
    const auto before = [&](std::size_t i) {
      const std::int64_t* const y = found_values_.data() + i * dimensions_;
      return std::lexicographical_compare(y, y + dimensions_, x, x + dimensions_);
    };
    for (; next < found_.size() && before(next); ++next) append(found_values_, next, found_[next]);
    // What covers it comes before it, or is equal, but nothing that was found is.
    if (!Covered(found_values_, next, x)) {
      append(to.values, row, to.states[row]);
    } else if (keep_past &&
               family_.order[Index(nodes_[to.states[row]].option)] < family_.order[option]) {
      to.past.push_back(to.states[row]);
    } else {
      Release(to.states[row]);
    }
  }
  for (; next < found_.size(); ++next) append(found_values_, next, found_[next]);
  to.values.assign(merged_values_.begin(), merged_values_.end());
  to.states.assign(merged_.begin(), merged_.end());
}

LayerStates::State LayerStates::Create(State parent, std::size_t option) {
  if (++alive_ > max_states_) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("exact search: family {} needs more than {} states at once; use coarser "
                    "units, fewer objectives or layers, or raise max_states",
                    family_.index, max_states_));
  }
  State state = free_;
  if (state != kRoot) {
    free_ = nodes_[state].parent;
  } else {
    state = static_cast<State>(nodes_.size());
    nodes_.emplace_back();
  }
  nodes_[state] = {.parent = parent, .option = static_cast<std::int32_t>(option), .references = 1};
  ++nodes_[parent].references;
  return state;
}

void LayerStates::Release(State state) {
  while (--nodes_[state].references == 0) {
    const State parent = nodes_[state].parent;
    nodes_[state].parent = free_;
    free_ = state;
    --alive_;
    state = parent;
  }
}

}  // namespace lts
