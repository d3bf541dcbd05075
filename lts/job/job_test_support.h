// What the job's tests share: a folder of their own, a small space, and a meter whose answers are a
// pure function of architecture and metric.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "lts/arch/count.h"
#include "lts/base/clock.h"
#include "lts/base/files.h"
#include "lts/job/search_job.h"
#include "lts/store/store_test_data.h"

namespace lts::job_test {

class FakeMeter : public CandidateMeter {
 public:
  explicit FakeMeter(FakeClock& clock, double seconds_each = 1)
      : clock_(clock), step_ns_(static_cast<std::int64_t>(seconds_each * 1e9)) {}

  // A number in [0, 1) that looks random and depends on the architecture and the metric alone.
  static double Unit(const Architecture& architecture, Metric metric) {
    std::uint64_t hash = 1469598103934665603U + static_cast<std::uint64_t>(metric);
    for (const char c : architecture.Id()) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    }
    return static_cast<double>(hash >> 11) * 0x1p-53;
  }
  static double Value(const Architecture& architecture, Metric metric) {
    const auto params = static_cast<double>(CountParameters(BuildGraph(architecture)).decoder());
    const double scale = metric == Metric::kPeakMemoryMib ? 1e-4 : 1e-3;
    return scale * params * (0.8 + 0.4 * Unit(architecture, metric)) + 1;
  }
  static Measurement Measured(const Architecture& architecture, Metric metric) {
    Measurement m;
    m.metric = metric;
    m.value = Value(architecture, metric);
    m.low = 0.99 * m.value;
    m.high = 1.01 * m.value;
    m.p95 = 1.005 * m.value;
    m.samples = {m.low, m.value, m.high};
    m.drift = 1.02;
    m.source = "fake";
    return m;
  }

  void Measure(
      std::span<const Architecture> architectures, std::span<const Metric> metrics,
      const std::function<bool()>& stop,
      const std::function<void(std::size_t index, std::vector<Measurement>)>& finished) override {
    ++calls;
    for (std::size_t k = 0; k < architectures.size(); ++k) {
      if (stop()) return;
      const std::size_t i = backwards ? architectures.size() - 1 - k : k;
      measured.push_back(architectures[i]);
      clock_.Advance(step_ns_);
      if (before_answer) before_answer(measured.size());
      if (fails && fails(architectures[i])) {
        finished(i, {});
        continue;
      }
      std::vector<Measurement> answer;
      for (const Metric metric : metrics) answer.push_back(Measured(architectures[i], metric));
      if (one_by_one) {
        for (Measurement& m : answer) finished(i, {std::move(m)});
      } else {
        finished(i, std::move(answer));
      }
    }
  }

  bool backwards = false;   // answers in reverse order
  bool one_by_one = false;  // one call of `finished` per metric
  std::function<bool(const Architecture&)> fails;
  std::function<void(std::size_t count)> before_answer;  // may throw
  std::vector<Architecture> measured;                    // in order, over all calls
  int calls = 0;

 private:
  FakeClock& clock_;
  std::int64_t step_ns_;
};

class SearchJobTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        store_test::ScratchFolder(::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::ofstream(folder_ / "space.json")
        << R"({"name": "tiny", "vocab_size": 100, "max_seq_len": 64,
               "n_layer": {"min": 1, "max": 6}, "d_model": [32, 48, 64, 80, 96],
               "d_inner": [32, 64, 96, 128, 160, 192], "n_head": [2, 4]})";  // 360 points
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  SearchJobOptions Options() const {
    SearchJobOptions options;
    options.space = folder_ / "space.json";
    options.config.runtime = "reference";
    options.workload = {.prompt_tokens = 16, .output_tokens = 4, .batch = 1};
    options.algorithm = "archai-evolution";
    options.budget_evaluations = 30;
    options.out = folder_ / "out";
    options.command_line = "lts search";
    return options;
  }
  SearchJobResult Run(const SearchJobOptions& options) {
    return RunSearchJob(options, nullptr, &meter_, clock_);
  }
  std::string Out(const std::string& name) const { return folder_ / "out" / name; }

  std::filesystem::path folder_;
  FakeClock clock_;
  FakeMeter meter_{clock_};
};

// Without what depends on the time of day or on the machine's load just now.
inline Json WithoutTimes(const Json& json) {
  if (json.is_array()) {
    Json result = Json::MakeArray();
    for (const Json& element : json.AsArray()) result.Append(WithoutTimes(element));
    return result;
  }
  if (!json.is_object()) return json;
  Json result = Json::MakeObject();
  for (const auto& [name, value] : json.AsObject()) {
    if (name == "finished_utc" || name == "started_utc" || name == "at_s" || name == "elapsed_s" ||
        name == "load_1min" || name == "available_memory_bytes") {
      continue;
    }
    result[name] = WithoutTimes(value);
  }
  return result;
}

inline std::vector<std::string> EvaluatedIds(const ReportData& report) {
  std::vector<std::string> ids;
  for (const ReportMember& member : report.evaluated) ids.push_back(member.architecture.Id());
  return ids;
}

inline std::vector<std::string> FrontIds(const ReportData& report) {
  std::vector<std::string> ids;
  for (const ReportMember& member : report.evaluated) {
    if (member.on_front) ids.push_back(member.architecture.Id());
  }
  return ids;
}

inline const Measurement* Find(const ReportMember& member, Metric metric) {
  for (const Measurement& m : member.measurements) {
    if (m.metric == metric) return &m;
  }
  return nullptr;
}

}  // namespace lts::job_test
