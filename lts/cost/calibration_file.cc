#include "lts/cost/calibration_file.h"

#include <fmt/format.h>

#include "lts/base/error.h"
#include "lts/base/files.h"

namespace lts {
namespace {

constexpr const char* kFormat = "lts-calibration-1";

}  // namespace

Json ToJson(const Calibration& calibration) {
  Json json = Json::MakeObject();
  json["format"] = kFormat;
  json["environment"] = calibration.environment.ToJson();
  json["space"] = calibration.space;
  json["model"] = calibration.model.ToJson();
  return json;
}

Calibration ParseCalibration(const Json& json, const std::string& name) {
  ObjectReader reader(json, name);
  if (reader.String("format") != kFormat) {
    reader.Fail("format", fmt::format("expected {}, which `lts calibrate` writes", kFormat));
  }
  Environment environment =
      Environment::FromJson(reader.Member("environment"), name + ": environment");
  std::string space = reader.String("space");
  const Json& model = reader.Member("model");
  reader.RejectUnknown();
  return {std::move(environment), std::move(space), CostModel::FromJson(model, name + ": model")};
}

Calibration ReadCalibration(const std::string& path) {
  return ParseCalibration(ReadJsonFile(path), path);
}

void WriteCalibration(const Calibration& calibration, const std::string& path) {
  WriteFileAtomic(path, WriteJson(ToJson(calibration)) + '\n');
}

}  // namespace lts
