#include "lts/profile/roofline_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <variant>

#include "lts/arch/graph.h"
#include "lts/base/error.h"
#include "lts/base/linear_algebra.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

// Order of the norm that stands for max.
constexpr double kSharpness = 8;
// Bytes that attention moves for each score: written, read and written by the softmax, read.
constexpr double kScorePasses = 4;
// What attention's small products reach of flops_per_s.
constexpr double kAttentionRate = 0.5;
// Bytes moved for each logit beside the product: read in half, written in single precision.
constexpr double kLogitBytes = 6;
// A product with an odd number of columns is loaded value by value, which halves its rate: what
// padding the vocabulary 50257 to 50304 was found to gain.
constexpr double kOddRate = 0.5;

// One layer's share of a rank, widths in values.
struct Layer {
  double d_model = 0;
  double qkv = 0;       // columns of the first product of attention
  double attended = 0;  // rows of its last
  double heads = 0;
  double d_inner = 0;
  double up_products = 0;  // 1, or 2 when gated
  double count = 1;        // layers that are equal
  bool SameShape(const Layer& o) const {
    return d_model == o.d_model && qkv == o.qkv && attended == o.attended && heads == o.heads &&
           d_inner == o.d_inner && up_products == o.up_products;
  }
};

std::vector<Layer> LayersOf(const Graph& graph, double ranks) {
  std::vector<Layer> layers;
  for (const Op& op : graph.ops) {
    if (const auto* attention = std::get_if<AttentionOp>(&op.attributes)) {
      const auto d_head = static_cast<double>(attention->d_head);
      const auto heads = static_cast<double>(attention->n_head);
      layers.push_back({static_cast<double>(graph.d_model),
                        (heads + 2 * static_cast<double>(attention->n_kv_head)) * d_head / ranks,
                        heads * d_head / ranks, heads / ranks, 0, 0, 1});
    } else if (const auto* feed_forward = std::get_if<FeedForwardOp>(&op.attributes)) {
      if (layers.empty()) continue;
      layers.back().d_inner += static_cast<double>(feed_forward->d_inner) / ranks;
      layers.back().up_products = feed_forward->gate_weight == kNoTensor ? 1 : 2;
    }
  }
  std::vector<Layer> distinct;
  for (const Layer& layer : layers) {
    const auto same =
        std::ranges::find_if(distinct, [&](const Layer& other) { return layer.SameShape(other); });
    if (same == distinct.end()) {
      distinct.push_back(layer);
    } else {
      same->count += 1;
    }
  }
  return distinct;
}

struct Tile {
  double rows, columns;
};
constexpr std::array<Tile, 6> kTiles = {Tile{256, 128}, {128, 256}, {128, 128},
                                        {128, 64},      {64, 128},  {64, 64}};

bool IsOdd(double width) { return std::fmod(std::round(width), 2) != 0; }

// [rows, inner] x [inner, columns].
double ProductSeconds(const DeviceConstants& device, double rows, double columns, double inner) {
  const auto processors = static_cast<double>(device.processors);
  double arithmetic = std::numeric_limits<double>::infinity();
  for (const Tile& tile : kTiles) {
    const double tiles = std::ceil(rows / tile.rows) * std::ceil(columns / tile.columns);
    const double waves = std::ceil(tiles / processors);
    const double overhead = device.tile_overhead * 64 * (1 / tile.rows + 1 / tile.columns);
    arithmetic = std::min(arithmetic, waves * 2 * tile.rows * tile.columns * inner *
                                          (1 + overhead) / (device.flops_per_s / processors));
  }
  if (IsOdd(columns) || IsOdd(inner)) arithmetic /= kOddRate;
  const double values = columns * inner + rows * inner + rows * columns;
  return std::max(arithmetic, values * device.bytes_per_value / device.bytes_per_s);
}

struct Model {
  std::vector<Layer> layers;
  double d_model = 0;
  double vocabulary = 0;  // of a rank
  double whole_vocabulary = 0;
  double ranks = 1;
  double replicas = 1;
};

Model ModelOf(const Deployment& deployment) {
  const Graph graph = BuildGraph(deployment.architecture);
  Model model;
  model.ranks = static_cast<double>(deployment.ranks);
  model.replicas = static_cast<double>(deployment.replicas);
  model.layers = LayersOf(graph, model.ranks);
  model.d_model = static_cast<double>(graph.d_model);
  model.whole_vocabulary = static_cast<double>(graph.vocab_size);
  model.vocabulary = model.whole_vocabulary / model.ranks;
  return model;
}

double LinkRate(const DeviceConstants& device, const Model& model) {
  return model.ranks > static_cast<double>(device.ranks_per_node) ? device.far_bytes_per_s
                                                                  : device.link_bytes_per_s;
}

