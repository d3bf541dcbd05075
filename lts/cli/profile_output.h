// How `lts profile` prints what it found.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lts/base/enum_table.h"
#include "lts/cli/app.h"
#include "lts/profile/token_cost.h"

namespace lts::cli {

enum class ProfileOutput { kTable, kCsv, kJson, kHelm };
inline constexpr EnumTable<ProfileOutput, 4> kProfileOutputs{"format",
                                                             {{{ProfileOutput::kTable, "table"},
                                                               {ProfileOutput::kCsv, "csv"},
                                                               {ProfileOutput::kJson, "json"},
                                                               {ProfileOutput::kHelm, "helm"}}}};

struct FittedProfile {
  CostProfile profile;
  TokenCost cost;
};

struct Request {
  std::int64_t prompt_tokens = 1;
  std::int64_t output_tokens = 1;
};
// "512:64,1:1" are prompt:output tokens. Throws kInvalidArgument naming `option`.
std::vector<Request> ParseRequests(const std::string& text, const std::string& option);
// "1,16,32". Each in [low, 2^24], at least one, each once; ascending.
std::vector<std::int64_t> ParseTokenList(const std::string& text, const std::string& option,
                                         std::int64_t low);

// What is to be known of profiles and fits, on err unless quiet.
void PrintNotes(std::span<const FittedProfile> profiles, Context& context);

// The costs, or where there are `requests`, what each of them takes. `check`: leaves prompt sizes
// out (K fits each). json has notes and warnings in it.
void PrintProfiles(std::span<const FittedProfile> profiles, std::span<const Request> requests,
                   bool check, ProfileOutput format, Context& context);

}  // namespace lts::cli
