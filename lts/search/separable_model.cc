// What a model predicts, and the questions of the solver (search/pareto_dp.h).
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "lts/base/error.h"
#include "lts/search/separable_space.h"

namespace lts {
namespace {

constexpr double kMsUnit = 1e-8;      // 10 ps: a thousand layers err by 10 ns
constexpr double kMibUnit = 0x1p-20;  // 1 byte

bool IsTime(Metric metric) { return Info(metric).unit == "ms"; }

Trend Opposite(Trend trend) {
  if (trend == Trend::kIncreasing) return Trend::kDecreasing;
  if (trend == Trend::kDecreasing) return Trend::kIncreasing;
  return trend;
}

Trend TrendOfSlope(double slope) {
  if (slope == 0) return Trend::kNone;
  return slope > 0 ? Trend::kIncreasing : Trend::kDecreasing;
}

// Of a criterion through a quantity: the criterion's answer to more of the quantity, then the
// quantity's to more of the component.
Trend Through(Trend criterion, Trend quantity) {
  if (quantity == Trend::kNone || criterion == Trend::kNone) return Trend::kNone;
  if (quantity == Trend::kAny || criterion == Trend::kAny) return Trend::kAny;
  return quantity == Trend::kIncreasing ? criterion : Opposite(criterion);
}

bool IsIdentity(const CostModel& model, Metric metric) {
  double x = 1e-3;
  for (int i = 0; i < 60; ++i, x *= 1.37) {
    if (std::abs(model.Finish(metric, x) - x) > 1e-9 * x) return false;
  }
  return true;
}

}  // namespace

void SeparableSpace::SetModel(const CostModel* model, Outlook outlook) {
  LTS_CHECK(model != nullptr || predicted_.empty());
  model_ = model;
  outlook_ = outlook;
  PlanParts();
  last_apart_ = false;
  for (FamilyInfo& family : families_) {
    Predict(family);
    last_apart_ = last_apart_ || family.last_apart;
  }
}

void SeparableSpace::PlanParts() {
  parts_.clear();
  const auto part_of = [&](std::vector<std::pair<Metric, double>> terms) {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (parts_[i].terms == terms) return static_cast<int>(i);
    }
    Part part{.terms = std::move(terms)};
    part.unit = IsTime(part.terms[0].first) ? kMsUnit : kMibUnit;
    parts_.push_back(std::move(part));
    return static_cast<int>(parts_.size()) - 1;
  };
  const auto wanted = [&](Metric metric) {
    return std::ranges::any_of(quantities_, [&](const Quantity& q) { return q.metric == metric; });
  };
  const auto steps = static_cast<double>(options_.workload.output_tokens - 1);
  for (Quantity& quantity : quantities_) {
    quantity.of.clear();
    if (!quantity.predicted()) continue;
    if (quantity.metric != Metric::kLatencyMs) {
      quantity.of = {{part_of({{quantity.metric, 1.0}}), 1.0}};
    } else if (steps == 0) {
      quantity.of = {{part_of({{Metric::kTtftMs, 1.0}}), 1.0}};
    } else if (!wanted(Metric::kTtftMs) && !wanted(Metric::kTpotMs) &&
               IsIdentity(*model_, Metric::kTtftMs) && IsIdentity(*model_, Metric::kTpotMs)) {
      quantity.of = {{part_of({{Metric::kTtftMs, 1.0}, {Metric::kTpotMs, steps}}), 1.0}};
    } else {
      quantity.of = {{part_of({{Metric::kTtftMs, 1.0}}), 1.0},
                     {part_of({{Metric::kTpotMs, 1.0}}), steps}};
    }
  }
  combines_.assign(counted_.size(), Combine::kSum);
  for (Part& part : parts_) {
    part.sum = static_cast<int>(combines_.size());
    part.peak = part.sum + 1;
    combines_.push_back(Combine::kSum);
    combines_.push_back(Combine::kMax);
  }
  combines_.push_back(Combine::kSum);  // last layers
}

