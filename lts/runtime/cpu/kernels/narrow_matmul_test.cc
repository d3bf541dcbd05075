#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "lts/base/aligned_buffer.h"
#include "lts/runtime/cpu/kernels/amx.h"
#include "lts/runtime/cpu/kernels/kernel_test.h"
#include "lts/runtime/cpu/kernels/narrow.h"

namespace lts {
namespace {

LTS_KERNEL_TEST(NarrowMatMulTest);

double RoundedToBFloat16(float value) {
  // 8 significant bits, ties to even.
  int exponent = 0;
  const double mantissa = std::frexp(static_cast<double>(value), &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(mantissa, 8)), exponent - 8);
}

// What is stored of a row or column: bfloat16 values, or the integers of int8 times their scale.
// The division is in float32 as the header's q = round(x / scale) leaves it open which way a tie
// falls.
struct Quantized {
  std::vector<double> values;
  Quantized(const float* x, std::int64_t count, std::int64_t stride, DType dtype) {
    float max = 0;
    for (std::int64_t i = 0; i < count; ++i) max = std::max(max, std::abs(x[i * stride]));
    for (std::int64_t i = 0; i < count; ++i) {
      const float value = x[i * stride];
      if (dtype == DType::kBFloat16) {
        values.push_back(RoundedToBFloat16(value));
      } else {
        const float q = max == 0 ? 0 : std::nearbyint(value * (127.0F / max));
        values.push_back(static_cast<double>(q) * static_cast<double>(max / 127.0F));
      }
    }
  }
};

class Packed {
 public:
  Packed(const Values& w, std::int64_t rows, std::int64_t columns, DType dtype, ThreadPool& pool)
      : words_(NarrowPackedWords(rows, columns, dtype)), scales_(PaddedColumns(columns)) {
    PackNarrow(w.data(), rows, columns, dtype, words_.data(),
               dtype == DType::kInt8 ? scales_.data() : nullptr, pool);
    matrix_ = {words_.data(), scales_.data(), dtype, rows, columns};
  }
  const NarrowMatrix& matrix() const { return matrix_; }

 private:
  AlignedBuffer<std::uint32_t> words_;
  AlignedBuffer<float> scales_;
  NarrowMatrix matrix_;
};

class Scratch {
 public:
  Scratch(std::int64_t rows, std::int64_t depth, DType dtype, const ThreadPool& pool)
      : bytes_(NarrowScratchBytes(rows, depth, dtype)), data_(bytes_ * pool.threads()) {}
  NarrowScratch view() { return {data_.data(), bytes_}; }

 private:
  std::int64_t bytes_;
  AlignedBuffer<std::byte> data_;
};

// The greatest difference from the product of the stored values, relative to the sum of absolute
// terms.
double Error(DType dtype, std::int64_t m, std::int64_t k, std::int64_t n, ThreadPool& pool) {
  Rng rng(static_cast<std::uint64_t>(m * 1000003 + k * 1009 + n));
  const Values x(m * k, rng, 1);
  const Values w(k * n, rng, 3);
  const Values bias(n, rng, 1);
  const Packed packed(w, k, n, dtype, pool);
  Scratch scratch(m, k, dtype, pool);
  std::vector<float> y(static_cast<std::size_t>(m * n));
  NarrowMatMul(x.data(), m, k, packed.matrix(), {0, n}, {.bias = bias.data()}, y.data(), n,
               scratch.view(), pool);
  std::vector<Quantized> columns;
  for (std::int64_t j = 0; j < n; ++j) columns.emplace_back(w.data() + j, k, n, dtype);
  double worst = 0;
  for (std::int64_t i = 0; i < m; ++i) {
    const Quantized row(x.data() + i * k, k, 1, dtype);
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = bias[j];
      double exact_x = bias[j];
      double scale = std::abs(static_cast<double>(bias[j])) + 1e-3;
      for (std::int64_t l = 0; l < k; ++l) {
        const auto at = static_cast<std::size_t>(l);
        const double weight = columns[static_cast<std::size_t>(j)].values[at];
        sum += row.values[at] * weight;
        exact_x += static_cast<double>(x[i * k + l]) * weight;
        scale += std::abs(row.values[at] * weight);
      }
      const double value = y[static_cast<std::size_t>(i * n + j)];
      double error = std::abs(value - sum);
      // Few rows are multiplied without rounding x.
      if (dtype == DType::kBFloat16) error = std::min(error, std::abs(value - exact_x));
      worst = std::max(worst, error / scale);
    }
  }
  return worst;
}

