#include "lts/space/search_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "lts/arch/registry.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/space/counted_metrics.h"
#include "lts/space/dimensions.h"

namespace lts {
namespace {

constexpr std::size_t kMaxNames = 16;  // more than there are dimensions and metrics
constexpr std::string_view kDivisibility = "d_model % n_head == 0";

std::vector<std::string> DimensionNames() {
  std::vector<std::string> names;
  for (const DimensionInfo& info : kDimensionInfos) names.emplace_back(info.name);
  return names;
}

}  // namespace

SearchSpace::SearchSpace(SpaceFields fields) : fields_(std::move(fields)) {
  CheckFields();
  max_layers_ = values(kNLayer).back();
  gene_count_ = Gene(kNHead, per_layer(kNHead) ? max_layers_ - 1 : 0) + 1;
  for (const std::string& text : fields_.constraints) rules_.push_back(Compile(text));
  for (int dimension = 0; dimension < kDimensions; ++dimension) {
    auto& allowed = allowed_[dimension];
    for (std::size_t i = 0; i < values(dimension).size(); ++i)
      allowed.push_back(static_cast<std::int32_t>(i));
    for (const Rule& rule : rules_) {
      if (rule.slots.size() != 1 || rule.slots[0] != dimension) continue;
      std::erase_if(allowed, [&](std::int32_t index) {
        const auto value = static_cast<double>(values(dimension)[static_cast<std::size_t>(index)]);
        return !rule.constraint.Holds(std::span<const double>(&value, 1));
      });
      if (allowed.empty()) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("space '{}': no architecture satisfies '{}': {} is {}..{}{}",
                                name(), Quoted(rule.constraint.text(), 120),
                                kDimensionInfos[static_cast<std::size_t>(dimension)].name,
                                values(dimension).front(), values(dimension).back(),
                                rules_.size() > 1 ? ", less what other constraints exclude" : ""));
      }
    }
  }
}

void SearchSpace::CheckFields() const {
  const auto fail = [&](const std::string& problem, ErrorCode code = ErrorCode::kInvalidArgument) {
    throw Error(code, fmt::format("space '{}': {}", Quoted(fields_.name), problem));
  };
  if (fields_.name.empty() || fields_.name.size() > 100 ||
      Quoted(fields_.name, 100) != fields_.name) {
    fail("field 'name': expected 1 to 100 printable characters");
  }
  FindBackbone(fields_.backbone);
  const auto check_size = [&](std::string_view field, std::int64_t value, std::int64_t max) {
    if (value < 1 || value > max) {
      fail(fmt::format("field '{}': got {}, expected an integer in [1, {}]", field, value, max));
    }
  };
  check_size("vocab_size", fields_.vocab_size, kMaxVocabSize);
  check_size("max_seq_len", fields_.max_seq_len, kMaxSeqLen);
  for (const Dimension& dimension : fields_.dimensions) {
    const auto known = std::ranges::find(kDimensionInfos, dimension.name, &DimensionInfo::name);
    if (known == kDimensionInfos.end()) {
      fail(UnknownName("dimension", dimension.name, DimensionNames()), ErrorCode::kNotFound);
    }
  }
  for (std::size_t i = 0; i < kDimensionInfos.size(); ++i) {
    const DimensionInfo& info = kDimensionInfos[i];
    if (i >= fields_.dimensions.size() || fields_.dimensions[i].name != info.name) {
      fail(
          fmt::format("dimension '{}' is missing at place {}; expected n_layer, d_model, d_inner "
                      "and n_head in this "
                      "order",
                      info.name, i));
    }
    const Dimension& dimension = fields_.dimensions[i];
    if (dimension.values.empty() || std::ssize(dimension.values) > kMaxDimensionValues) {
      fail(fmt::format("dimension '{}': got {} values, expected 1 to {}", info.name,
                       dimension.values.size(), kMaxDimensionValues));
    }
    for (std::size_t v = 0; v < dimension.values.size(); ++v) {
      const std::int64_t value = dimension.values[v];
      if (value < 1 || value > info.max) {
        fail(fmt::format("dimension '{}': got {}, expected integers in [1, {}]", info.name, value,
                         info.max));
      }
      if (v > 0 && value <= dimension.values[v - 1]) {
        fail(fmt::format(
            "dimension '{}': got {} after {}, expected ascending values without repetition",
            info.name, value, dimension.values[v - 1]));
      }
    }
    if (dimension.per_layer && !info.may_be_per_layer) {
      fail(
          fmt::format("dimension '{}' cannot be per_layer; expected d_inner or n_head", info.name));
    }
  }
  if (fields_.dimensions.size() != kDimensionInfos.size()) fail("got a dimension twice");
  const ConfigKeys& has = FindBackbone(fields_.backbone).keys;
  if (fields_.memory_tokens && has.memory_tokens.empty()) {
    fail(fmt::format("field 'memory_tokens': {} has no memory", fields_.backbone));
  }
  if (fields_.adaptive && has.adaptive.d_embed.empty()) {
    fail(fmt::format("field 'adaptive': {} has no adaptive vocabulary", fields_.backbone));
  }
  if (fields_.memory_tokens || fields_.adaptive) {
    // Clusters narrow with d_model, so the narrowest architecture shows what is wrong with them.
    try {
      Build(values(kDModel).front(), {LayerShape{}});
    } catch (const Error& error) {
      fail(error.what(), error.code());
    }
  }
  if (std::ssize(fields_.constraints) > kMaxConstraints) {
    fail(fmt::format("got {} constraints, expected at most {}", fields_.constraints.size(),
                     kMaxConstraints));
  }
}

