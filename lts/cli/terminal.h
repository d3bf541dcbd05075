// What the output goes to, and how numbers are put for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lts::cli {

struct Terminal {
  bool out_is_tty = false;
  bool err_is_tty = false;
  bool color = false;  // a terminal, NO_COLOR unset and TERM not "dumb"
  int width = 80;      // columns
};
Terminal ProbeTerminal();

// Numbers in tables: "12.4 M", "35.1", "201". Three significant digits; the exact value is in csv
// and json.
std::string HumanCount(double value);
std::string HumanNumber(double value);
std::string HumanSeconds(double seconds);  // "47 s", "3 min 20 s", "2 h 05 min"

// Columns that UTF-8 text takes (code points; we print no wide characters).
std::size_t DisplayWidth(std::string_view text);
// Cut to `columns`, with an ellipsis.
std::string Fit(std::string_view text, std::size_t columns);

}  // namespace lts::cli
