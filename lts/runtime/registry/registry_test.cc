#include "lts/runtime/registry/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace lts {
namespace {

using ::testing::HasSubstr;

template <typename F>
Error ErrorOf(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {ErrorCode::kCancelled, ""};
}

TEST(Registry, NamesAreUniqueAndDescribed) {
  std::set<std::string_view> names;
  for (const RuntimeEntry* entry : Runtimes()) {
    EXPECT_TRUE(names.insert(entry->name).second) << entry->name;
    EXPECT_FALSE(entry->summary.empty()) << entry->name;
    EXPECT_EQ(entry->summary.find('\n'), std::string_view::npos) << entry->name;
    EXPECT_EQ(&FindRuntime(entry->name), entry);
  }
  EXPECT_TRUE(names.contains("cpu"));
  EXPECT_TRUE(names.contains("reference"));
}

TEST(Registry, EveryAvailableRuntimeCanBeCreatedWithEachOfItsDtypes) {
  for (const RuntimeEntry* entry : Runtimes()) {
    const Availability here = entry->available({});
    EXPECT_EQ(here.ok, here.reason.empty()) << entry->name;
    EXPECT_FALSE(entry->dtypes().empty()) << entry->name;
    if (!here.ok) continue;
    for (const DType dtype : entry->dtypes()) {
      EXPECT_EQ(CreateRuntime(entry->name, {.threads = 2, .dtype = dtype})->name(), entry->name);
    }
    for (const auto& [what, version] : entry->versions({})) {
      EXPECT_FALSE(what.empty()) << entry->name;
      EXPECT_FALSE(version.empty()) << entry->name << ": " << what;
    }
  }
}

TEST(Registry, SuggestsTheNearestName) {
  const Error error = ErrorOf([] { FindRuntime("refrence"); });
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_THAT(error.what(), HasSubstr("unknown runtime 'refrence'; did you mean 'reference'?"));
  EXPECT_EQ(ErrorOf([] { CreateRuntime("tpu9000", {}); }).code(), ErrorCode::kNotFound);
}

TEST(Registry, RefusesADtypeThatARuntimeLacks) {
  const Error error = ErrorOf([] { CreateRuntime("reference", {.dtype = DType::kBFloat16}); });
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_STREQ(error.what(), "runtime 'reference': got dtype 'bf16', expected one of: f32");
}

TEST(Registry, RefusesAProviderWhereThereIsNothingToChoose) {
  const Error error = ErrorOf([] { CreateRuntime("cpu", {.provider = "CUDA"}); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_STREQ(error.what(),
               "runtime 'cpu': got the provider 'CUDA', but it has none to choose from");
}

TEST(Registry, RefusesACacheThatTheRuntimeDoesNotHave) {
  for (const char* name : {"reference", "onnxruntime"}) {
    if (!FindRuntime(name).available({}).ok) continue;
    const Error error = ErrorOf([&] { CreateRuntime(name, {.kv_dtype = DType::kInt8}); });
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_EQ(std::string(error.what()),
              "runtime '" + std::string(name) +
                  "': got a KV cache of 'int8' beside weights of 'f32', expected one of: f32");
    EXPECT_NO_THROW(CreateRuntime(name, {.kv_dtype = DType::kFloat32}));
  }
  EXPECT_EQ(CreateRuntime("cpu", {.kv_dtype = DType::kInt8})->name(), "cpu");
}

TEST(Registry, ChecksOptionsBeforeCreating) {
  const Error error = ErrorOf([] { CreateRuntime("reference", {.threads = 0}); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace lts
