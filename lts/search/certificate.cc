#include "lts/search/certificate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/thread_pool.h"
#include "lts/search/cover.h"
#include "lts/search/pareto.h"
#include "lts/search/separable_space.h"

namespace lts {
namespace {

constexpr std::int64_t kEnumerateUpTo = 300'000;
// The model's own minimum (cost_model.h).
constexpr std::size_t kMinObservations = 3;
// A fit takes the cube of its observations, 0.7 s for so many: beyond them the design's and the
// latest, which lie where the front is open, stand for all.
constexpr std::ptrdiff_t kFirst = 24;
constexpr std::ptrdiff_t kLatest = 96;
// What Next() weighs against each other takes the square of so many, some fifty times.
constexpr std::size_t kMostOpen = 400;
constexpr int kHalvings = 10;
constexpr double kFarthest = 10;  // a gap in place of an infinite one

bool SatisfiesLimits(const SeparableSpace& space, const ExactMember& member) {
  if (space.limits() == 0) return true;
  const std::vector<std::int64_t> totals = space.TotalsOf(member);
  for (std::int64_t l = 0; l < space.limits(); ++l) {
    if (!space.Satisfies(l, member.family, member.depth, totals)) return false;
  }
  return true;
}

}  // namespace

Json Certificate::ToJson() const {
  Json json = Json::MakeObject();
  if (space.exact) json["space_points"] = *space.exact;
  json["space_log10"] = space.log10;
  json["method"] = method;
  json["points"] = points;
  json["measured"] = measured;
  json["predicted_front"] = predicted_front;
  json["tolerance"] = tolerance;
  json["reached"] = std::isfinite(reached) ? Json(reached) : Json();
  json["certified"] = certified();
  json["worst"] = worst;
  Json list = Json::MakeArray();
  for (const Model& model : models) {
    Json entry = Json::MakeObject();
    entry["metric"] = Info(model.metric).name;
    entry["observations"] = model.quality.observations;
    entry["median_error"] = model.quality.median_error;
    entry["p95_error"] = model.quality.p95_error;
    entry["coverage"] = model.quality.coverage;
    list.Append(std::move(entry));
  }
  json["models"] = std::move(list);
  return json;
}

CostContext CostContextOf(const SearchSpace& space, const SearchOptions& options) {
  const SpaceFields& fields = space.fields();
  return {.backbone = fields.backbone,
          .vocab_size = fields.vocab_size,
          .max_seq_len = fields.max_seq_len,
          .config = options.config,
          .workload = options.workload};
}

std::optional<CostModel> FitCostModel(const SearchSpace& space, const SearchOptions& options,
                                      std::span<const EvaluatedCandidate> evaluated,
                                      std::span<const Metric> predicted) {
  std::vector<Observation> observations;
  for (const EvaluatedCandidate& e : evaluated) {
    Observation observation{e.candidate.architecture, {}};
    for (const Measurement& m : e.score.measurements) {
      if (std::ranges::find(predicted, m.metric) != predicted.end() && m.value > 0)
        observation.measurements.push_back(m);
    }
    if (observation.measurements.size() == predicted.size())
      observations.push_back(std::move(observation));
  }
  if (observations.size() < kMinObservations) return std::nullopt;
  if (observations.size() > kFirst + kLatest) {
    observations.erase(observations.begin() + kFirst, observations.end() - kLatest);
  }
  return CostModel(CostContextOf(space, options), observations);
}

struct Certifier::Impl {
  // A point of the space that may still be better than what was measured.
  struct Entry {
    ExactMember member;
    Point optimistic;  // as GapPoint() has it
    double gap = 0;
  };

  Impl(const SearchSpace& a_space, const SearchOptions& an_options, double tolerance)
      : space(a_space),
        options(an_options),
        expected(a_space, an_options),
        optimistic(expected),
        pool(an_options.threads) {
    certificate.space = a_space.Size();
    certificate.tolerance = tolerance;
    enumerate = certificate.space.exact && *certificate.space.exact <= kEnumerateUpTo;
    certificate.method = enumerate ? "enumeration" : "dynamic programming";
  }

  bool Fit(std::span<const EvaluatedCandidate> evaluated);
  void Solve();
  void SolveExpected();
  void FindGaps(std::span<const EvaluatedCandidate> evaluated);
  Point Minimised(const std::vector<double>& objectives) const;
  Point GapPoint(Point minimised) const;