double LayerSeconds(const DeviceConstants& device, const Model& model, const Layer& layer, double n,
                    bool prompt) {
  const double bytes = device.bytes_per_value;
  double work = ProductSeconds(device, n, layer.qkv, layer.d_model) +
                ProductSeconds(device, n, layer.d_model, layer.attended) +
                layer.up_products * ProductSeconds(device, n, layer.d_inner, layer.d_model) +
                ProductSeconds(device, n, layer.d_model, layer.d_inner);
  if (prompt) {
    work += layer.heads * n * n * kScorePasses * bytes / device.bytes_per_s +
            4 * n * n * layer.attended / (device.flops_per_s * kAttentionRate);
  }
  work += device.activation_passes * n * layer.d_model * bytes / device.bytes_per_s;
  if (model.ranks > 1) {
    // Two sums over ranks, each of which moves every value to and fro.
    const double moved = 2 * 2 * n * layer.d_model * bytes * (model.ranks - 1) / model.ranks;
    work += device.exchange_s + moved / LinkRate(device, model);
  }
  const double launch = (model.ranks > 1 ? device.launch_ranks_s : device.launch_s) +
                        (prompt ? device.launch_prompt_s : 0);
  return std::pow(std::pow(launch, kSharpness) + std::pow(work, kSharpness), 1 / kSharpness);
}

double StepSecondsOf(const DeviceConstants& device, const Model& model, double n, bool prompt) {
  double seconds = device.step_s + (prompt ? device.tokenizer_s * n : 0);
  for (const Layer& layer : model.layers) {
    seconds += layer.count * LayerSeconds(device, model, layer, n, prompt);
  }
  double head = ProductSeconds(device, n, model.vocabulary, model.d_model) +
                n * model.whole_vocabulary * kLogitBytes / device.bytes_per_s;
  if (model.ranks > 1) {
    head += n * model.whole_vocabulary * device.bytes_per_value / LinkRate(device, model);
  }
  return seconds + model.replicas * head;
}

// The fitted constants with how firmly they are held: a standard deviation of their logarithm, in
// units of the error (2 %) that a profile is expected to have.
struct Constant {
  double DeviceConstants::*value;
  const char* name;
  double hold;
};
constexpr std::array kConstants = {
    Constant{&DeviceConstants::launch_s, "launch_s", 0.01},
    Constant{&DeviceConstants::launch_ranks_s, "launch_ranks_s", 0.01},
    Constant{&DeviceConstants::launch_prompt_s, "launch_prompt_s", 0.01},
    Constant{&DeviceConstants::step_s, "step_s", 0.01},
    Constant{&DeviceConstants::tokenizer_s, "tokenizer_s", 0.01},
    Constant{&DeviceConstants::flops_per_s, "flops_per_s", 0.1},
    Constant{&DeviceConstants::tile_overhead, "tile_overhead", 0.1},
    Constant{&DeviceConstants::bytes_per_s, "bytes_per_s", 0.1},
    Constant{&DeviceConstants::activation_passes, "activation_passes", 0.03},
    Constant{&DeviceConstants::link_bytes_per_s, "link_bytes_per_s", 0.03},
    Constant{&DeviceConstants::far_bytes_per_s, "far_bytes_per_s", 0.03},
    Constant{&DeviceConstants::exchange_s, "exchange_s", 0.02},
};

// Damping of errors in the fit: beyond half of this share of a profile's weight they count less.
constexpr double kDamping = 0.005;
constexpr int kRounds = 60;
constexpr double kLargest = 1e30;

}  // namespace

DeviceConstants DeviceByName(std::string_view name) {
  DeviceConstants a100;
  a100.name = "a100";
  DeviceConstants v100;
  v100.name = "v100";
  v100.processors = 80;
  v100.launch_s = 0.8e-3;
  v100.launch_ranks_s = 1e-3;
  v100.launch_prompt_s = 0.2e-3;
  v100.step_s = 0.5e-3;
  v100.tokenizer_s = 1.1e-5;
  v100.flops_per_s = 1e14;
  v100.tile_overhead = 0.5;
  v100.bytes_per_s = 7e11;
  v100.link_bytes_per_s = 6e10;
  v100.far_bytes_per_s = 3e10;
  v100.exchange_s = 0.2e-3;
  if (name == a100.name) return a100;
  if (name == v100.name) return v100;
  throw Error(ErrorCode::kNotFound, UnknownName("device", std::string(name), {"a100", "v100"}));
}

