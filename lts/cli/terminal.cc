#include "lts/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "fmt/format.h"

namespace lts::cli {
namespace {

bool ColorWanted() {
  const char* no_color = std::getenv("NO_COLOR");  // the convention: set and not empty
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) != "dumb";
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

Terminal ProbeTerminal() {
  Terminal terminal;
  terminal.out_is_tty = isatty(STDOUT_FILENO) == 1;
  terminal.err_is_tty = isatty(STDERR_FILENO) == 1;
  terminal.color = terminal.out_is_tty && ColorWanted();
  winsize size{};
  if (ioctl(terminal.err_is_tty ? STDERR_FILENO : STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
      size.ws_col > 0) {
    terminal.width = size.ws_col;
  }
  return terminal;
}

std::string HumanNumber(double value) {
  const double magnitude = std::fabs(value);
  if (!std::isfinite(value)) return "-";
  if (magnitude == 0) return "0";
  if (magnitude >= 100) return fmt::format("{:.0f}", value);
  if (magnitude >= 10) return fmt::format("{:.1f}", value);
  if (magnitude >= 1) return fmt::format("{:.2f}", value);
  return fmt::format("{:.3g}", value);
}

std::string HumanCount(double value) {
  constexpr std::array<std::pair<double, std::string_view>, 4> kUnits = {
      {{1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"}}};
  for (const auto& [scale, unit] : kUnits) {
    // 999,950 would print as "1000 k": half a unit in the last printed digit belongs to the next
    // unit.
    if (std::fabs(value) >= scale * 0.9995) return HumanNumber(value / scale) + std::string(unit);
  }
  return value == std::floor(value) ? fmt::format("{:.0f}", value) : HumanNumber(value);
}

std::string HumanSeconds(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  if (s < 120) return fmt::format("{} s", s);
  if (s < 7200) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += IsContinuation(c) ? 0 : 1;
  return width;
}

std::string Fit(std::string_view text, std::size_t columns) {
  if (DisplayWidth(text) <= columns) return std::string(text);
  if (columns == 0) return "";
  std::string cut;
  std::size_t width = 0;
  for (const char c : text) {
    if (!IsContinuation(c) && ++width == columns) break;
    cut += c;
  }
  return cut + "…";
}

}  // namespace lts::cli
