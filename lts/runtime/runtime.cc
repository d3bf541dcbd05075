#include "lts/runtime/runtime.h"

#include <fmt/format.h>

#include <algorithm>

#include "lts/base/aligned_buffer.h"
#include "lts/base/checked.h"

namespace lts {
namespace {

constexpr int kMaxThreads = 1024;  // as ThreadPool

[[noreturn]] void Fail(const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, message);
}

}  // namespace

std::unique_ptr<LoadedModel> Runtime::LoadRandom(const Architecture& architecture,
                                                 std::uint64_t seed, Purpose /*purpose*/) {
  return Load(RandomModel(architecture, seed));
}

void CheckRuntimeOptions(const RuntimeOptions& options) {
  if (options.threads < 1 || options.threads > kMaxThreads) {
    Fail(fmt::format("threads: got {}, expected 1 to {}", options.threads, kMaxThreads));
  }
}

void CheckKvDType(const RuntimeEntry& entry, const RuntimeOptions& options) {
  const DType unasked = CacheDType(options.dtype);
  const DType kv_dtype = options.kv_dtype.value_or(unasked);
  std::vector<DType> choices{unasked};
  if (entry.kv_dtypes != nullptr) choices = entry.kv_dtypes();
  if (std::find(choices.begin(), choices.end(), kv_dtype) != choices.end()) return;
  std::string known;
  for (const DType choice : choices) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", kDTypes.Name(choice));
  }
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format("runtime '{}': got a KV cache of '{}' beside weights of '{}', expected one "
                  "of: {}",
                  entry.name, kDTypes.Name(kv_dtype), kDTypes.Name(options.dtype), known));
}

void CheckSessionOptions(const SessionOptions& options, const Graph& graph) {
  if (options.batch < 1) Fail(fmt::format("batch: got {}, expected at least 1", options.batch));
  if (options.max_tokens < 1 || options.max_tokens > graph.max_seq_len) {
    Fail(fmt::format("max_tokens: got {}, expected 1 to max_seq_len = {}", options.max_tokens,
                     graph.max_seq_len));
  }
  if (options.max_step_tokens < 1 || options.max_step_tokens > options.max_tokens) {
    Fail(fmt::format("max_step_tokens: got {}, expected 1 to max_tokens = {}",
                     options.max_step_tokens, options.max_tokens));
  }
  // From here on every index that a step forms fits: tokens, hidden values and logits.
  const std::int64_t rows = CheckedMul(options.batch, options.max_tokens);
  CheckedMul(rows, graph.d_model, static_cast<std::int64_t>(sizeof(float)));
  CheckedMul(rows, graph.vocab_size, static_cast<std::int64_t>(sizeof(float)));
}

std::int64_t CheckStep(const SessionOptions& options, const Graph& graph, std::int64_t length,
                       std::span<const std::int32_t> tokens, Logits which,
                       std::size_t logits_size) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  if (count < 1 || count % options.batch != 0) {
    Fail(fmt::format("step: got {} tokens, expected a positive multiple of batch = {}", count,
                     options.batch));
  }
  const std::int64_t n = count / options.batch;
  if (n > options.max_step_tokens) {
    Fail(fmt::format("step: got {} tokens per sequence, expected at most max_step_tokens = {}", n,
                     options.max_step_tokens));
  }
  if (n > options.max_tokens - length) {
    Fail(fmt::format(
        "step: got {} tokens per sequence after {} in context, expected at most max_tokens = {} "
        "in all",
        n, length, options.max_tokens));
  }
  if (which == Logits::kAll && !options.all_logits) {
    Fail("step: got Logits::kAll, expected a session made with all_logits");
  }
  const std::int64_t positions = options.batch * (which == Logits::kAll ? n : 1);
  const std::int64_t expected = positions * graph.vocab_size;
  if (logits_size != static_cast<std::size_t>(expected)) {
    Fail(fmt::format("step: got room for {} logits, expected {} positions x vocab_size = {}",
                     logits_size, positions, expected));
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t token = tokens[static_cast<std::size_t>(i)];
    if (token < 0 || token >= graph.vocab_size) {
      Fail(fmt::format("step: token {} of sequence {}: got id {}, expected 0 to {}", i % n, i / n,
                       token, graph.vocab_size - 1));
    }
  }
  return n;
}

void CheckRewind(std::int64_t length, std::int64_t current) {
  if (length < 0 || length > current) {
    Fail(fmt::format("rewind: got length {}, expected 0 to {}", length, current));
  }
}

void CheckMemory(std::int64_t bytes, std::string_view what) {
  const std::int64_t available = AvailableMemoryBytes();
  if (bytes > available) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("{}: needs {} MiB, but only {} MiB of memory are available", what,
                            bytes >> 20, available >> 20));
  }
}

}  // namespace lts
