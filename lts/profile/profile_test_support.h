// Profiles for tests: the published logs, which may be absent, and made-up ones.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lts/arch/published_data.h"
#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/base/rng.h"
#include "lts/profile/megatron_log.h"

namespace lts {

inline std::string EfficiencyData(const std::string& path) {
  return PublishedData("helm_efficiency/" + path);
}
inline bool HasEfficiencyData() { return std::filesystem::exists(EfficiencyData("logs")); }
inline constexpr const char* kNoEfficiencyData = "no ../shared/data/helm_efficiency";

// "a100", "openai_davinci". The one log of a third of its model is multiplied.
inline CostProfile PublishedProfile(const std::string& device, const std::string& model) {
  const std::string file = EfficiencyData("logs/" + device + "/" + model + ".log");
  return ParseMegatronLog(ReadFile(file), file, {.layer_multiplier = model == "mt_nlg" ? 3 : 1});
}
inline std::vector<std::string> PublishedModels(const std::string& device) {
  std::vector<std::string> models;
  for (const auto& entry : std::filesystem::directory_iterator(EfficiencyData("logs/" + device))) {
    models.push_back(entry.path().stem().string());
  }
  std::ranges::sort(models);
  return models;
}

// A grid of `seconds(p, o)`, each the mean of 50 runs of the relative deviation `noise`, rounded to
// `resolution_s` when that is above 0.
inline CostProfile MadeUpProfile(const std::vector<std::int64_t>& prompts,
                                 const std::vector<std::int64_t>& outputs,
                                 const std::function<double(double, double)>& seconds, double noise,
                                 double resolution_s, Rng& rng) {
  CostProfile profile;
  profile.name = profile.source = "made up";
  profile.resolution_s = resolution_s;
  for (const std::int64_t p : prompts) {
    for (const std::int64_t o : outputs) {
      const double truth = seconds(static_cast<double>(p), static_cast<double>(o));
      double measured = truth * (1 + noise * rng.Normal() / std::sqrt(50.0));
      if (resolution_s > 0) measured = std::round(measured / resolution_s) * resolution_s;
      profile.points.push_back({p, o, measured, noise * truth, 50, {}});
    }
  }
  SortAndCheck(profile);
  return profile;
}

}  // namespace lts
