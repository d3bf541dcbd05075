#include "lts/base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "lts/base/checked.h"
#include "lts/base/error.h"

namespace lts {
namespace {

constexpr std::int64_t kHugePage = std::int64_t{2} << 20;

std::uintptr_t Address(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

template <typename T>
std::string MessageOf(std::int64_t count, ErrorCode code) {
  try {
    const AlignedBuffer<T> buffer(count);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  return "allocated";
}

TEST(AlignedBufferTest, IsZeroAndAligned) {
  for (const std::int64_t bytes :
       {std::int64_t{1}, std::int64_t{63}, std::int64_t{4096}, kHugePage - 1}) {
    const AlignedBuffer<char> buffer(bytes);
    EXPECT_EQ(Address(buffer.data()) % 64, 0u);
    EXPECT_EQ(std::count(buffer.span().begin(), buffer.span().end(), '\0'), bytes);
  }
  for (const std::int64_t bytes : {kHugePage, kHugePage + 1, 5 * kHugePage - 3}) {
    const AlignedBuffer<char> buffer(bytes);
    EXPECT_EQ(Address(buffer.data()) % static_cast<std::uintptr_t>(kHugePage), 0u);
    EXPECT_EQ(std::count(buffer.span().begin(), buffer.span().end(), '\0'), bytes);
  }
}

TEST(AlignedBufferTest, IsZeroAgainAfterAnotherWasFilled) {
  for (const std::int64_t count : {std::int64_t{1000}, kHugePage}) {
    for (int round = 0; round < 3; ++round) {
      AlignedBuffer<float> buffer(count);
      EXPECT_TRUE(
          std::all_of(buffer.span().begin(), buffer.span().end(), [](float v) { return v == 0; }));
      std::fill(buffer.span().begin(), buffer.span().end(), 1.0F);
    }
  }
}

TEST(AlignedBufferTest, CountsElementsAndBytes) {
  AlignedBuffer<float> buffer(10);
  EXPECT_EQ(buffer.size(), 10);
  EXPECT_EQ(buffer.bytes(), 40);
  EXPECT_EQ(buffer.span().size(), 10u);
  buffer[9] = 3;
  EXPECT_EQ(std::as_const(buffer)[9], 3);
}

TEST(AlignedBufferTest, EmptyHoldsNothing) {
  const AlignedBuffer<float> none;
  const AlignedBuffer<float> zero(0);
  EXPECT_EQ(none.size(), 0);
  EXPECT_EQ(zero.size(), 0);
  EXPECT_TRUE(zero.span().empty());
}

TEST(AlignedBufferTest, Moves) {
  AlignedBuffer<float> from(kHugePage);
  from[5] = 7;
  const float* const data = from.data();
  AlignedBuffer<float> to(3);
  to = std::move(from);
  EXPECT_EQ(to.data(), data);
  EXPECT_EQ(to[5], 7);
  EXPECT_EQ(to.size(), kHugePage);
  const AlignedBuffer<float> last(std::move(to));
  EXPECT_EQ(last.data(), data);
  EXPECT_EQ(last[5], 7);
}

TEST(AlignedBufferTest, AMovedFromBufferIsEmpty) {
  AlignedBuffer<float> from(8);
  const AlignedBuffer<float> to(std::move(from));
  // NOLINTBEGIN(bugprone-use-after-move, clang-analyzer-cplusplus.Move): what this test is about
  EXPECT_EQ(from.size(), 0);
  EXPECT_TRUE(from.span().empty());
  // NOLINTEND(bugprone-use-after-move, clang-analyzer-cplusplus.Move)
}

TEST(AlignedBufferTest, RefusesMoreThanTheMachineHas) {
  EXPECT_NE(MessageOf<float>(std::int64_t{1} << 50, ErrorCode::kOutOfMemory)
                .find("MiB of memory available"),
            std::string::npos);
}

TEST(AlignedBufferTest, RefusesSizesThatOverflow) {
  for (const std::int64_t count : {INT64_MAX, INT64_MAX / 8, INT64_MAX / 4}) {
    EXPECT_NE(MessageOf<double>(count, ErrorCode::kOutOfMemory), "allocated") << count;
  }
  EXPECT_NE(MessageOf<char>(INT64_MAX, ErrorCode::kOutOfMemory), "allocated");
  EXPECT_EQ(MessageOf<float>(-1, ErrorCode::kInvalidArgument),
            "a buffer of -1 elements, expected 0 or more");
}

TEST(AlignedBufferTest, MachineHasMemoryLeft) { EXPECT_GT(AvailableMemoryBytes(), 16 << 20); }

TEST(CheckedTest, OverflowIsAnError) {
  EXPECT_EQ(CheckedMul(3, 4, 5), 60);
  EXPECT_EQ(CheckedAdd(INT64_MAX - 1, 1), INT64_MAX);
  EXPECT_THROW(CheckedMul(INT64_MAX, 2), Error);
  EXPECT_THROW(CheckedMul(std::int64_t{1} << 32, 2, std::int64_t{1} << 31), Error);
  EXPECT_THROW(CheckedAdd(INT64_MAX, 1), Error);
}

}  // namespace
}  // namespace lts
