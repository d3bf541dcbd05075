// One table per enum: the only place that pairs a value with its name, used to print, to parse and
// to list.
//   constexpr EnumTable<DType, 3> kDTypes{"dtype", {{DType::kFloat32, "f32"}, ...}};
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {

template <typename E, std::size_t N>
struct EnumTable {
  struct Entry {
    E value;
    std::string_view name;
  };
  std::string_view what;  // for messages: "dtype"
  std::array<Entry, N> entries;

  constexpr std::string_view Name(E value) const {
    for (const Entry& entry : entries) {
      if (entry.value == value) return entry.name;
    }
    return "?";
  }
  constexpr std::optional<E> Find(std::string_view name) const {
    for (const Entry& entry : entries) {
      if (entry.name == name) return entry.value;
    }
    return std::nullopt;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Entry& entry : entries) names.emplace_back(entry.name);
    return names;
  }
  // Throws kNotFound with the nearest name: "unknown dtype 'f23'; did you mean 'f32'?".
  E Parse(std::string_view name) const {
    if (auto found = Find(name)) return *found;
    throw Error(ErrorCode::kNotFound, UnknownName(what, name, Names()));
  }
};

}  // namespace lts
