// The front of points that come one after another, without holding all of them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "lts/search/pareto.h"

namespace lts {

// Items whose objectives no other one met so far equals or beats, and some that have not been
// compared yet: at most as many again, or a few thousand. Of equal ones the first stays.
template <typename Item>
class GrowingFront {
 public:
  explicit GrowingFront(std::int64_t objectives) : width_(static_cast<std::size_t>(objectives)) {}

  // values: [objectives], minimised; may point into the item. One that is not finite is on no front
  // (pareto.h). Compared O(1) times on average.
  void Add(std::span<const double> values, Item&& item) {
    values_.insert(values_.end(), values.begin(), values.end());
    items_.push_back(std::move(item));
    if (items_.size() < next_) return;
    Compare();
    if (width_ == 2 || width_ == 3) MakeTable();
    next_ = std::max(kFew, 2 * items_.size());
  }

  // True only when an item beats `values`, which need not be added then. A look into a table: false
  // for what is beaten by little, before a few thousand items came, and but for 2 or 3 objectives.
  bool Beats(std::span<const double> values) const {
    if (least_.empty()) return false;
    return least_[CellOf(values, 2) * kSide + CellOf(values, 1)] <= values[0];
  }

  // The front, in the order in which it came, and nothing left.
  std::vector<Item> Take() {
    Compare();
    values_.clear();
    least_.clear();
    next_ = kFew;
    return std::exchange(items_, {});
  }

 private:
  static constexpr std::size_t kFew = 4096;
  static constexpr std::size_t kSide = 256;  // a table of half a MiB: in the second level's cache

  void Compare() {
    std::size_t kept = 0;
    for (const std::int64_t index : ParetoFront(values_, static_cast<std::int64_t>(width_))) {
      const auto i = static_cast<std::size_t>(index);
      if (i != kept) {
        std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(i * width_), width_,
                    values_.begin() + static_cast<std::ptrdiff_t>(kept * width_));
        items_[kept] = std::move(items_[i]);
      }
      ++kept;
    }
    values_.resize(kept * width_);
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(kept), items_.end());
  }

  // Which of kSide equal intervals of the front an objective after the first is in; the first and
  // the last are without end. Monotone, whatever the rounding.
  std::size_t CellOf(std::span<const double> values, std::size_t objective) const {
    if (objective >= width_) return kSide - 1;
    const double x = (values[objective] - low_[objective - 1]) * scale_[objective - 1];
    if (!(x > 0)) return 0;
    return x < static_cast<double>(kSide - 1) ? static_cast<std::size_t>(x) : kSide - 1;
  }

  void MakeTable() {
    least_.clear();
    if (items_.empty()) return;
    for (std::size_t o = 1; o < width_; ++o) {
      double low = values_[o];
      double high = low;
      for (std::size_t at = o; at < values_.size(); at += width_) {
        low = std::min(low, values_[at]);
        high = std::max(high, values_[at]);
      }
      low_[o - 1] = low;
      const double scale = static_cast<double>(kSide) / (high - low);
      scale_[o - 1] = std::isfinite(scale) ? scale : 0;
    }
    // [second objective, third]: of the items in lower cells of both. An item is entered one cell
    // further on and then spread to all that are higher.
    least_.assign(kSide * kSide, std::numeric_limits<double>::infinity());
    for (std::size_t at = 0; at < values_.size(); at += width_) {
      const auto values = std::span<const double>(values_).subspan(at, width_);
      const std::size_t row = width_ == 3 ? CellOf(values, 2) + 1 : kSide - 1;
      const std::size_t column = CellOf(values, 1) + 1;
      if (row == kSide || column == kSide) continue;
      double& least = least_[row * kSide + column];
      least = std::min(least, values[0]);
    }
    for (std::size_t row = 0; row < kSide; ++row) {
      for (std::size_t column = 1; column < kSide; ++column) {
        double& least = least_[row * kSide + column];
        least = std::min(least, least_[row * kSide + column - 1]);
        if (row > 0) least = std::min(least, least_[(row - 1) * kSide + column]);
      }
    }
  }

  std::size_t width_;
  std::vector<Item> items_;
  std::vector<double> values_;  // [items, objectives]
  std::size_t next_ = kFew;
  // Of the items that have been compared: the least first objective of those that are in lower
  // cells of all other objectives, and so better in these. [kSide, kSide], or empty.
  std::vector<double> least_;
  std::array<double, 2> low_{};
  std::array<double, 2> scale_{};
};

}  // namespace lts