// float32 sums; those of int8 are exact, and scaling them takes four roundings.
double Bound(DType dtype, std::int64_t k) {
  if (dtype == DType::kInt8) return 8 * kRoundoff;
  return 4 * kRoundoff * (std::sqrt(static_cast<double>(k)) + 4);
}

TEST_P(NarrowMatMulTest, IsTheProductOfTheRoundedValues) {
  ThreadPool pool(2);
  for (const bool amx : {true, false}) {
    SetAmxForTest(amx);
    for (const DType dtype : {DType::kBFloat16, DType::kInt8}) {
      for (const std::int64_t m : {1, 2, 3, 4, 5, 6, 16, 17, 33, 128, 131}) {
        for (const auto& [k, n] : std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1},
                                                                                     {2, 16},
                                                                                     {3, 17},
                                                                                     {31, 33},
                                                                                     {64, 64},
                                                                                     {65, 63},
                                                                                     {130, 81},
                                                                                     {300, 130},
                                                                                     {700, 130}}) {
          EXPECT_LE(Error(dtype, m, k, n, pool), Bound(dtype, k))
              << kDTypes.Name(dtype) << " amx " << amx << ": " << m << " x " << k << " x " << n;
        }
      }
    }
  }
  SetAmxForTest(true);
}

TEST_P(NarrowMatMulTest, IsTheSameOnAnyNumberOfThreadsAndForAnyRange) {
  constexpr std::int64_t kDepth = 150;
  constexpr std::int64_t kColumns = 333;
  Rng rng(5);
  for (const DType dtype : {DType::kBFloat16, DType::kInt8}) {
    for (const std::int64_t m : {1, 7, 300}) {
      const Values x(m * kDepth, rng);
      const Values w(kDepth * kColumns, rng);
      std::vector<std::vector<float>> results;
      for (const int threads : {1, 2, 3}) {
        ThreadPool pool(threads);
        const Packed packed(w, kDepth, kColumns, dtype, pool);
        Scratch scratch(m, kDepth, dtype, pool);
        results.emplace_back(static_cast<std::size_t>(m * kColumns));
        NarrowMatMul(x.data(), m, kDepth, packed.matrix(), {0, kColumns}, {}, results.back().data(),
                     kColumns, scratch.view(), pool);
        std::vector<float> parts(static_cast<std::size_t>(m * kColumns), -1.0F);
        for (const ColumnRange range : {ColumnRange{0, 80}, {80, 96}, {96, kColumns}}) {
          NarrowMatMul(x.data(), m, kDepth, packed.matrix(), range, {}, parts.data(), kColumns,
                       scratch.view(), pool);
        }
        EXPECT_EQ(parts, results.back()) << kDTypes.Name(dtype) << ' ' << m;
      }
      EXPECT_EQ(results[0], results[1]) << kDTypes.Name(dtype) << ' ' << m;
      EXPECT_EQ(results[0], results[2]) << kDTypes.Name(dtype) << ' ' << m;
    }
  }
}

TEST_P(NarrowMatMulTest, Int8IsExactlyTheSameWithTilesAndVectors) {
  if (!AmxAvailable()) GTEST_SKIP() << "this machine has no AMX";
  constexpr std::int64_t kRows = 40;
  constexpr std::int64_t kDepth = 201;
  constexpr std::int64_t kColumns = 70;
  Rng rng(6);
  ThreadPool pool(2);
  const Values x(kRows * kDepth, rng);
  const Values w(kDepth * kColumns, rng);
  const Packed packed(w, kDepth, kColumns, DType::kInt8, pool);
  Scratch scratch(kRows, kDepth, DType::kInt8, pool);
  std::vector<std::vector<float>> results;
  for (const bool amx : {true, false}) {
    SetAmxForTest(amx);
    results.emplace_back(static_cast<std::size_t>(kRows * kColumns));
    NarrowMatMul(x.data(), kRows, kDepth, packed.matrix(), {0, kColumns}, {}, results.back().data(),
                 kColumns, scratch.view(), pool);
  }
  SetAmxForTest(true);
  EXPECT_EQ(results[0], results[1]);
}

