#include "lts/quality/ranking_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "lts/base/error.h"
#include "lts/quality/law.h"

namespace lts {

RankingSet RankingSetOf(const TrainedModels& models, std::string_view name) {
  if (models.models.size() < 3) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} trained models, expected at least 3 to rank", name,
                            models.models.size()));
  }
  RankingSet set;
  RankingCost flops{kFlopsCost, {}};
  RankingCost total{kTotalParamsCost, {}};
  RankingCost latency{kLatencyCost, {}};
  for (const TrainedModel& model : models.models) {
    const Architecture& architecture = model.architecture;
    const double size = -LawValue(FindLaw("decoder_params"), architecture);
    const auto context =
        static_cast<double>(architecture.max_seq_len() + architecture.settings().memory_tokens);
    set.truth.push_back(model.perplexity);
    set.size.push_back(size);
    flops.values.push_back(2 * size + 4 * static_cast<double>(architecture.n_layer()) *
                                          static_cast<double>(architecture.d_model()) * context);
    total.values.push_back(-LawValue(FindLaw("total_params"), architecture));
    if (model.latency_ms) latency.values.push_back(*model.latency_ms);
  }
  set.costs = {{kDecoderParamsCost, set.size}, std::move(flops), std::move(total)};
  if (latency.values.size() == set.truth.size()) set.costs.push_back(std::move(latency));
  return set;
}

}  // namespace lts
