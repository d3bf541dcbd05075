// The spaces of the literature, by name: Archai 1.0's text generation task
// (github.com/microsoft/archai, 2023), the LTS paper (arXiv:2203.02094, NeurIPS 2022) and the text
// predictor that was found with it. docs/spaces.md says where and why they differ from the
// publications.
#include "lts/space/search_space.h"

namespace lts {
namespace {

std::vector<std::int64_t> Range(std::int64_t low, std::int64_t high, std::int64_t step) {
  std::vector<std::int64_t> values;
  for (std::int64_t value = low; value <= high; value += step) values.push_back(value);
  return values;
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
      {.name = "lts-gpt2",
       .summary = "The LTS paper's GPT-2 space: d_inner and n_head for each layer, 10^35 points",
       .dimensions = {{"n_layer", Range(2, 15, 1)},
                      {"d_model", Range(128, 960, 64)},
                      {"d_inner", Range(128, 4032, 64), true},
                      {"n_head", {2, 4, 8}, true}},
       // The paper's d_inner >= int(1.7 d_model): the same on this grid, where 1.7 d_model is a
       // multiple of 64 or no multiple of 64 lies between it and its integer part.
       .constraints = {"d_inner >= 1.7 * d_model", "6e6 <= decoder_params <= 100e6"}},
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
