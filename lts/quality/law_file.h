// law.json: constants of lts_law that were refitted to a user's models.
//
//   {"law": "lts_law", "format": 1, "name": TEXT,
//    "parameters": {"depth_exponent": X, ...},      each of kLtsLawParameters: weights in [1e-9,
//                                                   1e9], exponents in [1e-9, 20]
//    "covariance": [[X, ...], ...],                 of their logarithms, within +-1e9; symmetric,
//                                                   c_ii >= 0, c_ij^2 <= c_ii c_jj
//    "residual": X, "offset": X, "scale": X,        ln perplexity = offset + scale * value
//    "models": N, "kept_prior": BOOL,
//    "fitted_on": {"n_layer": [LOW, HIGH], "d_model": ..., "d_inner": ..., "n_head": ...}}
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "lts/base/json.h"
#include "lts/quality/law.h"
#include "lts/quality/lts_law.h"

namespace lts {

struct LawFile {
  std::string name;  // for tables
  bool kept_prior = false;
  LtsLawFit fit;
  bool operator==(const LawFile&) const = default;
};
Json ToJson(const LawFile& law);
// Throws kInvalidArgument with file, field, value and expectation.
LawFile ParseLawFile(const Json& json, const std::string& file);
LawFile ReadLawFile(const std::string& path);  // throws as ReadJsonFile and ParseLawFile

// A law by whatever name a user gives it: one of Laws(), or a law.json where the name ends in
// .json.
struct NamedLaw {
  std::string name;
  std::function<Prediction(const Architecture&)> predict;  // as Predict()
};
// Throws kNotFound for neither, and as ParseLawFile.
NamedLaw LoadLaw(const std::string& name_or_path);

}  // namespace lts
