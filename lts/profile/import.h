// Any file that holds profiles, by what is in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lts/base/enum_table.h"
#include "lts/profile/cost_profile.h"
#include "lts/profile/megatron_log.h"

namespace lts {

enum class ProfileFormat { kMegatronLog, kTimingCsv, kTimingLines };
inline constexpr EnumTable<ProfileFormat, 3> kProfileFormats{
    "profile format",
    {{{ProfileFormat::kMegatronLog, "log"},
      {ProfileFormat::kTimingCsv, "csv"},
      {ProfileFormat::kTimingLines, "jsonl"}}}};

// By the suffix (.log, .csv, .jsonl, .ndjson), else by the first character that is no blank: '{'
// begins JSON lines, and a first line with commas and no blanks a CSV; all else is a log.
ProfileFormat FormatOf(std::string_view text, const std::string& file);

// Throws as the format's reader (megatron_log.h, timing_table.h).
std::vector<CostProfile> ParseProfiles(std::string_view text, const std::string& file,
                                       const MegatronLogOptions& log_options = {});

}  // namespace lts