DeviceConstants FittedDeviceByName(std::string_view name) {
  DeviceConstants device = DeviceByName(name);
  if (name == "v100") {
    device.launch_s = 8.05e-4;
    device.launch_ranks_s = 9.88e-4;
    device.launch_prompt_s = 1.94e-4;
    device.step_s = 2.64e-4;
    device.tokenizer_s = 1.14e-5;
    device.flops_per_s = 1.33e14;
    device.tile_overhead = 0.497;
    device.bytes_per_s = 7.15e11;
    device.activation_passes = 11.9;
    device.link_bytes_per_s = 5.37e10;
    device.far_bytes_per_s = 3.32e10;
    device.exchange_s = 3.88e-4;
    return device;
  }
  device.launch_s = 6.35e-4;
  device.launch_ranks_s = 7.93e-4;
  device.launch_prompt_s = 8.5e-5;
  device.step_s = 3.04e-3;
  device.tokenizer_s = 7.13e-6;
  device.flops_per_s = 2.84e14;
  device.tile_overhead = 0.3;
  device.bytes_per_s = 1.26e12;
  device.activation_passes = 10.2;
  device.link_bytes_per_s = 1.14e11;
  device.exchange_s = 1.59e-4;
  return device;
}

double StepSeconds(const DeviceConstants& device, const Deployment& deployment, std::int64_t tokens,
                   bool prompt) {
  return StepSecondsOf(device, ModelOf(deployment), static_cast<double>(tokens), prompt);
}

double PredictedSeconds(const DeviceConstants& device, const Deployment& deployment,
                        std::int64_t prompt_tokens, std::int64_t output_tokens) {
  const Model model = ModelOf(deployment);
  const double prompt = StepSecondsOf(device, model, static_cast<double>(prompt_tokens), true);
  if (output_tokens < 2) return prompt;
  return prompt + static_cast<double>(output_tokens - 1) * StepSecondsOf(device, model, 1, false);
}

TokenCost PredictTokenCost(const DeviceConstants& device, const Deployment& deployment,
                           std::span<const std::int64_t> prompt_sizes, const std::string& name) {
  const Model model = ModelOf(deployment);
  TokenCost cost;
  cost.name = name;
  cost.beta = StepSecondsOf(device, model, 1, false);
  cost.beta_interval = {cost.beta, cost.beta};
  double before = 0;
  for (const std::int64_t size : prompt_sizes) {
    // Other tiles may suit the longer prompt better; ours never cost less.
    before = std::max(before, StepSecondsOf(device, model, static_cast<double>(size), true));
    cost.alpha.push_back({size, before, {before, before}});
  }
  cost.tile_tokens = 128;
  return cost;
}

Json ToJson(const DeviceConstants& device) {
  Json json = Json::MakeObject();
  json["name"] = device.name;
  json["processors"] = device.processors;
  json["ranks_per_node"] = device.ranks_per_node;
  json["bytes_per_value"] = device.bytes_per_value;
  for (const Constant& constant : kConstants) json[constant.name] = device.*constant.value;
  return json;
}

DeviceConstants ParseDevice(const Json& json, const std::string& file) {
  ObjectReader reader(json, file);
  DeviceConstants device;
  device.name = reader.String("name");
  device.processors = reader.Int("processors", 1, 1 << 20);
  device.ranks_per_node = reader.Int("ranks_per_node", 1, 1 << 20);
  device.bytes_per_value = reader.Double("bytes_per_value", 0.125, 8);
  for (const Constant& constant : kConstants) {
    device.*constant.value =
        reader.Double(constant.name, std::numeric_limits<double>::min(), kLargest);
  }
  reader.RejectUnknown();
  return device;
}

namespace {

// A profile made ready for the fit: its model, prompt sizes, and each point's place among them.
struct Prepared {
  Model model;
  std::vector<std::int64_t> sizes;
  std::vector<std::size_t> size_of;
  std::vector<double> steps;  // o - 1
  std::vector<double> log_seconds;
};

Prepared Prepare(const CostProfile& profile) {
  if (!profile.deployment) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the model and its devices are not known; expected a log with an "
                            "argument table",
                            profile.source));
  }
  Prepared prepared;
  prepared.model = ModelOf(*profile.deployment);
  prepared.sizes = profile.PromptSizes();
  for (const GridPoint& point : profile.points) {
    prepared.size_of.push_back(static_cast<std::size_t>(
        std::ranges::lower_bound(prepared.sizes, point.prompt_tokens) - prepared.sizes.begin()));
    prepared.steps.push_back(
        static_cast<double>(std::max<std::int64_t>(point.output_tokens, 1) - 1));
    prepared.log_seconds.push_back(std::log(point.seconds));
  }
  return prepared;
}

DeviceConstants Moved(const DeviceConstants& start, std::span<const double> by) {
  DeviceConstants device = start;
  for (std::size_t j = 0; j < kConstants.size(); ++j) {
    device.*kConstants[j].value *= std::exp(by[j]);
  }
  return device;
}

