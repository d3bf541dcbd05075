#include "lts/search/separable_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>

#include "lts/base/error.h"
#include "lts/base/rng.h"

namespace lts {
namespace {

constexpr double kMaxUnits = 0x1p50;  // of one term: thousands of layers stay below 2^62

const Objective* FindMetric(std::string_view name) {
  for (const Objective* objective : Objectives()) {
    if (Info(objective->metric).name == name) return objective;
  }
  return nullptr;
}

// A constraint of the forms "NAME < number", "number <= NAME" and so on, which says up to which
// value, or from which, it holds.
Trend TrendOfBound(const Constraint& constraint) {
  const std::string& text = constraint.text();
  const std::size_t at = text.find_first_of("<>");
  if (constraint.names().size() != 1 || at == std::string::npos) return Trend::kAny;
  const std::size_t after = text.find_first_not_of("<>=", at);
  if (after == std::string::npos || text.find_first_of("<>=!", after) != std::string::npos) {
    return Trend::kAny;
  }
  const auto trim = [](std::string_view side) {
    const std::size_t begin = side.find_first_not_of(" \t\n\r");
    return begin == std::string_view::npos
               ? side.substr(0, 0)
               : side.substr(begin, side.find_last_not_of(" \t\n\r") - begin + 1);
  };
  const std::string_view whole = text;
  const bool upper = text[at] == '<';
  if (trim(whole.substr(0, at)) == constraint.names()[0]) {
    return upper ? Trend::kIncreasing : Trend::kDecreasing;
  }
  if (trim(whole.substr(after)) == constraint.names()[0]) {
    return upper ? Trend::kDecreasing : Trend::kIncreasing;
  }
  return Trend::kAny;
}

// "a <= NAME <= b" as two constraints, which the solver can use one by one; else the text alone.
std::vector<std::string> Links(const std::string& text) {
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<' || text[i] == '>') at.push_back(i);
    if (text[i] == '!' ||
        (text[i] == '=' && (i == 0 || (text[i - 1] != '<' && text[i - 1] != '>'))))
      return {text};
  }
  if (at.size() != 2) return {text};
  const std::size_t middle = text.find_first_not_of("<>=", at[0]);
  return {text.substr(0, at[1]), text.substr(middle)};
}

}  // namespace

SeparableSpace::SeparableSpace(const SearchSpace& space, const SearchOptions& options)
    : space_(space), options_(options) {
  for (const ObjectiveSpec& spec : options_.objectives) {
    const Objective* objective = FindMetric(spec.name);
    if (objective == nullptr) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("objective '{}': the exact search needs metrics, which it can count "
                              "or predict",
                              spec.name));
    }
    objective_quantity_.push_back(AddQuantity(objective->metric));
  }
  for (const std::string& text : space_.fields().constraints) AddLimit(text);
  for (const std::string& text : options_.measured_constraints) AddLimit(text);
  for (const Quantity& quantity : quantities_) {
    if (!quantity.predicted()) continue;
    const std::vector<Metric> metrics = quantity.metric == Metric::kLatencyMs
                                            ? std::vector{Metric::kTtftMs, Metric::kTpotMs}
                                            : std::vector{quantity.metric};
    for (const Metric metric : metrics) {
      if (metric == Metric::kTpotMs && options_.workload.output_tokens < 2) continue;
      if (std::ranges::find(predicted_, metric) == predicted_.end()) predicted_.push_back(metric);
    }
  }
  AddFamilies();
  CheckSums();
}

std::int64_t SeparableSpace::Units(double value, double unit) {
  const double units = std::round(value / unit);
  if (!(std::abs(units) <= kMaxUnits)) {
    throw Error(
        ErrorCode::kUnsupported,
        "the exact search adds in 64 bits, and a count of this space is too large for that; "
        "choose another --algorithm");
  }
  return static_cast<std::int64_t>(units);
}

