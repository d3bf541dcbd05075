#include "lts/cli/progress.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "fmt/format.h"

namespace lts::cli {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kLiveIntervalNs = 100 * kNsPerMs;
constexpr std::int64_t kPlainIntervalNs = 10'000 * kNsPerMs;
constexpr int kBarWidth = 20;

// Time left: of the time budget, or extrapolated from the evaluations so far.
double SecondsLeft(const SearchProgress& progress, double done) {
  if (progress.budget_s > 0) return std::max(0.0, progress.budget_s - progress.elapsed_s);
  if (done <= 0) return -1;
  return progress.elapsed_s * (1 - done) / done;
}

}  // namespace

std::string ProgressText(const SearchProgress& progress) {
  double done = 0;
  if (progress.budget_s > 0) done = progress.elapsed_s / progress.budget_s;
  if (progress.budget_evaluations > 0) {
    done = std::max(done, static_cast<double>(progress.evaluated) /
                              static_cast<double>(progress.budget_evaluations));
  }
  done = std::clamp(done, 0.0, 1.0);
  const int filled = static_cast<int>(done * kBarWidth);
  std::string text = fmt::format("[{:#<{}}{:.<{}}]", "", filled, "", kBarWidth - filled);
  const double left = SecondsLeft(progress, done);
  if (left >= 0) text += fmt::format(" {} left |", HumanSeconds(left));
  text += fmt::format(" {} evaluated", progress.evaluated);
  if (progress.reused > 0) text += fmt::format(" ({} reused)", progress.reused);
  text += fmt::format(" | front {}", progress.front);
  if (std::fabs(progress.drift - 1) >= 0.02) {
    text += progress.drift > 1 ? fmt::format(" | machine {:.2f}x slower", progress.drift)
                               : fmt::format(" | machine {:.2f}x faster", 1 / progress.drift);
  }
  if (!progress.phase.empty()) text += " | " + progress.phase;
  return text;
}

ProgressLine::ProgressLine(const Terminal& terminal, bool quiet, std::ostream& err, Clock& clock)
    : terminal_(terminal), quiet_(quiet), err_(err), clock_(clock) {}

ProgressLine::~ProgressLine() { Clear(); }

void ProgressLine::Clear() {
  if (live_) err_ << "\r\x1b[K" << std::flush;
  live_ = false;
}

void ProgressLine::OnProgress(const SearchProgress& progress) { Show(ProgressText(progress)); }

void ProgressLine::Show(const std::string& text) {
  if (quiet_) return;
  const std::int64_t now = clock_.NowNs();
  const std::int64_t interval = terminal_.err_is_tty ? kLiveIntervalNs : kPlainIntervalNs;
  if (any_ && now - last_ns_ < interval) return;
  any_ = true;
  last_ns_ = now;
  if (terminal_.err_is_tty) {
    err_ << '\r' << Fit(text, static_cast<std::size_t>(std::max(20, terminal_.width - 1)))
         << "\x1b[K" << std::flush;
    live_ = true;
  } else {
    err_ << text << std::endl;
  }
}

}  // namespace lts::cli