// The counted component of which the terms are an affine function, if there is one.
SeparableSpace::PartForm SeparableSpace::FormOf(const FamilyInfo& family,
                                                const std::vector<double>& terms) const {
  constexpr double kEqual = 1e-9;
  const auto [low, high] = std::ranges::minmax_element(terms);
  if (*high - *low <= kEqual * std::abs(*high)) return {.of_component = 0, .per_layer = *low};
  const std::size_t n = counted_.size();
  for (std::size_t c = 0; c < n; ++c) {
    const auto count = [&](std::size_t option) {
      return static_cast<double>(family.layer[option * n + c]);
    };
    const auto a = static_cast<std::size_t>(low - terms.begin());
    const auto b = static_cast<std::size_t>(high - terms.begin());
    if (count(a) == count(b)) continue;
    const double slope = (terms[b] - terms[a]) / (count(b) - count(a));
    bool affine = true;
    for (std::size_t o = 0; affine && o < terms.size(); ++o) {
      affine =
          std::abs(terms[a] + slope * (count(o) - count(a)) - terms[o]) <= kEqual * std::abs(*high);
    }
    if (affine) {
      return {.of_component = static_cast<int>(c),
              .per_layer = terms[a] - slope * count(a),
              .slope = slope};
    }
  }
  return {};
}

void SeparableSpace::Predict(FamilyInfo& family) const {
  const std::int64_t d_model = Value(kDModel, family.d_model);
  const std::size_t parts = parts_.size();
  const std::size_t options = family.options.size();
  family.last_apart = options > 1 && std::ranges::any_of(parts_, [](const Part& part) {
                        return part.terms[0].first == Metric::kTtftMs;
                      });
  family.predicted_layer.assign(OptionCount(family) * 2 * parts, 0);
  family.forms.assign(parts, {});
  std::vector<double> last_of_all(parts, 0);  // of the one option, where there is one alone
  for (std::size_t p = 0; p < parts; ++p) {
    const Part& part = parts_[p];
    std::vector<double> terms;  // [options]
    std::vector<double> last;
    for (std::size_t o = 0; o < options; ++o) {
      const auto& [d_inner, n_head] = family.options[o];
      const std::int64_t heads = Value(kNHead, n_head);
      const LayerShape shape{heads, heads, Value(kDInner, d_inner)};
      double sum = 0;
      double peak = 0;
      double as_last = 0;
      for (const auto& [metric, weight] : part.terms) {
        sum += weight * model_->Layer(metric, d_model, shape);
        peak += weight * model_->Peak(metric, d_model, shape);
        as_last += weight * model_->Last(metric, d_model, shape);
      }
      terms.push_back(sum);
      last.push_back(as_last);
      for (std::size_t i = o; i < OptionCount(family); i += options)
        family.predicted_layer[i * 2 * parts + 2 * p + 1] = Units(peak, part.unit);
    }
    const bool last_differs = std::ranges::any_of(last, [](double term) { return term != 0; });
    if (!family.last_apart) last_of_all[p] = last[0];
    if (!family.last_apart || !last_differs) family.forms[p] = FormOf(family, terms);
    if (family.forms[p].of_component >= 0) continue;
    for (std::size_t first = 0; first < OptionCount(family); first += options) {
      // As inner layers, then as the last one.
      for (std::size_t o = 0; first > 0 && o < options; ++o) terms[o] += last[o];
      const std::vector<std::int64_t> units = LayerUnits(family, terms, part.unit);
      for (std::size_t o = 0; o < options; ++o)
        family.predicted_layer[(first + o) * 2 * parts + 2 * p] = units[o];
    }
  }
  family.shared.assign(family.n_layers.size(), std::vector<double>(parts, 0));
  family.uncertainty.assign(family.n_layers.size(), std::vector<double>(quantities_.size(), 0));
  for (std::size_t depth = 0; depth < family.n_layers.size(); ++depth) {
    const std::int64_t n_layer = Value(kNLayer, family.n_layers[depth]);
    for (std::size_t p = 0; p < parts; ++p) {
      for (const auto& [metric, weight] : parts_[p].terms)
        family.shared[depth][p] += weight * model_->Shared(metric, n_layer, d_model);
      family.shared[depth][p] += last_of_all[p];
    }
    for (std::size_t q = 0; q < quantities_.size(); ++q) {
      if (quantities_[q].predicted()) {
        family.uncertainty[depth][q] =
            model_->Uncertainty(quantities_[q].metric, n_layer, d_model, IntervalOf::kTrueValue);
      }
    }
  }
}

