#include "lts/report/format.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "lts/base/utf8.h"

namespace lts {
namespace {

constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
constexpr std::string_view kNoBreakSpace = "\u00a0";
constexpr std::string_view kReplacement = "\ufffd";

bool IsCount(std::string_view unit) { return unit.empty() || unit == "1"; }

// One place rounds, before a unit is chosen, so that 999.9 becomes "1.00 k" and not "1000".
double RoundToThree(double value) { return RoundToDigits(value, 3); }

std::string GroupThousands(std::string digits) {
  const std::size_t start = !digits.empty() && digits[0] == '-' ? 1 : 0;
  std::size_t end = digits.find_first_not_of("0123456789", start);
  if (end == std::string::npos) end = digits.size();
  for (std::size_t at = end; at > start + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

// `value` is already rounded to three digits.
std::string ThreeDigits(double value) {
  const double size = std::fabs(value);
  if (size == 0) return "0";
  if (size >= 100) return GroupThousands(fmt::format("{:.0f}", value));
  if (size >= 10) return fmt::format("{:.1f}", value);
  if (size >= 1) return fmt::format("{:.2f}", value);
  if (size >= 1e-4) {
    const int digits = 2 - static_cast<int>(std::floor(std::log10(size)));
    return fmt::format("{:.{}f}", value, digits);
  }
  return fmt::format("{:.2e}", value);
}

struct Scaled {
  double value;
  std::string_view unit;  // with prefix
};

Scaled ScaleCount(double value) {
  constexpr std::array<Scaled, 5> kPrefixes = {
      {{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  for (const Scaled& prefix : kPrefixes) {
    if (std::fabs(value) >= prefix.value) return {value / prefix.value, prefix.unit};
  }
  return {value, ""};
}

Scaled ScaleUnit(double value, std::string_view unit) {
  const double size = std::fabs(value);
  if (IsCount(unit)) return ScaleCount(value);
  if (unit == "ms") {
    if (size >= 1e4) return {value / 1e3, "s"};
    if (size > 0 && size < 0.1) return {value * 1e3, "µs"};
  }
  if (unit == "MiB") {
    if (size >= 10240) return {value / 1024, "GiB"};
    if (size > 0 && size < 0.1) return {value * 1024, "KiB"};
  }
  return {value, unit};
}

// What XML 1.0 forbids or discourages and no report needs: control characters and non-characters.
bool IsPrintable(std::uint32_t code) {
  if (code < 0x20) return code == '\t' || code == '\n';
  return (code < 0x7F || code > 0x9F) && (code & 0xFFFEU) != 0xFFFEU;
}

}  // namespace

std::string PlainNumber(double value) {
  if (!std::isfinite(value)) return "";
  if (value == std::trunc(value) && std::fabs(value) < kExactIntegers) {
    return fmt::format("{}", static_cast<std::int64_t>(value));
  }
  return fmt::format("{}", value);
}

double RoundToDigits(double value, int digits) {
  if (!std::isfinite(value) || value == 0) return value;
  return std::strtod(fmt::format("{:.{}e}", value, digits - 1).c_str(), nullptr);
}

Json NumberJson(double value) {
  if (!std::isfinite(value)) return {};
  if (value == std::trunc(value) && std::fabs(value) < kExactIntegers) {
    return {static_cast<std::int64_t>(value)};
  }
  return {value};
}

std::string HumanNumber(double value, std::string_view unit) {
  if (!std::isfinite(value)) return "–";
  if (IsCount(unit) && value == std::trunc(value) && std::fabs(value) < 1000) {
    return fmt::format("{:.0f}", value == 0 ? 0.0 : value);
  }
  const Scaled scaled = ScaleUnit(RoundToThree(value), unit);
  // Dividing by 1024 needs a second rounding; dividing by a power of ten does not mind one.
  const std::string digits = ThreeDigits(RoundToThree(scaled.value));
  if (scaled.unit.empty()) return digits;
  return fmt::format("{}{}{}", digits, kNoBreakSpace, scaled.unit);
}

std::string TickLabel(double value, std::string_view unit) {
  if (IsCount(unit)) {
    const Scaled scaled = ScaleCount(value);
    const std::string digits = fmt::format("{:.4g}", scaled.value);
    return scaled.unit.empty() ? digits : fmt::format("{}{}{}", digits, kNoBreakSpace, scaled.unit);
  }
  if (std::fabs(value) >= 1e4) return GroupThousands(fmt::format("{:.0f}", value));
  return fmt::format("{:.6g}", value);
}

std::string AxisUnit(std::string_view unit) {
  return IsCount(unit) ? "" : fmt::format(" ({})", unit);
}

std::string CleanText(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint code = DecodeUtf8(text, at);
    if (code.bytes > 0 && IsPrintable(code.value)) {
      clean += text.substr(at, code.bytes);
    } else {
      clean += kReplacement;
    }
    at += code.bytes > 0 ? code.bytes : 1;
  }
  return clean;
}

Json CleanJson(const Json& json) {
  if (json.is_string()) return {CleanText(json.AsString())};
  if (json.is_array()) {
    Json::Array clean;
    for (const Json& element : json.AsArray()) clean.push_back(CleanJson(element));
    return {std::move(clean)};
  }
  if (json.is_object()) {
    Json::Object clean;
    for (const Json::Member& member : json.AsObject()) {
      clean.emplace_back(CleanText(member.first), CleanJson(member.second));
    }
    return {std::move(clean)};
  }
  if (json.is_number() && !json.is_int()) {
    return std::isfinite(json.AsDouble()) ? json : Json();
  }
  return json;
}

std::string EscapeMarkup(std::string_view text) {
  std::string escaped;
  for (const char c : CleanText(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string CsvField(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string ScriptJson(const Json& json) {
  const std::string text = WriteJson(json, JsonStyle::kCompact);
  std::string safe;
  safe.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::string_view rest = std::string_view(text).substr(at, 3);
    if (text[at] == '<') {
      safe += "\\u003c";
    } else if (text[at] == '>') {
      safe += "\\u003e";
    } else if (text[at] == '&') {
      safe += "\\u0026";
    } else if (rest == "\u2028" || rest == "\u2029") {
      safe += rest == "\u2028" ? "\\u2028" : "\\u2029";
      at += 2;
    } else {
      safe += text[at];
    }
  }
  return safe;
}

}  // namespace lts