SearchSpace::Rule SearchSpace::Compile(const std::string& text) const {
  const auto fail = [&](ErrorCode code, const std::string& problem) {
    throw Error(code,
                fmt::format("space '{}': constraint '{}': {}", name(), Quoted(text, 120), problem));
  };
  Rule rule{.constraint = Constraint::Parse(text)};
  if (rule.constraint.names().empty()) {
    fail(ErrorCode::kInvalidArgument, "it names nothing; expected a dimension or a metric");
  }
  for (const std::string& used : rule.constraint.names()) {
    const auto dimension = std::ranges::find(kDimensionInfos, used, &DimensionInfo::name);
    if (dimension != kDimensionInfos.end()) {
      const auto slot = static_cast<int>(dimension - kDimensionInfos.begin());
      rule.slots.push_back(slot);
      rule.per_layer |= per_layer(slot);
      continue;
    }
    const auto metric = std::ranges::find(Metrics(), used, &MetricInfo::name);
    if (metric == Metrics().end()) {
      std::vector<std::string> known = DimensionNames();
      for (const MetricInfo& info : Metrics()) {
        if (!info.measured) known.emplace_back(info.name);
      }
      fail(ErrorCode::kNotFound, UnknownName("name", used, known));
    }
    if (metric->measured) {
      fail(ErrorCode::kInvalidArgument,
           fmt::format("'{}' has to be measured; a space can only bound what is counted", used));
    }
    rule.slots.push_back(kDimensions + static_cast<int>(metric->metric));
    rule.counted = true;
  }
  LTS_CHECK(rule.slots.size() <= kMaxNames);
  return rule;
}

SpaceSize SearchSpace::Size() const {
  std::int64_t common =
      static_cast<std::int64_t>(values(kDModel).size());  // at most 2^48: no overflow
  std::int64_t each_layer = 1;
  for (const int dimension : {kDInner, kNHead}) {
    (per_layer(dimension) ? each_layer : common) *= std::ssize(values(dimension));
  }
  SpaceSize size;
  std::int64_t exact = 0;
  bool fits = true;
  double scaled = 0;  // the number of points / (common * each_layer ^ max_layers_)
  for (const std::int64_t layers : values(kNLayer)) {
    std::int64_t points = common;
    for (std::int64_t l = 0; fits && each_layer > 1 && l < layers; ++l) {
      fits = !__builtin_mul_overflow(points, each_layer, &points);
    }
    fits = fits && !__builtin_add_overflow(exact, points, &exact);
    scaled += std::pow(static_cast<double>(each_layer), static_cast<double>(layers - max_layers_));
  }
  size.log10 = std::log10(static_cast<double>(common)) + std::log10(scaled) +
               static_cast<double>(max_layers_) * std::log10(static_cast<double>(each_layer));
  if (fits) size.exact = exact;
  return size;
}

