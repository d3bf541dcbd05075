// The dimensions of a space: one table, in gene order. Internal to lts/space.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "lts/arch/architecture.h"

namespace lts {

struct DimensionInfo {
  std::string_view name;
  std::int64_t max;  // values are integers in [1, max]
  bool may_be_per_layer;
};
inline constexpr std::array<DimensionInfo, 4> kDimensionInfos{{{"n_layer", kMaxLayers, false},
                                                               {"d_model", kMaxDModel, false},
                                                               {"d_inner", kMaxDInner, true},
                                                               {"n_head", kMaxDModel, true}}};
inline constexpr std::int64_t kMaxDimensionValues = 65536;
inline constexpr std::int64_t kMaxConstraints = 60;  // not_empty.cc keeps one bit for each

}  // namespace lts
