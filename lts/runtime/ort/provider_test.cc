#include "lts/runtime/ort/provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "lts/base/error.h"
#include "lts/runtime/ort/library.h"

namespace lts::ort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Stands for a library with providers that no test machine has: a table whose functions write down
// how they are called.
std::vector<std::string>& Calls() {
  static std::vector<std::string> calls;
  return calls;
}
const char* g_failure = nullptr;  // what CUDA and the generic function answer; nullptr: success

OrtStatus* Status() {
  return g_failure == nullptr ? nullptr
                              : reinterpret_cast<OrtStatus*>(const_cast<char*>(g_failure));
}
OrtStatus* List(char*** names, int* count) {
  static char names_storage[][32] = {"CUDAExecutionProvider", "OpenVINOExecutionProvider",
                                     "AzureExecutionProvider", "CPUExecutionProvider"};
  static char* list[] = {names_storage[0], names_storage[1], names_storage[2], names_storage[3]};
  *names = list;
  *count = 4;
  return nullptr;
}
OrtStatus* ReleaseList(char** /*names*/, int /*count*/) {
  Calls().emplace_back("release list");
  return nullptr;
}
OrtStatus* AppendByName(OrtSessionOptions*, const char* name, const char* const*,
                        const char* const*, std::size_t count) {
  Calls().push_back(std::string("append ") + name);
  EXPECT_EQ(count, 0U);
  return Status();
}
OrtStatus* CreateCuda(OrtProviderOptions** out) {
  static int object = 0;
  Calls().emplace_back("create cuda");
  *out = reinterpret_cast<OrtProviderOptions*>(&object);
  return nullptr;
}
OrtStatus* AppendCuda(OrtSessionOptions*, const OrtProviderOptions* options) {
  Calls().emplace_back("append cuda");
  EXPECT_NE(options, nullptr);
  return Status();
}
void ReleaseCuda(OrtProviderOptions*) { Calls().emplace_back("release cuda"); }

using AnyFunction = void (*)();
template <typename Function>
AnyFunction Any(Function* function) {
  return reinterpret_cast<AnyFunction>(function);
}

std::array<AnyFunction, 300> Table() {
  std::array<AnyFunction, 300> table{};
  table[1] = Any(+[](const OrtStatus*) { return 1; });
  table[2] = Any(+[](const OrtStatus* status) { return reinterpret_cast<const char*>(status); });
  table[3] = Any(+[](int, const char*, OrtEnv**) -> OrtStatus* { return nullptr; });
  table[6] = Any(+[](const OrtEnv*) -> OrtStatus* { return nullptr; });
  table[69] = Any(+[](int, int, OrtMemoryInfo**) -> OrtStatus* { return nullptr; });
  table[93] = Any(+[](OrtStatus*) {});
  table[125] = Any(&List);
  table[126] = Any(&ReleaseList);
  table[204] = Any(&AppendCuda);
  table[205] = Any(&CreateCuda);
  table[208] = Any(&ReleaseCuda);
  table[216] = Any(&AppendByName);
  return table;
}

class ProviderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Calls().clear();
    g_failure = nullptr;
  }
  void Append(const std::string& name) {
    const std::string provider = FindProvider(api_, name);
    Calls().clear();
    AppendProvider(api_, provider, *reinterpret_cast<OrtSessionOptions*>(&session_options_));
  }

  int session_options_ = 0;  // only its address matters
  std::array<AnyFunction, 300> table_ = Table();
  Api api_{table_.data(), "1.99.0", ""};
};

TEST_F(ProviderTest, ListsThoseOfTheLibrary) {
  EXPECT_THAT(AvailableProviders(api_),
              ElementsAre("CUDAExecutionProvider", "OpenVINOExecutionProvider",
                          "AzureExecutionProvider", "CPUExecutionProvider"));
  EXPECT_THAT(Calls(), ElementsAre("release list"));
}

TEST_F(ProviderTest, FindsANameInAnyCaseWithAndWithoutItsSuffix) {
  for (const char* name :
       {"CUDA", "cuda", "CUDAExecutionProvider", "cudaexecutionprovider", "Cuda"}) {
    EXPECT_EQ(FindProvider(api_, name), "CUDAExecutionProvider") << name;
  }
  EXPECT_EQ(FindProvider(api_, "openvino"), "OpenVINOExecutionProvider");
  EXPECT_EQ(FindProvider(api_, ""), kCpuProvider);
  EXPECT_EQ(FindProvider(api_, "cpu"), kCpuProvider);
}

TEST_F(ProviderTest, AnUnknownNameListsTheOnesThereAre) {
  for (const char* name : {"ROCM", "ExecutionProvider", "CUDA ", "x\ny"}) {
    try {
      FindProvider(api_, name);
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kNotFound);
      EXPECT_THAT(error.what(),
                  HasSubstr("expected one that this library has: CUDA, OpenVINO, Azure, CPU"));
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    }
  }
}

TEST_F(ProviderTest, TheProcessorNeedsNothing) {
  Append("CPU");
  EXPECT_THAT(Calls(), IsEmpty());
}

TEST_F(ProviderTest, CudaGoesByItsOwnFunctions) {
  Append("CUDA");
  EXPECT_THAT(Calls(), ElementsAre("create cuda", "append cuda", "release cuda"));
}

TEST_F(ProviderTest, OthersGoByName) {
  Append("OpenVINO");
  EXPECT_THAT(Calls(), ElementsAre("append OpenVINO"));
  Append("Azure");
  EXPECT_THAT(Calls(), ElementsAre("append AZURE"));
}

TEST_F(ProviderTest, OneThatCannotStartSaysWhyInOneLine) {
  g_failure = "Failed to load\nlibcudart.so.12";
  for (const char* name : {"CUDA", "OpenVINO"}) {
    try {
      Append(name);
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_THAT(error.what(), HasSubstr(std::string(name) +
                                          "ExecutionProvider: Failed to load libcudart.so.12"));
      EXPECT_THAT(error.what(), HasSubstr("cannot start here"));
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    }
  }
  g_failure = nullptr;
  EXPECT_EQ(Calls().back(), "append OpenVINO");
}

TEST(Provider, ARealLibraryHasTheProcessor) {
  const Api* api = nullptr;
  try {
    api = &OpenLibrary(PlacesHere(""));
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_EQ(AvailableProviders(*api).back(), kCpuProvider);
  EXPECT_EQ(FindProvider(*api, "CPU"), kCpuProvider);
  EXPECT_THROW(FindProvider(*api, "no such provider"), Error);
}

}  // namespace
}  // namespace lts::ort
