// Any text: a constraint that parses is parsed again from its own text to the same constraint, and
// can be evaluated on anything. What holds can hold.
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "lts/base/error.h"
#include "lts/space/constraint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const lts::Constraint constraint = lts::Constraint::Parse(text);
    const lts::Constraint again = lts::Constraint::Parse(constraint.text());
    if (again.text() != constraint.text() || again.names() != constraint.names()) std::abort();
    const double values[] = {0,
                             -1,
                             64,
                             1e308,
                             std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()};
    for (const double first : values) {
      for (const double rest : values) {
        const auto value = [&](std::string_view name) {
          return name == constraint.names()[0] ? first : rest;
        };
        const bool holds = constraint.Holds(value);
        if (holds != again.Holds(value)) std::abort();
        const bool can_hold = constraint.CanHold([&](std::string_view name) {
          const double v = value(name);
          return lts::Constraint::Bounds{v, v};
        });
        if (holds && !can_hold) std::abort();
      }
    }
  } catch (const lts::Error&) {  // NOLINT(bugprone-empty-catch): bad text is refused
  }
  return 0;
}