  const SearchSpace& space;
  const SearchOptions& options;
  SeparableSpace expected;
  SeparableSpace optimistic;
  bool enumerate = false;
  std::optional<CostModel> model;
  Certificate certificate;
  std::vector<Entry> entries;                       // not evaluated
  std::optional<std::vector<Predicted>> predicted;  // nullopt: not solved yet
  ThreadPool pool;
};

Certifier::Certifier(const SearchSpace& space, const SearchOptions& options, double tolerance)
    : impl_(std::make_unique<Impl>(space, options, tolerance)) {}
Certifier::~Certifier() = default;

bool Certifier::measures() const { return !impl_->expected.predicted().empty(); }
const std::vector<Certifier::Predicted>& Certifier::PredictedFront() {
  if (!impl_->predicted) impl_->SolveExpected();
  return *impl_->predicted;
}
const Certificate& Certifier::certificate() const { return impl_->certificate; }
const CostModel* Certifier::model() const { return impl_->model ? &*impl_->model : nullptr; }

Point Certifier::Impl::Minimised(const std::vector<double>& objectives) const {
  Point point = objectives;
  for (std::size_t o = 0; o < point.size(); ++o) {
    if (options.objectives[o].direction == Direction::kMaximize) point[o] = -point[o];
  }
  return point;
}

// Values whose factors are gaps: of a law that predicts a loss, the perplexity.
Point Certifier::Impl::GapPoint(Point minimised) const {
  for (std::size_t o = 0; o < minimised.size(); ++o) {
    const MetricInfo& info = MetricByName(options.objectives[o].name);
    const double scale = info.by_law ? LossScale(FindLaw(info.name), space.own_law()) : 0;
    if (scale > 0) minimised[o] = std::exp(scale * minimised[o]);
  }
  return minimised;
}

bool Certifier::Impl::Fit(std::span<const EvaluatedCandidate> evaluated) {
  model.reset();
  if (expected.predicted().empty()) return true;
  model = FitCostModel(space, options, evaluated, expected.predicted());
  return model.has_value();
}

void Certifier::Impl::Solve() {
  expected.SetModel(model ? &*model : nullptr, Outlook::kExpected);
  optimistic.SetModel(model ? &*model : nullptr, Outlook::kOptimistic);
  entries.clear();
  predicted.reset();
  certificate.predicted_front = 0;
  certificate.points = 0;
  if (enumerate) {
    optimistic.ForEachMember([&](const ExactMember& member) {
      if (SatisfiesLimits(optimistic, member))
        entries.push_back({member, GapPoint(optimistic.PointOf(member)), 0});
      ++certificate.points;
    });
  } else {
    ExactFront front = SolveExactly(optimistic, &pool);
    certificate.points = front.states;
    for (ExactMember& member : front.members) {
      Point point = GapPoint(member.objectives);
      entries.push_back({std::move(member), std::move(point), 0});
    }
  }
  if (model) return;
  // Where nothing is predicted the best that may be is what is.
  std::vector<Point> points;
  for (const Entry& entry : entries) points.push_back(entry.optimistic);
  predicted.emplace();
  for (const std::int64_t i : ParetoFront(points)) {
    const Entry& entry = entries[static_cast<std::size_t>(i)];
    predicted->push_back({optimistic.GenomeOf(entry.member), optimistic.PointOf(entry.member)});
  }
  certificate.predicted_front = std::ssize(*predicted);
}

void Certifier::Impl::SolveExpected() {
  predicted.emplace();
  if (enumerate) {
    std::vector<ExactMember> members;
    std::vector<Point> points;
    expected.ForEachMember([&](const ExactMember& member) {
      if (!SatisfiesLimits(expected, member)) return;
      members.push_back(member);
      points.push_back(expected.PointOf(member));
    });
    for (const std::int64_t i : ParetoFront(points)) {
      const auto at = static_cast<std::size_t>(i);
      predicted->push_back({expected.GenomeOf(members[at]), points[at]});
    }
  } else {
    for (ExactMember& member : SolveExactly(expected, &pool).members)
      predicted->push_back({expected.GenomeOf(member), std::move(member.objectives)});
  }
  certificate.predicted_front = std::ssize(*predicted);
}

void Certifier::Impl::FindGaps(std::span<const EvaluatedCandidate> evaluated) {
  std::set<Genome> known;
  std::vector<Point> measured;
  for (const EvaluatedCandidate& e : evaluated) {
    known.insert(optimistic.RepresentativeOf(e.candidate.architecture));
    if (e.score.feasible && !e.score.objectives.empty())
      measured.push_back(GapPoint(Minimised(e.score.objectives)));
  }
  const auto on_front = ParetoFront(measured);
  std::vector<Point> covers;
  covers.reserve(on_front.size());
  for (const std::int64_t i : on_front) covers.push_back(measured[static_cast<std::size_t>(i)]);

  certificate.measured = std::ssize(evaluated);
  certificate.reached = 0;
  certificate.worst.clear();
  std::erase_if(entries, [&](Entry& entry) {
    const bool evaluated_already = known.contains(optimistic.GenomeOf(entry.member));
    if (enumerate && evaluated_already) return true;
    entry.gap = std::numeric_limits<double>::infinity();
    for (const Point& m : covers) entry.gap = std::min(entry.gap, Gap(m, entry.optimistic));
    if (entry.gap > certificate.reached) {
      certificate.reached = entry.gap;
      certificate.worst = space.Decode(optimistic.GenomeOf(entry.member)).ShortName();
    }
    return evaluated_already || entry.gap == 0;
  });
}

const Certificate& Certifier::Update(std::span<const EvaluatedCandidate> evaluated) {
  Impl& impl = *impl_;
  if (!impl.Fit(evaluated)) {
    impl.predicted.emplace();
    impl.certificate.measured = std::ssize(evaluated);
    impl.certificate.reached = std::numeric_limits<double>::infinity();
    return impl.certificate;
  }
  impl.Solve();
  impl.FindGaps(evaluated);
  return impl.certificate;
}

void Certifier::CrossValidate() {
  Impl& impl = *impl_;
  impl.certificate.models.clear();
  if (!impl.model) return;
  for (const Metric metric : impl.expected.predicted())
    impl.certificate.models.push_back({metric, impl.model->CrossValidate(metric)});
}

std::vector<Genome> Certifier::Next(std::int64_t count) const {
  const Impl& impl = *impl_;
  // The open points that no other one dominates: what covers these covers all. Of very many every
  // so-manieth, in order of their gaps.
  std::vector<std::size_t> open;
  std::vector<Point> points;
  for (std::size_t i = 0; i < impl.entries.size(); ++i) {
    if (impl.entries[i].gap <= impl.certificate.tolerance) continue;
    open.push_back(i);
    points.push_back(impl.entries[i].optimistic);
  }
  if (open.empty() || count <= 0) return {};
  std::vector<std::size_t> front;
  for (const std::int64_t i : ParetoFront(points))
    front.push_back(open[static_cast<std::size_t>(i)]);
  open = std::move(front);
  std::ranges::stable_sort(open, std::greater(),
                           [&](std::size_t i) { return impl.entries[i].gap; });
  if (open.size() > kMostOpen) {
    for (std::size_t i = 0; i < kMostOpen; ++i) open[i] = open[i * open.size() / kMostOpen];
    open.resize(kMostOpen);
  }
  const std::size_t n = open.size();
  std::vector<double> now(n);       // the gaps of the open points
  std::vector<double> gaps(n * n);  // [candidate, open point]
  for (std::size_t c = 0; c < n; ++c) {
    now[c] = impl.entries[open[c]].gap;
    const Point expected = impl.GapPoint(impl.expected.PointOf(impl.entries[open[c]].member));
    for (std::size_t p = 0; p < n; ++p)
      gaps[c * n + p] = c == p ? 0 : Gap(expected, impl.entries[open[p]].optimistic);
  }
  // The least gap that so many can reach.
  const auto most = static_cast<std::size_t>(std::max(count, impl.certificate.measured));
  double low = impl.certificate.tolerance;
  std::vector<std::size_t> chosen = GreedyCover(gaps, now, low, most);
  double high = low;
  if (chosen.size() > most) {
    high = std::min(now.front(), kFarthest);
    for (int i = 0; i < kHalvings; ++i) {
      const double middle = std::sqrt((1 + low) * (1 + high)) - 1;
      std::vector<std::size_t> at_middle = GreedyCover(gaps, now, middle, most);
      (at_middle.size() > most ? low : high) = middle;
      if (at_middle.size() <= most) chosen = std::move(at_middle);
    }
  }
  // What covers the widest gap comes first, then what covers most: the search may end before the
  // last of them.
  const auto covers_widest = [&](std::size_t c) { return gaps[c * n] <= high; };
  const auto first = std::ranges::find_if(chosen, covers_widest);
  if (first != chosen.end()) std::rotate(chosen.begin(), first, first + 1);
  std::vector<Genome> next;
  for (const std::size_t c : chosen) {
    if (std::ssize(next) == count) break;
    next.push_back(impl.expected.GenomeOf(impl.entries[open[c]].member));
  }
  return next;
}

}  // namespace lts