std::int64_t SearchSpace::Gene(int dimension, std::int64_t layer) const {
  if (dimension <= kDModel) return dimension;
  std::int64_t gene = 2;
  if (dimension == kNHead) gene += per_layer(kDInner) ? max_layers_ : 1;
  return gene + (per_layer(dimension) ? layer : 0);
}

std::int64_t SearchSpace::LayerOf(std::int64_t gene) const {
  LTS_DCHECK(gene >= 0 && gene < gene_count_);
  for (const int dimension : {kNHead, kDInner}) {
    const std::int64_t first = Gene(dimension, 0);
    if (gene >= first) return per_layer(dimension) ? gene - first : -1;
  }
  return -1;
}

std::int64_t SearchSpace::GeneValues(std::int64_t gene) const {
  LTS_DCHECK(gene >= 0 && gene < gene_count_);
  for (const int dimension : {kNHead, kDInner, kDModel}) {
    if (gene >= Gene(dimension, 0)) return std::ssize(values(dimension));
  }
  return std::ssize(values(kNLayer));
}

std::int64_t SearchSpace::ActiveLayers(const Genome& genome) const {
  LTS_DCHECK(std::ssize(genome) == gene_count_);
  return values(kNLayer)[static_cast<std::size_t>(genome[kNLayer])];
}

SearchSpace::Layer SearchSpace::LayerAt(const Genome& genome, std::int64_t layer) const {
  const auto value = [&](int dimension) {
    const auto gene = static_cast<std::size_t>(Gene(dimension, layer));
    return values(dimension)[static_cast<std::size_t>(genome[gene])];
  };
  return {value(kNLayer), value(kDModel), value(kDInner), value(kNHead)};
}

Genome SearchSpace::Canonical(Genome genome) const {
  const std::int64_t layers = ActiveLayers(genome);
  for (const int dimension : {kDInner, kNHead}) {
    if (!per_layer(dimension)) continue;
    const auto begin = genome.begin() + Gene(dimension, 0);
    std::fill(begin + layers, begin + max_layers_, 0);
  }
  return genome;
}

namespace {

// The arguments of a rule, from a function that gives the value of a slot.
template <typename Value, typename Slot>
std::span<const Value> Arguments(const std::vector<int>& slots,
                                 std::array<Value, kMaxNames>& buffer, const Slot& slot) {
  for (std::size_t i = 0; i < slots.size(); ++i) buffer[i] = slot(slots[i]);
  return std::span<const Value>(buffer.data(), slots.size());
}

}  // namespace

bool SearchSpace::LayerHolds(const Layer& layer) const {
  if (layer.d_model % layer.n_head != 0) return false;
  const std::array<std::int64_t, kDimensions> dimensions{layer.n_layer, layer.d_model,
                                                         layer.d_inner, layer.n_head};
  std::array<double, kMaxNames> buffer;
  return std::ranges::all_of(rules_, [&](const Rule& rule) {
    return rule.counted || rule.constraint.Holds(Arguments(rule.slots, buffer, [&](int slot) {
      return static_cast<double>(dimensions[static_cast<std::size_t>(slot)]);
    }));
  });
}

bool SearchSpace::CanLayerHold(std::int64_t n_layer, std::int64_t d_model) const {
  const auto bounds = [&](int slot) -> Constraint::Bounds {
    if (slot == kNLayer || slot == kDModel) {
      const auto value = static_cast<double>(slot == kNLayer ? n_layer : d_model);
      return {value, value};
    }
    const auto value = [&](std::int32_t index) {
      return static_cast<double>(values(slot)[static_cast<std::size_t>(index)]);
    };
    return {value(allowed_[slot].front()), value(allowed_[slot].back())};
  };
  std::array<Constraint::Bounds, kMaxNames> buffer;
  return std::ranges::all_of(rules_, [&](const Rule& rule) {
    return rule.counted || rule.constraint.CanHold(Arguments(rule.slots, buffer, bounds));
  });
}

