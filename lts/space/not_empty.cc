// Is there any architecture in a space, and if not, which constraints exclude each other?
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "lts/base/error.h"
#include "lts/space/counted_metrics.h"
#include "lts/space/search_space.h"

namespace lts {
namespace {

constexpr int kQuickDraws = 200;  // ends well-posed spaces within a millisecond
constexpr int kDraws = 20000;     // the promise of CheckNotEmpty for large spaces
constexpr std::int64_t kMaxPoints =
    50000;  // homogeneous architectures looked at: a second or two with counting
constexpr std::uint64_t kSeed = 1;  // the answer for a space does not vary from run to run

using Bounds = Constraint::Bounds;
// One bit for each rule, in order, and the top bit for d_model % n_head == 0.
using RuleMask = std::uint64_t;
constexpr RuleMask kDivides = RuleMask{1} << 63;

bool Covers(const std::set<RuleMask>& points, RuleMask rules) {
  return std::ranges::any_of(points, [&](RuleMask point) { return (point & rules) == rules; });
}

}  // namespace

class EmptinessProof {
 public:
  EmptinessProof(const SearchSpace& space, const Workload& workload)
      : space_(space), workload_(workload) {
    for (const SearchSpace::Rule& rule : space.rules_) {
      for (const int slot : rule.slots) {
        if (slot < SearchSpace::kDimensions) continue;
        counted_.insert(static_cast<Metric>(slot - SearchSpace::kDimensions));
      }
    }
  }

  void Run() {
    CheckWorkload(workload_, space_.fields().max_seq_len, fmt::format("space '{}'", space_.name()));
    RefuteSingleRules();
    Rng rng(kSeed);
    if (space_.Sample(rng, workload_, kQuickDraws)) return;
    if (ScanHomogeneous()) return;
    const bool per_layer =
        space_.per_layer(SearchSpace::kDInner) || space_.per_layer(SearchSpace::kNHead);
    const bool complete = scanned_everything_ && !per_layer;
    if (!complete && space_.Sample(rng, workload_, kDraws)) return;
    Blame(complete, rng);
  }

 private:
  using SlotBounds = std::vector<Bounds>;  // dimensions, then metrics

  Bounds Range(int dimension, std::size_t first, std::size_t last) const {
    const std::vector<std::int64_t>& values = space_.values(dimension);
    return {static_cast<double>(values[first]), static_cast<double>(values[last])};
  }
  Bounds Whole(int dimension) const {
    return Range(dimension, 0, space_.values(dimension).size() - 1);
  }
  // Less what the rules on that dimension alone exclude.
  Bounds Allowed(int dimension) const {
    const std::vector<std::int32_t>& allowed = space_.allowed_[dimension];
    return Range(dimension, static_cast<std::size_t>(allowed.front()),
                 static_cast<std::size_t>(allowed.back()));
  }

  static std::size_t SlotOf(Metric metric) {
    return static_cast<std::size_t>(SearchSpace::kDimensions + static_cast<int>(metric));
  }

  // Bounds of everything that a rule can name, over all architectures whose dimensions are inside
  // the given bounds. Every count grows with every dimension (and does not shrink with n_head), so
  // the counts of two corners enclose it. n_head must divide d_model there: one head below, and
  // d_model rounded up to a multiple of the most heads above. A law has no bounds.
  SlotBounds BoundsOf(const std::array<Bounds, SearchSpace::kDimensions>& dimensions) const {
    SlotBounds bounds(SearchSpace::kDimensions + Metrics().size(),
                      {0, std::numeric_limits<double>::infinity()});
    std::ranges::copy(dimensions, bounds.begin());
    for (const MetricInfo& info : Metrics()) {
      if (info.by_law) bounds[SlotOf(info.metric)].low = -std::numeric_limits<double>::infinity();
    }
    if (counted_.empty()) return bounds;
    const auto corner = [&](bool high) -> std::optional<Architecture> {
      const auto pick = [&](Bounds b) { return static_cast<std::int64_t>(high ? b.high : b.low); };
      const std::int64_t heads = high ? pick(bounds[SearchSpace::kNHead]) : 1;
      const std::int64_t d_model = (pick(bounds[SearchSpace::kDModel]) + heads - 1) / heads * heads;
      if (d_model > kMaxDModel) return std::nullopt;
      return space_.Build(
          d_model,
          std::vector<LayerShape>(static_cast<std::size_t>(pick(bounds[SearchSpace::kNLayer])),
                                  LayerShape{heads, heads, pick(bounds[SearchSpace::kDInner])}));
    };
    for (const bool high : {false, true}) {
      const std::optional<Architecture> architecture = corner(high);
      if (!architecture) continue;
      CountedMetrics counted(*architecture, workload_, space_.own_law());
      // Only what the rules name: not every metric can be counted of every backbone.
      for (const Metric metric : counted_) {
        if (Info(metric).by_law) continue;
        Bounds& bound = bounds[SlotOf(metric)];
        (high ? bound.high : bound.low) = counted.Value(metric);
      }
    }
    return bounds;
  }

