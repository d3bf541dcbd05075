// alpha(p) between, below and beyond the prompt sizes that were profiled.
#pragma once

#include <cstdint>
#include <span>

namespace lts {

// How wide the tiles of tokens are that prompts are computed in: the largest that matrix products
// of current accelerators use.
inline constexpr std::int64_t kPromptTile = 128;

// Where p lies on the axis in which alpha is piecewise straight: p itself, or with tiles the mean
// of p and of p in whole tiles. Half of the cost (products) comes in tiles, half (attention, norms,
// the tokenizer) does not.
double PromptAxis(std::int64_t prompt_tokens, std::int64_t tile_tokens);

// sizes: ascending, seconds: not descending, as many (>= 1). `least`: what a prompt of one token
// takes at least, the time of a decode step. Not descending in p.
double PromptCurveAt(std::span<const std::int64_t> sizes, std::span<const double> seconds,
                     std::int64_t tile_tokens, double least, std::int64_t prompt_tokens);

// Whether tiles describe the curve better: each size but the outer ones is predicted from all
// others, and tiles must lower the mean error by a fifth. 0 or kPromptTile.
std::int64_t ChooseTile(std::span<const std::int64_t> sizes, std::span<const double> seconds);

}  // namespace lts
