#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/base/utf8.h"

namespace lts {
namespace {

// The shortest digits that read back equal, laid out as Python's repr() does: with an exponent of
// at least two digits below 1e-4 and from 1e16 on, always with a fraction otherwise, so that it
// reads back as no integer.
std::string NumberText(double value) {
  std::array<char, 32> buffer;
  const auto scientific = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                        std::chars_format::scientific);
  const std::string_view text(buffer.data(),
                              static_cast<std::size_t>(scientific.ptr - buffer.data()));
  const std::size_t e = text.rfind('e');
  int exponent = 0;
  const std::size_t digits = e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(text.data() + digits, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 16) return std::string(text);
  const auto fixed =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  std::string result(buffer.data(), fixed.ptr);
  if (result.find('.') == std::string::npos) result += ".0";
  return result;
}

class Writer {
 public:
  explicit Writer(JsonStyle style) : style_(style) {}

  std::string Take() { return std::move(out_); }

  void Write(const Json& value, int indent) {
    if (value.is_null()) {
      out_ += "null";
    } else if (value.is_bool()) {
      out_ += value.AsBool() ? "true" : "false";
    } else if (value.is_int()) {
      out_ += fmt::format_int(value.AsInt()).c_str();
    } else if (value.is_number()) {
      WriteNumber(value.AsDouble());
    } else if (value.is_string()) {
      WriteString(value.AsString());
    } else if (value.is_array()) {
      WriteArray(value.AsArray(), indent);
    } else {
      WriteObject(value.AsObject(), indent);
    }
  }

 private:
  void WriteNumber(double value) {
    if (!std::isfinite(value)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("JSON has no {}, expected a finite number", value));
    }
    out_ += NumberText(value);
  }

  void WriteArray(const Json::Array& array, int indent) {
    const bool scalars = std::none_of(array.begin(), array.end(), [](const Json& element) {
      return element.is_array() || element.is_object();
    });
    const bool lines = style_ == JsonStyle::kPretty && !scalars;
    out_ += '[';
    for (std::size_t i = 0; i < array.size(); ++i) {
      Separate(i == 0, lines, indent + 1);
      Write(array[i], indent + 1);
    }
    if (lines) NewLine(indent);
    out_ += ']';
  }

  void WriteObject(const Json::Object& object, int indent) {
    std::vector<const Json::Member*> members;
    members.reserve(object.size());
    for (const Json::Member& member : object) members.push_back(&member);
    if (style_ == JsonStyle::kPython) {
      // Order of bytes is order of code points in UTF-8, which is how Python compares strings.
      std::stable_sort(members.begin(), members.end(),
                       [](const auto* a, const auto* b) { return a->first < b->first; });
    }
    const bool lines = style_ == JsonStyle::kPretty && !members.empty();
    out_ += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      Separate(i == 0, lines, indent + 1);
      WriteString(members[i]->first);
      out_ += style_ == JsonStyle::kCompact ? ":" : ": ";
      Write(members[i]->second, indent + 1);
    }
    if (lines) NewLine(indent);
    out_ += '}';
  }

  void Separate(bool first, bool lines, int indent) {
    if (!first) out_ += style_ == JsonStyle::kCompact || lines ? "," : ", ";
    if (lines) NewLine(indent);
  }

  void NewLine(int indent) {
    out_ += '\n';
    out_.append(2 * static_cast<std::size_t>(indent), ' ');
  }

  void WriteString(std::string_view text) {
    out_ += '"';
    for (std::size_t at = 0; at < text.size();) {
      CodePoint code = DecodeUtf8(text, at);
      const bool valid = code.bytes > 0;
      if (!valid) code = {0xFFFD, 1};
      if (!WriteEscape(code.value)) {
        out_ += valid ? text.substr(at, code.bytes) : "\xEF\xBF\xBD";
      }
      at += code.bytes;
    }
    out_ += '"';
  }

  // Writes an escape when the code point needs one in this style.
  bool WriteEscape(std::uint32_t code) {
    constexpr std::string_view kSpecial = "\"\\\b\f\n\r\t";
    constexpr std::string_view kLetters = "\"\\bfnrt";
    if (code < 0x80) {
      const std::size_t special = kSpecial.find(static_cast<char>(code));
      if (special != std::string_view::npos) {
        out_ += '\\';
        out_ += kLetters[special];
        return true;
      }
    }
    const bool printable = code >= 0x20 && (style_ != JsonStyle::kPython || code < 0x7F);
    if (printable) return false;
    if (code >= 0x10000) {
      const std::uint32_t offset = code - 0x10000;
      out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (offset >> 10), 0xDC00 + (offset & 0x3FF));
    } else {
      out_ += fmt::format("\\u{:04x}", code);
    }
    return true;
  }

  JsonStyle style_;
  std::string out_;
};

}  // namespace

std::string WriteJson(const Json& value, JsonStyle style) {
  Writer writer(style);
  writer.Write(value, 0);
  return writer.Take();
}

}  // namespace lts