Family SeparableSpace::GetFamily(std::int64_t index) const {
  const FamilyInfo& info = families_[static_cast<std::size_t>(index)];
  const std::size_t counted = counted_.size();
  const std::size_t predicted = 2 * parts_.size();
  Family family;
  for (std::size_t depth = 0; depth < info.n_layers.size(); ++depth) {
    std::vector<std::int64_t> base = info.base[depth];
    base.resize(combines_.size(), 0);
    family.depths.push_back({Value(kNLayer, info.n_layers[depth]), std::move(base)});
  }
  for (std::size_t i = 0; i < OptionCount(info); ++i) {
    const auto layer =
        info.layer.begin() + static_cast<std::ptrdiff_t>(i % info.options.size() * counted);
    family.options.insert(family.options.end(), layer,
                          layer + static_cast<std::ptrdiff_t>(counted));
    const auto terms = info.predicted_layer.begin() + static_cast<std::ptrdiff_t>(i * predicted);
    family.options.insert(family.options.end(), terms,
                          terms + static_cast<std::ptrdiff_t>(predicted));
    family.options.push_back(i < info.options.size() ? 0 : 1);
    // Halves of the last layer are their own.
    const auto& [d_inner, n_head] = info.options[i % info.options.size()];
    const auto last = static_cast<std::int32_t>(i / info.options.size());
    family.halves.emplace_back(2 * d_inner + last, 2 * n_head + last);
  }
  return family;
}

Trend SeparableSpace::QuantityTrend(const FamilyInfo& family, int quantity, int component) const {
  const Quantity& q = quantities_[static_cast<std::size_t>(quantity)];
  if (q.counted >= 0) return q.counted == component ? Trend::kIncreasing : Trend::kNone;
  if (q.law != nullptr) {
    if (std::ranges::find(q.law_sums, component) == q.law_sums.end()) return Trend::kNone;
    return q.law->more_is_better ? Trend::kDecreasing : Trend::kAny;
  }
  Trend trend = Trend::kNone;
  for (const auto& [p, weight] : q.of) {
    const Part& part = parts_[static_cast<std::size_t>(p)];
    const PartForm& form = family.forms[static_cast<std::size_t>(p)];
    Trend of_part = Trend::kNone;
    if (component == part.peak || (component == part.sum && form.of_component < 0))
      of_part = Trend::kIncreasing;
    if (component == form.of_component) of_part = TrendOfSlope(form.slope);
    trend = Combined(trend, of_part);
  }
  return trend;
}

Trend SeparableSpace::TrendOf(std::int64_t family, std::int64_t criterion,
                              std::int64_t component) const {
  const FamilyInfo& info = families_[static_cast<std::size_t>(family)];
  const auto k = static_cast<int>(component);
  if (criterion < objectives()) {
    const auto o = static_cast<std::size_t>(criterion);
    const Trend trend = options_.objectives[o].direction == Direction::kMinimize
                            ? Trend::kIncreasing
                            : Trend::kDecreasing;
    return Through(trend, QuantityTrend(info, objective_quantity_[o], k));
  }
  const std::int64_t index = criterion - objectives();
  if (index >= std::ssize(limits_)) {
    if (!info.last_apart || k != static_cast<int>(last_component())) return Trend::kNone;
    return index == std::ssize(limits_) ? Trend::kIncreasing : Trend::kDecreasing;
  }
  const Limit& limit = limits_[static_cast<std::size_t>(index)];
  Trend trend = Trend::kNone;
  for (const int quantity : limit.quantities) {
    if (quantity < 0) continue;
    trend = Combined(trend, Through(limit.trend, QuantityTrend(info, quantity, k)));
  }
  return trend;
}

