#include "lts/search/lts_evolution.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

#include "lts/base/error.h"
#include "lts/search/population.h"

namespace lts {
namespace {

constexpr std::int64_t kTriesPerChild = 50;

struct Parameters {
  std::int64_t num_iters = 0;
  std::int64_t population_size = 100;
  std::int64_t parent_size = 20;
  std::int64_t mutation_size = 40;
  std::int64_t crossover_size = 40;
  double mutation_prob = 0.3;
  double crossover_prob = 0.5;
};

Parameters Read(const Json& json) {
  ObjectReader reader(json, "parameters of lts-evolution");
  Parameters p;
  p.num_iters = reader.IntOr("num_iters", 0, 1'000'000'000, p.num_iters);
  p.population_size = reader.IntOr("population_size", 1, 100'000, p.population_size);
  p.parent_size = reader.IntOr("parent_size", 1, 100'000, p.parent_size);
  p.mutation_size = reader.IntOr("mutation_size", 0, 100'000, p.mutation_size);
  p.crossover_size = reader.IntOr("crossover_size", 0, 100'000, p.crossover_size);
  p.mutation_prob = reader.DoubleOr("mutation_prob", 0, 1, p.mutation_prob);
  p.crossover_prob = reader.DoubleOr("crossover_prob", 0, 1, p.crossover_prob);
  reader.RejectUnknown();
  if (p.mutation_size + p.crossover_size == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "parameters of lts-evolution: mutation_size and crossover_size are both 0, "
                "expected at least one child");
  }
  return p;
}

Json Defaults() {
  const Parameters p;
  Json json = Json::MakeObject();
  json["num_iters"] = p.num_iters;
  json["population_size"] = p.population_size;
  json["parent_size"] = p.parent_size;
  json["mutation_size"] = p.mutation_size;
  json["crossover_size"] = p.crossover_size;
  json["mutation_prob"] = p.mutation_prob;
  json["crossover_prob"] = p.crossover_prob;
  return json;
}

// How many populations each genome was in.
using Counts = std::map<Genome, std::int64_t>;

std::vector<Genome> DrawParents(const SearchRun& run, std::int64_t count, const Counts& counts,
                                Rng& rng) {
  std::vector<std::int64_t> of_front;
  for (const std::int64_t member : run.front()) {
    const auto found = counts.find(run.GenomeAt(member));
    of_front.push_back(found == counts.end() ? 0 : found->second);
  }
  std::vector<Genome> parents;
  if (of_front.empty()) return parents;
  std::vector<double> sums = internal::NoveltyWeights(of_front);
  std::partial_sum(sums.begin(), sums.end(), sums.begin());
  for (std::int64_t i = 0; i < count; ++i) {
    const auto drawn = std::ranges::upper_bound(sums, rng.Uniform() * sums.back());
    const auto member =
        std::min(drawn - sums.begin(), std::ssize(sums) - 1);  // rounding may reach the end
    parents.push_back(run.GenomeAt(run.front()[static_cast<std::size_t>(member)]));
  }
  return parents;
}

// Adds up to `count` children that were never evaluated.
void Breed(std::int64_t count, const std::function<std::optional<Genome>()>& make, Batch& batch) {
  const std::int64_t wanted = batch.size() + count;
  for (std::int64_t tries = 0; tries < count * kTriesPerChild && batch.size() < wanted; ++tries) {
    const std::optional<Genome> child = make();
    if (child) batch.Add(*child);
  }
}

SearchResult Run(const SearchSpace& space, const SearchOptions& options, Evaluator& evaluator,
                 SearchObserver* observer) {
  const Parameters p = Read(options.parameters);
  SearchRun run(space, options, evaluator, observer);
  Rng rng(options.seed);
  FreshDraws draws(space, options.workload, rng);
  Counts counts;
  Batch batch(run);
  draws.Fill(batch, p.population_size);
  while (!batch.empty()) {
    for (const Genome& genome : batch.genomes()) ++counts[genome];
    if (!run.Evaluate(batch.genomes())) return run.Finish("");
    if (run.iterations() == p.num_iters) return run.Finish("iterations");
    batch = Batch(run);
    const std::vector<Genome> parents = DrawParents(run, p.parent_size, counts, rng);
    if (!parents.empty()) {
      for (const Genome& parent : parents) ++counts[parent];
      const auto parent = [&]() -> const Genome& {
        return rng.Choice(std::span<const Genome>(parents));
      };
      Breed(
          p.mutation_size, [&] { return Mutate(run, parent(), p.mutation_prob, rng); }, batch);
      Breed(
          p.crossover_size,
          [&] {
            const Genome& a = parent();
            return Crossover(run, a, parent(), p.crossover_prob, rng);
          },
          batch);
    }
    draws.Fill(batch, p.mutation_size + p.crossover_size - batch.size());
  }
  return run.Finish("space exhausted");
}

}  // namespace

namespace internal {

std::vector<double> NoveltyWeights(std::span<const std::int64_t> counts) {
  const auto [min, max] = std::ranges::minmax(counts);
  std::vector<double> weights;
  for (const std::int64_t count : counts) {
    const double scaled =
        max == min ? 0 : static_cast<double>(count - min) / static_cast<double>(max - min);
    weights.push_back(1 / (1 + scaled));
  }
  return weights;
}

}  // namespace internal

const SearchAlgorithm kLtsEvolution = {
    .name = "lts-evolution",
    .summary =
        "parents from the front by novelty, 40 mutants and 40 crossovers a generation (LTS paper, "
        "NeurIPS 2022)",
    .run = Run,
    .default_parameters = Defaults,
};

}  // namespace lts
