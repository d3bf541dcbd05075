#include "lts/profile/import.h"

#include <algorithm>

#include "lts/profile/timing_table.h"

namespace lts {

ProfileFormat FormatOf(std::string_view text, const std::string& file) {
  if (file.ends_with(".log")) return ProfileFormat::kMegatronLog;
  if (file.ends_with(".csv")) return ProfileFormat::kTimingCsv;
  if (file.ends_with(".jsonl") || file.ends_with(".ndjson")) return ProfileFormat::kTimingLines;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') return ProfileFormat::kTimingLines;
  const std::string_view line = text.substr(0, text.find('\n'));
  const bool table =
      line.find(',') != std::string_view::npos && line.find(' ') == std::string_view::npos;
  return table ? ProfileFormat::kTimingCsv : ProfileFormat::kMegatronLog;
}

std::vector<CostProfile> ParseProfiles(std::string_view text, const std::string& file,
                                       const MegatronLogOptions& log_options) {
  switch (FormatOf(text, file)) {
    case ProfileFormat::kTimingCsv:
      return ParseTimingCsv(text, file);
    case ProfileFormat::kTimingLines:
      return ParseTimingLines(text, file);
    case ProfileFormat::kMegatronLog:
      break;
  }
  return {ParseMegatronLog(text, file, log_options)};
}

}  // namespace lts
