#include "lts/runtime/cpu/kernels/ceiling.h"

#include "lts/base/aligned_buffer.h"
#include "lts/runtime/cpu/kernels/amx.h"
#include "lts/runtime/cpu/kernels/kernel_test.h"

namespace lts {
namespace {

LTS_KERNEL_TEST(CeilingTest);

TEST_P(CeilingTest, ReadsEveryValueOnce) {
  for (const std::int64_t count : {0, 1, 15, 64, 1000, 4099}) {
    AlignedBuffer<float> values(count + 1);
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += values[i] = static_cast<float>(i % 7);
    EXPECT_EQ(ReadAll(values.data(), count), static_cast<float>(sum)) << count;
  }
}

TEST_P(CeilingTest, DoesAtLeastTheWorkAskedFor) {
  for (const bool amx : {true, false}) {
    SetAmxForTest(amx);
    for (const DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kInt8}) {
      const double flops = MultiplyAddRounds(dtype, 1e7);
      EXPECT_GE(flops, 1e7);
      EXPECT_LT(flops, 1.2e7) << "and hardly more";
    }
  }
  SetAmxForTest(true);
}

}  // namespace
}  // namespace lts
