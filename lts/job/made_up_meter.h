// A meter of the made-up device, for tests of what models measurements.
#pragma once

#include <vector>

#include "lts/base/clock.h"
#include "lts/job/search_job.h"
#include "lts/search/device_test_support.h"

namespace lts::job_test {

class MadeUpMeter final : public CandidateMeter {
 public:
  MadeUpMeter(MadeUpDevice device, FakeClock& clock) : device_(device), clock_(clock) {}

  void Measure(
      std::span<const Architecture> architectures, std::span<const Metric> metrics,
      const std::function<bool()>& stop,
      const std::function<void(std::size_t index, std::vector<Measurement>)>& finished) override {
    for (std::size_t i = 0; i < architectures.size(); ++i) {
      if (stop()) return;
      clock_.Advance(1'000'000'000);
      measured.push_back(architectures[i]);
      std::vector<Measurement> answer;
      for (const Metric metric : metrics)
        answer.push_back(device_.Measured(architectures[i], metric));
      finished(i, std::move(answer));
    }
  }

  std::vector<Architecture> measured;

 private:
  MadeUpDevice device_;
  FakeClock& clock_;
};

}  // namespace lts::job_test