  static bool CanHold(const SearchSpace::Rule& rule, const SlotBounds& bounds) {
    std::vector<Bounds> arguments;
    for (const int slot : rule.slots) arguments.push_back(bounds[static_cast<std::size_t>(slot)]);
    return rule.constraint.CanHold(arguments);
  }

  void RefuteSingleRules() const {
    const SlotBounds bounds = BoundsOf({Whole(SearchSpace::kNLayer), Whole(SearchSpace::kDModel),
                                        Whole(SearchSpace::kDInner), Whole(SearchSpace::kNHead)});
    for (const SearchSpace::Rule& rule : space_.rules_) {
      if (CanHold(rule, bounds)) continue;
      std::string ranges;
      for (std::size_t i = 0; i < rule.slots.size(); ++i) {
        const Bounds& bound = bounds[static_cast<std::size_t>(rule.slots[i])];
        ranges += fmt::format("{}{} is {:.6g} to {:.6g}", i == 0 ? "" : ", ",
                              rule.constraint.names()[i], bound.low, bound.high);
      }
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("space '{}': no architecture satisfies '{}': {}", space_.name(),
                              rule.constraint.text(), ranges));
    }
  }

  // An architecture whose layers are all equal.
  Genome Homogeneous(std::int32_t n_layer, std::int32_t d_model, std::int32_t d_inner,
                     std::int32_t n_head) const {
    Genome genome(static_cast<std::size_t>(space_.gene_count()), 0);
    genome[SearchSpace::kNLayer] = n_layer;
    genome[SearchSpace::kDModel] = d_model;
    for (std::int64_t l = 0; l < space_.ActiveLayers(genome); ++l) {
      genome[static_cast<std::size_t>(space_.Gene(SearchSpace::kDInner, l))] = d_inner;
      genome[static_cast<std::size_t>(space_.Gene(SearchSpace::kNHead, l))] = n_head;
    }
    return genome;
  }

  // Looks for a homogeneous architecture that satisfies everything. Without metrics in the rules
  // layers do not know of each other, so a per-layer space is empty exactly when this finds none.
  bool ScanHomogeneous() {
    std::int64_t points = 0;
    for (const std::int32_t n_layer : space_.allowed_[SearchSpace::kNLayer]) {
      for (const std::int32_t d_model : space_.allowed_[SearchSpace::kDModel]) {
        if (++points > kMaxPoints) return scanned_everything_ = false;
        const auto value = [&](int dimension, std::int32_t index) {
          return static_cast<double>(space_.values(dimension)[static_cast<std::size_t>(index)]);
        };
        const double layers = value(SearchSpace::kNLayer, n_layer);
        const double width = value(SearchSpace::kDModel, d_model);
        const SlotBounds bounds =
            BoundsOf({Bounds{layers, layers}, Bounds{width, width}, Allowed(SearchSpace::kDInner),
                      Allowed(SearchSpace::kNHead)});
        if (std::ranges::any_of(space_.rules_,
                                [&](const auto& rule) { return !CanHold(rule, bounds); }))
          continue;
        for (const std::int32_t d_inner : space_.allowed_[SearchSpace::kDInner]) {
          for (const std::int32_t n_head : space_.allowed_[SearchSpace::kNHead]) {
            if (++points > kMaxPoints) return scanned_everything_ = false;
            if (space_.Satisfies(Homogeneous(n_layer, d_model, d_inner, n_head), workload_))
              return true;
          }
        }
      }
    }
    return false;
  }

