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

// Symmetric int8: value = scale * q, q in [-127, 127], scale = max |value| / 127 of the channel (1
// where all are zero).
struct QuantizedMatrix {
  std::vector<std::int8_t> values;  // [rows, columns]
  std::vector<float> scales;        // [rows] or [columns]
};
QuantizedMatrix Quantize(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                         bool scale_per_row);

// The initializer's bytes as a file holds them.
std::string EncodeWeight(const Model& model, const OnnxInitializer& weight);

}  // namespace lts
