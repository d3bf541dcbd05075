#include "lts/search/population.h"

#include <algorithm>

namespace lts {
namespace {

constexpr int kMaxRepeats = 100;
constexpr std::int64_t kMaxEnumerated =
    200'000;  // at most a few seconds, and only when draws keep repeating

std::optional<Genome> IfSatisfying(const SearchRun& run, Genome genome) {
  if (!run.space().Satisfies(genome, run.workload())) return std::nullopt;
  return genome;
}

}  // namespace

std::optional<Genome> Mutate(const SearchRun& run, const Genome& parent, double probability,
                             Rng& rng) {
  const SearchSpace& space = run.space();
  const std::int64_t layers = space.ActiveLayers(parent);
  std::vector<bool> which(parent.size(), false);
  for (std::size_t gene = 0; gene < which.size(); ++gene) {
    if (space.LayerOf(static_cast<std::int64_t>(gene)) < layers)
      which[gene] = rng.Bernoulli(probability);
  }
  Genome child = parent;
  if (!space.Redraw(child, which, rng)) return std::nullopt;
  return IfSatisfying(run, std::move(child));
}

std::optional<Genome> Crossover(const SearchRun& run, const Genome& a, const Genome& b,
                                double probability, Rng& rng) {
  const SearchSpace& space = run.space();
  const std::int64_t a_layers = space.ActiveLayers(a);
  const std::int64_t b_layers = space.ActiveLayers(b);
  Genome child = a;
  for (std::size_t gene = 0; gene < child.size(); ++gene) {
    const std::int64_t layer = space.LayerOf(static_cast<std::int64_t>(gene));
    if (layer >= a_layers || (layer < b_layers && rng.Bernoulli(probability)))
      child[gene] = b[gene];
  }
  if (!space.Redraw(child, std::vector<bool>(child.size(), false), rng)) return std::nullopt;
  return IfSatisfying(run, std::move(child));
}

bool Batch::Add(const Genome& genome) {
  if (run_->Evaluated(genome) || !members_.insert(genome).second) return false;
  genomes_.push_back(genome);
  return true;
}

void Batch::Truncate(std::int64_t size) {
  while (std::ssize(genomes_) > size) {
    members_.erase(genomes_.back());
    genomes_.pop_back();
  }
}

FreshDraws::FreshDraws(const SearchSpace& space, const Workload& workload, Rng& rng,
                       std::int64_t enumerate_below)
    : space_(space), workload_(workload), rng_(rng) {
  if (CanEnumerate(enumerate_below)) Enumerate();
}

bool FreshDraws::CanEnumerate(std::int64_t limit) const {
  const SpaceSize size = space_.Size();
  return size.exact && *size.exact <= limit;
}

void FreshDraws::Enumerate() {
  left_ = space_.Enumerate(workload_, kMaxEnumerated);
  rng_.Shuffle(std::span<Genome>(*left_));
}

void FreshDraws::Fill(Batch& batch, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const std::optional<Genome> genome = Draw(batch);
    if (!genome) return;
    batch.Add(*genome);
  }
}

std::optional<Genome> FreshDraws::Draw(const Batch& batch) {
  const auto fresh = [&](const Genome& genome) {
    return !batch.run().Evaluated(genome) && !batch.Contains(genome);
  };
  for (int i = 0; !left_ && i < kMaxRepeats; ++i) {
    std::optional<Genome> genome = space_.Sample(rng_, workload_);
    if (!genome) break;
    if (fresh(*genome)) return genome;
  }
  if (!left_ && CanEnumerate(kMaxEnumerated)) Enumerate();
  if (!left_) return std::nullopt;
  // What is in the batch may still be left out of the evaluation, so it stays on the list; what is
  // evaluated goes.
  while (!left_->empty() && batch.run().Evaluated(left_->back())) left_->pop_back();
  const auto found = std::find_if(left_->rbegin(), left_->rend(), fresh);
  if (found == left_->rend()) return std::nullopt;
  return *found;
}

}  // namespace lts
