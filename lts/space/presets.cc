// The spaces of the literature, by name: Archai 1.0's text generation task
// (github.com/microsoft/archai, 2023), the LTS paper (arXiv:2203.02094, NeurIPS 2022) and the text
// predictor that was found with it. docs/spaces.md says where and why they differ from the
// publications.
#include <string>
#include <string_view>
#include <utility>

#include "lts/space/search_space.h"

namespace lts {
namespace {

std::vector<std::int64_t> Range(std::int64_t low, std::int64_t high, std::int64_t step) {
  std::vector<std::int64_t> values;
  for (std::int64_t value = low; value <= high; value += step) values.push_back(value);
  return values;
}

// The two spaces of the LTS paper differ in depth, parameters and backbone.
SpaceFields Lts(std::string name, std::string summary, std::int64_t max_layers, bool per_layer,
                std::string_view decoder_params) {
  // The paper's d_inner >= int(1.7 d_model): the same on this grid, where 1.7 d_model is a multiple
  // of 64 or no multiple of 64 lies between it and its integer part.
  return {.name = std::move(name),
          .summary = std::move(summary),
          .dimensions = {{"n_layer", Range(2, max_layers, 1)},
                         {"d_model", Range(128, 960, 64)},
                         {"d_inner", Range(128, 4032, 64), per_layer},
                         {"n_head", {2, 4, 8}, per_layer}},
          .constraints = {"d_inner >= 1.7 * d_model", std::string(decoder_params)}};
}

SpaceFields LtsGpt2(std::string name, std::string summary, bool per_layer) {
  return Lts(std::move(name), std::move(summary), 15, per_layer, "6e6 <= decoder_params <= 100e6");
}

// Words, memory and clusters are those of the models that the paper measured.
SpaceFields LtsTransformerXl(std::string name, std::string summary, bool per_layer) {
  SpaceFields fields =
      Lts(std::move(name), std::move(summary), 16, per_layer, "4e6 <= decoder_params <= 100e6");
  fields.backbone = "transfo-xl";
  fields.vocab_size = 267735;
  fields.memory_tokens = 192;
  fields.adaptive =
      AdaptiveVocabulary{.div_val = 4, .cutoffs = {19997, 39997, 199997}, .tied_projections = true};
  return fields;
}

}  // namespace

std::span<const SpaceFields> SpacePresets() {
  static const std::vector<SpaceFields> presets = {
      {.name = "archai-gpt2",
       .summary = "Archai 1.0's GPT-2 space: every layer alike, 5,880 points",
       .dimensions = {{"n_layer", Range(1, 10, 1)},
                      {"d_model", Range(128, 960, 64)},
                      {"d_inner", Range(128, 960, 64)},
                      {"n_head", {2, 4, 8}}},
       .constraints = {"1e6 <= decoder_params <= 1e9"}},
      LtsGpt2("lts-gpt2",
              "The LTS paper's GPT-2 space: d_inner and n_head for each layer, 10^35 points",
              /*per_layer=*/true),
      LtsGpt2("lts-gpt2-homogeneous", "The LTS paper's GPT-2 space with every layer alike",
              /*per_layer=*/false),
      LtsTransformerXl("lts-transformer-xl",
                       "The LTS paper's Transformer-XL space: d_inner and n_head for each layer, "
                       "10^37 points; for counts, as no engine runs it",
                       /*per_layer=*/true),
      LtsTransformerXl("lts-transformer-xl-homogeneous",
                       "The LTS paper's Transformer-XL space with every layer alike",
                       /*per_layer=*/false),
      {.name = "text-predictor",
       .summary = "The on-device text predictor's space: wide and shallow models of 120M to 180M, "
                  "146,900 points",
       .dimensions = {{"n_layer", Range(6, 18, 1)},
                      {"d_model", Range(512, 2048, 64)},
                      {"d_inner", Range(1024, 8192, 64)},
                      {"n_head", {4, 8, 16, 32}}},
       // The ratio is the paper's second pass: without it the search favours shapes that train
       // badly.
       .constraints = {"d_inner >= 2 * d_model", "120e6 <= decoder_params <= 180e6"}},
  };
  return presets;
}

}  // namespace lts
