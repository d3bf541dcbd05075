#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "lts/base/error.h"
#include "lts/base/sha1.h"
#include "lts/record/measurement.h"

namespace lts {
namespace {

constexpr std::int64_t kMaxCores = 1 << 20;

// The fields that make results comparable; load and free memory change from one second to the next.
Json ComparableFields(const Environment& environment) {
  Json::Object libraries;
  for (const auto& [name, version] : environment.libraries) libraries.emplace_back(name, version);
  Json json = Json::MakeObject();
  json["cpu_model"] = environment.cpu_model;
  json["isa"] = environment.isa;
  json["logical_cores"] = environment.logical_cores;
  json["memory_bytes"] = environment.memory_bytes;
  json["kernel"] = environment.kernel;
  json["governor"] = environment.governor;
  json["lts_version"] = environment.lts_version;
  json["build"] = environment.build;
  json["libraries"] = Json(std::move(libraries));
  return json;
}

}  // namespace

std::string Environment::key() const {
  // Python's style sorts the members: the key does not depend on the order in which libraries are
  // listed.
  return Sha1Hex(WriteJson(ComparableFields(*this), JsonStyle::kPython));
}

Json Environment::ToJson() const {
  Json json = ComparableFields(*this);
  json["load_1min"] = load_1min;
  json["available_memory_bytes"] = available_memory_bytes;
  return json;
}

Environment Environment::FromJson(const Json& json, const std::string& name) {
  constexpr std::int64_t kMaxBytes = std::numeric_limits<std::int64_t>::max();
  ObjectReader reader(json, name);
  Environment environment;
  environment.cpu_model = reader.String("cpu_model");
  environment.isa = reader.String("isa");
  environment.logical_cores = static_cast<int>(reader.Int("logical_cores", 0, kMaxCores));
  environment.memory_bytes = reader.Int("memory_bytes", 0, kMaxBytes);
  environment.kernel = reader.String("kernel");
  environment.governor = reader.String("governor");
  environment.load_1min = reader.Double("load_1min", 0, std::numeric_limits<double>::max());
  environment.available_memory_bytes = reader.Int("available_memory_bytes", 0, kMaxBytes);
  environment.lts_version = reader.String("lts_version");
  environment.build = reader.String("build");
  const Json& libraries = reader.Member("libraries");
  if (!libraries.is_object()) reader.Fail("libraries", "expected an object of versions by name");
  for (const Json::Member& library : libraries.AsObject()) {
    if (!library.second.is_string()) {
      ObjectReader(libraries, name + ": libraries").Fail(library.first, "expected a string");
    }
    environment.libraries.emplace_back(library.first, library.second.AsString());
  }
  reader.RejectUnknown();
  return environment;
}

}  // namespace lts
