#include "lts/train/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lts/base/error.h"
#include "lts/base/rng.h"

namespace lts {

BatchReader::BatchReader(const TokenDataset& data, std::int64_t length, std::int64_t batch,
                         std::uint64_t seed)
    : data_(data), length_(length), batch_(batch), seed_(seed) {
  LTS_CHECK(length >= 1 && batch >= 1);
  const std::int64_t tokens = data.tokens(Split::kTrain);
  if (tokens < length + 1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the training split has {} tokens, expected at least {} for "
                            "sequences of {}; give more text or shorter sequences",
                            data.folder(), tokens, length + 1, length));
  }
  windows_ = (tokens - 1) / length;
}

void BatchReader::BeginEpoch(std::int64_t epoch) {
  Rng rng = Rng(seed_).Split(static_cast<std::uint64_t>(epoch));
  const std::int64_t left = data_.tokens(Split::kTrain) - 1 - windows_ * length_;
  start_ = rng.Below(left + 1);
  order_.resize(static_cast<std::size_t>(windows_));
  std::iota(order_.begin(), order_.end(), std::int64_t{0});
  rng.Shuffle(std::span(order_));
  epoch_ = epoch;
}

std::int64_t BatchReader::Offset(std::int64_t step, std::int64_t index) {
  LTS_CHECK(step >= 0 && index >= 0 && index < batch_);
  const std::int64_t sequence = step * batch_ + index;
  if (const std::int64_t epoch = sequence / windows_; epoch != epoch_) BeginEpoch(epoch);
  return start_ + order_[static_cast<std::size_t>(sequence % windows_)] * length_;
}

void BatchReader::Read(std::int64_t step, std::int64_t first, std::int64_t count,
                       std::span<std::int32_t> tokens) {
  LTS_CHECK(std::ssize(tokens) == count * (length_ + 1));
  const auto width = static_cast<std::size_t>(length_ + 1);
  for (std::int64_t i = 0; i < count; ++i) {
    data_.Read(Split::kTrain, Offset(step, first + i),
               tokens.subspan(static_cast<std::size_t>(i) * width, width));
  }
}

}  // namespace lts
