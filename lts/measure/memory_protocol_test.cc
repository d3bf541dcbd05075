#include "lts/measure/memory_protocol.h"

#include <gtest/gtest.h>

#include <string>

namespace lts {
namespace {

MemoryProbeRequest Request() {
  RuntimeConfig config;
  config.runtime = "cpu";
  config.threads = 2;
  return {Architecture::Gpt2(3, 64, 160, 4, 500, 128), config, Workload{7, 5, 2}};
}

template <typename Parse>
std::string ErrorOf(const Parse& parse, ErrorCode expected) {
  try {
    parse();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), expected) << error.what();
    return error.what();
  }
  return "no error";
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " in " << text;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(MemoryProtocol, RequestSurvivesTheWire) {
  const MemoryProbeRequest request = Request();
  const MemoryProbeRequest parsed = ParseMemoryProbeRequest(WriteMemoryProbeRequest(request));
  EXPECT_EQ(parsed.architecture, request.architecture);
  EXPECT_EQ(parsed.config, request.config);
  EXPECT_EQ(parsed.workload, request.workload);
}

TEST(MemoryProtocol, WhatTheUserNamedOfTheEngineSurvivesTheWire) {
  MemoryProbeRequest request = Request();
  request.config.provider = "CUDA";
  request.config.kv_dtype = DType::kInt8;
  request.config.library = "/opt/a \"folder\"/libengine.so";
  EXPECT_EQ(ParseMemoryProbeRequest(WriteMemoryProbeRequest(request)).config, request.config);
}

TEST(MemoryProtocol, HeterogeneousLayersSurviveTheWire) {
  MemoryProbeRequest request = Request();
  ArchitectureFields fields = request.architecture.fields();
  fields.layers[1] = {2, 2, 96};
  request.architecture = Architecture(fields);
  EXPECT_EQ(ParseMemoryProbeRequest(WriteMemoryProbeRequest(request)).architecture,
            request.architecture);
}

TEST(MemoryProtocol, RejectsRequestsNamingTheField) {
  const std::string good = WriteMemoryProbeRequest(Request());
  const auto error = [&](const std::string& from, const std::string& to,
                         ErrorCode code = ErrorCode::kInvalidArgument) {
    return ErrorOf([&] { ParseMemoryProbeRequest(Replaced(good, from, to)); }, code);
  };
  EXPECT_NE(error("\"threads\":2", "\"threads\":0").find("threads"), std::string::npos);
  EXPECT_NE(error("\"batch\":2", "\"batch\":1e300").find("batch"), std::string::npos);
  EXPECT_NE(error("\"batch\":2", "\"bach\":2").find("batch"), std::string::npos);
  EXPECT_NE(error("\"f32\"", "\"f31\"", ErrorCode::kNotFound).find("f32"), std::string::npos);
  EXPECT_NE(error("\"d_model\":64", "\"d_model\":-64").find("d_model"), std::string::npos);
  ErrorOf([] { ParseMemoryProbeRequest(""); }, ErrorCode::kInvalidArgument);
  ErrorOf([] { ParseMemoryProbeRequest(std::string(2 << 20, '[')); }, ErrorCode::kInvalidArgument);
}

TEST(MemoryProtocol, AnswerSurvivesTheWire) {
  MemoryProbeResult result{10, 9, 8, 7, {}};
  result.account = {6, 5, INT64_MAX};
  const MemoryProbeResult parsed = ParseMemoryProbeAnswer(WriteMemoryProbeAnswer(result));
  EXPECT_EQ(parsed.peak_bytes, 10);
  EXPECT_EQ(parsed.load_peak_bytes, 9);
  EXPECT_EQ(parsed.running_peak_bytes, 8);
  EXPECT_EQ(parsed.baseline_bytes, 7);
  EXPECT_EQ(parsed.account.weights, 6);
  EXPECT_EQ(parsed.account.kv_cache, 5);
  EXPECT_EQ(parsed.account.workspace, INT64_MAX);
}

TEST(MemoryProtocol, PassesTheChildsErrorOnWithItsCode) {
  for (const ErrorCode code :
       {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kIo, ErrorCode::kCorrupt,
        ErrorCode::kOutOfMemory, ErrorCode::kUnsupported, ErrorCode::kCancelled}) {
    const std::string answer = WriteMemoryProbeError(Error(code, "gpt2 \"x\" is too large"));
    EXPECT_EQ(ErrorOf([&] { ParseMemoryProbeAnswer(answer); }, code), "gpt2 \"x\" is too large");
  }
}

TEST(MemoryProtocol, CallsEverythingElseAnIoError) {
  const std::string good = WriteMemoryProbeAnswer({10, 9, 8, 7, {}});
  for (const std::string& answer :
       {std::string(), std::string("Segmentation fault"), std::string("[]"), good + good,
        Replaced(good, "10", "-10"), Replaced(good, "peak_bytes", "pique_bytes"),
        std::string(R"({"error": "oops", "message": "x"})"), std::string(R"({"error": "io"})")}) {
    ErrorOf([&] { ParseMemoryProbeAnswer(answer); }, ErrorCode::kIo);
  }
}

}  // namespace
}  // namespace lts
