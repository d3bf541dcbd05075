#include "lts/quality/law_file.h"

#include <fmt/format.h>

#include <cmath>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr double kSmallest = 1e-9;
constexpr double kLargest = 1e9;
// Known exponents are below 3. With these bounds the squares that a refit sums up stay finite for
// every architecture.
constexpr double kLargestExponent = 20;
// What rounding may make of a covariance at the limit of what its variances allow.
constexpr double kRounding = 1 + 1e-9;

Json RangeJson(const LtsLawFit::Range& range) {
  return Json(Json::Array{Json(range.low), Json(range.high)});
}

LtsLawFit::Range ParseRange(ObjectReader& reader, std::string_view key) {
  const Json& json = reader.Member(key);
  if (!json.is_array() || json.AsArray().size() != 2 || !json.AsArray()[0].is_number() ||
      !json.AsArray()[1].is_number()) {
    reader.Fail(key, "expected [lowest, highest]");
  }
  const LtsLawFit::Range range{json.AsArray()[0].AsDouble(), json.AsArray()[1].AsDouble()};
  if (!(range.low >= 1 && range.low <= range.high && range.high <= kLargest)) {
    reader.Fail(key, "expected 1 <= lowest <= highest <= 1e9");
  }
  return range;
}

SymmetricMatrix ParseCovariance(ObjectReader& reader) {
  constexpr std::string_view kKey = "covariance";
  const auto fail = [&] {
    reader.Fail(kKey,
                fmt::format("expected {0} rows of {0} numbers within +-1e9, symmetric, with no "
                            "variance below 0 and no covariance that they do not allow",
                            kLtsLawSize));
  };
  const Json& json = reader.Member(kKey);
  if (!json.is_array() || json.AsArray().size() != kLtsLawSize) fail();
  SymmetricMatrix matrix;
  for (const Json& row : json.AsArray()) {
    if (!row.is_array() || row.AsArray().size() != kLtsLawSize) fail();
    for (const Json& cell : row.AsArray()) {
      if (!cell.is_number() || !(std::abs(cell.AsDouble()) <= kLargest)) fail();
      matrix.push_back(cell.AsDouble());
    }
  }
  for (std::size_t i = 0; i < kLtsLawSize; ++i) {
    if (matrix[i * kLtsLawSize + i] < 0) fail();
    for (std::size_t j = 0; j < i; ++j) {
      const double covariance = matrix[i * kLtsLawSize + j];
      if (covariance != matrix[j * kLtsLawSize + i]) fail();
      const double most =
          std::sqrt(matrix[i * kLtsLawSize + i]) * std::sqrt(matrix[j * kLtsLawSize + j]);
      if (std::abs(covariance) > most * kRounding) fail();
    }
  }
  return matrix;
}

}  // namespace

Json ToJson(const LawFile& law) {
  Json json = Json::MakeObject();
  json["law"] = "lts_law";
  json["format"] = kFormat;
  json["name"] = law.name;
  Json& parameters = json["parameters"] = Json::MakeObject();
  for (std::size_t i = 0; i < kLtsLawSize; ++i) {
    parameters[kLtsLawParameters[i]] = std::exp(law.fit.log_parameters[i]);
  }
  Json& covariance = json["covariance"] = Json::MakeArray();
  for (std::size_t i = 0; i < kLtsLawSize; ++i) {
    Json row = Json::MakeArray();
    for (std::size_t j = 0; j < kLtsLawSize; ++j) {
      // Rounding may have left the two halves a bit apart.
      row.Append(
          (law.fit.covariance[i * kLtsLawSize + j] + law.fit.covariance[j * kLtsLawSize + i]) / 2);
    }
    covariance.Append(std::move(row));
  }
  json["residual"] = law.fit.residual;
  json["offset"] = law.fit.offset;
  json["scale"] = law.fit.scale;
  json["models"] = law.fit.models;
  json["kept_prior"] = law.kept_prior;
  Json& fitted_on = json["fitted_on"] = Json::MakeObject();
  fitted_on["n_layer"] = RangeJson(law.fit.depth);
  fitted_on["d_model"] = RangeJson(law.fit.width);
  fitted_on["d_inner"] = RangeJson(law.fit.d_inner);
  fitted_on["n_head"] = RangeJson(law.fit.heads);
  return json;
}

LawFile ParseLawFile(const Json& json, const std::string& file) {
  ObjectReader reader(json, file);
  if (reader.String("law") != "lts_law") reader.Fail("law", "expected \"lts_law\"");
  reader.Int("format", kFormat, kFormat);
  LawFile law;
  law.name = reader.String("name");
  ObjectReader parameters(reader.Member("parameters"), file + ": parameters");
  for (std::size_t i = 0; i < kLtsLawSize; ++i) {
    const bool exponent = kLtsLawParameters[i].ends_with("_exponent");
    law.fit.log_parameters[i] = std::log(
        parameters.Double(kLtsLawParameters[i], kSmallest, exponent ? kLargestExponent : kLargest));
  }
  parameters.RejectUnknown();
  law.fit.covariance = ParseCovariance(reader);
  law.fit.residual = reader.Double("residual", 0, kLargest);
  law.fit.offset = reader.Double("offset", -kLargest, kLargest);
  law.fit.scale = reader.Double("scale", 0, kLargest);
  law.fit.models = reader.Int("models", 0, std::int64_t{1} << 40);
  law.kept_prior = reader.Bool("kept_prior");
  ObjectReader fitted_on(reader.Member("fitted_on"), file + ": fitted_on");
  law.fit.depth = ParseRange(fitted_on, "n_layer");
  law.fit.width = ParseRange(fitted_on, "d_model");
  law.fit.d_inner = ParseRange(fitted_on, "d_inner");
  law.fit.heads = ParseRange(fitted_on, "n_head");
  fitted_on.RejectUnknown();
  reader.RejectUnknown();
  return law;
}

LawFile ReadLawFile(const std::string& path) {
  return ParseLawFile(ReadJsonFile(path, {.max_bytes = kMaxFileBytes}), path);
}

NamedLaw LoadLaw(const std::string& name_or_path) {
  if (name_or_path.ends_with(".json")) {
    const LawFile law = ReadLawFile(name_or_path);
    return {law.name, [fit = law.fit](const Architecture& architecture) {
              return PredictLtsLaw(fit, LtsLawInputsOf(architecture));
            }};
  }
  const Law& law = FindLaw(name_or_path);
  return {std::string(law.name),
          [&law](const Architecture& architecture) { return Predict(law, architecture); }};
}

}  // namespace lts
