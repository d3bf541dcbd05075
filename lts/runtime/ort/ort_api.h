// ONNX Runtime's C interface, as far as it is used here: opaque types, functions by their place in
// the library's table, owners for what it hands out, errors as lts::Error.
//
// The table is append-only by ONNX Runtime's contract: a function keeps its place and signature for
// ever, so no header of it is needed. All functions may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lts::ort {

// Opaque: only pointers to them exist on this side.
struct OrtEnv;
struct OrtStatus;
struct OrtMemoryInfo;
struct OrtIoBinding;
struct OrtSession;
struct OrtValue;
struct OrtRunOptions;
struct OrtSessionOptions;
struct OrtProviderOptions;  // of the one provider that its functions belong to

// The numbers are ONNX's (TensorProto::DataType).
enum class ElementType : int { kFloat32 = 1, kInt32 = 6, kInt64 = 7, kFloat16 = 10 };

// A version of the table that every library since 1.19 has.
inline constexpr std::uint32_t kApiVersion = 19;

// Of a provider whose options are an object: made, handed to a session's options, released.
struct ProviderFunctions {
  OrtStatus* (*Create)(OrtProviderOptions**);
  OrtStatus* (*Append)(OrtSessionOptions*, const OrtProviderOptions*);
  void (*Release)(OrtProviderOptions*);
};

// Names and parameters as the library documents them. Each that returns a Status returns nullptr
// for success.
struct Functions {
  int (*GetErrorCode)(const OrtStatus*);
  const char* (*GetErrorMessage)(const OrtStatus*);
  OrtStatus* (*CreateEnv)(int log_severity, const char* log_id, OrtEnv**);
  OrtStatus* (*DisableTelemetryEvents)(const OrtEnv*);
  OrtStatus* (*CreateSessionFromArray)(const OrtEnv*, const void* model, std::size_t bytes,
                                       const OrtSessionOptions*, OrtSession**);
  OrtStatus* (*CreateSessionOptions)(OrtSessionOptions**);
  OrtStatus* (*SetSessionExecutionMode)(OrtSessionOptions*, int mode);
  OrtStatus* (*SetSessionLogSeverityLevel)(OrtSessionOptions*, int severity);
  OrtStatus* (*SetSessionGraphOptimizationLevel)(OrtSessionOptions*, int level);
  OrtStatus* (*SetIntraOpNumThreads)(OrtSessionOptions*, int threads);
  OrtStatus* (*SetInterOpNumThreads)(OrtSessionOptions*, int threads);
  OrtStatus* (*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo*, void* data, std::size_t bytes,
                                               const std::int64_t* shape, std::size_t rank,
                                               int type, OrtValue**);
  OrtStatus* (*CreateCpuMemoryInfo)(int allocator_type, int memory_type, OrtMemoryInfo**);
  void (*ReleaseStatus)(OrtStatus*);
  void (*ReleaseSession)(OrtSession*);
  void (*ReleaseValue)(OrtValue*);
  void (*ReleaseSessionOptions)(OrtSessionOptions*);
  OrtStatus* (*AddSessionConfigEntry)(OrtSessionOptions*, const char* key, const char* value);
  OrtStatus* (*RunWithBinding)(OrtSession*, const OrtRunOptions*, const OrtIoBinding*);
  OrtStatus* (*CreateIoBinding)(OrtSession*, OrtIoBinding**);
  void (*ReleaseIoBinding)(OrtIoBinding*);
  OrtStatus* (*BindInput)(OrtIoBinding*, const char* name, const OrtValue*);
  OrtStatus* (*BindOutput)(OrtIoBinding*, const char* name, const OrtValue*);
  OrtStatus* (*AddInitializer)(OrtSessionOptions*, const char* name, const OrtValue*);
  OrtStatus* (*AddExternalInitializers)(OrtSessionOptions*, const char* const* names,
                                        const OrtValue* const* values, std::size_t count);
  OrtStatus* (*GetAvailableProviders)(char*** names, int* count);
  OrtStatus* (*ReleaseAvailableProviders)(char** names, int count);
  OrtStatus* (*SessionOptionsAppendExecutionProvider)(OrtSessionOptions*, const char* name,
                                                      const char* const* keys,
                                                      const char* const* values, std::size_t count);
  ProviderFunctions cuda;
  ProviderFunctions tensorrt;
  ProviderFunctions rocm;
  ProviderFunctions cann;
  ProviderFunctions dnnl;
};

// Reads the functions out of a table that the library returned for kApiVersion.
Functions ReadTable(const void* table);

// Frees what the library handed out by the library's own function.
template <typename T>
struct Release {
  void (*function)(T*) = nullptr;
  void operator()(T* object) const { function(object); }
};
template <typename T>
using Owned = std::unique_ptr<T, Release<T>>;

// A loaded library together with the one environment of this process in it. Never unloaded.
class Api {
 public:
  // `table` as for ReadTable. Throws as Check.
  Api(const void* table, std::string version, std::string path);

  const Functions& functions() const { return functions_; }
  const std::string& version() const { return version_; }  // "1.31.1"
  const std::string& path() const { return path_; }        // "" when the system found it by name

  // Takes the status over. Throws when it is an error: "<what>: <the library's message in one
  // line>", kUnsupported when the library lacks what the model needs, kOutOfMemory when it says so,
  // kInvalidArgument when it blames its arguments, else kIo.
  void Check(OrtStatus* status, std::string_view what) const;

  Owned<OrtSessionOptions> NewSessionOptions() const;
  // `model` is a serialized ModelProto.
  Owned<OrtSession> NewSession(std::string_view model, const OrtSessionOptions& options) const;
  Owned<OrtIoBinding> NewIoBinding(OrtSession& session) const;
  // A view of `data`, which must outlive it and every session and binding that it was given to.
  // Row-major; `shape` may hold zeros. Reads and writes are the library's affair: a value that is
  // only ever bound as input or initializer is not written to.
  Owned<OrtValue> NewValue(const void* data, std::span<const std::int64_t> shape,
                           ElementType type) const;

 private:
  Functions functions_;
  std::string version_;
  std::string path_;
  OrtEnv* env_ = nullptr;                 // lives as long as the process
  OrtMemoryInfo* memory_info_ = nullptr;  // of main memory; likewise
};

}  // namespace lts::ort