std::vector<std::int64_t> SeparableSpace::LayerUnits(const FamilyInfo& family,
                                                     std::span<const double> terms, double unit) {
  constexpr double kEqual = 1e-9;  // of the largest term: more than the rounding of doubles
  const auto plain = [&] {
    std::vector<std::int64_t> units;
    for (const double term : terms) units.push_back(Units(term, unit));
    return units;
  };
  double largest = 0;
  std::map<std::int32_t, double> of_inner;  // with the first number of heads
  std::map<std::int32_t, double> of_heads;  // more than that adds, with the first d_inner
  for (std::size_t o = 0; o < terms.size(); ++o) {
    const auto& [d_inner, n_head] = family.options[o];
    if (n_head == family.options[0].second) of_inner[d_inner] = terms[o];
    if (d_inner == family.options[0].first) of_heads[n_head] = terms[o] - terms[0];
    largest = std::max(largest, std::abs(terms[o]));
  }
  std::vector<std::int64_t> units;
  for (std::size_t o = 0; o < terms.size(); ++o) {
    const auto inner = of_inner.find(family.options[o].first);
    const auto heads = of_heads.find(family.options[o].second);
    if (inner == of_inner.end() || heads == of_heads.end() ||
        !(std::abs(inner->second + heads->second - terms[o]) <= kEqual * largest)) {
      return plain();
    }
    units.push_back(Units(inner->second, unit) + Units(heads->second, unit));
  }
  return units;
}

std::int64_t SeparableSpace::Value(int dimension, std::int32_t index) const {
  return space_.fields()
      .dimensions[static_cast<std::size_t>(dimension)]
      .values[static_cast<std::size_t>(index)];
}

int SeparableSpace::AddQuantity(Metric metric) {
  for (std::size_t i = 0; i < quantities_.size(); ++i) {
    if (quantities_[i].metric == metric) return static_cast<int>(i);
  }
  Quantity quantity{.metric = metric};
  const Objective* objective = FindMetric(Info(metric).name);
  if (Info(metric).by_law) {
    quantity.law = &FindLaw(Info(metric).name);
    for (const LayerSum sum : quantity.law->sums) quantity.law_sums.push_back(AddLayerSum(sum));
  } else if (objective != nullptr && objective->by == MeasuredBy::kCounting) {
    quantity.counted = static_cast<int>(counted_.size());
    counted_.push_back(
        {.objective = objective, .units = Info(metric).unit == "MiB" ? 0x1p20 : 1.0});
  }
  quantities_.push_back(std::move(quantity));
  return static_cast<int>(quantities_.size()) - 1;
}

int SeparableSpace::AddLayerSum(LayerSum sum) {
  for (std::size_t i = 0; i < counted_.size(); ++i) {
    if (counted_[i].objective == nullptr && counted_[i].sum == sum) return static_cast<int>(i);
  }
  // Fine enough that no law tells the rounding, and exact for heads that are powers of 2.
  const bool whole = sum != LayerSum::kLog2Heads && sum != LayerSum::kSpectralCapacity;
  counted_.push_back({.objective = nullptr, .sum = sum, .units = whole ? 1.0 : 0x1p20});
  return static_cast<int>(counted_.size()) - 1;
}

