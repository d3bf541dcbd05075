#include "lts/profile/price_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr double kMaxPrice = 1e9;
constexpr double kMaxWatts = 1e6;

template <typename T>
const T& ByName(const std::vector<T>& all, std::string_view what, std::string_view name) {
  const auto found = std::ranges::find(all, name, &T::name);
  if (found != all.end()) return *found;
  std::vector<std::string> names;
  for (const T& one : all) names.push_back(one.name);
  throw Error(ErrorCode::kNotFound, UnknownName(what, std::string(name), names));
}

}  // namespace

const DevicePrice& PriceTable::Device(std::string_view name) const {
  return ByName(devices, "device in the price table", name);
}
const HostedPrice& PriceTable::Hosted(std::string_view name) const {
  return ByName(hosted, "hosted model in the price table", name);
}

PriceTable DefaultPrices() { return {{{"a100", 4.096, 400}, {"v100", 3.06, 300}}, {}}; }

PriceTable ParsePrices(const Json& json, const std::string& file) {
  PriceTable prices;
  ObjectReader reader(json, file);
  if (reader.Has("devices")) {
    const Json& devices = reader.Member("devices");
    ObjectReader check(devices, file + ": devices");
    for (const auto& [name, device] : devices.AsObject()) {
      ObjectReader fields(device, fmt::format("{}: devices.{}", file, name));
      DevicePrice price{name, fields.Double("dollars_per_hour", 0, kMaxPrice), std::nullopt};
      if (fields.Has("watts")) price.watts = fields.Double("watts", 1e-3, kMaxWatts);
      fields.RejectUnknown();
      prices.devices.push_back(std::move(price));
    }
  }
  if (reader.Has("hosted")) {
    const Json& hosted = reader.Member("hosted");
    ObjectReader check(hosted, file + ": hosted");
    for (const auto& [name, model] : hosted.AsObject()) {
      ObjectReader fields(model, fmt::format("{}: hosted.{}", file, name));
      prices.hosted.push_back({name, fields.Double("dollars_per_1k_prompt_tokens", 0, kMaxPrice),
                               fields.Double("dollars_per_1k_output_tokens", 0, kMaxPrice)});
      fields.RejectUnknown();
    }
  }
  reader.RejectUnknown();
  if (prices.devices.empty() && prices.hosted.empty()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: no prices; expected tables [devices.NAME] or [hosted.NAME]", file));
  }
  return prices;
}

}  // namespace lts