// log(predicted / measured) of every point by the root of the number of its profile's points.
std::vector<double> Residuals(const DeviceConstants& device, std::span<const Prepared> profiles) {
  std::vector<double> residuals;
  for (const Prepared& profile : profiles) {
    std::vector<double> alpha;
    for (const std::int64_t size : profile.sizes) {
      alpha.push_back(StepSecondsOf(device, profile.model, static_cast<double>(size), true));
    }
    const double beta = StepSecondsOf(device, profile.model, 1, false);
    const double scale = 1 / std::sqrt(static_cast<double>(profile.steps.size()));
    for (std::size_t i = 0; i < profile.steps.size(); ++i) {
      const double predicted = alpha[profile.size_of[i]] + profile.steps[i] * beta;
      residuals.push_back((std::log(predicted) - profile.log_seconds[i]) * scale);
    }
  }
  return residuals;
}

// Of errors damped as by 2 (sqrt(1 + z^2) - 1), and of how far constants have moved.
double Objective(std::span<const double> residuals, std::span<const double> moved) {
  double sum = 0;
  for (const double r : residuals) {
    const double z = r / kDamping;
    sum += kDamping * kDamping * 2 * (std::sqrt(1 + z * z) - 1);
  }
  for (std::size_t j = 0; j < moved.size(); ++j) {
    sum += kConstants[j].hold * kConstants[j].hold * moved[j] * moved[j];
  }
  return sum;
}

}  // namespace

DeviceConstants FitDevice(std::span<const CostProfile* const> profiles,
                          const DeviceConstants& start) {
  if (profiles.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "no profiles to fit a device's constants to");
  }
  std::vector<Prepared> prepared;
  for (const CostProfile* profile : profiles) prepared.push_back(Prepare(*profile));
  constexpr std::size_t kCount = kConstants.size();
  constexpr double kStep = 1e-5;
  std::vector<double> moved(kCount, 0.0);
  std::vector<double> residuals = Residuals(start, prepared);
  double objective = Objective(residuals, moved);
  double damping = 1e-3;  // Levenberg's and Marquardt's
  for (int round = 0; round < kRounds; ++round) {
    SquareMatrix normal(kCount);
    std::vector<double> gradient(kCount, 0.0);
    std::vector<std::vector<double>> slopes;
    for (std::size_t j = 0; j < kCount; ++j) {
      std::vector<double> nearby = moved;
      nearby[j] += kStep;
      slopes.push_back(Residuals(Moved(start, nearby), prepared));
      for (std::size_t i = 0; i < residuals.size(); ++i) {
        slopes[j][i] = (slopes[j][i] - residuals[i]) / kStep;
      }
    }
    for (std::size_t i = 0; i < residuals.size(); ++i) {
      const double z = residuals[i] / kDamping;
      const double weight = 1 / std::sqrt(1 + z * z);
      for (std::size_t j = 0; j < kCount; ++j) {
        gradient[j] -= weight * slopes[j][i] * residuals[i];
        for (std::size_t k = 0; k <= j; ++k) {
          normal(j, k) += weight * slopes[j][i] * slopes[k][i];
        }
      }
    }
    for (std::size_t j = 0; j < kCount; ++j) {
      const double hold = kConstants[j].hold * kConstants[j].hold;
      normal(j, j) += hold;
      gradient[j] -= hold * moved[j];
      for (std::size_t k = 0; k < j; ++k) normal(k, j) = normal(j, k);
    }
    bool improved = false;
    const double before = objective;
    while (!improved && damping < 1e8) {
      SquareMatrix damped = normal;
      for (std::size_t j = 0; j < kCount; ++j) damped(j, j) *= 1 + damping;
      LTS_CHECK(Cholesky(damped));
      std::vector<double> step = gradient;
      SolveLower(damped, step);
      SolveLowerTransposed(damped, step);
      std::vector<double> target = moved;
      // A tenfold change in a round is no longer a linear one.
      for (std::size_t j = 0; j < kCount; ++j) target[j] += std::clamp(step[j], -2.3, 2.3);
      std::vector<double> there = Residuals(Moved(start, target), prepared);
      const double value = Objective(there, target);
      improved = value < objective;
      if (improved) {
        moved = std::move(target);
        residuals = std::move(there);
        objective = value;
        damping /= 5;
      } else {
        damping *= 5;
      }
    }
    if (!improved || before - objective < 1e-9 * before) break;
  }
  return Moved(start, moved);
}

PredictionError ErrorOf(const DeviceConstants& device, const CostProfile& profile) {
  const Prepared prepared = Prepare(profile);
  const double root = std::sqrt(static_cast<double>(prepared.steps.size()));
  PredictionError error;
  for (const double residual : Residuals(device, std::span(&prepared, 1))) {
    const double off = std::abs(std::exp(residual * root) - 1);
    error.mape += off / static_cast<double>(prepared.steps.size());
    error.max_ape = std::max(error.max_ape, off);
  }
  return error;
}

}  // namespace lts