bool SearchSpace::Satisfies(const Genome& genome, const Workload& workload,
                            std::string* violated) const {
  const auto fails = [&](std::string_view text) {
    if (violated != nullptr) *violated = text;
    return false;
  };
  const std::int64_t layers = ActiveLayers(genome);
  for (std::int64_t l = 0; l < (per_layer(kNHead) ? layers : 1); ++l) {
    const Layer layer = LayerAt(genome, l);
    if (layer.d_model % layer.n_head != 0) return fails(kDivisibility);
  }
  std::optional<Architecture> architecture;
  std::optional<CountedMetrics> counts;
  for (const bool counted : {false, true}) {
    for (const Rule& rule : rules_) {
      if (rule.counted != counted) continue;
      if (counted && !counts) {
        architecture = Decode(genome);
        counts.emplace(*architecture, workload, own_law());
      }
      for (std::int64_t l = 0; l < (rule.per_layer ? layers : 1); ++l) {
        const Layer layer = LayerAt(genome, l);
        const std::array<std::int64_t, kDimensions> dimensions{layer.n_layer, layer.d_model,
                                                               layer.d_inner, layer.n_head};
        std::array<double, kMaxNames> buffer;
        const auto arguments = Arguments(rule.slots, buffer, [&](int slot) {
          return slot < kDimensions
                     ? static_cast<double>(dimensions[static_cast<std::size_t>(slot)])
                     : counts->Value(static_cast<Metric>(slot - kDimensions));
        });
        if (!rule.constraint.Holds(arguments)) return fails(rule.constraint.text());
      }
    }
  }
  return true;
}

Architecture SearchSpace::Decode(const Genome& genome) const {
  const std::int64_t layers = ActiveLayers(genome);
  std::vector<LayerShape> shapes;
  shapes.reserve(static_cast<std::size_t>(layers));
  for (std::int64_t l = 0; l < layers; ++l) {
    const Layer layer = LayerAt(genome, l);
    LTS_DCHECK(layer.d_model % layer.n_head == 0);
    shapes.push_back({.n_head = layer.n_head, .n_kv_head = layer.n_head, .d_inner = layer.d_inner});
  }
  return Build(LayerAt(genome, 0).d_model, std::move(shapes));
}

Architecture SearchSpace::Build(std::int64_t d_model, std::vector<LayerShape> layers) const {
  ArchitectureFields fields;
  fields.backbone = fields_.backbone;
  fields.vocab_size = fields_.vocab_size;
  fields.max_seq_len = fields_.max_seq_len;
  fields.d_model = d_model;
  fields.layers = std::move(layers);
  if (fields_.memory_tokens || fields_.adaptive) {
    fields.settings = DefaultSettingsOf(fields);
    if (fields_.memory_tokens) fields.settings->memory_tokens = *fields_.memory_tokens;
    if (fields_.adaptive) fields.settings->adaptive = fields_.adaptive;
  }
  return Architecture(std::move(fields));
}

std::optional<Genome> SearchSpace::Encode(const Architecture& architecture) const {
  Genome genome(static_cast<std::size_t>(gene_count_), 0);
  const auto set = [&](int dimension, std::int64_t layer, std::int64_t value) {
    const auto found = std::ranges::lower_bound(values(dimension), value);
    if (found == values(dimension).end() || *found != value) return false;
    genome[static_cast<std::size_t>(Gene(dimension, layer))] =
        static_cast<std::int32_t>(found - values(dimension).begin());
    return true;
  };
  if (!set(kNLayer, 0, architecture.n_layer()) || !set(kDModel, 0, architecture.d_model()))
    return std::nullopt;
  for (std::int64_t l = 0; l < architecture.n_layer(); ++l) {
    const LayerShape& shape = architecture.layers()[static_cast<std::size_t>(l)];
    if (!set(kDInner, l, shape.d_inner) || !set(kNHead, l, shape.n_head)) return std::nullopt;
  }
  // What is left may still differ: layers that a shared gene cannot tell apart, vocabulary,
  // backbone, key/value heads.
  if (!(Decode(genome) == architecture)) return std::nullopt;
  return genome;
}

SearchSpace SearchSpace::WithLaw(LawFile law) const {
  SpaceFields fields = fields_;
  fields.law = std::move(law);
  return SearchSpace(std::move(fields));
}

SearchSpace SearchSpace::With(std::span<const std::string> constraints) const {
  SpaceFields fields = fields_;
  fields.constraints.insert(fields.constraints.end(), constraints.begin(), constraints.end());
  return SearchSpace(std::move(fields));
}

}  // namespace lts