TEST_P(NarrowMatMulTest, AppliesTheEpilogue) {
  ThreadPool pool(1);
  Rng rng(7);
  const std::int64_t m = 20;
  const std::int64_t k = 33;
  const std::int64_t n = 45;
  const Values x(m * k, rng);
  const Values w(k * n, rng);
  const Values bias(n, rng);
  const Values factor(m * n, rng);
  const Values residual(m * n, rng);
  for (const DType dtype : {DType::kBFloat16, DType::kInt8}) {
    const Packed packed(w, k, n, dtype, pool);
    Scratch scratch(m, k, dtype, pool);
    std::vector<float> plain(static_cast<std::size_t>(m * n));
    std::vector<float> finished(static_cast<std::size_t>(m * n));
    NarrowMatMul(x.data(), m, k, packed.matrix(), {0, n}, {}, plain.data(), n, scratch.view(),
                 pool);
    NarrowMatMul(x.data(), m, k, packed.matrix(), {0, n},
                 {.bias = bias.data(),
                  .activation = Activation::kRelu,
                  .factor = factor.data(),
                  .factor_stride = n,
                  .residual = residual.data(),
                  .residual_stride = n},
                 finished.data(), n, scratch.view(), pool);
    for (std::int64_t i = 0; i < m * n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const double passed = static_cast<double>(std::max(plain[at] + bias[i % n], 0.0F)) *
                            static_cast<double>(factor[i]);
      const double expected = passed + static_cast<double>(residual[i]);
      EXPECT_NEAR(finished[at], expected, kRoundoff * (std::abs(passed) + std::abs(expected)));
    }
  }
}

TEST_P(NarrowMatMulTest, ActivationsAreWithinATwentiethOfABFloat16Rounding) {
  ThreadPool pool(1);
  Rng rng(9);
  const std::int64_t m = 8;
  const std::int64_t k = 16;
  const std::int64_t n = 2000;
  const Values x(m * k, rng);
  const Values w(k * n, rng);
  std::vector<float> bias(static_cast<std::size_t>(n));  // from far below to far above
  for (std::size_t j = 0; j < bias.size(); ++j) bias[j] = static_cast<float>(j) * 0.02F - 20.0F;
  bias.front() = -1e20F;
  bias.back() = 1e18F;
  const auto exact = [](Activation activation, double v) {
    const double u = activation == Activation::kSilu
                         ? v
                         : 2 * std::sqrt(2 / 3.14159265358979) * (v + 0.044715 * v * v * v);
    return v / (1 + std::exp(-u));
  };
  for (const DType dtype : {DType::kBFloat16, DType::kInt8}) {
    const Packed packed(w, k, n, dtype, pool);
    Scratch scratch(m, k, dtype, pool);
    std::vector<float> plain(static_cast<std::size_t>(m * n));
    std::vector<float> activated(static_cast<std::size_t>(m * n));
    NarrowMatMul(x.data(), m, k, packed.matrix(), {0, n}, {.bias = bias.data()}, plain.data(), n,
                 scratch.view(), pool);
    for (const Activation activation : {Activation::kGeluTanh, Activation::kSilu}) {
      NarrowMatMul(x.data(), m, k, packed.matrix(), {0, n},
                   {.bias = bias.data(), .activation = activation}, activated.data(), n,
                   scratch.view(), pool);
      for (std::size_t i = 0; i < plain.size(); ++i) {
        const double expected = exact(activation, static_cast<double>(plain[i]));
        ASSERT_NEAR(activated[i], expected, 1e-4 * std::abs(expected) + 1e-7) << plain[i];
      }
    }
  }
}

// The value of the upper half of a float32's bits.
float OfBFloat16(std::uint16_t half) {
  const std::uint32_t bits = std::uint32_t{half} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

TEST_P(NarrowMatMulTest, RoundedRowsGiveAndTakeTheSameValues) {
  constexpr DType kDType = DType::kBFloat16;
  for (const std::int64_t m : {5, 16, 40, 150}) {
    if (!UsesRoundedRows(kDType, m)) GTEST_SKIP() << "this machine has no AMX";
    for (const auto& [k, n] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {1, 1}, {30, 49}, {64, 64}, {77, 95}, {320, 200}}) {
      ThreadPool pool(2);
      Rng rng(static_cast<std::uint64_t>(m * 1000 + k));
      const Values x(m * k, rng);
      const Values w(k * n, rng);
      const Packed packed(w, k, n, kDType, pool);
      Scratch scratch(m, k, kDType, pool);
      const Epilogue epilogue{.activation = Activation::kGeluTanh};
      std::vector<float> y(static_cast<std::size_t>(m * n));
      NarrowMatMul(x.data(), m, k, packed.matrix(), {0, n}, epilogue, y.data(), n, scratch.view(),
                   pool);
      // Rows after the last and values after a row's padding hold anything.
      AlignedBuffer<std::uint16_t> rounded_x(RoundedSize(m, k));
      std::fill(rounded_x.span().begin(), rounded_x.span().end(), std::uint16_t{0x7FC0});  // NaN
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < (k + 31) / 32 * 32; ++j) {
          const float value = j < k ? static_cast<float>(RoundedToBFloat16(x[i * k + j])) : 0.0F;
          std::uint32_t bits;
          std::memcpy(&bits, &value, sizeof(bits));
          rounded_x[i * RoundedStride(k) + j] = static_cast<std::uint16_t>(bits >> 16);
        }
      }
      AlignedBuffer<std::uint16_t> rounded_y(RoundedSize(m, n));
      std::fill(rounded_y.span().begin(), rounded_y.span().end(), std::uint16_t{0x7FC0});
      NarrowMatMul({.rounded = rounded_x.data(), .stride = RoundedStride(k)}, m, packed.matrix(),
                   {0, n}, epilogue, {.rounded = rounded_y.data(), .stride = RoundedStride(n)},
                   scratch.view(), pool);
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < (n + 31) / 32 * 32; ++j) {
          const double expected =
              j < n ? RoundedToBFloat16(y[static_cast<std::size_t>(i * n + j)]) : 0.0;
          ASSERT_EQ(OfBFloat16(rounded_y[i * RoundedStride(n) + j]), expected)
              << m << " x " << k << " x " << n << ": " << i << ", " << j;
        }
      }
    }
  }
}

