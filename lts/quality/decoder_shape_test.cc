#include "lts/quality/decoder_shape.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lts/arch/count.h"
#include "lts/arch/graph.h"
#include "lts/arch/registry.h"
#include "lts/base/rng.h"

namespace lts {
namespace {

// A decoder whose layers all differ, as far as the backbone allows.
Architecture Uneven(std::string_view backbone, std::int64_t n_layer) {
  ArchitectureFields fields;
  fields.backbone = backbone;
  fields.vocab_size = 1000;
  fields.max_seq_len = 64;
  fields.d_model = 96;
  Rng rng(static_cast<std::uint64_t>(n_layer));
  for (std::int64_t i = 0; i < n_layer; ++i) {
    const std::int64_t n_head = std::int64_t{4} << rng.Between(0, 1);  // CodeGen wants fours
    fields.layers.push_back({n_head, n_head, rng.Between(1, 400)});
  }
  return Architecture(fields);
}

TEST(DecoderFrame, SumsToTheCountsOfTheGraphForEveryBackbone) {
  for (const Backbone* backbone : Backbones()) {
    for (const std::int64_t n_layer : {1, 2, 7}) {
      const Architecture architecture = Uneven(backbone->name, n_layer);
      const ParameterCounts counts = CountParameters(BuildGraph(architecture));
      const DecoderFrame frame(architecture);
      double attention = 0;
      double feed_forward = 0;
      double norm = frame.final_norm_params();
      double d_inner = 0;
      for (const LayerShape& layer : architecture.layers()) {
        attention += frame.Of(LayerSum::kAttentionParams, layer);
        feed_forward += frame.Of(LayerSum::kFeedForwardParams, layer);
        norm += frame.Of(LayerSum::kNormParams, layer);
        d_inner += frame.Of(LayerSum::kDInner, layer);
        EXPECT_DOUBLE_EQ(frame.Of(LayerSum::kLog2Heads, layer),
                         std::log2(static_cast<double>(layer.n_head)));
      }
      EXPECT_EQ(attention, static_cast<double>(counts.attention)) << backbone->name;
      EXPECT_EQ(feed_forward, static_cast<double>(counts.feed_forward)) << backbone->name;
      EXPECT_EQ(norm, static_cast<double>(counts.norm)) << backbone->name;
      EXPECT_EQ(frame.embedding_params(), static_cast<double>(counts.embedding()))
          << backbone->name;
      EXPECT_EQ(frame.head_params(), static_cast<double>(counts.head)) << backbone->name;
      EXPECT_GT(d_inner, 0);
    }
  }
}

TEST(DecoderFrame, CountsSharedKeysAndValuesOnce) {
  ArchitectureFields fields;
  fields.backbone = "llama";
  fields.d_model = 96;
  fields.layers = {{8, 2, 100}, {8, 8, 100}};
  const Architecture architecture(fields);
  const DecoderFrame frame(architecture);
  double attention = 0;
  for (const LayerShape& layer : architecture.layers()) {
    attention += frame.Of(LayerSum::kAttentionParams, layer);
  }
  EXPECT_EQ(attention, static_cast<double>(CountParameters(BuildGraph(architecture)).attention));
}

// By the density itself, which the closed form integrates: Marchenko & Pastur 1967.
double BySimpson(double m, double n, double std) {
  const double small = std::min(m, n);
  const double large = std::max(m, n);
  const double ratio = small / large;
  const double low = (1 - std::sqrt(ratio)) * (1 - std::sqrt(ratio));
  const double high = (1 + std::sqrt(ratio)) * (1 + std::sqrt(ratio));
  // x = middle + half sin(t) takes the roots at both ends out of the integrand.
  const double middle = (low + high) / 2;
  const double half = (high - low) / 2;
  constexpr int kSteps = 20000;
  constexpr double kPi = 3.14159265358979323846;
  double sum = 0;
  for (int i = 0; i <= kSteps; ++i) {
    const double t = -kPi / 2 + kPi * i / kSteps;
    const double x = middle + half * std::sin(t);
    if (x <= 0) continue;
    const double f = std::log1p(large * std * std * x) * half * half * std::cos(t) * std::cos(t) /
                     (2 * kPi * ratio * x);
    sum += f * (i == 0 || i == kSteps ? 1 : i % 2 == 1 ? 4 : 2);
  }
  return small * sum * kPi / kSteps / 3;
}

TEST(SpectralCapacity, IsTheIntegralOverTheDensity) {
  for (const auto& [m, n] :
       {std::pair{64.0, 256.0}, {256.0, 64.0}, {512.0, 2048.0}, {128.0, 16.0}}) {
    EXPECT_NEAR(SpectralCapacity(m, n, 0.02) / BySimpson(m, n, 0.02), 1, 1e-6) << m << " " << n;
  }
  EXPECT_NEAR(SpectralCapacity(300, 300, 0.02) / BySimpson(300, 300, 0.02), 1, 1e-3);
}

TEST(SpectralCapacity, GrowsWithEitherSide) {
  EXPECT_LT(SpectralCapacity(64, 128, 0.02), SpectralCapacity(65, 128, 0.02));
  EXPECT_LT(SpectralCapacity(64, 128, 0.02), SpectralCapacity(64, 129, 0.02));
}

}  // namespace
}  // namespace lts
