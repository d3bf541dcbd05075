// calibration.json: all that is needed to predict for a device that is not at hand.
//   {"format": "lts-calibration-1", "environment": {...}, "space": "archai-gpt2", "model": {...}}
// environment is Environment's JSON, model CostModel's (context and observations). Unknown members
// are errors.
#pragma once

#include <string>

#include "lts/base/json.h"
#include "lts/cost/cost_model.h"
#include "lts/record/measurement.h"

namespace lts {

struct Calibration {
  Environment environment;
  std::string space;  // that the observations were chosen from; for people
  CostModel model;
};

Json ToJson(const Calibration& calibration);
// Throws kInvalidArgument and kNotFound: "<name>: ...".
Calibration ParseCalibration(const Json& json, const std::string& name);
Calibration ReadCalibration(const std::string& path);
void WriteCalibration(const Calibration& calibration, const std::string& path);  // atomically

}  // namespace lts