TEST_P(NarrowMatMulTest, ZerosAndTinyAndHugeValuesStayFinite) {
  ThreadPool pool(1);
  for (const DType dtype : {DType::kBFloat16, DType::kInt8}) {
    for (const float magnitude : {0.0F, 1e-38F, 1e30F}) {
      const std::int64_t m = 6;
      const std::int64_t k = 40;
      const std::vector<float> x(static_cast<std::size_t>(m * k), magnitude);
      Rng rng(8);
      const Values w(k * k, rng);
      const Packed packed(w, k, k, dtype, pool);
      Scratch scratch(m, k, dtype, pool);
      std::vector<float> y(static_cast<std::size_t>(m * k));
      NarrowMatMul(x.data(), m, k, packed.matrix(), {0, k}, {}, y.data(), k, scratch.view(), pool);
      for (const float value : y) EXPECT_TRUE(std::isfinite(value)) << magnitude;
    }
  }
}

TEST_P(NarrowMatMulTest, LogitsAreTheProductWithTheTablesRows) {
  ThreadPool pool(2);
  for (const DType dtype : {DType::kBFloat16, DType::kInt8}) {
    for (const std::int64_t depth : {1, 5, 64, 77, 160}) {
      for (const std::int64_t m : {1, 3}) {
        const std::int64_t rows = 150;
        Rng rng(static_cast<std::uint64_t>(depth));
        const Values x(m * depth, rng, 1);
        const Values w(rows * depth, rng, 1);
        const Values bias(rows, rng);
        AlignedBuffer<std::byte> data(rows * NarrowDepthBytes(depth, dtype));
        AlignedBuffer<float> scales(rows);
        PackNarrowTable(w.data(), rows, depth, dtype, data.data(), scales.data(), pool);
        const NarrowTable table{data.data(), scales.data(), dtype, rows, depth};
        Scratch scratch(m, depth, dtype, pool);
        std::vector<float> y(static_cast<std::size_t>(m * rows));
        NarrowMatMulTransposed(x.data(), m, depth, table, bias.data(), y.data(), rows,
                               scratch.view(), pool);
        std::vector<float> row(static_cast<std::size_t>(depth));
        for (std::int64_t j = 0; j < rows; ++j) {
          const Quantized expected(w.data() + j * depth, depth, 1, dtype);
          NarrowTableRow(table, j, row.data());
          for (std::int64_t l = 0; l < depth; ++l) {
            EXPECT_FLOAT_EQ(row[static_cast<std::size_t>(l)],
                            static_cast<float>(expected.values[static_cast<std::size_t>(l)]));
          }
          for (std::int64_t i = 0; i < m; ++i) {
            const float* x_row = x.data() + i * depth;
            const Quantized rounded(x_row, depth, 1, dtype);
            double sum = bias[j];
            double scale = std::abs(static_cast<double>(bias[j])) + 1e-3;
            for (std::int64_t l = 0; l < depth; ++l) {
              const auto at = static_cast<std::size_t>(l);
              const double factor =
                  dtype == DType::kInt8 ? rounded.values[at] : static_cast<double>(x_row[l]);
              sum += factor * static_cast<double>(row[at]);
              scale += std::abs(factor * static_cast<double>(row[at]));
            }
            EXPECT_LE(std::abs(y[static_cast<std::size_t>(i * rows + j)] - sum) / scale,
                      Bound(dtype, depth));
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace lts
