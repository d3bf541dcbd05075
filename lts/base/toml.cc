#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

[[noreturn]] void Fail(std::string_view name, std::size_t line, std::size_t column,
                       const std::string& problem) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: line {}, column {}: {}", Quoted(name, 400), line, column, problem));
}

// toml++ bounds the nesting of values, but keys such as a.a.a.a build one table per dot, and tables
// are destroyed recursively: a long enough key would overflow the stack. Counts the dots between
// separators, outside of strings and comments, before the parser sees the text.
class DottedKeys {
 public:
  DottedKeys(std::string_view text, std::string_view name, int max_depth)
      : text_(text), name_(name), max_depth_(max_depth) {}

  void Check() {
    int dots = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        SkipString(c);
        continue;
      }
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (c == '.') {
        if (++dots >= max_depth_) FailDepth();
      } else if (c == '\n' || c == '=' || c == ',' || c == '[' || c == '{') {
        dots = 0;
      }
      ++at_;
    }
  }

 private:
  void SkipString(char quote) {
    const std::string three(3, quote);
    const bool multiline = text_.substr(at_, 3) == three;
    at_ += multiline ? 3 : 1;
    while (at_ < text_.size()) {
      if (text_[at_] == '\\' && quote == '"') {
        at_ = std::min(at_ + 2, text_.size());
      } else if (multiline ? text_.substr(at_, 3) == three : text_[at_] == quote) {
        at_ += multiline ? 3 : 1;
        return;
      } else if (!multiline && text_[at_] == '\n') {
        return;  // not closed: the parser will say so
      } else {
        ++at_;
      }
    }
  }
  [[noreturn]] void FailDepth() const {
    const std::string_view before = text_.substr(0, at_);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const std::size_t start = before.rfind('\n') + 1;  // npos + 1 = 0
    Fail(name_, static_cast<std::size_t>(line), at_ - start + 1,
         fmt::format("a key is nested too deeply, expected at most {} levels", max_depth_));
  }

  std::string_view text_;
  std::string_view name_;
  int max_depth_;
  std::size_t at_ = 0;
};

class Converter {
 public:
  Converter(std::string_view name, int max_depth) : name_(name), max_depth_(max_depth) {}

  Json Convert(const toml::node& node, int depth) const {
    switch (node.type()) {
      case toml::node_type::table:
        return ConvertTable(*node.as_table(), depth + 1);
      case toml::node_type::array: {
        CheckDepth(node, depth + 1);
        Json::Array array;
        for (const toml::node& element : *node.as_array())
          array.push_back(Convert(element, depth + 1));
        return Json(std::move(array));
      }
      case toml::node_type::string:
        return Json(node.as_string()->get());
      case toml::node_type::integer:
        return Json(node.as_integer()->get());
      case toml::node_type::boolean:
        return Json(node.as_boolean()->get());
      case toml::node_type::floating_point: {
        const double value = node.as_floating_point()->get();
        if (!std::isfinite(value))
          FailAt(node, fmt::format("got {}, expected a finite number", value));
        return Json(value);
      }
      case toml::node_type::date:
        return Text(node.as_date()->get());
      case toml::node_type::time:
        return Text(node.as_time()->get());
      case toml::node_type::date_time:
        return Text(node.as_date_time()->get());
      case toml::node_type::none:
        break;
    }
    return Json();
  }

 private:
  Json ConvertTable(const toml::table& table, int depth) const {
    CheckDepth(table, depth);
    // toml++ sorts by name; the order of the file is in the positions of the keys.
    using Entry = std::pair<const toml::key*, const toml::node*>;
    std::vector<Entry> entries;
    for (auto it = table.cbegin(); it != table.cend(); ++it) {
      entries.emplace_back(&it->first, &it->second);
    }
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return a.first->source().begin < b.first->source().begin;
    });
    Json::Object object;
    object.reserve(entries.size());
    for (const Entry& entry : entries) {
      object.emplace_back(std::string(entry.first->str()), Convert(*entry.second, depth));
    }
    return Json(std::move(object));
  }

  template <typename T>
  static Json Text(const T& value) {
    std::ostringstream text;
    text << value;
    return Json(text.str());
  }

  void CheckDepth(const toml::node& node, int depth) const {
    if (depth > max_depth_) {
      FailAt(node, fmt::format("nested too deeply, expected at most {} levels", max_depth_));
    }
  }
  [[noreturn]] void FailAt(const toml::node& node, const std::string& problem) const {
    Fail(name_, node.source().begin.line, node.source().begin.column, problem);
  }

  std::string_view name_;
  int max_depth_;
};

}  // namespace

Json ParseToml(std::string_view text, std::string_view name, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} bytes of TOML, expected at most {}", Quoted(name, 400),
                            text.size(), limits.max_bytes));
  }
  DottedKeys(text, name, limits.max_depth).Check();
  try {
    const toml::table table = toml::parse(text);
    return Converter(name, limits.max_depth).Convert(table, 0);
  } catch (const toml::parse_error& e) {
    Fail(name, e.source().begin.line, e.source().begin.column,
         fmt::format("no valid TOML: {}", Quoted(e.description(), 200)));
  }
}

}  // namespace lts
