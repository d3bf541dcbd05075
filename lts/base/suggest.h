// Messages for unknown names, with the nearest known one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lts {

// Optimal string alignment distance (insert, delete, replace, swap of neighbours), ASCII case
// ignored. O(|a| |b|) time; both are cut to 128 bytes.
int EditDistance(std::string_view a, std::string_view b);

// "unknown objective 'latncy_ms'; did you mean 'latency_ms'?" when a known name is close enough
// (distance at most max(2, |name| / 3)), otherwise "unknown objective 'x'; known: a, b, c". `name`
// is shortened to 60 bytes and control characters are escaped, so that the message stays one line.
std::string UnknownName(std::string_view what, std::string_view name,
                        const std::vector<std::string>& known);

// `text` made safe for a one-line message, without quotes around it: control characters, line
// separators and bytes that are no UTF-8 are escaped, what exceeds `max_bytes` (between characters)
// becomes "...".
std::string Quoted(std::string_view text, std::size_t max_bytes = 60);

}  // namespace lts
