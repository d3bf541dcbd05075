#include "lts/runtime/cpu/kernels/matmul.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>
#include <vector>

#include "lts/base/aligned_buffer.h"
#include "lts/runtime/cpu/kernels/kernel_test.h"

namespace lts {
namespace {

struct Shape {
  std::int64_t m;
  std::int64_t k;
  std::int64_t n;
};

// Around tiles (6 rows; 16 to 64 columns), panels (64), grains (16), chunks (192 rows, depth 384).
std::vector<Shape> Shapes() {
  return {{1, 1, 1},     {1, 3, 15},    {2, 16, 16},   {3, 17, 17},   {4, 40, 31},
          {5, 64, 48},   {6, 100, 63},  {7, 33, 64},   {8, 65, 65},   {9, 384, 79},
          {12, 385, 80}, {13, 767, 81}, {1, 769, 130}, {6, 800, 200}, {64, 20, 127},
          {191, 9, 33},  {192, 5, 64},  {193, 390, 7}, {400, 11, 70}, {131, 130, 144}};
}

class Packed {
 public:
  Packed(const Values& source, std::int64_t rows, std::int64_t columns, ThreadPool& pool)
      : buffer_(PackedSize(rows, columns)), view_{buffer_.data(), rows, columns} {
    PackMatrix(source.data(), rows, columns, buffer_.data(), pool);
  }
  const PackedMatrix& view() const { return view_; }

