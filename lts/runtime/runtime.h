// The one interface of everything that runs a decoder: reference, cpu, onnxruntime, and later torch
// and cuda.
//
//   Runtime  --Load(model)-->  LoadedModel  --NewSession(options)-->  Session  --Step(tokens)-->
//   logits
//
// Prefill is a step of many tokens, decode a step of one. A LoadedModel is read-only and may serve
// many sessions; a Session belongs to one thread at a time, and of sessions that share a runtime's
// thread pool only one may step or be made at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lts/arch/model.h"
#include "lts/base/dtype.h"
#include "lts/base/error.h"

namespace lts {

enum class Logits {
  kLast,
  kAll
};  // of the last new position of each sequence, or of every new position

// The engine's own account of its memory, in bytes. Compared with the resident memory really seen
// by measure/.
struct MemoryAccount {
  std::int64_t weights = 0;
  std::int64_t kv_cache = 0;
  std::int64_t workspace = 0;
  std::int64_t total() const { return weights + kv_cache + workspace; }
};

struct SessionOptions {
  std::int64_t batch = 1;            // >= 1
  std::int64_t max_tokens = 1;       // capacity of the context per sequence: 1..graph.max_seq_len
  std::int64_t max_step_tokens = 1;  // longest step: 1..max_tokens
  bool all_logits = false;           // Logits::kAll will be asked for (costs workspace)
};

class Session {
 public:
  virtual ~Session() = default;
  // Appends `tokens` [batch, n] (row-major; n = tokens.size() / batch, 1..max_step_tokens) to the
  // context and writes logits [batch, V] (kLast) or [batch, n, V] (kAll) to `logits`, whose size
  // must match. Throws kInvalidArgument, and leaves the context as it was, when the context would
  // overflow, a token id is outside [0, V) or a size is wrong. Allocates nothing once a step of the
  // same n has run (or Prepare(n) was called), unless the runtime says that it does
  // (RuntimeEntry::allocates_in_step).
  virtual void Step(std::span<const std::int32_t> tokens, Logits which,
                    std::span<float> logits) = 0;
  // Builds whatever a step of n tokens needs, so that the step itself compiles nothing and
  // allocates nothing beyond what the engine's own library does.
  virtual void Prepare(std::int64_t n) = 0;
  virtual std::int64_t length() const = 0;       // tokens in context, per sequence
  virtual void Rewind(std::int64_t length) = 0;  // forget all but the first `length` tokens; throws
                                                 // unless 0..length()
  virtual MemoryAccount memory() const = 0;      // of this session together with its model
};

class LoadedModel {
 public:
  virtual ~LoadedModel() = default;
  // Throws kInvalidArgument on options outside their ranges, kOutOfMemory before allocating what
  // cannot fit.
  virtual std::unique_ptr<Session> NewSession(const SessionOptions& options) = 0;
  virtual const Graph& graph() const = 0;
};

struct RuntimeOptions {
  int threads = 1;                // 1..1024
  DType dtype = DType::kFloat32;  // of the weights
  // Of the keys and values that a session keeps, one of RuntimeEntry::kv_dtypes; unset: what goes
  // with the weights, CacheDType(dtype).
  std::optional<DType> kv_dtype;
  // Path of the library that the engine opens at run time (RuntimeEntry::library); "": searched
  // for.
  std::string library;
  // What the engine's library computes on, by the name that RuntimeEntry::providers lists, with or
  // without "ExecutionProvider" behind it and in any case; "": the processor.
  std::string provider;
};

// What a model of random weights is for.
enum class Purpose {
  kTiming,  // its weights may be views of numbers that all models of the runtime share
  kMemory,  // the process grows as by a model that is loaded from a file: nothing is shared with
            // other models, and nothing is kept that only lts would keep
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual std::string_view name() const = 0;
  // Can it run this graph with its dtype? A reason when not; never throws.
  virtual Availability Supports(const Graph& graph) const = 0;
  // Takes what it needs from `model` (packs or copies; may drop the float32 originals of a moved-in
  // model). Throws kUnsupported with Supports()' reason.
  virtual std::unique_ptr<LoadedModel> Load(Model model) = 0;
  // A model whose weights are any random ones, deterministic in `seed`, for what does not depend on
  // their values. Costs no more than Load(RandomModel(architecture, seed)), which it is unless a
  // runtime knows something better for the purpose. Throws as RandomModel and Load.
  virtual std::unique_ptr<LoadedModel> LoadRandom(const Architecture& architecture,
                                                  std::uint64_t seed,
                                                  Purpose purpose = Purpose::kTiming);
};

// Checks that every runtime makes, in one place. Throw kInvalidArgument with got and expected.
void CheckRuntimeOptions(const RuntimeOptions& options);
void CheckSessionOptions(const SessionOptions& options, const Graph& graph);
// Returns n, the tokens per sequence.
std::int64_t CheckStep(const SessionOptions& options, const Graph& graph, std::int64_t length,
                       std::span<const std::int32_t> tokens, Logits which, std::size_t logits_size);
// A new length of a session that now holds `current` tokens: 0..current.
void CheckRewind(std::int64_t length, std::int64_t current);
// Throws kOutOfMemory "<what>: needs 812 MiB, but only 640 MiB of memory are available". Asked once
// for the sum of what is about to be allocated: zeroed pages are not resident until touched, so
// buffer by buffer each would seem to fit.
void CheckMemory(std::int64_t bytes, std::string_view what);

// {"oneDNN", "2.6.3"}, {"isa", "AVX3_SPR"}: what goes into Environment.
using RuntimeVersions = std::vector<std::pair<std::string, std::string>>;

struct RuntimeEntry {
  std::string_view name;
  std::string_view summary;
  // File name of the library that it opens at run time and RuntimeOptions::library may name; "": it
  // opens none.
  std::string_view library;
  // An engine of another project may allocate within a step, however often it was repeated.
  bool allocates_in_step = false;
  // Whether this build and this machine have it (of `options` the library counts), and for which
  // dtypes.
  Availability (*available)(const RuntimeOptions& options);
  std::vector<DType> (*dtypes)();
  // What RuntimeOptions::kv_dtype may name beside weights of any of them. nullptr: the engine has
  // no such choice, its cache is of CacheDType(dtype).
  std::vector<DType> (*kv_dtypes)() = nullptr;
  // Empty when it is not available. Of `options` the library and the provider count.
  RuntimeVersions (*versions)(const RuntimeOptions& options);
  // What RuntimeOptions::provider may name: what the library of `options` was built for, whether it
  // works on this machine or not; empty when the library is not available. nullptr: the engine has
  // no such choice.
  std::vector<std::string> (*providers)(const RuntimeOptions& options) = nullptr;
  std::unique_ptr<Runtime> (*create)(const RuntimeOptions& options);
};

// That the runtime can keep a cache of options.kv_dtype, where that is set. Throws kUnsupported
// with got and expected.
void CheckKvDType(const RuntimeEntry& entry, const RuntimeOptions& options);

}  // namespace lts
