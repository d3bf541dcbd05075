// How the algorithms come to new genomes: mutation, crossover, random draws. Internal to
// lts/search.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "lts/base/rng.h"
#include "lts/search/search_run.h"

namespace lts {

// Redraws each gene of the layers that the parent has with `probability`, as SearchSpace::Redraw()
// does: from the values that the constraints on dimensions allow, layers that appear and layers
// that a new d_model breaks included. The child satisfies the space, but may equal its parent;
// nullopt when it does not satisfy the space.
std::optional<Genome> Mutate(const SearchRun& run, const Genome& parent, double probability,
                             Rng& rng);

// Uniform crossover: each gene is b's with `probability`, else a's; a layer that only one of them
// has is that one's. Layers that the mixture breaks are redrawn. nullopt when the child does not
// satisfy the space.
std::optional<Genome> Crossover(const SearchRun& run, const Genome& a, const Genome& b,
                                double probability, Rng& rng);

// The genomes of the next evaluation: distinct and never evaluated.
class Batch {
 public:
  explicit Batch(const SearchRun& run) : run_(&run) {}
  bool Add(const Genome& genome);  // false when evaluated before or already here
  bool Contains(const Genome& genome) const { return members_.contains(genome); }
  const SearchRun& run() const { return *run_; }
  const std::vector<Genome>& genomes() const { return genomes_; }
  void Shuffle(Rng& rng) { rng.Shuffle(std::span<Genome>(genomes_)); }
  void Truncate(std::int64_t size);  // drops what is beyond `size`; it counts as unseen again
  std::int64_t size() const { return std::ssize(genomes_); }
  bool empty() const { return genomes_.empty(); }

 private:
  const SearchRun* run_;
  std::vector<Genome> genomes_;  // in the order of Add
  std::set<Genome> members_;
};

// Random genomes that were never evaluated. Draws with SearchSpace::Sample until 100 draws in a row
// bring nothing new; then a space of at most 200,000 points is enumerated once and what is left of
// it is drawn without replacement, so that such spaces are exhausted exactly. Larger spaces count
// as exhausted for that call.
class FreshDraws {
 public:
  // `enumerate_below`: spaces of at most so many points are enumerated from the start (each point
  // equally likely).
  FreshDraws(const SearchSpace& space, const Workload& workload, Rng& rng,
             std::int64_t enumerate_below = 0);

  // Adds up to `count` genomes to the batch; fewer when the space is exhausted.
  void Fill(Batch& batch, std::int64_t count);

 private:
  bool CanEnumerate(std::int64_t limit) const;
  void Enumerate();
  std::optional<Genome> Draw(const Batch& batch);

  const SearchSpace& space_;
  const Workload& workload_;
  Rng& rng_;
  std::optional<std::vector<Genome>> left_;  // shuffled; drawn from the end
};

}  // namespace lts
