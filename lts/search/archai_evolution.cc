#include "lts/search/archai_evolution.h"

#include "lts/search/population.h"

namespace lts {
namespace {

// As in Archai.
constexpr int kMutationTries = 20;
constexpr int kCrossoverTries = 30;

struct Parameters {
  std::int64_t num_iters = 0;
  std::int64_t init_num_models = 10;
  std::int64_t num_random_mix = 5;
  std::int64_t max_unseen_population = 100;
  std::int64_t mutations_per_parent = 1;
  std::int64_t num_crossovers = 5;
  double mutation_prob = 0.3;
};

Parameters Read(const Json& json) {
  ObjectReader reader(json, "parameters of archai-evolution");
  Parameters p;
  p.num_iters = reader.IntOr("num_iters", 0, 1'000'000'000, p.num_iters);
  p.init_num_models = reader.IntOr("init_num_models", 1, 100'000, p.init_num_models);
  p.num_random_mix = reader.IntOr("num_random_mix", 0, 100'000, p.num_random_mix);
  p.max_unseen_population =
      reader.IntOr("max_unseen_population", 1, 100'000, p.max_unseen_population);
  p.mutations_per_parent = reader.IntOr("mutations_per_parent", 0, 1000, p.mutations_per_parent);
  p.num_crossovers = reader.IntOr("num_crossovers", 0, 100'000, p.num_crossovers);
  p.mutation_prob = reader.DoubleOr("mutation_prob", 0, 1, p.mutation_prob);
  reader.RejectUnknown();
  return p;
}

Json Defaults() {
  const Parameters p;
  Json json = Json::MakeObject();
  json["num_iters"] = p.num_iters;
  json["init_num_models"] = p.init_num_models;
  json["num_random_mix"] = p.num_random_mix;
  json["max_unseen_population"] = p.max_unseen_population;
  json["mutations_per_parent"] = p.mutations_per_parent;
  json["num_crossovers"] = p.num_crossovers;
  json["mutation_prob"] = p.mutation_prob;
  return json;
}

void AddMutants(const SearchRun& run, const Parameters& p, Rng& rng, Batch& batch) {
  for (const std::int64_t parent : run.front()) {
    std::int64_t children = 0;
    for (int i = 0; i < kMutationTries && children < p.mutations_per_parent; ++i) {
      const std::optional<Genome> child = Mutate(run, run.GenomeAt(parent), p.mutation_prob, rng);
      if (child && batch.Add(*child)) ++children;
    }
  }
}

void AddCrossovers(const SearchRun& run, const Parameters& p, Rng& rng, Batch& batch) {
  const std::int64_t parents = std::ssize(run.front());
  if (parents < 2) return;
  for (std::int64_t i = 0; i < p.num_crossovers; ++i) {
    const std::int64_t a = rng.Below(parents);
    const std::int64_t b = (a + 1 + rng.Below(parents - 1)) % parents;  // another one
    const auto genome = [&](std::int64_t parent) -> const Genome& {
      return run.GenomeAt(run.front()[static_cast<std::size_t>(parent)]);
    };
    std::optional<Genome> child;
    for (int t = 0; t < kCrossoverTries && !child; ++t)
      child = Crossover(run, genome(a), genome(b), 0.5, rng);
    if (child) batch.Add(*child);  // a repetition is dropped, as in Archai
  }
}

SearchResult Run(const SearchSpace& space, const SearchOptions& options, Evaluator& evaluator,
                 SearchObserver* observer) {
  const Parameters p = Read(options.parameters);
  SearchRun run(space, options, evaluator, observer);
  Rng rng(options.seed);
  FreshDraws draws(space, options.workload, rng);
  Batch batch(run);
  draws.Fill(batch, p.init_num_models);
  while (!batch.empty()) {
    if (!run.Evaluate(batch.genomes())) return run.Finish("");
    if (run.iterations() == p.num_iters) return run.Finish("iterations");
    batch = Batch(run);
    AddMutants(run, p, rng, batch);
    AddCrossovers(run, p, rng, batch);
    draws.Fill(batch, p.num_random_mix);
    if (batch.empty()) draws.Fill(batch, p.init_num_models);
    batch.Shuffle(rng);
    batch.Truncate(p.max_unseen_population);
  }
  return run.Finish("space exhausted");
}

}  // namespace

const SearchAlgorithm kArchaiEvolution = {
    .name = "archai-evolution",
    .summary =
        "every member of the front is mutated, some are crossed, some are drawn (Archai 1.0, 2023)",
    .run = Run,
    .default_parameters = Defaults,
};

}  // namespace lts
