// Tables of decoders that were really trained, as CSV files with a header line. Two kinds:
//
//   the LTS benchmark's   backbone n_layer d_model n_head d_inner ... valid_ppl, as its columns are
//                         read by arch/benchmark_row.h
//   a user's              config      the path of an architecture file, relative to the table's
//                                     folder, or the architecture's JSON itself
//                         perplexity  on held-out text: a number > 1
//
// The first kind is taken where there is a column `backbone`. In either `id` names a row and
// `latency_ms` is what it takes; other columns are not looked at. A row without a perplexity is
// left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/architecture.h"

namespace lts {

struct TrainedModel {
  std::string id;  // the row's, else "line 7"
  Architecture architecture;
  double perplexity = 0;             // > 1
  std::optional<double> latency_ms;  // > 0, where the table has that column
};
struct TrainedModels {
  std::string name;  // of the file, without folder and suffix
  std::vector<TrainedModel> models;
  std::int64_t without_perplexity = 0;  // rows left out
};
// `name`: the file, for messages. `folder`: where relative paths in `config` start; none may be
// read when empty. Throws kInvalidArgument with file, line and column; kNotFound and kIo for a
// config that cannot be read.
TrainedModels ParseTrainedModels(std::string_view text, std::string_view name,
                                 std::string_view folder);
TrainedModels ReadTrainedModels(const std::string& path);

}  // namespace lts
