#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

using Lexed = nlohmann::json;

// Walks over the text and tells how far it is, which the SAX events do not.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;  // NOLINT(readability-identifier-naming)
  using value_type = char;                            // NOLINT(readability-identifier-naming)
  using difference_type = std::ptrdiff_t;             // NOLINT(readability-identifier-naming)
  using pointer = const char*;                        // NOLINT(readability-identifier-naming)
  using reference = const char&;                      // NOLINT(readability-identifier-naming)

  CountingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    const CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

// Builds the value and keeps what a message needs. The stack is ours, so that depth costs no call
// frames.
class Builder {
 public:
  Builder(std::string_view text, std::string_view name, const JsonLimits& limits)
      : text_(text), name_(name), limits_(limits), furthest_(text.data()) {}

  Json Build() {
    if (text_.size() > limits_.max_bytes) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {} bytes of JSON, expected at most {}", Quoted(name_, 400),
                              text_.size(), limits_.max_bytes));
    }
    // The lexer takes a NUL for the end of the text and would not see what follows it.
    if (const std::size_t nul = text_.find('\0'); nul != std::string_view::npos) {
      FailAt(nul, "got a NUL byte, expected JSON text");
    }
    const char* const end = text_.data() + text_.size();
    Lexed::sax_parse(CountingIterator(text_.data(), &furthest_), CountingIterator(end, &furthest_),
                     this);
    LTS_CHECK(open_.empty());
    return std::move(root_);
  }

  // The events of nlohmann::json's SAX interface, whose names they bear.
  // NOLINTBEGIN(readability-identifier-naming)
  bool null() { return Add(Json()); }
  bool boolean(bool value) { return Add(Json(value)); }
  bool number_integer(Lexed::number_integer_t value) { return AddNumber(Json(value)); }
  bool number_unsigned(Lexed::number_unsigned_t value) {
    return AddNumber(value <= INT64_MAX ? Json(static_cast<std::int64_t>(value))
                                        : Json(static_cast<double>(value)));
  }
  bool number_float(Lexed::number_float_t value, const std::string& digits) {
    // Of "-0", an integer to JSON, the sign is lost; of a number that overflows, parse_error() is
    // told.
    LTS_CHECK(std::isfinite(value) && !digits.empty());
    return AddNumber(Json(value));
  }
  bool string(std::string& value) { return Add(Json(std::move(value))); }
  bool binary(Lexed::binary_t& /*value*/) { return false; }  // not in JSON text
  bool start_object(std::size_t /*size*/) { return Open(Json::MakeObject()); }
  bool end_object() { return Close(); }
  bool start_array(std::size_t /*size*/) { return Open(Json::MakeArray()); }
  bool end_array() { return Close(); }
  bool key(std::string& name) {
    Level& level = open_.back();
    if (!level.keys.Add(level.value.AsObject(), name)) {
      FailAt(Offset() - 1,
             fmt::format("got the member '{}' twice, expected unique names", Quoted(name)));
    }
    level.value.AsObject().emplace_back(std::move(name), Json());
    level.awaits_value = true;
    last_end_ = Offset();
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*last_token*/,
                   const Lexed::exception& problem) {
    constexpr int kOutOfRange = 406;
    if (problem.id == kOutOfRange) FailNumber();
    FailSyntax(std::min(position > 0 ? position - 1 : 0, text_.size()));
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  // Names of one open object. Few are compared one by one; many are kept in a tree, which no choice
  // of names by an adversary makes slow.
  class Keys {
   public:
    bool Add(const Json::Object& members, const std::string& name) {
      constexpr std::size_t kFew = 16;
      if (members.size() < kFew) {
        for (const Json::Member& member : members) {
          if (member.first == name) return false;
        }
        return true;
      }
      if (members.size() == kFew) {
        for (const Json::Member& member : members) names_.insert(member.first);
      }
      return names_.insert(name).second;
    }

   private:
    std::set<std::string> names_;
  };
  struct Level {
    Json value;
    Keys keys;
    bool awaits_value = false;  // an object whose last member has a name and no value yet
  };

  std::size_t Offset() const { return static_cast<std::size_t>(furthest_ - text_.data()); }

  bool Add(Json value) {
    last_end_ = Offset();
    Place(std::move(value));
    return true;
  }
  bool AddNumber(Json value) {
    Add(std::move(value));
    // The lexer has looked at the character after the number.
    while (last_end_ > 0 && (text_[last_end_ - 1] < '0' || text_[last_end_ - 1] > '9')) --last_end_;
    return true;
  }
  void Place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      complete_ = true;
      return;
    }
    Level& level = open_.back();
    if (level.value.is_array()) {
      level.value.AsArray().push_back(std::move(value));
    } else {
      level.value.AsObject().back().second = std::move(value);
      level.awaits_value = false;
    }
  }
  bool Open(Json container) {
    if (std::ssize(open_) >= limits_.max_depth) {
      FailAt(Offset() - 1,
             fmt::format("nested too deeply, expected at most {} levels", limits_.max_depth));
    }
    last_end_ = Offset();
    open_.push_back({std::move(container), {}, false});
    return true;
  }
  bool Close() {
    last_end_ = Offset();
    Json value = std::move(open_.back().value);
    open_.pop_back();
    Place(std::move(value));
    return true;
  }

  std::string Expected(bool comma, bool colon) const {
    if (open_.empty()) return complete_ ? "the end of the text" : "a JSON value";
    const Level& level = open_.back();
    if (level.value.is_array()) {
      if (comma) return "a value after ','";
      return level.value.AsArray().empty() ? "a value or ']'" : "',' or ']'";
    }
    if (level.awaits_value) return colon ? "a value after ':'" : "':' and a value";
    if (comma) return "a member name in double quotes after ','";
    return level.value.AsObject().empty() ? "a member name in double quotes or '}'" : "',' or '}'";
  }

  // `stop` is where the lexer gave up; what it could not use starts after the last event and the
  // separators that follow it.
  [[noreturn]] void FailSyntax(std::size_t stop) const {
    bool comma = false;
    bool colon = false;
    std::size_t start = std::min(last_end_, stop);
    if (start == 0 && text_.starts_with("\xEF\xBB\xBF")) start = std::min<std::size_t>(3, stop);
    for (; start < stop; ++start) {
      const char c = text_[start];
      if (c == ',' && !comma) {
        comma = true;
      } else if (c == ':' && !colon) {
        colon = true;
      } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
        break;
      }
    }
    const std::string expected = Expected(comma, colon);
    if (start == text_.size()) FailAt(start, "got the end of the text, expected " + expected);
    const bool whole_string = stop > start && stop < text_.size() && text_[stop] == '"';
    if (text_[start] == '"' && (!whole_string || EndsInHalfAPair(stop))) FailString(stop);
    const std::string_view got = text_.substr(start, stop + 1 - start);
    FailAt(start, fmt::format("got '{}', expected {}", Quoted(got), expected));
  }
  // Is the text before `stop` an escaped high surrogate, \uD800 to \uDBFF? No valid string ends so.
  bool EndsInHalfAPair(std::size_t stop) const {
    constexpr std::string_view kSecondDigit = "89abAB";
    if (stop < 6) return false;
    const std::string_view last = text_.substr(stop - 6, 6);
    if (last[0] != '\\' || last[1] != 'u' || (last[2] | 0x20) != 'd' ||
        kSecondDigit.find(last[3]) == std::string_view::npos) {
      return false;
    }
    std::size_t backslashes = 0;
    while (backslashes <= stop - 6 && text_[stop - 6 - backslashes] == '\\') ++backslashes;
    return backslashes % 2 == 1;
  }
  [[noreturn]] void FailString(std::size_t stop) const {
    if (stop == text_.size())
      FailAt(stop, "got the end of the text, expected '\"' to end the string");
    const auto byte = static_cast<unsigned char>(text_[stop]);
    if (byte < 0x20) {
      FailAt(stop, fmt::format(
                       "got a raw control character 0x{:02x} in a string, expected an escape such "
                       "as \\n or \\u{:04x}",
                       byte, byte));
    }
    // A bad escape ends at its backslash or within the four digits of \uXXXX; all else is a bad
    // byte.
    const std::size_t escape = text_.rfind('\\', stop);
    if (byte < 0x80 && escape != std::string_view::npos && escape > last_end_ &&
        stop - escape <= 11) {
      FailAt(escape,
             fmt::format("got the escape '{}', expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t "
                         "\\uXXXX (surrogates in pairs)",
                         Quoted(text_.substr(escape, stop + 1 - escape))));
    }
    FailAt(stop, fmt::format("got the byte 0x{:02x} in a string, expected UTF-8", byte));
  }
  [[noreturn]] void FailNumber() const {
    std::size_t end = Offset();
    while (end > 0 && (text_[end - 1] < '0' || text_[end - 1] > '9')) --end;
    constexpr std::string_view kNumber = "0123456789+-.eE";
    std::size_t start = end;
    while (start > 0 && kNumber.find(text_[start - 1]) != std::string_view::npos) --start;
    FailAt(start, fmt::format("got the number {}, expected at most 1.8e308 in magnitude",
                              Quoted(text_.substr(start, end - start))));
  }
  [[noreturn]] void FailAt(std::size_t offset, const std::string& problem) const {
    std::size_t line = 1;
    std::size_t column = 1;  // in characters: the bytes that continue one do not count
    for (const char c : text_.substr(0, offset)) {
      if (c == '\n') {
        ++line;
        column = 1;
      } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
        ++column;
      }
    }
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: line {}, column {}: {}", Quoted(name_, 400), line, column, problem));
  }

  std::string_view text_;
  std::string_view name_;
  const JsonLimits& limits_;
  const char* furthest_;      // one past the last character that the lexer took
  std::size_t last_end_ = 0;  // offset of the end of the last event
  std::vector<Level> open_;
  Json root_;
  bool complete_ = false;
};

}  // namespace

Json ParseJson(std::string_view text, std::string_view name, const JsonLimits& limits) {
  return Builder(text, name, limits).Build();
}

Json ReadJsonFile(const std::string& path, const JsonLimits& limits) {
  const std::string text = ReadFile(path, limits.max_bytes);
  return path.ends_with(".toml") ? ParseToml(text, path, limits) : ParseJson(text, path, limits);
}

}  // namespace lts
