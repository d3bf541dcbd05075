#include "lts/search/local_search.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "lts/search/population.h"
#include "lts/search/ranking.h"

namespace lts {
namespace {

constexpr std::int64_t kTriesPerMutant = 50;

struct Parameters {
  std::int64_t num_iters = 0;
  std::int64_t init_size = 20;
  std::int64_t batch_size = 20;
  std::int64_t turn_size = 5;
  std::int64_t max_step = 2;
  double kick_prob = 0.3;
};

Parameters Read(const Json& json) {
  ObjectReader reader(json, "parameters of local-search");
  Parameters p;
  p.num_iters = reader.IntOr("num_iters", 0, 1'000'000'000, p.num_iters);
  p.init_size = reader.IntOr("init_size", 1, 100'000, p.init_size);
  p.batch_size = reader.IntOr("batch_size", 1, 100'000, p.batch_size);
  p.turn_size = reader.IntOr("turn_size", 1, 100'000, p.turn_size);
  p.max_step = reader.IntOr("max_step", 1, 65'536, p.max_step);
  p.kick_prob = reader.DoubleOr("kick_prob", 0, 1, p.kick_prob);
  reader.RejectUnknown();
  return p;
}

Json Defaults() {
  const Parameters p;
  Json json = Json::MakeObject();
  json["num_iters"] = p.num_iters;
  json["init_size"] = p.init_size;
  json["batch_size"] = p.batch_size;
  json["turn_size"] = p.turn_size;
  json["max_step"] = p.max_step;
  json["kick_prob"] = p.kick_prob;
  return json;
}

// The gene that holds n_layer: the first of the genome's order (search_space.h).
constexpr std::size_t kLayersGene = 0;

// The genome with n_layer gene `layers_gene`, whose layer j is the genome's layer source[j].
Genome WithLayers(const SearchSpace& space, const Genome& genome, std::int32_t layers_gene,
                  const std::vector<std::int64_t>& source) {
  Genome child = genome;
  child[kLayersGene] = layers_gene;
  for (std::size_t gene = 0; gene < genome.size(); ++gene) {
    const std::int64_t layer = space.LayerOf(static_cast<std::int64_t>(gene));
    if (layer < 0 || layer >= std::ssize(source)) continue;
    // The genes of one dimension stand in the order of layers.
    const std::int64_t from =
        static_cast<std::int64_t>(gene) - layer + source[static_cast<std::size_t>(layer)];
    child[gene] = genome[static_cast<std::size_t>(from)];
  }
  return child;
}

// All layers but [at, at + count).
std::vector<std::int64_t> Without(std::int64_t layers, std::int64_t at, std::int64_t count) {
  std::vector<std::int64_t> source;
  for (std::int64_t j = 0; j < layers; ++j) {
    if (j < at || j >= at + count) source.push_back(j);
  }
  return source;
}
// All layers, and layer `at` another `count` times.
std::vector<std::int64_t> Repeating(std::int64_t layers, std::int64_t at, std::int64_t count) {
  std::vector<std::int64_t> source;
  for (std::int64_t j = 0; j < layers; ++j) {
    source.push_back(j);
    if (j == at) source.insert(source.end(), static_cast<std::size_t>(count), at);
  }
  return source;
}

// Each dimension's neighbours in random order, by turns: were they drawn from one pot, the dozens
// of genes of layers would leave hardly a turn to the number of layers and d_model.
std::vector<Genome> InTurns(std::vector<std::vector<Genome>> by_dimension, Rng& rng) {
  std::vector<Genome> all;
  for (std::vector<Genome>& genomes : by_dimension) rng.Shuffle(std::span<Genome>(genomes));
  for (bool found = true; found;) {
    found = false;
    for (std::vector<Genome>& genomes : by_dimension) {
      if (genomes.empty()) continue;
      found = true;
      all.push_back(std::move(genomes.back()));
      genomes.pop_back();
    }
  }
  std::ranges::reverse(all);  // they are taken from the end
  return all;
}

// Non-dominated of what was evaluated since the last restart, with what is left of each member's
// neighbours.
class Archive {
 public:
  Archive(const SearchRun& run, const Parameters& p, Rng& rng) : run_(run), p_(p), rng_(rng) {}

  void Clear() { members_.clear(); }

  // Takes in everything evaluated from index `first` on.
  void Update(std::int64_t first) {
    for (std::int64_t i = first; i < std::ssize(run_.evaluated()); ++i) {
      if (run_.ScoreAt(i).feasible && !run_.ScoreAt(i).objectives.empty()) members_.push_back(i);
    }
    std::vector<Point> points = Points(members_);
    std::vector<std::int64_t> kept;
    for (const std::int64_t i : ParetoFront(points)) {
      kept.push_back(members_[static_cast<std::size_t>(i)]);
    }
    members_ = std::move(kept);
    std::erase_if(left_, [&](const auto& entry) {
      return !std::ranges::binary_search(members_, entry.first);
    });
  }

  // Fills the batch with neighbours of unexplored members; stays empty when all are explored.
  void Fill(Batch& batch) {
    const std::vector<double> room = CrowdingDistances(Points(members_));
    for (bool took = true; took && batch.size() < p_.batch_size;) {
      std::vector<std::size_t> order(members_.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
        const std::int64_t turns_a = left_[members_[a]].turns;
        const std::int64_t turns_b = left_[members_[b]].turns;
        return turns_a != turns_b ? turns_a < turns_b : room[a] > room[b];
      });
      took = false;
      for (const std::size_t i : order) {
        if (batch.size() >= p_.batch_size) break;
        took = Take(members_[i], batch) || took;
      }
    }
  }

 private:
  std::vector<Point> Points(const std::vector<std::int64_t>& indices) const {
    std::vector<Point> points;
    points.reserve(indices.size());
    for (const std::int64_t i : indices) points.push_back(run_.PointAt(i));
    return points;
  }

  // One turn of a member; false when it brought nothing.
  bool Take(std::int64_t member, Batch& batch) {
    Neighbourhood& around = left_[member];
    if (around.turns++ == 0) {
      around.left = InTurns(
          internal::Neighbours(run_.space(), run_.GenomeAt(member), p_.max_step, rng_), rng_);
    }
    const std::int64_t before = batch.size();
    const std::int64_t wanted = std::min(p_.batch_size, before + p_.turn_size);
    while (!around.left.empty() && batch.size() < wanted) {
      if (run_.space().Satisfies(around.left.back(), run_.workload())) {
        batch.Add(around.left.back());
      }
      around.left.pop_back();
    }
    return batch.size() > before;
  }

  struct Neighbourhood {
    std::int64_t turns = 0;
    std::vector<Genome> left;  // not tried yet, once there was a turn; empty then: explored
  };

  const SearchRun& run_;
  const Parameters& p_;
  Rng& rng_;
  std::vector<std::int64_t> members_;           // ascending indices of the run's evaluated
  std::map<std::int64_t, Neighbourhood> left_;  // of members
};

// Mutants of the front, then fresh draws.
void Restart(const SearchRun& run, const Parameters& p, Rng& rng, FreshDraws& draws, Batch& batch) {
  if (!run.front().empty()) {
    for (std::int64_t tries = p.init_size * kTriesPerMutant;
         tries > 0 && batch.size() < p.init_size; --tries) {
      const std::int64_t parent = rng.Choice(std::span<const std::int64_t>(run.front()));
      const std::optional<Genome> mutant = Mutate(run, run.GenomeAt(parent), p.kick_prob, rng);
      if (mutant) batch.Add(*mutant);
    }
  }
  draws.Fill(batch, p.init_size - batch.size());
}

SearchResult Run(const SearchSpace& space, const SearchOptions& options, Evaluator& evaluator,
                 SearchObserver* observer) {
  const Parameters p = Read(options.parameters);
  SearchRun run(space, options, evaluator, observer);
  Rng rng(options.seed);
  FreshDraws draws(space, options.workload, rng);
  Archive archive(run, p, rng);
  Batch batch(run);
  draws.Fill(batch, p.init_size);
  while (!batch.empty()) {
    const std::int64_t before = std::ssize(run.evaluated());
    if (!run.Evaluate(batch.genomes())) return run.Finish("");
    if (run.iterations() == p.num_iters) return run.Finish("iterations");
    archive.Update(before);
    batch = Batch(run);
    archive.Fill(batch);
    if (!batch.empty()) continue;
    archive.Clear();
    Restart(run, p, rng, draws, batch);
  }
  return run.Finish("space exhausted");
}

}  // namespace

namespace internal {

std::vector<std::vector<Genome>> Neighbours(const SearchSpace& space, const Genome& genome,
                                            std::int64_t max_step, Rng& rng) {
  // By the first gene of their dimension: those of one stand side by side, in the order of layers.
  std::map<std::int64_t, std::vector<Genome>> found;
  std::set<Genome> seen = {genome};
  const auto add = [&](std::int64_t gene, Genome child) {
    if (!space.Redraw(child, std::vector<bool>(child.size(), false), rng)) return;
    if (!seen.insert(child).second) return;
    found[gene - std::max<std::int64_t>(0, space.LayerOf(gene))].push_back(std::move(child));
  };
  const std::int64_t layers = space.ActiveLayers(genome);
  bool may_differ = false;  // the layers of an architecture of this space
  for (std::int64_t gene = 0; gene < space.gene_count(); ++gene) {
    may_differ = may_differ || space.LayerOf(gene) >= 0;
  }
  for (std::int64_t gene = 0; gene < space.gene_count(); ++gene) {
    if (space.LayerOf(gene) >= layers) continue;
    const std::int64_t value = genome[static_cast<std::size_t>(gene)];
    const std::int64_t last = std::min(space.GeneValues(gene) - 1, value + max_step);
    for (std::int64_t other = std::max<std::int64_t>(0, value - max_step); other <= last; ++other) {
      if (other == value) continue;
      Genome child = genome;
      child[static_cast<std::size_t>(gene)] = static_cast<std::int32_t>(other);
      const std::int64_t count = space.ActiveLayers(child) - layers;
      if (gene != static_cast<std::int64_t>(kLayersGene) || !may_differ) {
        add(gene, std::move(child));
        continue;
      }
      for (std::int64_t at = 0; at < (count < 0 ? layers + count + 1 : layers); ++at) {
        add(gene,
            WithLayers(space, genome, static_cast<std::int32_t>(other),
                       count < 0 ? Without(layers, at, -count) : Repeating(layers, at, count)));
      }
    }
  }
  std::vector<std::vector<Genome>> by_dimension;
  for (auto& [first_gene, genomes] : found) by_dimension.push_back(std::move(genomes));
  return by_dimension;
}

}  // namespace internal

const SearchAlgorithm kLocalSearch = {
    .name = "local-search",
    .summary =
        "neighbours of the front's least explored members, restarts when all are explored (Pareto "
        "local search, Dubois-Lacoste et al. 2015)",
    .run = Run,
    .default_parameters = Defaults,
};

}  // namespace lts
