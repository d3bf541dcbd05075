// Progress of a search on the terminal: one live line where there is one, otherwise a plain line
// now and then.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "lts/base/clock.h"
#include "lts/cli/terminal.h"
#include "lts/job/search_job.h"

namespace lts::cli {

class ProgressLine final : public SearchJobObserver {
 public:
  // Live when the terminal's err is one; plain lines at most every 10 s otherwise. Silent when
  // quiet.
  ProgressLine(const Terminal& terminal, bool quiet, std::ostream& err, Clock& clock);
  ~ProgressLine() override;
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void OnProgress(const SearchProgress& progress) override;
  void Show(const std::string& text);  // the same, of any text
  void Clear();  // removes the live line, so that other output starts on an empty one

 private:
  const Terminal& terminal_;
  bool quiet_;
  std::ostream& err_;
  Clock& clock_;
  std::int64_t last_ns_ = 0;
  bool any_ = false;
  bool live_ = false;
};

// "[#####.....]  34 s left | 57 evaluated | front 12 | machine 1.03x | timing 8 candidates"
std::string ProgressText(const SearchProgress& progress);

}  // namespace lts::cli
