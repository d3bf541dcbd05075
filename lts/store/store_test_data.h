// What the store's tests share: a folder, and records to save, small and all different.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "lts/store/store.h"

namespace lts::store_test {

// A folder for tests, emptied; in memory where the system has such a place, because every commit is
// synced and a busy disk would make that most of a test's time.
inline std::filesystem::path ScratchFolder(const std::string& name) {
  const std::filesystem::path memory = "/dev/shm";
  std::filesystem::path folder =
      access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
  folder /= "lts_test_" + std::to_string(getpid()) + "_" + name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

inline Environment SomeEnvironment() {
  Environment environment;
  environment.cpu_model = "Test CPU";
  environment.isa = "AVX2";
  environment.logical_cores = 2;
  environment.memory_bytes = std::int64_t{8} << 30;
  environment.kernel = "Linux 6.1.0";
  environment.governor = "unknown";
  environment.lts_version = "0.1.0";
  environment.build = "test";
  environment.libraries = {{"oneDNN", "2.6.3"}};
  return environment;
}

inline MeasurementKey SomeKey() { return {SomeEnvironment().key(), {}, {}}; }

inline Architecture SomeArchitecture(std::int64_t i = 0) {
  return Architecture::Gpt2(1 + i % 4, 64, 64 + i, 2, 1000, 256);
}

inline Measurement SomeMeasurement(Metric metric = Metric::kLatencyMs, double value = 12.5) {
  Measurement m;
  m.metric = metric;
  m.value = value;
  m.low = value - 0.25;
  m.high = value + 0.5;
  m.p95 = value + 0.4;
  m.samples = {value - 0.3, value, value + 1.0 / 3};
  m.drift = 1.03;
  m.noisy = true;
  m.source = "timing, canary-corrected";
  return m;
}

inline RunRecord SomeRun() {
  RunRecord run;
  run.started_utc = "2026-01-02T03:04:05Z";
  run.command_line = "lts search --seed 7";
  run.options = Json::MakeObject();
  run.options["seed"] = 7;
  run.environment = SomeEnvironment();
  run.status = "running";
  return run;
}

inline RunEvaluation SomeEvaluation(std::int64_t index) {
  RunEvaluation evaluation;
  evaluation.index = index;
  evaluation.iteration = index / 10;
  evaluation.architecture_id = SomeArchitecture(index).Id();
  evaluation.at_s = 0.5 * static_cast<double>(index + 1);
  evaluation.objectives = {static_cast<double>(index), 1.0 / 3};
  return evaluation;
}

}  // namespace lts::store_test