void SeparableSpace::AddLimit(const std::string& text) {
  const Constraint whole = Constraint::Parse(text);
  const auto dimension_of = [&](std::string_view name) {
    const auto& dimensions = space_.fields().dimensions;
    const auto found = std::ranges::find(dimensions, name, &Dimension::name);
    return found == dimensions.end() ? -1 : static_cast<int>(found - dimensions.begin());
  };
  // Those on dimensions alone are the layers' own (SearchSpace::LayerHolds).
  if (std::ranges::all_of(whole.names(),
                          [&](const std::string& name) { return dimension_of(name) >= 0; }))
    return;
  for (const std::string& link : Links(text)) {
    Limit limit{.constraint = Constraint::Parse(link)};
    for (const std::string& name : limit.constraint.names()) {
      const int dimension = dimension_of(name);
      if (dimension < 0) {
        limit.quantities.push_back(AddQuantity(MetricByName(name).metric));
        continue;
      }
      if (space_.fields().dimensions[static_cast<std::size_t>(dimension)].per_layer) {
        throw Error(
            ErrorCode::kUnsupported,
            fmt::format("constraint '{}': the exact search cannot tie a metric to {}, which "
                        "differs per layer; choose another --algorithm",
                        text, name));
      }
      limit.quantities.push_back(-1 - dimension);
    }
    if (limit.constraint.names().empty()) continue;
    limit.trend = TrendOfBound(limit.constraint);
    limits_.push_back(std::move(limit));
  }
}

void SeparableSpace::AddFamilies() {
  const auto& dimensions = space_.fields().dimensions;
  const auto indices = [&](int dimension, bool per_layer) {
    std::vector<std::int32_t> result{-1};
    const Dimension& d = dimensions[static_cast<std::size_t>(dimension)];
    if (d.per_layer != per_layer) return result;
    result.clear();
    for (std::size_t i = 0; i < d.values.size(); ++i)
      result.push_back(static_cast<std::int32_t>(i));
    return result;
  };
  const auto n_layers = static_cast<std::int32_t>(dimensions[kNLayer].values.size());
  const auto d_models = static_cast<std::int32_t>(dimensions[kDModel].values.size());
  const std::vector<std::int32_t> shared_inner = indices(kDInner, false);
  const std::vector<std::int32_t> shared_head = indices(kNHead, false);
  const std::vector<std::int32_t> own_inner = indices(kDInner, true);
  const std::vector<std::int32_t> own_head = indices(kNHead, true);
  for (std::int32_t d_model = 0; d_model < d_models; ++d_model) {
    for (const std::int32_t inner : shared_inner) {
      for (const std::int32_t head : shared_head) {
        // Numbers of layers that allow the same layers make one family.
        const std::size_t first = families_.size();
        for (std::int32_t n_layer = 0; n_layer < n_layers; ++n_layer) {
          std::vector<std::pair<std::int32_t, std::int32_t>> options;
          for (const std::int32_t i : own_inner) {
            for (const std::int32_t h : own_head) {
              const std::int32_t d_inner = inner < 0 ? i : inner;
              const std::int32_t n_head = head < 0 ? h : head;
              if (space_.LayerHolds({Value(kNLayer, n_layer), Value(kDModel, d_model),
                                     Value(kDInner, d_inner), Value(kNHead, n_head)}))
                options.emplace_back(d_inner, n_head);
            }
          }
          if (options.empty()) continue;
          const auto same =
              std::find_if(families_.begin() + static_cast<std::ptrdiff_t>(first), families_.end(),
                           [&](const FamilyInfo& family) { return family.options == options; });
          if (same != families_.end()) {
            same->n_layers.push_back(n_layer);
            continue;
          }
          FamilyInfo& family = families_.emplace_back();
          family.d_model = d_model;
          family.n_layers = {n_layer};
          family.options = std::move(options);
        }
      }
    }
  }
  for (FamilyInfo& family : families_) CountLayers(family);
}

