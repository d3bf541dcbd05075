#include "lts/search/nsga2.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "lts/search/population.h"
#include "lts/search/ranking.h"

namespace lts {
namespace {

constexpr std::int64_t kTriesPerChild = 50;

struct Parameters {
  std::int64_t num_iters = 0;
  std::int64_t population_size = 40;
  double crossover_prob = 0.9;
  double mutated_genes = 1;
};

Parameters Read(const Json& json) {
  ObjectReader reader(json, "parameters of nsga2");
  Parameters p;
  p.num_iters = reader.IntOr("num_iters", 0, 1'000'000'000, p.num_iters);
  p.population_size = reader.IntOr("population_size", 2, 10'000, p.population_size);
  p.crossover_prob = reader.DoubleOr("crossover_prob", 0, 1, p.crossover_prob);
  p.mutated_genes = reader.DoubleOr("mutated_genes", 0, 1000, p.mutated_genes);
  reader.RejectUnknown();
  return p;
}

Json Defaults() {
  const Parameters p;
  Json json = Json::MakeObject();
  json["num_iters"] = p.num_iters;
  json["population_size"] = p.population_size;
  json["crossover_prob"] = p.crossover_prob;
  json["mutated_genes"] = p.mutated_genes;
  return json;
}

struct Member {
  std::int64_t index = 0;  // of the run's evaluated
  std::int64_t rank = 0;
  double crowding = 0;
};

// The crowded comparison; ties go to what was evaluated first.
bool Better(const Member& a, const Member& b) {
  if (a.rank != b.rank) return a.rank < b.rank;
  if (a.crowding != b.crowding) return a.crowding > b.crowding;
  return a.index < b.index;
}

// Members in order, best first.
std::vector<Member> Ranked(const SearchRun& run, const std::vector<std::int64_t>& indices) {
  std::vector<Member> members;
  std::vector<Point> points;  // of `members`; empty for what failed
  std::vector<Point> feasible;
  std::vector<std::size_t> feasible_members;
  for (const std::int64_t index : indices) {
    Point point = run.PointAt(index);
    if (!std::ranges::all_of(point, [](double value) { return std::isfinite(value); })) {
      point.clear();
    }
    if (run.ScoreAt(index).feasible && !point.empty()) {
      feasible.push_back(point);
      feasible_members.push_back(members.size());
    }
    members.push_back({index});
    points.push_back(std::move(point));
  }
  const std::vector<std::int64_t> ranks = NondominatedRanks(feasible);
  const std::int64_t infeasible_rank = ranks.empty() ? 0 : std::ranges::max(ranks) + 1;
  for (std::size_t i = 0; i < members.size(); ++i) {
    members[i].rank = infeasible_rank + static_cast<std::int64_t>(points[i].empty());
  }
  for (std::size_t i = 0; i < ranks.size(); ++i) members[feasible_members[i]].rank = ranks[i];

  std::map<std::int64_t, std::vector<std::size_t>> fronts;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!points[i].empty()) fronts[members[i].rank].push_back(i);
  }
  for (const auto& [rank, front] : fronts) {
    std::vector<Point> of_front;
    of_front.reserve(front.size());
    for (const std::size_t i : front) of_front.push_back(points[i]);
    const std::vector<double> distances = CrowdingDistances(of_front);
    for (std::size_t k = 0; k < front.size(); ++k) members[front[k]].crowding = distances[k];
  }
  std::ranges::sort(members, Better);
  return members;
}

class Breeder {
 public:
  Breeder(const SearchRun& run, const Parameters& p, const std::vector<Member>& population,
          Rng& rng)
      : run_(run), p_(p), population_(population), rng_(rng) {}

  std::optional<Genome> Child() {
    const Genome& a = run_.GenomeAt(Tournament().index);
    Genome child = a;
    if (rng_.Bernoulli(p_.crossover_prob)) {
      std::optional<Genome> crossed =
          Crossover(run_, a, run_.GenomeAt(Tournament().index), 0.5, rng_);
      if (!crossed) return std::nullopt;
      child = *std::move(crossed);
    }
    return Mutate(run_, child, MutationRate(child), rng_);
  }

 private:
  const Member& Tournament() {
    const std::span<const Member> members(population_);
    const Member& a = rng_.Choice(members);
    const Member& b = rng_.Choice(members);
    return Better(b, a) ? b : a;
  }

  double MutationRate(const Genome& genome) const {
    const SearchSpace& space = run_.space();
    const std::int64_t layers = space.ActiveLayers(genome);
    double active = 0;
    for (std::int64_t gene = 0; gene < space.gene_count(); ++gene) {
      active += space.LayerOf(gene) < layers ? 1 : 0;
    }
    return std::min(1.0, p_.mutated_genes / active);
  }

  const SearchRun& run_;
  const Parameters& p_;
  const std::vector<Member>& population_;
  Rng& rng_;
};

SearchResult Run(const SearchSpace& space, const SearchOptions& options, Evaluator& evaluator,
                 SearchObserver* observer) {
  const Parameters p = Read(options.parameters);
  SearchRun run(space, options, evaluator, observer);
  Rng rng(options.seed);
  FreshDraws draws(space, options.workload, rng);
  std::vector<Member> population;
  Batch batch(run);
  draws.Fill(batch, p.population_size);
  while (!batch.empty()) {
    std::vector<std::int64_t> candidates;  // to survive
    for (const Member& member : population) candidates.push_back(member.index);
    const std::int64_t before = std::ssize(run.evaluated());
    if (!run.Evaluate(batch.genomes())) return run.Finish("");
    if (run.iterations() == p.num_iters) return run.Finish("iterations");
    for (std::int64_t i = before; i < std::ssize(run.evaluated()); ++i) candidates.push_back(i);
    population = Ranked(run, candidates);
    if (std::ssize(population) > p.population_size) {
      population.resize(static_cast<std::size_t>(p.population_size));
    }
    batch = Batch(run);
    Breeder breeder(run, p, population, rng);
    for (std::int64_t tries = p.population_size * kTriesPerChild;
         tries > 0 && batch.size() < p.population_size; --tries) {
      const std::optional<Genome> child = breeder.Child();
      if (child) batch.Add(*child);
    }
    draws.Fill(batch, p.population_size - batch.size());
  }
  return run.Finish("space exhausted");
}

}  // namespace

const SearchAlgorithm kNsga2 = {
    .name = "nsga2",
    .summary =
        "ranks beyond the front and crowding decide who breeds and survives (NSGA-II, Deb et al. "
        "2002)",
    .run = Run,
    .default_parameters = Defaults,
};

}  // namespace lts
