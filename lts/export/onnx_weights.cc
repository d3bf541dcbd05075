#include "lts/export/onnx_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr float kLargest = 127;  // of a quantized value

}  // namespace

std::uint16_t Float16Bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  constexpr std::uint32_t kInfinity = 0x7F800000U;
  if (magnitude > kInfinity) return static_cast<std::uint16_t>(sign | 0x7E00U);  // NaN
  // Halfway between 65504 and the next step; from there on infinity is the nearest.
  if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);
  if (magnitude < 0x38800000U) {
    // Subnormal in half precision: multiples of 2^-24, rounded by the float unit.
    const float steps = std::nearbyint(std::bit_cast<float>(magnitude) * 0x1p24F);
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(steps));
  }
  const std::uint32_t rebased = magnitude - (112U << 23);  // exponent bias 127 -> 15
  const std::uint32_t odd = (rebased >> 13) & 1U;
  return static_cast<std::uint16_t>(sign | ((rebased + 0xFFFU + odd) >> 13));
}

std::vector<float> ChannelScales(std::span<const float> values, std::int64_t rows,
                                 std::int64_t columns, bool scale_per_row) {
  std::vector<float> scales(static_cast<std::size_t>(scale_per_row ? rows : columns), 0.0F);
  std::size_t i = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column, ++i) {
      float& most = scales[static_cast<std::size_t>(scale_per_row ? row : column)];
      most = std::max(most, std::fabs(values[i]));
    }
  }
  for (float& scale : scales) scale = scale > 0 ? scale / kLargest : 1.0F;
  return scales;
}

std::vector<std::int8_t> Quantize(std::span<const float> values, std::int64_t rows,
                                  std::int64_t columns, bool scale_per_row,
                                  std::span<const float> scales) {
  std::vector<std::int8_t> quantized(values.size());
  std::size_t i = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column, ++i) {
      const float scale = scales[static_cast<std::size_t>(scale_per_row ? row : column)];
      const float steps = std::nearbyint(values[i] / scale);
      quantized[i] = static_cast<std::int8_t>(std::clamp(steps, -kLargest, kLargest));
    }
  }
  return quantized;
}

std::string EncodeWeight(const Model& model, const OnnxInitializer& weight) {
  const std::span<const float> values = model.tensor(weight.tensor);
  std::string bytes(static_cast<std::size_t>(weight.bytes()), '\0');
  const auto copy = [&bytes](const void* data, std::size_t size) {
    LTS_CHECK(size == bytes.size());
    std::memcpy(bytes.data(), data, size);
  };
  if (weight.content != OnnxInitializer::Content::kValues) {
    const TensorShape& shape = model.graph().tensors[static_cast<std::size_t>(weight.tensor)].shape;
    const std::vector<float> scales =
        ChannelScales(values, shape[0], shape[1], weight.scale_per_row);
    if (weight.content == OnnxInitializer::Content::kScales) {
      copy(scales.data(), scales.size() * sizeof(float));
    } else {
      const std::vector<std::int8_t> quantized =
          Quantize(values, shape[0], shape[1], weight.scale_per_row, scales);
      copy(quantized.data(), quantized.size());
    }
  } else if (weight.type == OnnxType::kFloat16) {
    std::vector<std::uint16_t> halves(values.size());
    std::transform(values.begin(), values.end(), halves.begin(), Float16Bits);
    copy(halves.data(), halves.size() * sizeof(std::uint16_t));
  } else {
    copy(values.data(), values.size_bytes());
  }
  return bytes;
}

}  // namespace lts