// C(o, o) - C(o) is what a layer adds, C(o) less that is what there is without layers.
void SeparableSpace::CountLayers(FamilyInfo& family) const {
  if (counted_.empty()) {
    family.base.assign(family.n_layers.size(), {});
    return;
  }
  const auto shape_of = [&](const std::pair<std::int32_t, std::int32_t>& option) {
    const std::int64_t heads = Value(kNHead, option.second);
    return LayerShape{heads, heads, Value(kDInner, option.first)};
  };
  const std::int64_t d_model = Value(kDModel, family.d_model);
  if (std::ranges::any_of(quantities_, [](const Quantity& q) { return q.law != nullptr; })) {
    family.frame.emplace(space_.Build(d_model, {shape_of(family.options[0])}));
  }
  const bool any_metric = std::ranges::any_of(
      counted_, [](const Counted& counted) { return counted.objective != nullptr; });
  std::vector<std::int64_t> base;
  for (const auto& option : family.options) {
    const LayerShape shape = shape_of(option);
    std::optional<Graph> one;
    std::optional<Graph> two;
    if (any_metric) {
      one = BuildGraph(space_.Build(d_model, {shape}));
      two = BuildGraph(space_.Build(d_model, {shape, shape}));
    }
    for (const Counted& counted : counted_) {
      std::int64_t first = 0;
      std::int64_t layer = 0;
      if (counted.objective != nullptr) {
        const auto count = [&](const Graph& graph) {
          return Units(counted.objective->count(graph, options_.workload, options_.config),
                       1 / counted.units);
        };
        first = count(*one);
        layer = count(*two) - first;
      }
      family.layer.push_back(layer);
      if (base.size() < counted_.size()) base.push_back(first - layer);
    }
  }
  for (std::size_t c = 0; c < counted_.size(); ++c) {
    if (counted_[c].objective != nullptr) continue;
    std::vector<double> terms;
    for (const auto& option : family.options)
      terms.push_back(family.frame->Of(counted_[c].sum, shape_of(option)));
    const std::vector<std::int64_t> units = LayerUnits(family, terms, 1 / counted_[c].units);
    for (std::size_t o = 0; o < units.size(); ++o) family.layer[o * counted_.size() + c] = units[o];
  }
  family.base.assign(family.n_layers.size(), base);
}

// Heterogeneous architectures drawn from the space must count what their layers add up to, and laws
// must say the same of the sums as of the architecture.
void SeparableSpace::CheckSums() const {
  Rng rng(1);
  constexpr int kDraws = 16;
  constexpr double kRounding = 1e-6;  // of a law, relative
  for (int draw = 0; draw < kDraws && !families_.empty() && !counted_.empty(); ++draw) {
    const auto f = static_cast<std::size_t>(rng.Between(0, std::ssize(families_) - 1));
    const FamilyInfo& family = families_[f];
    ExactMember member{.family = static_cast<std::int64_t>(f),
                       .depth = rng.Between(0, std::ssize(family.n_layers) - 1),
                       .options = {},
                       .objectives = {}};
    const auto depth = static_cast<std::size_t>(member.depth);
    std::vector<std::int64_t> totals = family.base[depth];
    const std::int64_t layers = Value(kNLayer, family.n_layers[depth]);
    for (std::int64_t l = 0; l < layers; ++l) {
      const auto option = static_cast<std::size_t>(rng.Between(0, std::ssize(family.options) - 1));
      member.options.push_back(static_cast<std::int32_t>(option));
      for (std::size_t c = 0; c < counted_.size(); ++c)
        totals[c] += family.layer[option * counted_.size() + c];
    }
    const Architecture architecture = space_.Decode(GenomeOf(member));
    const Graph graph = BuildGraph(architecture);
    for (const Quantity& quantity : quantities_) {
      bool same = true;
      if (quantity.law != nullptr) {
        const double value = LawValue(*quantity.law, architecture, space_.own_law());
        same =
            std::abs(LawOf(family, depth, quantity, totals) - value) <= kRounding * std::abs(value);
      } else if (quantity.counted >= 0) {
        const auto c = static_cast<std::size_t>(quantity.counted);
        const double value =
            counted_[c].objective->count(graph, options_.workload, options_.config);
        same = static_cast<double>(totals[c]) == value * counted_[c].units;
      }
      if (same) continue;
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("'{}' is no sum over layers, which the exact search needs; choose "
                              "another objective or --algorithm",
                              Info(quantity.metric).name));
    }
  }
}

}  // namespace lts
