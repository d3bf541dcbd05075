// Drawing from a space and going through it.
#include <fmt/format.h>

#include <algorithm>

#include "lts/base/error.h"
#include "lts/space/search_space.h"

namespace lts {
namespace {

// A layer's values are drawn by rejection first, which is all that ordinary constraints need, then
// picked from the list of all pairs that satisfy the constraints. Beyond kMaxScanned pairs that
// list costs too much: rejection again.
constexpr int kQuickTries = 32;
constexpr std::size_t kMaxScanned = 4096;
constexpr int kLongTries = 128;

std::vector<bool> EveryGene(std::int64_t count) {
  return std::vector<bool>(static_cast<std::size_t>(count), true);
}

}  // namespace

bool SearchSpace::DrawLayer(Genome& genome, std::int64_t layer, bool draw_d_inner, bool draw_n_head,
                            Rng& rng) const {
  if (!draw_d_inner && !draw_n_head) return LayerHolds(LayerAt(genome, layer));
  std::int32_t& d_inner = genome[static_cast<std::size_t>(Gene(kDInner, layer))];
  std::int32_t& n_head = genome[static_cast<std::size_t>(Gene(kNHead, layer))];
  const std::int32_t own_d_inner = d_inner;
  const std::int32_t own_n_head = n_head;
  const std::span<const std::int32_t> d_inners =
      draw_d_inner ? std::span<const std::int32_t>(allowed_[kDInner]) : std::span(&own_d_inner, 1);
  const std::span<const std::int32_t> n_heads =
      draw_n_head ? std::span<const std::int32_t>(allowed_[kNHead]) : std::span(&own_n_head, 1);
  const auto reject = [&](int tries) {
    for (int i = 0; i < tries; ++i) {
      d_inner = rng.Choice(d_inners);
      n_head = rng.Choice(n_heads);
      if (LayerHolds(LayerAt(genome, layer))) return true;
    }
    return false;
  };
  if (reject(kQuickTries)) return true;
  if (d_inners.size() * n_heads.size() > kMaxScanned) return reject(kLongTries);
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
  for (const std::int32_t i : d_inners) {
    for (const std::int32_t h : n_heads) {
      d_inner = i;
      n_head = h;
      if (LayerHolds(LayerAt(genome, layer))) pairs.emplace_back(i, h);
    }
  }
  if (pairs.empty()) return false;
  const auto& pair = rng.Choice(std::span<const std::pair<std::int32_t, std::int32_t>>(pairs));
  d_inner = pair.first;
  n_head = pair.second;
  return true;
}

bool SearchSpace::DrawOrRepair(Genome& genome, std::int64_t layer, bool d_inner, bool n_head,
                               bool may_d_inner, bool may_n_head, Rng& rng) const {
  if (DrawLayer(genome, layer, d_inner, n_head, rng)) return true;
  if (d_inner == may_d_inner && n_head == may_n_head) return false;  // nothing more to draw
  return DrawLayer(genome, layer, may_d_inner, may_n_head, rng);
}

bool SearchSpace::CompleteLayers(Genome& genome, std::int64_t old_layers,
                                 const std::vector<bool>& which, Rng& rng) const {
  const auto marked = [&](int dimension, std::int64_t layer) {
    return which[static_cast<std::size_t>(Gene(dimension, layer))];
  };
  const bool shares_d_inner = !per_layer(kDInner);
  const bool shares_n_head = !per_layer(kNHead);
  if (shares_d_inner || shares_n_head) {
    // A shared gene is drawn with some partner, so that each layer will find one; a per-layer
    // partner is then dropped.
    Genome probe = genome;
    const bool d_inner = shares_d_inner ? marked(kDInner, 0) : true;
    const bool n_head = shares_n_head ? marked(kNHead, 0) : true;
    if (!DrawOrRepair(probe, 0, d_inner, n_head, true, true, rng)) return false;
    for (const int dimension : {kDInner, kNHead}) {
      if (per_layer(dimension)) continue;
      const auto gene = static_cast<std::size_t>(Gene(dimension, 0));
      genome[gene] = probe[gene];
    }
    if (shares_d_inner && shares_n_head) return true;
  }
  for (std::int64_t l = 0; l < ActiveLayers(genome); ++l) {
    const bool d_inner = !shares_d_inner && (l >= old_layers || marked(kDInner, l));
    const bool n_head = !shares_n_head && (l >= old_layers || marked(kNHead, l));
    if (!DrawOrRepair(genome, l, d_inner, n_head, !shares_d_inner, !shares_n_head, rng))
      return false;
  }
  return true;
}

bool SearchSpace::Redraw(Genome& genome, const std::vector<bool>& which, Rng& rng) const {
  LTS_DCHECK(std::ssize(genome) == gene_count_ && std::ssize(which) == gene_count_);
  const std::int64_t old_layers = ActiveLayers(genome);
  for (const int dimension : {kNLayer, kDModel}) {
    const auto gene = static_cast<std::size_t>(dimension);
    if (which[gene]) genome[gene] = rng.Choice(std::span<const std::int32_t>(allowed_[dimension]));
  }
  const Layer shape = LayerAt(genome, 0);
  if (!CanLayerHold(shape.n_layer, shape.d_model) ||
      !CompleteLayers(genome, old_layers, which, rng))
    return false;
  genome = Canonical(std::move(genome));
  return true;
}

std::optional<Genome> SearchSpace::Sample(Rng& rng, const Workload& workload, int max_tries) const {
  const std::vector<bool> every = EveryGene(gene_count_);
  for (int i = 0; i < max_tries; ++i) {
    Genome genome(every.size(), 0);
    if (Redraw(genome, every, rng) && Satisfies(genome, workload)) return genome;
  }
  return std::nullopt;
}

std::vector<Genome> SearchSpace::Enumerate(const Workload& workload, std::int64_t limit) const {
  const SpaceSize size = Size();
  if (!size.exact || *size.exact > limit) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("space '{}': {} points are too many to enumerate, expected at most {}", name(),
                    size.exact ? std::to_string(*size.exact) : fmt::format("10^{:.1f}", size.log10),
                    limit));
  }
  std::vector<Genome> genomes;
  Genome genome(static_cast<std::size_t>(gene_count_), 0);
  for (std::size_t n_layer = 0; n_layer < values(kNLayer).size(); ++n_layer) {
    // Genes beyond n_layer and d_model that this number of layers uses, in gene order; the last one
    // turns fastest.
    std::vector<std::size_t> active;
    for (std::int64_t gene = 2; gene < gene_count_; ++gene) {
      if (LayerOf(gene) < values(kNLayer)[n_layer])
        active.push_back(static_cast<std::size_t>(gene));
    }
    for (std::size_t d_model = 0; d_model < values(kDModel).size(); ++d_model) {
      if (!CanLayerHold(values(kNLayer)[n_layer], values(kDModel)[d_model])) continue;
      std::ranges::fill(genome, 0);
      genome[kNLayer] = static_cast<std::int32_t>(n_layer);
      genome[kDModel] = static_cast<std::int32_t>(d_model);
      bool more = true;
      while (more) {
        if (Satisfies(genome, workload)) genomes.push_back(genome);
        std::size_t i = active.size();
        while (i > 0 &&
               genome[active[i - 1]] + 1 == GeneValues(static_cast<std::int64_t>(active[i - 1]))) {
          genome[active[--i]] = 0;
        }
        more = i > 0;
        if (more) ++genome[active[i - 1]];
      }
    }
  }
  return genomes;
}

}  // namespace lts
