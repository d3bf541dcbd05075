// Tables of trained models as what ranking.h judges laws by.
#pragma once

#include <string_view>

#include "lts/quality/ranking.h"
#include "lts/quality/trained_models.h"

namespace lts {

// The costs that selection is judged under. FLOPs are those of one token's products in the decoder
// at a full context, 2 decoder parameters + 4 n_layer d_model context, as the published regrets
// have them: the embedding and the head are the same for all and are left out. context:
// max_seq_len, and the memory where there is one.
inline constexpr std::string_view kDecoderParamsCost = "decoder_params";
inline constexpr std::string_view kFlopsCost = "flops";
inline constexpr std::string_view kTotalParamsCost = "total_params";
inline constexpr std::string_view kLatencyCost = "latency_ms";  // where every row has it

// Throws kInvalidArgument, `name` in front, with fewer than 3 models.
RankingSet RankingSetOf(const TrainedModels& models, std::string_view name);

}  // namespace lts
