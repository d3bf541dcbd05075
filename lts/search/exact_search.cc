#include "lts/search/exact_search.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "lts/base/error.h"
#include "lts/cost/design.h"
#include "lts/search/certificate.h"
#include "lts/search/population.h"

namespace lts {
namespace {

// Of what was evaluated, at least this part is new in each batch: thinking stays a share of
// measuring.
constexpr std::int64_t kBatchShare = 8;
// The solver makes some 2 million states in a second, in which one architecture can be measured: a
// space that takes longer to solve is solved less often.
constexpr std::int64_t kStatesPerModel = 2'000'000;

struct Parameters {
  double tolerance = 0.02;
  std::int64_t initial_models = 12;
  std::int64_t batch_size = 8;
  std::int64_t num_iters = 0;
};

Parameters Read(const Json& json) {
  ObjectReader reader(json, "parameters of exact");
  Parameters p;
  p.tolerance = reader.DoubleOr("tolerance", 0, 1, p.tolerance);
  p.initial_models = reader.IntOr("initial_models", 3, 1000, p.initial_models);
  p.batch_size = reader.IntOr("batch_size", 1, 1000, p.batch_size);
  p.num_iters = reader.IntOr("num_iters", 0, 1'000'000'000, p.num_iters);
  reader.RejectUnknown();
  return p;
}

Json Defaults() {
  const Parameters p;
  Json json = Json::MakeObject();
  json["tolerance"] = p.tolerance;
  json["initial_models"] = p.initial_models;
  json["batch_size"] = p.batch_size;
  json["num_iters"] = p.num_iters;
  return json;
}

// What tells a model most for its time, before anything is known.
std::vector<Genome> FirstBatch(const SearchSpace& space, const SearchOptions& options,
                               std::int64_t count) {
  Rng rng(options.seed);
  if (!space.Sample(rng, options.workload)) return {};
  const CostContext context = CostContextOf(space, options);
  const Design design(space, context, {.seed = options.seed});
  std::vector<Genome> genomes;
  for (const Architecture& architecture :
       design.Next({}, static_cast<std::size_t>(count),
                   [&](const Architecture& a) { return PriorLatencyMs(context, a); })) {
    const std::optional<Genome> genome = space.Encode(architecture);
    LTS_CHECK(genome.has_value());
    genomes.push_back(*genome);
  }
  return genomes;
}

SearchResult Run(const SearchSpace& space, const SearchOptions& options, Evaluator& evaluator,
                 SearchObserver* observer) {
  const Parameters p = Read(options.parameters);
  SearchRun run(space, options, evaluator, observer);
  Certifier certifier(space, options, p.tolerance);
  if (!certifier.measures()) {
    certifier.Update({});
    std::vector<Genome> front;
    for (const Certifier::Predicted& member : certifier.PredictedFront())
      front.push_back(member.genome);
    if (!front.empty() && !run.Evaluate(front)) return run.Finish("");
    return run.Finish("certified");
  }
  Rng rng(options.seed);
  FreshDraws draws(space, options.workload, rng);
  const std::vector<Genome> first = FirstBatch(space, options, p.initial_models);
  if (first.empty()) return run.Finish("space exhausted");
  if (!run.Evaluate(first)) return run.Finish("");
  while (true) {
    const Certificate& certificate = certifier.Update(run.evaluated());
    if (certificate.certified()) return run.Finish("certified");
    const std::int64_t size =
        std::max({p.batch_size, std::ssize(run.evaluated()) / kBatchShare,
                  std::min(certificate.points / kStatesPerModel, std::ssize(run.evaluated()))});
    Batch batch(run);
    for (const Genome& genome : certifier.Next(size)) batch.Add(genome);
    // Without a gap to close there is no model yet, or nothing measured that counts.
    if (batch.empty()) draws.Fill(batch, size);
    if (batch.empty()) return run.Finish("space exhausted");
    if (!run.Evaluate(batch.genomes())) return run.Finish("");
    if (p.num_iters > 0 && run.iterations() == p.num_iters + 1) return run.Finish("iterations");
  }
}

}  // namespace

ExactOutcome ConcludeExactSearch(const SearchSpace& space, const SearchOptions& options,
                                 std::span<const EvaluatedCandidate> evaluated) {
  Certifier certifier(space, options, Read(options.parameters).tolerance);
  certifier.Update(evaluated);
  certifier.CrossValidate();
  certifier.PredictedFront();
  ExactOutcome outcome{.certificate = certifier.certificate(), .expected = {}};
  std::set<Genome> known;
  for (const EvaluatedCandidate& e : evaluated) known.insert(e.candidate.genome);
  for (const Certifier::Predicted& member : certifier.PredictedFront()) {
    if (known.contains(member.genome)) continue;
    std::vector<double> objectives = member.objectives;
    for (std::size_t o = 0; o < objectives.size(); ++o) {
      if (options.objectives[o].direction == Direction::kMaximize) objectives[o] *= -1;
    }
    outcome.expected.push_back({member.genome, std::move(objectives)});
  }
  std::ranges::sort(outcome.expected, {}, &ExactOutcome::Expected::objectives);
  const std::size_t all = outcome.expected.size();
  if (all > kMaxExpected) {
    std::vector<ExactOutcome::Expected> spread;  // beside them: a member may keep its index
    for (std::size_t i = 0; i < kMaxExpected; ++i)
      spread.push_back(std::move(outcome.expected[i * (all - 1) / (kMaxExpected - 1)]));
    outcome.expected = std::move(spread);
  }
  return outcome;
}

const SearchAlgorithm kExactSearch = {
    .name = "exact",
    .summary = "the whole space's front by a cost model, solved exactly and measured: certified",
    .run = Run,
    .default_parameters = Defaults,
    .models_metrics = true,
};

}  // namespace lts
