// Any text: a table that parses holds valid models, and its cells are bounded by the text.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lts/base/csv.h"
#include "lts/base/error.h"
#include "lts/quality/law.h"
#include "lts/quality/trained_models.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const lts::CsvTable table = lts::ParseCsv(text, "fuzz.csv");
    std::size_t bytes = 0;
    for (const lts::CsvTable::Row& row : table.rows) {
      if (row.cells.size() != table.header.size()) std::abort();
      for (const std::string& cell : row.cells) bytes += cell.size();
    }
    if (bytes > size) std::abort();
    const lts::TrainedModels models = lts::ParseTrainedModels(text, "fuzz.csv", "");
    if (models.models.size() + static_cast<std::size_t>(models.without_perplexity) !=
        table.rows.size()) {
      std::abort();
    }
    for (const lts::TrainedModel& model : models.models) {
      if (!(model.perplexity > 1)) std::abort();
    }
  } catch (const lts::Error&) {  // NOLINT(bugprone-empty-catch): bad text is refused
  }
  return 0;
}
