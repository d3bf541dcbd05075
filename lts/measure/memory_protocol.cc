#include "lts/measure/memory_protocol.h"

#include <fmt/format.h>

#include <limits>
#include <utility>
#include <variant>

#include "lts/base/enum_table.h"
#include "lts/base/json.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr std::string_view kRequestName = "memory probe request";
constexpr std::string_view kAnswerName = "memory probe answer";
// Far more than an architecture of kMaxLayers layers needs.
constexpr JsonLimits kLimits{8, std::size_t{1} << 20};
constexpr std::int64_t kMaxThreads = 1024;  // as ThreadPool
constexpr std::int64_t kMaxBatch = 1 << 20;
constexpr std::size_t kMaxMessage = 1000;

constexpr EnumTable<ErrorCode, 7> kErrorCodes{"error code",
                                              {{{ErrorCode::kInvalidArgument, "invalid_argument"},
                                                {ErrorCode::kNotFound, "not_found"},
                                                {ErrorCode::kIo, "io"},
                                                {ErrorCode::kCorrupt, "corrupt"},
                                                {ErrorCode::kOutOfMemory, "out_of_memory"},
                                                {ErrorCode::kUnsupported, "unsupported"},
                                                {ErrorCode::kCancelled, "cancelled"}}}};

std::int64_t Bytes(ObjectReader& reader, std::string_view key) {
  return reader.Int(key, 0, std::numeric_limits<std::int64_t>::max());
}

// What the child measured, or the error that it met.
std::variant<MemoryProbeResult, Error> ReadAnswer(std::string_view text) {
  const Json json = ParseJson(text, kAnswerName, kLimits);
  ObjectReader reader(json, std::string(kAnswerName));
  if (reader.Has("error")) {
    const ErrorCode code = kErrorCodes.Parse(reader.String("error"));
    const std::string message = Quoted(reader.String("message"), kMaxMessage);
    reader.RejectUnknown();
    return Error(code, message);
  }
  MemoryProbeResult result;
  result.peak_bytes = Bytes(reader, "peak_bytes");
  result.load_peak_bytes = Bytes(reader, "load_peak_bytes");
  result.running_peak_bytes = Bytes(reader, "running_peak_bytes");
  result.baseline_bytes = Bytes(reader, "baseline_bytes");
  result.account.weights = Bytes(reader, "weights_bytes");
  result.account.kv_cache = Bytes(reader, "kv_cache_bytes");
  result.account.workspace = Bytes(reader, "workspace_bytes");
  reader.RejectUnknown();
  return result;
}

}  // namespace

std::string WriteMemoryProbeRequest(const MemoryProbeRequest& request) {
  Json json = Json::MakeObject();
  json["architecture"] = request.architecture.ToDocument();
  json["runtime"] = request.config.runtime;
  json["dtype"] = kDTypes.Name(request.config.dtype);
  json["threads"] = request.config.threads;
  if (request.config.kv_dtype) json["kv_dtype"] = kDTypes.Name(*request.config.kv_dtype);
  if (!request.config.library.empty()) json["library"] = request.config.library;
  if (!request.config.provider.empty()) json["provider"] = request.config.provider;
  json["prompt_tokens"] = request.workload.prompt_tokens;
  json["output_tokens"] = request.workload.output_tokens;
  json["batch"] = request.workload.batch;
  return WriteJson(json, JsonStyle::kCompact);
}

MemoryProbeRequest ParseMemoryProbeRequest(std::string_view text) {
  const Json json = ParseJson(text, kRequestName, kLimits);
  ObjectReader reader(json, std::string(kRequestName));
  RuntimeConfig config;
  config.runtime = reader.String("runtime");
  config.dtype = kDTypes.Parse(reader.String("dtype"));
  config.threads = static_cast<int>(reader.Int("threads", 1, kMaxThreads));
  if (reader.Has("kv_dtype")) config.kv_dtype = kDTypes.Parse(reader.String("kv_dtype"));
  if (reader.Has("library")) config.library = reader.String("library");
  if (reader.Has("provider")) config.provider = reader.String("provider");
  Workload workload;
  workload.prompt_tokens = reader.Int("prompt_tokens", 1, kMaxSeqLen);
  workload.output_tokens = reader.Int("output_tokens", 1, kMaxSeqLen);
  workload.batch = reader.Int("batch", 1, kMaxBatch);
  Architecture architecture = ParseArchitecture(reader.Member("architecture"),
                                                fmt::format("{}: architecture", kRequestName));
  reader.RejectUnknown();
  return {std::move(architecture), std::move(config), workload};
}

std::string WriteMemoryProbeAnswer(const MemoryProbeResult& result) {
  Json json = Json::MakeObject();
  json["peak_bytes"] = result.peak_bytes;
  json["load_peak_bytes"] = result.load_peak_bytes;
  json["running_peak_bytes"] = result.running_peak_bytes;
  json["baseline_bytes"] = result.baseline_bytes;
  json["weights_bytes"] = result.account.weights;
  json["kv_cache_bytes"] = result.account.kv_cache;
  json["workspace_bytes"] = result.account.workspace;
  return WriteJson(json, JsonStyle::kCompact);
}

std::string WriteMemoryProbeError(const Error& error) {
  Json json = Json::MakeObject();
  json["error"] = kErrorCodes.Name(error.code());
  json["message"] = error.what();
  return WriteJson(json, JsonStyle::kCompact);
}

MemoryProbeResult ParseMemoryProbeAnswer(std::string_view text) {
  std::variant<MemoryProbeResult, Error> answer;
  try {
    answer = ReadAnswer(text);
  } catch (const Error& error) {
    throw Error(ErrorCode::kIo, error.what());
  }
  if (const Error* error = std::get_if<Error>(&answer)) throw Error(*error);
  return std::get<MemoryProbeResult>(answer);
}

}  // namespace lts
