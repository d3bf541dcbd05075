#include "lts/runtime/cpu/kernels/elementwise.h"

#include "lts/runtime/cpu/kernels/kernel_test.h"

namespace lts {
namespace {

LTS_KERNEL_TEST(ElementwiseTest);

TEST_P(ElementwiseTest, EmbedsScaledRowsAtPositions) {
  Rng rng(1);
  for (std::int64_t d = 1; d <= 70; ++d) {
    const Values row(d, rng, d % 4);
    const Values position(d, rng, (d + 1) % 4);
    Values y(d, rng, (d + 2) % 4);
    EmbedRow(row.data(), position.data(), 0.5F, d,
             y.data());  // 0.5: no rounding to speak of but the sum's
    for (std::int64_t i = 0; i < d; ++i) EXPECT_EQ(y[i], 0.5F * row[i] + position[i]) << d;
    EmbedRow(row.data(), nullptr, 1.0F, d, y.data());
    for (std::int64_t i = 0; i < d; ++i) EXPECT_EQ(y[i], row[i]) << d;
  }
}

TEST_P(ElementwiseTest, AddsInPlace) {
  Rng rng(2);
  for (std::int64_t n = 1; n <= 70; ++n) {
    const Values a(n, rng, n % 4);
    const Values b(n, rng, (n + 1) % 4);
    Values y = a;
    AddValues(y.data(), b.data(), n, y.data());
    for (std::int64_t i = 0; i < n; ++i) EXPECT_EQ(y[i], a[i] + b[i]) << n;
  }
}

}  // namespace
}  // namespace lts