 private:
  AlignedBuffer<float> buffer_;
  PackedMatrix view_;
};

// x W in float64 and, for the bound of the error, |x| |W|.
std::pair<double, double> Product(const Values& x, std::int64_t x_stride, const Values& w,
                                  const Shape& s, std::int64_t i, std::int64_t j) {
  double sum = 0;
  double magnitude = 0;
  for (std::int64_t k = 0; k < s.k; ++k) {
    const double term =
        static_cast<double>(x[i * x_stride + k]) * static_cast<double>(w[k * s.n + j]);
    sum += term;
    magnitude += std::abs(term);
  }
  return {sum, magnitude};
}

// Every term takes part in at most one product and min(k, 384) + k / 384 + 2 sums, each of which
// rounds once (Higham 2002, section 3.1).
double Tolerance(const Shape& s, double magnitude) {
  return static_cast<double>(std::min<std::int64_t>(s.k, 384) + s.k / 384 + 3) * kRoundoff *
         magnitude;
}

double ActivateExactly(Activation activation, double x) {
  switch (activation) {
    case Activation::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::kGeluErf:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kReluSquared:
      return std::max(x, 0.0) * std::max(x, 0.0);
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
  }
  return x;
}

LTS_KERNEL_TEST(MatMulTest);

TEST_P(MatMulTest, PacksPanelsOf64ColumnsRowAfterRow) {
  ThreadPool pool(2);
  Rng rng(1);
  const std::int64_t rows = 5;
  const std::int64_t columns = 64 + 17;  // a panel of 64, and one of 17 rounded up to 32
  const Values source(rows * columns, rng);
  AlignedBuffer<float> packed(PackedSize(rows, columns));
  EXPECT_EQ(packed.size(), rows * 96);
  std::fill(packed.span().begin(), packed.span().end(), 7.0F);
  PackMatrix(source.data(), rows, columns, packed.data(), pool);
  for (std::int64_t k = 0; k < rows; ++k) {
    for (std::int64_t j = 0; j < 96; ++j) {
      const float expected = j < columns ? source[k * columns + j] : 0.0F;
      const float got = j < 64 ? packed[k * 64 + j] : packed[rows * 64 + k * 32 + j - 64];
      EXPECT_EQ(got, expected) << k << " " << j;
    }
  }
}

TEST_P(MatMulTest, MultipliesLikeFloat64) {
  ThreadPool pool(2);
  Rng rng(2);
  std::int64_t misalignment = 0;
  for (const Shape& s : Shapes()) {
    misalignment = (misalignment + 1) % 5;
    const Values x(s.m * s.k, rng, misalignment);
    const Values w(s.k * s.n, rng);
    const Packed packed(w, s.k, s.n, pool);
    Values y(s.m * s.n, rng, 4 - misalignment);
    MatMul(x.data(), s.m, s.k, packed.view(), {}, y.data(), s.n, pool);
    for (std::int64_t i = 0; i < s.m; ++i) {
      for (std::int64_t j = 0; j < s.n; ++j) {
        const auto [expected, magnitude] = Product(x, s.k, w, s, i, j);
        ASSERT_NEAR(y[i * s.n + j], expected, Tolerance(s, magnitude))
            << s.m << "x" << s.k << "x" << s.n;
      }
    }
  }
}

TEST_P(MatMulTest, AddsBiasActivatesAndAddsTheResidualInPlace) {
  ThreadPool pool(2);
  Rng rng(3);
  for (const Shape& s : {Shape{1, 20, 37}, Shape{7, 500, 65}, Shape{130, 33, 20}}) {
    const std::int64_t x_stride = s.k + 3;
    const std::int64_t y_stride = s.n + 5;
    const Values x(s.m * x_stride, rng);
    const Values w(s.k * s.n, rng);
    const Values bias(s.n, rng, 1);
    const Packed packed(w, s.k, s.n, pool);
    for (const Activation activation :
         {Activation::kGeluTanh, Activation::kGeluErf, Activation::kRelu, Activation::kReluSquared,
          Activation::kSilu}) {
      const Values before(s.m * y_stride, rng, 2);
      Values y = before;
      MatMul(x.data(), s.m, x_stride, packed.view(),
             {.bias = bias.data(),
              .activation = activation,
              .residual = y.data(),
              .residual_stride = y_stride},
             y.data(), y_stride, pool);
      for (std::int64_t i = 0; i < s.m; ++i) {
        for (std::int64_t j = 0; j < y_stride; ++j) {
          const float residual = before[i * y_stride + j];
          if (j >= s.n) {
            ASSERT_EQ(y[i * y_stride + j], residual) << "wrote past the columns";
            continue;
          }
          const auto [product, magnitude] = Product(x, x_stride, w, s, i, j);
          const double sum = product + static_cast<double>(bias[j]);
          const double expected = ActivateExactly(activation, sum) + static_cast<double>(residual);
          // Slopes of the activations are at most max(1.13, 2 |sum|); their own error is below 2e-7
          // |sum|.
          const double slope = std::max(1.13, 2 * std::abs(sum));
          const double tolerance =
              slope * (Tolerance(s, magnitude) + 2 * kRoundoff * std::abs(sum)) +
              4e-7 * std::abs(sum) + 2 * kRoundoff * std::abs(expected);
          ASSERT_NEAR(y[i * y_stride + j], expected, tolerance) << static_cast<int>(activation);
        }
      }
    }
  }
}

// The second product of a gated feed-forward block: y holds the first one and is multiplied in
// place.
TEST_P(MatMulTest, MultipliesWhatStandsInPlaceByTheActivatedProduct) {
  ThreadPool pool(2);
  Rng rng(7);
  for (const Shape& s : {Shape{1, 20, 37}, Shape{7, 500, 65}, Shape{130, 33, 20}}) {
    const std::int64_t y_stride = s.n + 5;
    const Values x(s.m * s.k, rng);
    const Values w(s.k * s.n, rng);
    const Values residual(s.m * s.n, rng, 1);
    const Packed packed(w, s.k, s.n, pool);
    Values activated(s.m * s.n, rng);
    MatMul(x.data(), s.m, s.k, packed.view(), {.activation = Activation::kSilu}, activated.data(),
           s.n, pool);
    for (const bool with_residual : {false, true}) {
      const Values before(s.m * y_stride, rng, 3);
      Values y = before;
      MatMul(x.data(), s.m, s.k, packed.view(),
             {.activation = Activation::kSilu,
              .factor = y.data(),
              .factor_stride = y_stride,
              .residual = with_residual ? residual.data() : nullptr,
              .residual_stride = s.n},
             y.data(), y_stride, pool);
      for (std::int64_t i = 0; i < s.m * y_stride; ++i) {
        const std::int64_t at = i / y_stride * s.n + i % y_stride;
        if (i % y_stride >= s.n) {
          ASSERT_EQ(y[i], before[i]) << "wrote past the columns";
          continue;
        }
        const double product = static_cast<double>(activated[at]) * static_cast<double>(before[i]);
        const double added = with_residual ? static_cast<double>(residual[at]) : 0.0;
        ASSERT_NEAR(y[i], product + added,
                    kRoundoff * (std::abs(product) + std::abs(product + added)))
            << s.m << " " << i;
      }
    }
  }
}

TEST_P(MatMulTest, ComputesARangeOfColumnsAlone) {
  ThreadPool pool(2);
  Rng rng(4);
  const Shape s{9, 50, 150};
  const Values x(s.m * s.k, rng);
  const Values w(s.k * s.n, rng);
  const Packed packed(w, s.k, s.n, pool);
  Values all(s.m * s.n, rng);
  MatMul(x.data(), s.m, s.k, packed.view(), {}, all.data(), s.n, pool);
  for (const ColumnRange range :
       {ColumnRange{0, 1}, ColumnRange{0, 70}, ColumnRange{48, 150}, ColumnRange{64, 128}}) {
    const Values before(s.m * s.n, rng);
    Values y = before;
    MatMul(x.data(), s.m, s.k, packed.view(), range, {}, y.data(), s.n, pool);
    for (std::int64_t i = 0; i < s.m * s.n; ++i) {
      const bool inside = i % s.n >= range.begin && i % s.n < range.end;
      ASSERT_EQ(y[i], inside ? all[i] : before[i]) << i % s.n;
    }
  }
}

TEST_P(MatMulTest, GivesTheSameBitsForAnyRowsAndThreads) {
  Rng rng(5);
  const Shape s{140, 900, 83};
  ThreadPool one(1);
  const Values x(s.m * s.k, rng);
  const Values w(s.k * s.n, rng);
  const Values table(s.n * s.k, rng, 1);
  const Packed packed(w, s.k, s.n, one);
  Values expected(s.m * s.n, rng);
  Values expected_transposed(s.m * s.n, rng);
  for (std::int64_t i = 0; i < s.m; ++i) {
    MatMul(x.data() + i * s.k, 1, s.k, packed.view(), {}, expected.data() + i * s.n, s.n, one);
    MatMulTransposed(x.data() + i * s.k, 1, s.k, table.data(), s.n, s.k, nullptr,
                     expected_transposed.data() + i * s.n, s.n, one);
  }
  const std::size_t bytes = static_cast<std::size_t>(s.m * s.n) * sizeof(float);
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    Values y(s.m * s.n, rng);
    MatMul(x.data(), s.m, s.k, packed.view(), {}, y.data(), s.n, pool);
    EXPECT_EQ(std::memcmp(y.data(), expected.data(), bytes), 0) << threads;
    MatMulTransposed(x.data(), s.m, s.k, table.data(), s.n, s.k, nullptr, y.data(), s.n, pool);
    EXPECT_EQ(std::memcmp(y.data(), expected_transposed.data(), bytes), 0) << threads;
  }
}

TEST_P(MatMulTest, MultipliesByTheRowsOfATable) {
  ThreadPool pool(2);
  Rng rng(6);
  std::int64_t misalignment = 0;
  for (const Shape& s : Shapes()) {
    misalignment = (misalignment + 1) % 5;
    const std::int64_t x_stride = s.k + misalignment;
    const Values x(s.m * x_stride, rng, misalignment);
    const Values table(s.n * s.k, rng, 4 - misalignment);
    const Values bias(s.n, rng);
    const bool biased = misalignment % 2 == 0;
    Values y(s.m * s.n, rng, misalignment);
    MatMulTransposed(x.data(), s.m, x_stride, table.data(), s.n, s.k,
                     biased ? bias.data() : nullptr, y.data(), s.n, pool);
    for (std::int64_t i = 0; i < s.m; ++i) {
      for (std::int64_t j = 0; j < s.n; ++j) {
        double expected = biased ? static_cast<double>(bias[j]) : 0.0;
        double magnitude = std::abs(expected);
        for (std::int64_t k = 0; k < s.k; ++k) {
          const double term =
              static_cast<double>(x[i * x_stride + k]) * static_cast<double>(table[j * s.k + k]);
          expected += term;
          magnitude += std::abs(term);
        }
        ASSERT_NEAR(y[i * s.n + j], expected, static_cast<double>(s.k + 3) * kRoundoff * magnitude)
            << s.m << "x" << s.k << "x" << s.n;
      }
    }
  }
}

}  // namespace
}  // namespace lts
