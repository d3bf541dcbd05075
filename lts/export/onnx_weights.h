// Weights in the types that ONNX files hold.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lts/arch/model.h"
#include "lts/export/onnx_program.h"

namespace lts {

// IEEE 754 binary16, rounded to nearest even; beyond 65504 infinite.
std::uint16_t Float16Bits(float value);

// Symmetric int8: value = scale * q, q in [-127, 127]. One scale for each channel, a row or a
// column of `values` [rows, columns]: max |value| / 127, 1 where all are zero.
std::vector<float> ChannelScales(std::span<const float> values, std::int64_t rows,
                                 std::int64_t columns, bool scale_per_row);
// q by `scales` [rows] or [columns], rounded to nearest even: [rows, columns].
std::vector<std::int8_t> Quantize(std::span<const float> values, std::int64_t rows,
                                  std::int64_t columns, bool scale_per_row,
                                  std::span<const float> scales);

// The initializer's bytes as a file holds them.
std::string EncodeWeight(const Model& model, const OnnxInitializer& weight);

}  // namespace lts