double SeparableSpace::LawOf(const FamilyInfo& family, std::size_t depth, const Quantity& quantity,
                             std::span<const std::int64_t> totals) const {
  std::array<double, kMaxLawSums> sums{};
  for (std::size_t i = 0; i < quantity.law_sums.size(); ++i) {
    const auto c = static_cast<std::size_t>(quantity.law_sums[i]);
    sums[i] = static_cast<double>(totals[c]) / counted_[c].units;
  }
  return LawValueOfSums(*quantity.law, *family.frame, Value(kNLayer, family.n_layers[depth]),
                        std::span(sums).first(quantity.law_sums.size()), space_.own_law());
}

double SeparableSpace::QuantityValue(const FamilyInfo& family, std::size_t depth, int quantity,
                                     Trend better, std::span<const std::int64_t> totals) const {
  const Quantity& q = quantities_[static_cast<std::size_t>(quantity)];
  if (q.counted >= 0) {
    const auto c = static_cast<std::size_t>(q.counted);
    return static_cast<double>(totals[c]) / counted_[c].units;
  }
  if (q.law != nullptr) return LawOf(family, depth, q, totals);
  const auto n_layer = static_cast<double>(Value(kNLayer, family.n_layers[depth]));
  double value = 0;
  for (const auto& [p, weight] : q.of) {
    const Part& part = parts_[static_cast<std::size_t>(p)];
    const PartForm& form = family.forms[static_cast<std::size_t>(p)];
    double sum = family.shared[depth][static_cast<std::size_t>(p)];
    if (form.of_component < 0) {
      sum += part.unit * static_cast<double>(totals[static_cast<std::size_t>(part.sum)]);
    } else {
      sum += form.per_layer * n_layer;
      if (form.slope != 0) {
        const auto c = static_cast<std::size_t>(form.of_component);
        sum += form.slope * static_cast<double>(totals[c] - family.base[depth][c]);
      }
    }
    sum += part.unit * static_cast<double>(totals[static_cast<std::size_t>(part.peak)]);
    value += weight * (part.terms.size() == 1 ? model_->Finish(part.terms[0].first, sum) : sum);
  }
  if (outlook_ == Outlook::kOptimistic) {
    const double u = 1 + family.uncertainty[depth][static_cast<std::size_t>(quantity)];
    if (better == Trend::kIncreasing) value /= u;
    if (better == Trend::kDecreasing) value *= u;
  }
  return value;
}

void SeparableSpace::Objectives(std::int64_t family, std::int64_t depth,
                                std::span<const std::int64_t> totals, std::span<double> out) const {
  const FamilyInfo& info = families_[static_cast<std::size_t>(family)];
  for (std::size_t o = 0; o < options_.objectives.size(); ++o) {
    const bool minimize = options_.objectives[o].direction == Direction::kMinimize;
    const double value =
        QuantityValue(info, static_cast<std::size_t>(depth), objective_quantity_[o],
                      minimize ? Trend::kIncreasing : Trend::kDecreasing, totals);
    out[o] = minimize ? value : -value;
  }
}

bool SeparableSpace::Satisfies(std::int64_t index, std::int64_t family, std::int64_t depth,
                               std::span<const std::int64_t> totals) const {
  const FamilyInfo& info = families_[static_cast<std::size_t>(family)];
  if (index >= std::ssize(limits_)) {
    if (!info.last_apart) return true;
    const std::int64_t last = totals[last_component()];
    return index == std::ssize(limits_) ? last <= 1 : last >= 1;
  }
  const Limit& limit = limits_[static_cast<std::size_t>(index)];
  const auto d = static_cast<std::size_t>(depth);
  std::array<double, 16> values{};
  LTS_CHECK(limit.quantities.size() <= values.size());
  for (std::size_t i = 0; i < limit.quantities.size(); ++i) {
    const int quantity = limit.quantities[i];
    if (quantity >= 0) {
      values[i] = QuantityValue(info, d, quantity, limit.trend, totals);
      continue;
    }
    const std::int32_t shared[] = {info.n_layers[d], info.d_model, info.options[0].first,
                                   info.options[0].second};
    const int dimension = -1 - quantity;
    values[i] = static_cast<double>(Value(dimension, shared[dimension]));
  }
  return limit.constraint.Holds(std::span<const double>(values.data(), limit.quantities.size()));
}

