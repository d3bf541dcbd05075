#include "lts/arch/benchmark_row.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "lts/arch/registry.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr std::string_view kGpt2Flex = "gpt2_flex";
constexpr std::string_view kMemTransformer = "mem_transformer";

// GPT-2's 50257 rounded up to a multiple of 8, and the words of WikiText-103.
constexpr std::int64_t kGpt2Tokens = 50264;
constexpr std::int64_t kWords = 267735;
constexpr std::int64_t kSegment = 192;
constexpr std::int64_t kDivVal = 4;

class Cells {
 public:
  Cells(const std::map<std::string, std::string>& cells, std::string_view where)
      : cells_(cells), where_(where) {}

  // "" where the column is absent.
  std::string_view Text(const std::string& column) const {
    const auto found = cells_.find(column);
    return found == cells_.end() ? std::string_view() : found->second;
  }
  std::int64_t Int(const std::string& column) const {
    const std::vector<std::int64_t> values = Ints(column, 1);
    return values.front();
  }
  std::int64_t IntOr(const std::string& column, std::int64_t otherwise) const {
    return Text(column).empty() ? otherwise : Int(column);
  }
  // One or more, at most `max_count`.
  std::vector<std::int64_t> Ints(const std::string& column, std::size_t max_count) const {
    const std::string_view text = Text(column);
    std::vector<std::int64_t> values;
    const char* at = text.data();
    const char* const end = at + text.size();
    while (true) {
      while (at != end && *at == ' ') ++at;
      if (at == end) break;
      std::int64_t value = 0;
      const auto [next, error] = std::from_chars(at, end, value);
      if (error != std::errc() || (next != end && *next != ' ') || values.size() == max_count) {
        Fail(column, max_count);
      }
      values.push_back(value);
      at = next;
    }
    if (values.empty()) Fail(column, max_count);
    return values;
  }

 private:
  [[noreturn]] void Fail(const std::string& column, std::size_t max_count) const {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: column '{}': got '{}', expected {}", where_, column,
                            Quoted(Text(column), 60),
                            max_count == 1
                                ? std::string("an integer")
                                : fmt::format("1 to {} integers with blanks between", max_count)));
  }

  const std::map<std::string, std::string>& cells_;
  std::string_view where_;
};

std::int64_t OfLayer(const std::vector<std::int64_t>& values, std::size_t layer) {
  return values.size() == 1 ? values.front() : values[layer];
}

}  // namespace

BenchmarkRow ParseBenchmarkRow(const std::map<std::string, std::string>& columns,
                               std::string_view where) {
  const Cells cells(columns, where);
  BenchmarkRow row;
  row.backbone = cells.Text("backbone");
  row.n_layer = cells.Int("n_layer");
  row.d_model = cells.Int("d_model");
  row.n_head = cells.Ints("n_head", kMaxLayers);
  row.d_inner = cells.Ints("d_inner", kMaxLayers);
  row.d_embed = cells.IntOr("d_embed", -1);
  row.div_val = cells.IntOr("div_val", kDivVal);
  row.n_token = cells.IntOr("n_token", row.backbone == kGpt2Flex ? kGpt2Tokens : kWords);
  row.tgt_len = cells.IntOr("tgt_len", kSegment);
  row.mem_len = cells.IntOr("mem_len", kSegment);
  const bool lm1b = cells.Text("set").find("lm1b") != std::string_view::npos;
  row.cutoffs = lm1b ? std::vector<std::int64_t>{59997, 99997, 639997}
                     : std::vector<std::int64_t>{19997, 39997, 199997};
  row.tied_projections = !lm1b;
  return row;
}

Architecture ArchitectureOfBenchmarkRow(const BenchmarkRow& row, std::string_view where) {
  const auto fail = [&](ErrorCode code, const std::string& problem) {
    throw Error(code, where.empty() ? problem : fmt::format("{}: {}", where, problem));
  };
  const bool gpt2 = row.backbone == kGpt2Flex;
  if (!gpt2 && row.backbone != kMemTransformer) {
    fail(ErrorCode::kNotFound, UnknownName("backbone", row.backbone,
                                           {std::string(kGpt2Flex), std::string(kMemTransformer)}));
  }
  if (row.n_layer < 1 || row.n_layer > kMaxLayers) {
    fail(ErrorCode::kInvalidArgument,
         fmt::format("n_layer: got {}, expected an integer in [1, {}]", row.n_layer, kMaxLayers));
  }
  const auto layers = static_cast<std::size_t>(row.n_layer);
  const auto check_list = [&](std::string_view name, const std::vector<std::int64_t>& values) {
    if (values.size() == 1 || values.size() == layers) return;
    fail(ErrorCode::kInvalidArgument,
         fmt::format("{}: got {} values, expected 1 or n_layer = {}", name, values.size(), layers));
  };
  check_list("n_head", row.n_head);
  check_list("d_inner", row.d_inner);

  AdaptiveVocabulary adaptive{.d_embed = row.d_embed == -1 ? row.d_model : row.d_embed,
                              .div_val = row.div_val,
                              .tied_projections = row.tied_projections};
  for (const std::int64_t cutoff : row.cutoffs) {
    if (cutoff < row.n_token) adaptive.cutoffs.push_back(cutoff);
  }
  ArchitectureFields fields;
  fields.backbone = gpt2 ? "gpt2" : "transfo-xl";
  fields.vocab_size = row.n_token;
  fields.max_seq_len = row.tgt_len;
  fields.d_model = row.d_model;
  for (std::size_t l = 0; l < layers; ++l) {
    const std::int64_t n_head = OfLayer(row.n_head, l);
    fields.layers.push_back({n_head, n_head, OfLayer(row.d_inner, l)});
  }
  fields.settings =
      DecoderSettings{.memory_tokens = gpt2 ? 0 : row.mem_len, .adaptive = std::move(adaptive)};
  return Architecture(std::move(fields), where);
}

}  // namespace lts
