// Which tokens a training step sees: a function of (data, seed, step) alone, so that a resumed run
// goes on where it was and any number of workers can share a batch.
//
// The training split is cut into windows of `length` inputs, each with the token after it. An epoch
// goes through all windows once, in an order of its own, and begins its cuts at an offset of its
// own, so that no token is always first. What is left over at either end of an epoch is shorter
// than two windows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lts/data/token_dataset.h"

namespace lts {

class BatchReader {
 public:
  // length >= 1, batch >= 1. Throws kInvalidArgument where the split has fewer than length + 1
  // tokens. `data` must outlive this.
  BatchReader(const TokenDataset& data, std::int64_t length, std::int64_t batch,
              std::uint64_t seed);

  // Sequences [first, first + count) of the batch of `step` (0, 1, ...), [count, length + 1]
  // row-major. A new epoch costs a shuffle of its windows. Throws as TokenDataset::Read.
  void Read(std::int64_t step, std::int64_t first, std::int64_t count,
            std::span<std::int32_t> tokens);
  // Where in the split that sequence begins.
  std::int64_t Offset(std::int64_t step, std::int64_t index);

  std::int64_t windows() const { return windows_; }  // in an epoch

 private:
  void BeginEpoch(std::int64_t epoch);

  const TokenDataset& data_;
  std::int64_t length_;
  std::int64_t batch_;
  std::uint64_t seed_;
  std::int64_t windows_ = 0;
  std::int64_t epoch_ = -1;
  std::int64_t start_ = 0;           // of the first window of this epoch
  std::vector<std::int64_t> order_;  // of this epoch
};

}  // namespace lts