std::vector<std::int64_t> SeparableSpace::TotalsOf(const ExactMember& member) const {
  const FamilyInfo& info = families_[static_cast<std::size_t>(member.family)];
  const std::size_t counted = counted_.size();
  const std::size_t predicted = 2 * parts_.size();
  std::vector<std::int64_t> totals = info.base[static_cast<std::size_t>(member.depth)];
  totals.resize(combines_.size(), 0);
  for (const std::int32_t index : member.options) {
    const auto option = static_cast<std::size_t>(index);
    const std::size_t shape = option % info.options.size();
    for (std::size_t c = 0; c < counted; ++c) totals[c] += info.layer[shape * counted + c];
    totals.back() += option < info.options.size() ? 0 : 1;
    for (std::size_t k = 0; k < predicted; ++k) {
      const std::int64_t term = info.predicted_layer[option * predicted + k];
      std::int64_t& total = totals[counted + k];
      total = k % 2 == 0 ? total + term : std::max(total, term);
    }
  }
  return totals;
}

Point SeparableSpace::PointOf(const ExactMember& member) const {
  Point point(options_.objectives.size());
  Objectives(member.family, member.depth, TotalsOf(member), point);
  return point;
}

Genome SeparableSpace::GenomeOf(const ExactMember& member) const {
  const FamilyInfo& info = families_[static_cast<std::size_t>(member.family)];
  const auto& dimensions = space_.fields().dimensions;
  Genome genome(static_cast<std::size_t>(space_.gene_count()), 0);
  genome[kNLayer] = info.n_layers[static_cast<std::size_t>(member.depth)];
  genome[kDModel] = info.d_model;
  const auto max_layers = static_cast<std::size_t>(dimensions[kNLayer].values.back());
  const std::size_t inner = 2;
  const std::size_t head = inner + (dimensions[kDInner].per_layer ? max_layers : 1);
  for (std::size_t l = 0; l < member.options.size(); ++l) {
    // Options ascend, so one as the last layer is the last.
    const auto& [d_inner, n_head] =
        info.options[static_cast<std::size_t>(member.options[l]) % info.options.size()];
    genome[inner + (dimensions[kDInner].per_layer ? l : 0)] = d_inner;
    genome[head + (dimensions[kNHead].per_layer ? l : 0)] = n_head;
  }
  return genome;
}

void SeparableSpace::ForEachMember(const std::function<void(const ExactMember&)>& visit) const {
  for (std::int64_t f = 0; f < families(); ++f) {
    const FamilyInfo& info = families_[static_cast<std::size_t>(f)];
    const auto options = static_cast<std::int32_t>(info.options.size());
    for (std::size_t depth = 0; depth < info.n_layers.size(); ++depth) {
      ExactMember member{
          .family = f, .depth = static_cast<std::int64_t>(depth), .options = {}, .objectives = {}};
      const auto layers = static_cast<std::size_t>(Value(kNLayer, info.n_layers[depth]));
      member.options.assign(layers, 0);
      const std::span<std::int32_t> inner(member.options.data(),
                                          layers - (info.last_apart ? 1 : 0));
      while (true) {
        if (info.last_apart) {
          for (std::int32_t last = options; last < 2 * options; ++last) {
            member.options.back() = last;
            visit(member);
          }
        } else {
          visit(member);
        }
        // The next non-decreasing sequence.
        auto at = std::ssize(inner) - 1;
        while (at >= 0 && inner[static_cast<std::size_t>(at)] == options - 1) --at;
        if (at < 0) break;
        const std::int32_t next = inner[static_cast<std::size_t>(at)] + 1;
        std::ranges::fill(inner.subspan(static_cast<std::size_t>(at)), next);
      }
    }
  }
}

Genome SeparableSpace::RepresentativeOf(const Architecture& architecture) const {
  ArchitectureFields fields = architecture.fields();
  const auto end = fields.layers.end() - (last_apart_ ? 1 : 0);
  std::sort(fields.layers.begin(), end, [](const LayerShape& a, const LayerShape& b) {
    return std::pair(a.d_inner, a.n_head) < std::pair(b.d_inner, b.n_head);
  });
  const std::optional<Genome> genome = space_.Encode(Architecture(std::move(fields)));
  LTS_CHECK(genome.has_value());
  return *genome;
}

}  // namespace lts
