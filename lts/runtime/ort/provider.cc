#include "lts/runtime/ort/provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts::ort {
namespace {

constexpr std::string_view kSuffix = "ExecutionProvider";

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string_view WithoutSuffix(std::string_view name) {
  if (name.size() <= kSuffix.size()) return name;
  const std::string_view end = name.substr(name.size() - kSuffix.size());
  return Lower(end) == Lower(kSuffix) ? name.substr(0, name.size() - kSuffix.size()) : name;
}

// Providers whose options are an object of their own; nullptr: those that one function knows by
// name.
const ProviderFunctions* FunctionsOf(const Functions& ort, std::string_view provider) {
  const std::pair<std::string_view, const ProviderFunctions*> all[] = {
      {"CUDAExecutionProvider", &ort.cuda}, {"TensorrtExecutionProvider", &ort.tensorrt},
      {"ROCMExecutionProvider", &ort.rocm}, {"CANNExecutionProvider", &ort.cann},
      {"DnnlExecutionProvider", &ort.dnnl},
  };
  for (const auto& [name, functions] : all) {
    if (name == provider) return functions;
  }
  return nullptr;
}

// What that function calls a provider: mostly its name without the suffix.
std::string ShortName(std::string_view provider) {
  if (provider == "AzureExecutionProvider") return "AZURE";
  if (provider == "XnnpackExecutionProvider") return "XNNPACK";
  return std::string(WithoutSuffix(provider));
}

void Append(const Api& api, std::string_view provider, OrtSessionOptions& options) {
  const Functions& ort = api.functions();
  const std::string what(provider);
  const ProviderFunctions* const functions = FunctionsOf(ort, provider);
  if (functions == nullptr) {
    api.Check(ort.SessionOptionsAppendExecutionProvider(&options, ShortName(provider).c_str(),
                                                        nullptr, nullptr, 0),
              what);
    return;
  }
  OrtProviderOptions* made = nullptr;
  api.Check(functions->Create(&made), what);
  const Owned<OrtProviderOptions> provider_options(made, {functions->Release});
  api.Check(functions->Append(&options, provider_options.get()), what);
}

}  // namespace

std::vector<std::string> AvailableProviders(const Api& api) {
  char** names = nullptr;
  int count = 0;
  api.Check(api.functions().GetAvailableProviders(&names, &count), "providers");
  std::vector<std::string> providers(names, names + count);
  api.Check(api.functions().ReleaseAvailableProviders(names, count), "providers");
  return providers;
}

std::string FindProvider(const Api& api, std::string_view name) {
  if (name.empty()) return std::string(kCpuProvider);
  const std::vector<std::string> known = AvailableProviders(api);
  const std::string wanted = Lower(WithoutSuffix(name));
  std::vector<std::string> short_names;
  for (const std::string& provider : known) {
    short_names.emplace_back(WithoutSuffix(provider));
    if (Lower(short_names.back()) == wanted) return provider;
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("ONNX Runtime {}: got the provider '{}', expected one that this library "
                          "has: {}",
                          api.version(), Quoted(name), fmt::join(short_names, ", ")));
}

void AppendProvider(const Api& api, std::string_view provider, OrtSessionOptions& options) {
  if (provider == kCpuProvider) return;
  try {
    Append(api, provider, options);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kOutOfMemory) throw;
    throw Error(ErrorCode::kUnsupported, fmt::format("{} (the provider cannot start here; try "
                                                     "another, or none for the CPU)",
                                                     error.what()));
  }
}

}  // namespace lts::ort
