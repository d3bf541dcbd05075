// Numbers and text as the report's files want them. Private to lts/report.
#pragma once

#include <string>
#include <string_view>

#include "lts/base/json.h"

namespace lts {

// The shortest text that reads back equal, whole numbers below 2^53 without a fraction: "16040512",
// "35.125". Empty when not finite.
std::string PlainNumber(double value);
// The same as JSON: an integer where the value is one below 2^53 in size, null when not finite.
Json NumberJson(double value);

// Digits that tables and the page keep of measured numbers: a thousand times finer than any
// interval. front.json keeps them all.
inline constexpr int kMeasuredDigits = 6;
double RoundToDigits(double value, int digits);  // significant ones; 1 to 17

// For people, three significant digits: "12.4 M" (no unit, or "1"), "35.1 ms", "12.0 s" (from
// 10,000 ms), "201 MiB", "12.5 GiB" (from 10,240 MiB), "84.0 µs" (below 0.1 ms), "51.2 KiB" (below
// 0.1 MiB); any other unit after the number. A no-break space stands before the unit. "–" when not
// finite.
std::string HumanNumber(double value, std::string_view unit);

// A tick's label without its unit (the axis names it): "20 M" for counts, else "0.5", "250",
// "12,000".
std::string TickLabel(double value, std::string_view unit);

// Unit in words for an axis: " (ms)"; empty for counts.
std::string AxisUnit(std::string_view unit);

// Text that any of our formats can carry: invalid UTF-8 and control characters other than tab and
// newline become U+FFFD.
std::string CleanText(std::string_view text);
Json CleanJson(const Json& json);  // every string and key in it

// CleanText, and & < > " ' as entities: safe in XML and HTML text and in quoted attributes.
std::string EscapeMarkup(std::string_view text);
// A field of a CSV file (RFC 4180): quoted when it holds a comma, a quote or a line break.
std::string CsvField(std::string_view text);
// JSON that can stand inside an HTML script element: < > & and U+2028, U+2029 as \u escapes.
std::string ScriptJson(const Json& json);

}  // namespace lts
