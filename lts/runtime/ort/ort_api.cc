#include "lts/runtime/ort/ort_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "lts/base/checked.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts::ort {
namespace {

constexpr int kLogFatal = 4;  // severity; its errors come back as statuses and are told once
constexpr int kArenaAllocator = 1;
constexpr int kDefaultMemory = 0;
constexpr std::size_t kMaxMessage = 400;

using AnyFunction = void (*)();

template <typename Function>
void Read(const void* table, int place, Function& function) {
  function = reinterpret_cast<Function>(static_cast<const AnyFunction*>(table)[place]);
}

ProviderFunctions ReadProvider(const void* table, int create, int append, int release) {
  ProviderFunctions f;
  Read(table, create, f.Create);
  Read(table, append, f.Append);
  Read(table, release, f.Release);
  return f;
}

std::int64_t BytesOf(ElementType type) {
  switch (type) {
    case ElementType::kInt64:
      return 8;
    case ElementType::kFloat32:
    case ElementType::kInt32:
      return 4;
    case ElementType::kFloat16:
      return 2;
  }
  return 0;
}

// The library's messages mostly begin with the place in its source that they come from: path, line
// and a function's whole signature, "/a/b.cc:31 void ns::F(const T<int>&) what happened". What
// happened alone is for users. A message of another form is left as it is.
std::string WithoutPlace(std::string_view message) {
  const std::size_t source = std::min(message.find(".cc:"), message.find(".h:"));
  if (source == std::string_view::npos) return std::string(message);
  const std::size_t path =
      message.rfind(" /", source) == std::string_view::npos ? 0 : message.rfind(" /", source) + 1;
  if (message[path] != '/') return std::string(message);
  int depth = 0;
  for (std::size_t i = message.find('(', source); i < message.size(); ++i) {
    if (message[i] == '(') ++depth;
    if (message[i] == ')' && --depth == 0) {
      const std::string_view rest = message.substr(i + 1);
      const std::size_t text = rest.find_first_not_of(' ');
      if (text == std::string_view::npos) break;
      return std::string(message.substr(0, path)) + std::string(rest.substr(text));
    }
  }
  return std::string(message);
}

// The library's messages run over several lines and may hold names out of a model.
std::string OneLine(std::string_view message) {
  std::string line;
  for (const char c : message) {
    const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!blank) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  return WithoutPlace(line);
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

ErrorCode CodeOf(int code, std::string_view message) {
  constexpr int kInvalidArgument = 2;
  constexpr int kNotImplemented = 9;
  // The library has no code of its own for these; it throws, and the message is what is left.
  for (const std::string_view memory : {"bad_alloc", "Failed to allocate", "out of memory"}) {
    if (Contains(message, memory)) return ErrorCode::kOutOfMemory;
  }
  if (code == kNotImplemented) return ErrorCode::kUnsupported;
  for (const std::string_view newer :
       {"opset", "IR version", "ir_version", "not a registered function/op", "is not a registered",
        "No Op registered", "Could not find an implementation"}) {
    if (Contains(message, newer)) return ErrorCode::kUnsupported;
  }
  return code == kInvalidArgument ? ErrorCode::kInvalidArgument : ErrorCode::kIo;
}

}  // namespace

Functions ReadTable(const void* table) {
  Functions f;
  Read(table, 1, f.GetErrorCode);
  Read(table, 2, f.GetErrorMessage);
  Read(table, 3, f.CreateEnv);
  Read(table, 6, f.DisableTelemetryEvents);
  Read(table, 8, f.CreateSessionFromArray);
  Read(table, 10, f.CreateSessionOptions);
  Read(table, 13, f.SetSessionExecutionMode);
  Read(table, 22, f.SetSessionLogSeverityLevel);
  Read(table, 23, f.SetSessionGraphOptimizationLevel);
  Read(table, 24, f.SetIntraOpNumThreads);
  Read(table, 25, f.SetInterOpNumThreads);
  Read(table, 49, f.CreateTensorWithDataAsOrtValue);
  Read(table, 69, f.CreateCpuMemoryInfo);
  Read(table, 93, f.ReleaseStatus);
  Read(table, 95, f.ReleaseSession);
  Read(table, 96, f.ReleaseValue);
  Read(table, 100, f.ReleaseSessionOptions);
  Read(table, 130, f.AddSessionConfigEntry);
  Read(table, 133, f.RunWithBinding);
  Read(table, 134, f.CreateIoBinding);
  Read(table, 135, f.ReleaseIoBinding);
  Read(table, 136, f.BindInput);
  Read(table, 137, f.BindOutput);
  Read(table, 150, f.AddInitializer);
  Read(table, 210, f.AddExternalInitializers);
  Read(table, 125, f.GetAvailableProviders);
  Read(table, 126, f.ReleaseAvailableProviders);
  Read(table, 216, f.SessionOptionsAppendExecutionProvider);
  f.cuda = ReadProvider(table, 205, 204, 208);
  f.tensorrt = ReadProvider(table, 171, 170, 174);
  f.rocm = ReadProvider(table, 255, 152, 258);
  f.cann = ReadProvider(table, 221, 220, 224);
  f.dnnl = ReadProvider(table, 240, 239, 243);
  return f;
}

Api::Api(const void* table, std::string version, std::string path)
    : functions_(ReadTable(table)), version_(std::move(version)), path_(std::move(path)) {
  Check(functions_.CreateEnv(kLogFatal, "lts", &env_), "environment");
  Check(functions_.DisableTelemetryEvents(env_), "telemetry");
  Check(functions_.CreateCpuMemoryInfo(kArenaAllocator, kDefaultMemory, &memory_info_),
        "main memory");
}

void Api::Check(OrtStatus* status, std::string_view what) const {
  if (status == nullptr) return;
  const Owned<OrtStatus> owned(status, {functions_.ReleaseStatus});
  const std::string message = OneLine(functions_.GetErrorMessage(status));
  throw Error(CodeOf(functions_.GetErrorCode(status), message),
              fmt::format("ONNX Runtime {}: {}: {}", version_, what, Quoted(message, kMaxMessage)));
}

Owned<OrtSessionOptions> Api::NewSessionOptions() const {
  OrtSessionOptions* options = nullptr;
  Check(functions_.CreateSessionOptions(&options), "session options");
  return {options, {functions_.ReleaseSessionOptions}};
}

Owned<OrtSession> Api::NewSession(std::string_view model, const OrtSessionOptions& options) const {
  OrtSession* session = nullptr;
  Check(functions_.CreateSessionFromArray(env_, model.data(), model.size(), &options, &session),
        "loading a model");
  return {session, {functions_.ReleaseSession}};
}

Owned<OrtIoBinding> Api::NewIoBinding(OrtSession& session) const {
  OrtIoBinding* binding = nullptr;
  Check(functions_.CreateIoBinding(&session, &binding), "binding");
  return {binding, {functions_.ReleaseIoBinding}};
}

Owned<OrtValue> Api::NewValue(const void* data, std::span<const std::int64_t> shape,
                              ElementType type) const {
  std::int64_t bytes = BytesOf(type);
  for (const std::int64_t extent : shape) bytes = CheckedMul(bytes, extent);
  OrtValue* value = nullptr;
  // The interface has no constant tensors.
  Check(functions_.CreateTensorWithDataAsOrtValue(memory_info_, const_cast<void*>(data),
                                                  static_cast<std::size_t>(bytes), shape.data(),
                                                  shape.size(), static_cast<int>(type), &value),
        "tensor");
  return {value, {functions_.ReleaseValue}};
}

}  // namespace lts::ort
