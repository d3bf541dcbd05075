#include <array>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/search/archai_evolution.h"
#include "lts/search/exact_search.h"
#include "lts/search/local_search.h"
#include "lts/search/lts_evolution.h"
#include "lts/search/nsga2.h"
#include "lts/search/random_search.h"
#include "lts/search/search.h"

namespace lts {

std::span<const SearchAlgorithm* const> SearchAlgorithms() {
  static constexpr std::array<const SearchAlgorithm*, 6> kAlgorithms = {
      &kExactSearch, &kLtsEvolution, &kArchaiEvolution, &kNsga2, &kLocalSearch, &kRandomSearch,
  };
  return kAlgorithms;
}

const SearchAlgorithm& FindSearchAlgorithm(std::string_view name) {
  std::vector<std::string> names;
  for (const SearchAlgorithm* algorithm : SearchAlgorithms()) {
    if (algorithm->name == name) return *algorithm;
    names.emplace_back(algorithm->name);
  }
  throw Error(ErrorCode::kNotFound, UnknownName("search algorithm", name, names));
}

}  // namespace lts