  RuleMask MaskOf(const Genome& genome) const {
    const SearchSpace::Layer layer = space_.LayerAt(genome, 0);
    const std::array<std::int64_t, SearchSpace::kDimensions> dimensions{
        layer.n_layer, layer.d_model, layer.d_inner, layer.n_head};
    const bool divides = layer.d_model % layer.n_head == 0;
    RuleMask mask = divides ? kDivides : 0;
    std::optional<Architecture> architecture;
    if (divides && !counted_.empty()) architecture = space_.Decode(genome);
    std::optional<CountedMetrics> counted;
    if (architecture) counted.emplace(*architecture, workload_, space_.own_law());
    for (std::size_t i = 0; i < space_.rules_.size(); ++i) {
      const SearchSpace::Rule& rule = space_.rules_[i];
      bool holds = rule.counted && !counted;  // nothing to count: do not blame this rule
      if (!holds) {
        std::vector<double> arguments;
        for (const int slot : rule.slots) {
          arguments.push_back(
              slot < SearchSpace::kDimensions
                  ? static_cast<double>(dimensions[static_cast<std::size_t>(slot)])
                  : counted->Value(static_cast<Metric>(slot - SearchSpace::kDimensions)));
        }
        holds = rule.constraint.Holds(arguments);
      }
      if (holds) mask |= RuleMask{1} << i;
    }
    return mask;
  }

  // The rules that each of many homogeneous architectures satisfies: all of them in a small space,
  // else draws.
  std::set<RuleMask> Masks(Rng& rng) const {
    std::set<RuleMask> masks;
    double points = 1;
    std::array<std::int64_t, SearchSpace::kDimensions> counts{};
    for (int d = 0; d < SearchSpace::kDimensions; ++d) {
      counts[static_cast<std::size_t>(d)] = std::ssize(space_.values(d));
      points *= static_cast<double>(counts[static_cast<std::size_t>(d)]);
    }
    const bool all = points <= kDraws;
    const auto total = all ? static_cast<std::int64_t>(points) : std::int64_t{kDraws};
    for (std::int64_t point = 0; point < total; ++point) {
      std::array<std::int32_t, SearchSpace::kDimensions> index{};
      std::int64_t rest = point;
      for (std::size_t d = 0; d < index.size(); ++d) {
        index[d] = static_cast<std::int32_t>(all ? rest % counts[d] : rng.Below(counts[d]));
        rest /= counts[d];
      }
      masks.insert(MaskOf(Homogeneous(index[0], index[1], index[2], index[3])));
    }
    return masks;
  }

  // Throws with a smallest set of rules that no architecture looked at satisfies together: rules
  // are left out one by one as long as the rest still excludes everything.
  [[noreturn]] void Blame(bool proven, Rng& rng) const {
    const std::set<RuleMask> masks = Masks(rng);
    RuleMask core = kDivides;
    for (std::size_t i = 0; i < space_.rules_.size(); ++i) core |= RuleMask{1} << i;
    for (int bit = 63; bit >= 0; --bit) {
      const RuleMask without = core & ~(RuleMask{1} << bit);
      if (without != core && !Covers(masks, without)) core = without;
    }
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < space_.rules_.size(); ++i) {
      if ((core >> i & 1) != 0)
        texts.push_back(fmt::format("'{}'", space_.rules_[i].constraint.text()));
    }
    if ((core & kDivides) != 0) texts.emplace_back("'d_model % n_head == 0'");
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("space '{}': {} {}{}; loosen {}", space_.name(),
                            proven ? std::string("no architecture satisfies")
                                   : fmt::format("none of {} draws satisfies", kDraws),
                            fmt::join(texts, " and "), texts.size() > 1 ? " together" : "",
                            texts.size() > 1 ? "one of them" : "it"));
  }

  const SearchSpace& space_;
  const Workload& workload_;
  std::set<Metric> counted_;  // named by rules
  bool scanned_everything_ = true;
};

void CheckNotEmpty(const SearchSpace& space, const Workload& workload) {
  EmptinessProof(space, workload).Run();
}

}  // namespace lts
