// Archai's archid: the name of an architecture file in its published gallery and search results.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "lts/arch/architecture.h"
#include "lts/base/error.h"
#include "lts/base/sha1.h"

namespace lts {
namespace {

constexpr std::string_view kArchType = "arch_type";
constexpr std::string_view kDefaultArchType = "gpt2";

// Archai's lists by layer hold a value for each layer that the space allows; the first n_layer are
// the architecture. Lists of something else are by cluster of the vocabulary.
void CutLists(Json& config) {
  const Json* n_layer = config.Find("n_layer");
  if (n_layer == nullptr || !n_layer->is_int()) return;
  const std::int64_t keep = std::max<std::int64_t>(n_layer->AsInt(), 0);
  for (auto& [key, value] : config.AsObject()) {
    if (!value.is_array() || key == "cutoffs" || key == "tie_projs") continue;
    Json::Array& list = value.AsArray();
    if (static_cast<std::int64_t>(list.size()) > keep) list.resize(static_cast<std::size_t>(keep));
  }
}

}  // namespace

ArchaiIds ComputeArchaiIds(const Json& json) {
  Json plain = json;
  std::string arch_type(kDefaultArchType);
  std::erase_if(plain.AsObject(), [&arch_type](const Json::Member& member) {
    if (member.first != kArchType) return false;
    if (!member.second.is_string()) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("field '{}': got {}, expected a string",
                                                           kArchType, member.second.type_name()));
    }
    arch_type = member.second.AsString();
    return true;
  });
  CutLists(plain);
  Json with_arch_type = plain;
  with_arch_type[kArchType] = arch_type;
  const auto id = [&arch_type](const Json& config) {
    return arch_type + "_" + Sha1Hex(WriteJson(config, JsonStyle::kPython));
  };
  return {id(plain), id(with_arch_type)};
}

}  // namespace lts
