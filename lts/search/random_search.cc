#include "lts/search/random_search.h"

#include "lts/search/population.h"

namespace lts {
namespace {

constexpr std::int64_t kEnumerateBelow =
    20'000;  // tens of milliseconds when metrics have to be counted

struct Parameters {
  std::int64_t num_iters = 0;
  std::int64_t samples_per_iteration = 10;
};

Parameters Read(const Json& json) {
  ObjectReader reader(json, "parameters of random");
  Parameters p;
  p.num_iters = reader.IntOr("num_iters", 0, 1'000'000'000, p.num_iters);
  p.samples_per_iteration =
      reader.IntOr("samples_per_iteration", 1, 100'000, p.samples_per_iteration);
  reader.RejectUnknown();
  return p;
}

Json Defaults() {
  const Parameters p;
  Json json = Json::MakeObject();
  json["num_iters"] = p.num_iters;
  json["samples_per_iteration"] = p.samples_per_iteration;
  return json;
}

SearchResult Run(const SearchSpace& space, const SearchOptions& options, Evaluator& evaluator,
                 SearchObserver* observer) {
  const Parameters p = Read(options.parameters);
  SearchRun run(space, options, evaluator, observer);
  Rng rng(options.seed);
  FreshDraws draws(space, options.workload, rng, kEnumerateBelow);
  while (true) {
    Batch batch(run);
    draws.Fill(batch, p.samples_per_iteration);
    if (batch.empty()) return run.Finish("space exhausted");
    if (!run.Evaluate(batch.genomes())) return run.Finish("");
    if (run.iterations() == p.num_iters) return run.Finish("iterations");
  }
}

}  // namespace

const SearchAlgorithm kRandomSearch = {
    .name = "random",
    .summary = "distinct random draws: the baseline",
    .run = Run,
    .default_parameters = Defaults,
};

}  // namespace lts
