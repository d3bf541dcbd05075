#include "lts/job/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/cost/cost_model.h"
#include "lts/job/stored_run.h"
#include "lts/objectives/objective.h"
#include "lts/search/certificate.h"

namespace lts {
namespace {

constexpr std::int64_t kEnumerateUpTo = 300'000;
constexpr std::size_t kMaxFailures = 20;  // shown of each check
// The certificate is written with all digits; what differs is the rounding of sums.
constexpr double kRounding = 1e-6;

void Fail(VerifyCheck& check, std::string failure) {
  if (check.failures.size() < kMaxFailures) check.failures.push_back(std::move(failure));
}

struct PublishedMember {
  std::vector<double> objectives;
  bool near_tie = false;
};

struct Published {
  std::map<std::string, PublishedMember> members;  // by id
  std::optional<double> reached;                   // of the certificate
  bool has_certificate = false;
};

Published ReadFront(const std::string& file, const RunSettings& settings, VerifyCheck& check) {
  Published front;
  const Json json = ReadJsonFile(file);
  ObjectReader reader(json, file);
  if (reader.String("format") != "lts-front") reader.Fail("format", "expected 'lts-front'");
  const Json& members = reader.Member("front");
  if (!members.is_array()) reader.Fail("front", "expected an array");
  for (const Json& element : members.AsArray()) {
    ObjectReader member(element, file + ": front");
    const std::string id = member.String("id");
    const Json& values = member.Member("objectives");
    ObjectReader objectives(values, file + ": " + id + ": objectives");
    std::vector<double> point;
    for (const ObjectiveSpec& spec : settings.objectives) {
      constexpr double kMax = std::numeric_limits<double>::max();
      point.push_back(objectives.Double(spec.name, -kMax, kMax));
    }
    const bool near_tie = member.BoolOr("near_tie", false);
    if (!front.members.emplace(id, PublishedMember{std::move(point), near_tie}).second)
      Fail(check, fmt::format("{} is listed twice", id));
  }
  if (reader.Has("certificate")) {
    const Json& certificate = reader.Member("certificate");
    ObjectReader fields(certificate, file + ": certificate");
    front.has_certificate = true;
    if (fields.Has("reached"))
      front.reached = fields.Double("reached", 0, std::numeric_limits<double>::max());
  }
  return front;
}

bool Finite(const std::vector<double>& values) {
  return !values.empty() &&
         std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

// The worst and the best that each objective may be, as costs: a maximised one is negated.
struct Costs {
  std::vector<double> value;
  std::vector<Interval> interval;
};
Costs CostsOf(const RunMember& member, std::span<const ObjectiveSpec> specs) {
  Costs costs{member.evaluation.objectives,
              ObjectiveIntervals(member.evaluation.objectives, specs, member.measurements)};
  for (std::size_t j = 0; j < specs.size(); ++j) {
    if (specs[j].direction == Direction::kMinimize) continue;
    costs.value[j] *= -1;
    costs.interval[j] = {-costs.interval[j].high, -costs.interval[j].low};
  }
  return costs;
}

bool DominatesByValue(const Costs& a, const Costs& b) {
  bool better = false;
  for (std::size_t j = 0; j < a.value.size(); ++j) {
    if (a.value[j] > b.value[j]) return false;
    better = better || a.value[j] < b.value[j];
  }
  return better;
}

// Whatever the true values inside the intervals are (search/near_ties.h).
bool DominatesForSure(const Costs& a, const Costs& b) {
  bool better = false;
  for (std::size_t j = 0; j < a.value.size(); ++j) {
    if (a.interval[j].high > b.interval[j].low) return false;
    better = better || a.interval[j].high < b.interval[j].low;
  }
  return better;
}

VerifyCheck CheckMembers(const StoredRun& stored, const Published& front, VerifyCheck check) {
  std::map<std::string, const RunMember*> evaluated;
  for (const RunMember& member : stored.members) evaluated[member.architecture.Id()] = &member;
  for (const auto& [id, member] : front.members) {
    const auto found = evaluated.find(id);
    if (found == evaluated.end()) {
      Fail(check, fmt::format("{} was never evaluated in this run", id));
    } else if (found->second->evaluation.objectives != member.objectives) {
      Fail(check, fmt::format("{}: its objectives are not those that were measured", id));
    }
  }
  check.what = fmt::format("{} members, {} evaluations", front.members.size(), evaluated.size());
  return check;
}

VerifyCheck CheckConstraints(const StoredRun& stored, const SearchPlan& plan,
                             const Published& front) {
  VerifyCheck check{.name = "constraints", .what = {}, .failures = {}};
  for (const RunMember& member : stored.members) {
    const std::string id = member.architecture.Id();
    if (!front.members.contains(id)) continue;
    const std::optional<Genome> genome = plan.space.Encode(member.architecture);
    std::string violated = "the space's dimensions";
    if (!genome || !plan.space.Satisfies(*genome, stored.settings.workload, &violated)) {
      Fail(check, fmt::format("{} violates {}", id, violated));
    } else if (!SatisfiesMeasured(plan, member.architecture, member.measurements)) {
      Fail(check, fmt::format("{} violates a constraint on what was measured", id));
    }
  }
  check.what = fmt::format("space '{}' and {} measured constraints", plan.space.name(),
                           plan.measured_constraints.size());
  return check;
}

// By the definitions, pair by pair; of points with equal values one on the front is enough.
VerifyCheck CheckDominance(const StoredRun& stored, const Published& front) {
  VerifyCheck check{.name = "dominance", .what = {}, .failures = {}};
  std::vector<std::pair<std::string, Costs>> points;
  for (const RunMember& member : stored.members) {
    std::string id = member.architecture.Id();
    if (member.evaluation.feasible && Finite(member.evaluation.objectives)) {
      points.emplace_back(std::move(id), CostsOf(member, stored.settings.objectives));
    } else if (front.members.contains(id)) {
      Fail(check, fmt::format("{} is no feasible measurement", id));
    }
  }
  for (const auto& [id, costs] : points) {
    const std::string* by_value = nullptr;
    const std::string* for_sure = nullptr;
    bool repeats = false;
    for (const auto& [other_id, other] : points) {
      if (other_id == id) continue;
      repeats = repeats || other.value == costs.value;
      if (DominatesByValue(other, costs)) by_value = &other_id;
      if (DominatesForSure(other, costs)) for_sure = &other_id;
    }
    const auto listed = front.members.find(id);
    if (listed == front.members.end()) {
      if (for_sure == nullptr && !repeats) {
        Fail(check, fmt::format("{} is missing from the front: nothing dominates it{}", id,
                                by_value == nullptr ? "" : " beyond the intervals"));
      }
    } else if (for_sure != nullptr || (by_value != nullptr && !listed->second.near_tie)) {
      Fail(check, fmt::format("{} is on the front, but {} dominates it", id,
                              for_sure != nullptr ? *for_sure : *by_value));
    } else if (by_value == nullptr && listed->second.near_tie && !repeats) {
      Fail(check, fmt::format("{} is marked as a near-tie, but nothing dominates it", id));
    }
  }
  check.what = fmt::format("{} pairs", points.size() * (points.empty() ? 0 : points.size() - 1));
  return check;
}

// The better end of what an unmeasured architecture may turn out to be.
class Optimist {
 public:
  Optimist(const StoredRun& stored, const SearchPlan& plan, const CostModel* model)
      : stored_(stored), plan_(plan), model_(model) {}

  std::vector<double> Best(const Architecture& architecture) const {
    std::vector<double> best;
    for (std::size_t j = 0; j < plan_.objectives.size(); ++j)
      best.push_back(
          Best(*plan_.objectives[j], stored_.settings.objectives[j].direction, architecture));
    return best;
  }

  // False when even the better ends violate a constraint that bounds one metric. Others keep it.
  bool MaySatisfy(const Architecture& architecture) const {
    return std::ranges::all_of(plan_.measured_constraints, [&](const Constraint& constraint) {
      return constraint.CanHold([&](std::string_view name) -> Constraint::Bounds {
        const auto span = [](double value) { return Constraint::Bounds{value, value}; };
        if (name == "n_layer") return span(static_cast<double>(architecture.n_layer()));
        if (name == "d_model") return span(static_cast<double>(architecture.d_model()));
        if (name == "d_inner" || name == "n_head")
          return {-std::numeric_limits<double>::infinity(),
                  std::numeric_limits<double>::infinity()};
        const Objective& objective = FindObjective(name);
        return {Best(objective, Direction::kMinimize, architecture),
                Best(objective, Direction::kMaximize, architecture)};
      });
    });
  }

 private:
  double Best(const Objective& objective, Direction direction,
              const Architecture& architecture) const {
    if (objective.by == MeasuredBy::kCounting) {
      return Count(objective, architecture, stored_.settings.workload, stored_.settings.config,
                   stored_.settings.own_law())
          .value;
    }
    const Estimate estimate =
        model_->Predict(objective.metric, architecture, IntervalOf::kTrueValue);
    return direction == Direction::kMinimize ? estimate.low : estimate.high;
  }

  const StoredRun& stored_;
  const SearchPlan& plan_;
  const CostModel* model_;
};

double Gap(const std::vector<double>& m, const std::vector<double>& x,
           std::span<const ObjectiveSpec> specs, const LtsLawFit* own_law) {
  double gap = 0;
  for (std::size_t j = 0; j < specs.size(); ++j) {
    const bool minimize = specs[j].direction == Direction::kMinimize;
    const double worse = minimize ? m[j] : x[j];
    const double better = minimize ? x[j] : m[j];
    if (worse <= better) continue;
    const MetricInfo& info = MetricByName(specs[j].name);
    const double loss_scale = info.by_law ? LossScale(FindLaw(info.name), own_law) : 0;
    if (loss_scale > 0) {
      gap = std::max(gap, std::expm1(loss_scale * (worse - better)));
      continue;
    }
    if (worse <= 0 || better <= 0) return std::numeric_limits<double>::infinity();
    gap = std::max(gap, worse / better - 1);
  }
  return gap;
}

// Equal for architectures that differ in the order of layers that cost the same in any order: all,
// or all but the last, of which an engine may compute less in a prefill.
std::string IdWithoutOrder(const Architecture& architecture, bool prefill) {
  ArchitectureFields fields = architecture.fields();
  std::sort(fields.layers.begin(), fields.layers.end() - (prefill ? 1 : 0),
            [](const LayerShape& a, const LayerShape& b) {
              return std::pair(a.d_inner, a.n_head) < std::pair(b.d_inner, b.n_head);
            });
  return Architecture(std::move(fields)).Id();
}

std::vector<Genome> Looked(const StoredRun& stored, const SearchPlan& plan,
                           const VerifyOptions& options) {
  const Workload& workload = stored.settings.workload;
  const SpaceSize size = plan.space.Size();
  if (size.exact && *size.exact <= kEnumerateUpTo) return plan.space.Enumerate(workload);
  std::set<Genome> genomes;
  Rng rng(options.seed);
  for (std::int64_t i = 0; i < options.samples; ++i) {
    if (std::optional<Genome> genome = plan.space.Sample(rng, workload))
      genomes.insert(*std::move(genome));
  }
  for (const RunMember& member : stored.members) {
    const std::optional<Genome> genome = plan.space.Encode(member.architecture);
    if (!genome || std::ssize(genomes) > 10 * options.samples) continue;
    for (std::int64_t gene = 0; gene < plan.space.gene_count(); ++gene) {
      if (plan.space.LayerOf(gene) >= plan.space.ActiveLayers(*genome)) continue;
      for (const int step : {-1, 1}) {
        Genome neighbour = *genome;
        std::int32_t& value = neighbour[static_cast<std::size_t>(gene)];
        value += step;
        if (value < 0 || value >= plan.space.GeneValues(gene)) continue;
        neighbour = plan.space.Canonical(std::move(neighbour));
        if (plan.space.Satisfies(neighbour, workload)) genomes.insert(std::move(neighbour));
      }
    }
  }
  return {genomes.begin(), genomes.end()};
}

VerifyCheck CheckCertificate(const StoredRun& stored, const SearchPlan& plan,
                             const Published& front, const VerifyOptions& options) {
  VerifyCheck check{.name = "certificate", .what = {}, .failures = {}};
  if (!front.reached) {
    check.what = "none was reached, nothing is claimed";
    return check;
  }
  const std::vector<EvaluatedCandidate> evaluated = EvaluatedOf(stored, plan);
  std::vector<Metric> predicted = plan.measured;
  std::erase(predicted, Metric::kLatencyMs);  // from its parts
  std::optional<CostModel> model;
  if (!predicted.empty()) {
    model = FitCostModel(plan.space, plan.search, evaluated, predicted);
    if (!model) {
      Fail(check, "too little was measured for any certificate");
      return check;
    }
  }
  const bool prefill = std::ranges::count(predicted, Metric::kTtftMs) > 0;
  const Optimist optimist(stored, plan, model ? &*model : nullptr);
  std::set<std::string> measured;
  std::vector<const std::vector<double>*> covers;
  for (const RunMember& member : stored.members) {
    measured.insert(IdWithoutOrder(member.architecture, prefill));
    if (member.evaluation.feasible && Finite(member.evaluation.objectives))
      covers.push_back(&member.evaluation.objectives);
  }
  const std::vector<Genome> genomes = Looked(stored, plan, options);
  double reached = 0;
  for (const Genome& genome : genomes) {
    const Architecture architecture = plan.space.Decode(genome);
    if (measured.contains(IdWithoutOrder(architecture, prefill)) ||
        !optimist.MaySatisfy(architecture))
      continue;
    const std::vector<double> best = optimist.Best(architecture);
    double gap = std::numeric_limits<double>::infinity();
    for (const std::vector<double>* cover : covers)
      gap = std::min(gap, Gap(*cover, best, stored.settings.objectives, stored.settings.own_law()));
    reached = std::max(reached, gap);
    if (gap > *front.reached + kRounding) {
      Fail(check, fmt::format("{} may be better than all that was measured by {:.2f} %, certified "
                              "are {:.2f} %",
                              architecture.ShortName(), 100 * gap, 100 * *front.reached));
    }
  }
  check.what = fmt::format("{} architectures looked at, largest gap {:.2f} %, certified {:.2f} %",
                           genomes.size(), 100 * reached, 100 * *front.reached);
  return check;
}

}  // namespace

bool VerifyResult::ok() const {
  return std::ranges::all_of(checks, [](const VerifyCheck& c) { return c.failures.empty(); });
}

VerifyResult VerifyRun(const std::string& folder, const VerifyOptions& options) {
  const StoredRun stored = LoadRun(folder);
  const SearchPlan plan = PlanOfRun(stored.run, stored.where);
  VerifyCheck members{.name = "members", .what = {}, .failures = {}};
  const Published front = ReadFront(folder + "/front.json", stored.settings, members);
  VerifyResult result;
  result.checks.push_back(CheckMembers(stored, front, std::move(members)));
  result.checks.push_back(CheckConstraints(stored, plan, front));
  result.checks.push_back(CheckDominance(stored, front));
  if (front.has_certificate)
    result.checks.push_back(CheckCertificate(stored, plan, front, options));
  return result;
}

}  // namespace lts
