// What was learnt of an architecture, with interval and origin. Plain records; no behaviour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lts/base/dtype.h"
#include "lts/base/json.h"
#include "lts/record/metric.h"

namespace lts {

// One request to a decoder: `prompt_tokens` are prefilled, the first output token comes from the
// prefill's logits, and output_tokens - 1 decode steps follow, for `batch` sequences at once.
struct Workload {
  std::int64_t prompt_tokens = 192;
  std::int64_t output_tokens = 32;
  std::int64_t batch = 1;
  // Tokens that the KV cache must hold: the last output token is never fed back.
  std::int64_t context_tokens() const { return prompt_tokens + output_tokens - 1; }
  bool operator==(const Workload&) const = default;
};

// How candidates are run. Together with Environment and Workload: the identity of a measurement.
struct RuntimeConfig {
  std::string runtime = "cpu";  // name in the runtime registry
  DType dtype = DType::kFloat32;
  int threads = 1;
  // RuntimeOptions::kv_dtype. Stored is what it comes to, cache_dtype().
  std::optional<DType> kv_dtype;
  // Where the engine's library lies when the user named it (RuntimeOptions::library). Not stored: a
  // measurement belongs to the library's version, which Environment has, wherever the file was.
  std::string library;
  // RuntimeOptions::provider. Not stored either: Environment's libraries have it.
  std::string provider;
  DType cache_dtype() const { return kv_dtype.value_or(CacheDType(dtype)); }
  bool operator==(const RuntimeConfig&) const = default;
};

// The machine and the software, as far as they decide speed and memory. `key()` covers the fields
// that make results comparable (cpu, isa, cores, memory, kernel release, governor, lts version,
// library versions); load and free memory are recorded but stay out of the key.
struct Environment {
  std::string cpu_model;
  std::string isa;        // widest kernel target in use, e.g. "AVX3_SPR"
  int logical_cores = 0;  // that this process may use
  std::int64_t memory_bytes = 0;
  std::string kernel;    // "Linux 6.1.0-18-amd64"
  std::string governor;  // cpufreq governor or "unknown"
  double load_1min = 0;
  std::int64_t available_memory_bytes = 0;
  std::string lts_version;
  std::string build;                                           // compiler and build type
  std::vector<std::pair<std::string, std::string>> libraries;  // {"oneDNN", "2.6.3"}, ...

  std::string key() const;  // 40 hex digits (SHA-1 of the comparable fields)
  Json ToJson() const;
  static Environment FromJson(const Json& json,
                              const std::string& name);  // throws kInvalidArgument
  bool operator==(const Environment&) const = default;
};

// One number. value is the estimate (median of samples where there are samples); [low, high] its 95
// % interval, equal to value for exact quantities.
struct Measurement {
  Metric metric = Metric::kDecoderParams;
  double value = 0;
  double low = 0;
  double high = 0;
  double p95 = 0;  // 95th percentile of the samples; = value for exact quantities
  std::vector<double>
      samples;         // after drift correction, in order of time; empty for exact quantities
  double drift = 1;    // median factor that the canary applied to the raw samples
  bool noisy = false;  // the interval stayed wider than asked after all repeats
  std::string source;  // "count", "cpu timing, canary-corrected", "child process VmHWM", ...
};

// Everything known of one architecture on one machine for one workload.
struct Evaluation {
  std::string architecture_id;
  std::vector<Measurement> measurements;  // at most one per metric

  const Measurement* Find(Metric metric) const;
};

}  // namespace lts
