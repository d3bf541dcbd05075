#include "lts/base/json.h"

#include <fmt/format.h>

#include <cmath>

#include "lts/base/error.h"

namespace lts {
namespace {

[[noreturn]] void WrongType(std::string_view expected, const Json& json) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("expected {}, got {}", expected, json.type_name()));
}

}  // namespace

Json::Json(const Json&) = default;
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(const Json&) = default;
Json& Json::operator=(Json&&) noexcept = default;
Json::~Json() = default;

std::string_view Json::type_name() const {
  constexpr std::string_view kNames[] = {"null",   "boolean", "integer", "number",
                                         "string", "array",   "object"};
  return kNames[value_.index()];
}

bool Json::AsBool() const {
  if (const bool* value = std::get_if<bool>(&value_)) return *value;
  WrongType("boolean", *this);
}

std::int64_t Json::AsInt() const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return *value;
  constexpr double kExact = 0x1p53;
  const double* value = std::get_if<double>(&value_);
  if (value != nullptr && std::trunc(*value) == *value && std::abs(*value) <= kExact) {
    return static_cast<std::int64_t>(*value);
  }
  WrongType("integer", *this);
}

double Json::AsDouble() const {
  if (const double* value = std::get_if<double>(&value_)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
  WrongType("number", *this);
}

const std::string& Json::AsString() const {
  if (const auto* value = std::get_if<std::string>(&value_)) return *value;
  WrongType("string", *this);
}

const Json::Array& Json::AsArray() const {
  if (const auto* value = std::get_if<Array>(&value_)) return *value;
  WrongType("array", *this);
}

const Json::Object& Json::AsObject() const {
  if (const auto* value = std::get_if<Object>(&value_)) return *value;
  WrongType("object", *this);
}

Json::Array& Json::AsArray() {
  if (auto* value = std::get_if<Array>(&value_)) return *value;
  WrongType("array", *this);
}

Json::Object& Json::AsObject() {
  if (auto* value = std::get_if<Object>(&value_)) return *value;
  WrongType("object", *this);
}

const Json* Json::Find(std::string_view key) const {
  for (const Member& member : AsObject()) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

Json& Json::operator[](std::string_view key) {
  for (Member& member : AsObject()) {
    if (member.first == key) return member.second;
  }
  Member& member = AsObject().emplace_back();
  member.first = key;
  return member.second;
}

void Json::Append(Json element) { AsArray().push_back(std::move(element)); }

}  // namespace lts
