// What the architectures of one cost model have in common.
#pragma once

#include <cstdint>
#include <string>

#include "lts/record/measurement.h"

namespace lts {

struct CostContext {
  std::string backbone = "gpt2";
  std::int64_t vocab_size = 50257;
  std::int64_t max_seq_len = 1024;
  RuntimeConfig config;
  Workload workload;
  bool operator==(const CostContext&) const = default;
};

}  // namespace lts
