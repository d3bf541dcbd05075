#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

// A value as a message shows it: scalars in full, containers by their kind.
std::string Shown(const Json& value) {
  if (value.is_array()) return fmt::format("an array of {}", value.AsArray().size());
  if (value.is_object()) return "an object";
  return Quoted(WriteJson(value, JsonStyle::kCompact));
}

std::optional<std::int64_t> IntIn(const Json& value, std::int64_t low, std::int64_t high) {
  if (!value.is_number()) return std::nullopt;
  if (!value.is_int()) {
    const double number = value.AsDouble();
    if (std::trunc(number) != number || std::abs(number) > 0x1p53) return std::nullopt;
  }
  const std::int64_t number = value.AsInt();
  if (number < low || number > high) return std::nullopt;
  return number;
}

std::string IntRange(std::int64_t low, std::int64_t high) {
  return fmt::format("an integer in [{}, {}]", low, high);
}

}  // namespace

ObjectReader::ObjectReader(const Json& json, std::string name)
    : json_(json), name_(std::move(name)) {
  if (!json_.is_object()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: got {}, expected an object", Quoted(name_, 400), Shown(json_)));
  }
}

const Json* ObjectReader::Ask(std::string_view key) {
  if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) asked_.emplace_back(key);
  const Json* value = json_.Find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool ObjectReader::Has(std::string_view key) { return Ask(key) != nullptr; }

const Json& ObjectReader::Require(std::string_view key, std::string_view expected) {
  const Json* value = Ask(key);
  if (value == nullptr) Fail(key, fmt::format("expected {}", expected));
  return *value;
}

std::int64_t ObjectReader::Int(std::string_view key, std::int64_t low, std::int64_t high) {
  const std::string expected = IntRange(low, high);
  const auto number = IntIn(Require(key, expected), low, high);
  if (!number) Fail(key, "expected " + expected);
  return *number;
}

double ObjectReader::Double(std::string_view key, double low, double high) {
  const std::string expected = fmt::format("a number in [{}, {}]", low, high);
  const Json& value = Require(key, expected);
  if (!value.is_number() || value.AsDouble() < low || value.AsDouble() > high) {
    Fail(key, "expected " + expected);
  }
  return value.AsDouble();
}

bool ObjectReader::Bool(std::string_view key) {
  const Json& value = Require(key, "true or false");
  if (!value.is_bool()) Fail(key, "expected true or false");
  return value.AsBool();
}

const std::string& ObjectReader::String(std::string_view key) {
  const Json& value = Require(key, "a string");
  if (!value.is_string()) Fail(key, "expected a string");
  return value.AsString();
}

const Json& ObjectReader::Member(std::string_view key) { return Require(key, "a value"); }

std::vector<std::int64_t> ObjectReader::Ints(std::string_view key, std::int64_t low,
                                             std::int64_t high, std::size_t max_count) {
  const std::string expected =
      fmt::format("{} or an array of at most {} of them", IntRange(low, high), max_count);
  const Json& value = Require(key, expected);
  if (!value.is_array()) {
    const auto number = IntIn(value, low, high);
    if (!number || max_count == 0) Fail(key, "expected " + expected);
    return {*number};
  }
  const Json::Array& elements = value.AsArray();
  if (elements.size() > max_count) Fail(key, "expected " + expected);
  std::vector<std::int64_t> numbers;
  numbers.reserve(elements.size());
  for (const Json& element : elements) {
    const auto number = IntIn(element, low, high);
    if (!number) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: field '{}[{}]': got {}, expected {}", Quoted(name_, 400),
                              Quoted(key), numbers.size(), Shown(element), IntRange(low, high)));
    }
    numbers.push_back(*number);
  }
  return numbers;
}

std::int64_t ObjectReader::IntOr(std::string_view key, std::int64_t low, std::int64_t high,
                                 std::int64_t otherwise) {
  return Has(key) ? Int(key, low, high) : otherwise;
}

double ObjectReader::DoubleOr(std::string_view key, double low, double high, double otherwise) {
  return Has(key) ? Double(key, low, high) : otherwise;
}

bool ObjectReader::BoolOr(std::string_view key, bool otherwise) {
  return Has(key) ? Bool(key) : otherwise;
}

std::string ObjectReader::StringOr(std::string_view key, std::string_view otherwise) {
  return Has(key) ? String(key) : std::string(otherwise);
}

void ObjectReader::RejectUnknown() {
  for (const Json::Member& member : json_.AsObject()) {
    if (std::find(asked_.begin(), asked_.end(), member.first) != asked_.end()) continue;
    throw Error(ErrorCode::kNotFound, fmt::format("{}: {}", Quoted(name_, 400),
                                                  UnknownName("field", member.first, asked_)));
  }
}

void ObjectReader::Fail(std::string_view key, std::string_view problem) const {
  const Json* value = json_.Find(key);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: field '{}': got {}, {}", Quoted(name_, 400), Quoted(key),
                          value == nullptr ? "nothing" : Shown(*value), problem));
}

}  // namespace lts
