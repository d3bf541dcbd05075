// Any bytes as a database file: opening, reading and writing throw nothing but lts::Error, and what
// was written can be read back.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "lts/base/error.h"
#include "lts/store/store.h"
#include "lts/store/store_test_data.h"

namespace {

using namespace lts::store_test;  // NOLINT(google-build-using-namespace)

void Remove(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    std::error_code ignored;
    std::filesystem::remove(path + suffix, ignored);
  }
}

void ReadEverything(lts::Store& store) {
  const auto attempt = [](const auto& read) {
    try {
      read();
    } catch (const lts::Error&) {
    }
  };
  attempt([&] { store.IntegrityCheck(); });
  attempt([&] { store.LastRun(); });
  for (std::int64_t run = 1; run <= 2; ++run) {
    attempt([&] { store.FindRun(run); });
    attempt([&] {
      for (const lts::RunEvaluation& evaluation : store.RunEvaluations(run)) {
        attempt([&] { store.FindArchitecture(evaluation.architecture_id); });
        attempt([&] { store.FindMeasurements(evaluation.architecture_id, SomeKey()); });
      }
    });
  }
}

void WriteAndReadBack(lts::Store& store) {
  const lts::Architecture architecture = SomeArchitecture(77);
  const lts::Measurement saved = SomeMeasurement(lts::Metric::kTpotMs, 3.25);
  store.CanaryReference("machine", "canary", lts::Json::MakeObject());
  const std::int64_t run = store.CreateRun(SomeRun());
  lts::RunEvaluation evaluation = SomeEvaluation(0);
  evaluation.architecture_id = architecture.Id();
  store.SaveEvaluation(architecture, SomeKey(), SomeEnvironment(), {saved}, run, &evaluation);
  if (!store.IntegrityCheck().empty()) return;  // a damaged index may hide what was written
  const auto found = store.FindMeasurements(architecture.Id(), SomeKey());
  bool same = false;
  for (const lts::Measurement& m : found) {
    same =
        same || (m.metric == saved.metric && m.value == saved.value && m.samples == saved.samples);
  }
  if (!same || store.RunEvaluations(run) != std::vector{evaluation}) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = ScratchFolder("store_fuzz") / "lts.db";
  Remove(path);
  {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  }
  try {
    lts::Store store(path);
    ReadEverything(store);
    WriteAndReadBack(store);
  } catch (const lts::Error&) {
  }
  Remove(path);
  return 0;
}
