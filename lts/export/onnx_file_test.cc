#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "lts/base/files.h"
#include "lts/export/onnx.h"
#include "lts/export/onnx_program.h"
#include "lts/export/onnx_weights.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

class OnnxFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("lts_onnx_" +
               std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path Path() const { return folder_ / "model.onnx"; }
  std::int64_t Files() const {
    return std::distance(std::filesystem::directory_iterator(folder_), {});
  }
  onnx::ModelProto Parse() const {
    onnx::ModelProto model;
    EXPECT_TRUE(model.ParseFromString(ReadFile(Path().string())));
    return model;
  }

  std::filesystem::path folder_;
  Model model_ =
      RandomModel(Architecture::Gpt2(2, 32, 48, 2, 100, 24), 1, /*everything_random=*/true);
};

const onnx::TensorProto& Initializer(const onnx::ModelProto& model, const std::string& name) {
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    if (tensor.name() == name) return tensor;
  }
  throw Error(ErrorCode::kNotFound, "no initializer " + name);
}

TEST_F(OnnxFileTest, HoldsEveryWeightOfTheModel) {
  ExportOnnx(model_, Path(), {});
  const onnx::ModelProto proto = Parse();
  EXPECT_EQ(proto.producer_name(), "lts");
  EXPECT_EQ(proto.opset_import(0).version(), kFirstOnnxOpset);
  const Graph& graph = model_.graph();
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    const std::string& bytes = Initializer(proto, graph.tensors[i].name).raw_data();
    const std::span<const float> values = model_.tensor(static_cast<TensorId>(i));
    ASSERT_EQ(bytes.size(), values.size_bytes());
    EXPECT_EQ(std::memcmp(bytes.data(), values.data(), bytes.size()), 0);
  }
}

TEST_F(OnnxFileTest, NamesTheOpsetAndTheFormatThatCameWithIt) {
  for (const auto& [opset, ir_version] : {std::pair(17, 8), {18, 8}, {21, 10}, {26, 13}}) {
    OnnxFileOptions options;
    options.onnx.opset = opset;
    const OnnxFileResult result = ExportOnnx(model_, Path(), options);
    EXPECT_EQ(result.model_bytes, OnnxFileBytes(model_.graph(), options));
    const onnx::ModelProto proto = Parse();
    EXPECT_EQ(proto.opset_import(0).version(), opset);
    EXPECT_EQ(proto.ir_version(), ir_version);
  }
}

TEST_F(OnnxFileTest, ExternalDataHoldsTheSameWeights) {
  OnnxFileOptions options;
  options.inline_weight_limit = 0;
  const OnnxFileResult result = ExportOnnx(model_, Path(), options);
  EXPECT_EQ(Files(), 2);
  const std::string data = ReadFile((folder_ / "model.onnx_data").string());
  EXPECT_EQ(std::ssize(data), result.data_bytes);
  const onnx::ModelProto proto = Parse();
  const Graph& graph = model_.graph();
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    const onnx::TensorProto& tensor = Initializer(proto, graph.tensors[i].name);
    EXPECT_EQ(tensor.data_location(), onnx::TensorProto::EXTERNAL);
    EXPECT_EQ(tensor.external_data(0).value(), "model.onnx_data");
    const std::size_t offset = std::stoul(tensor.external_data(1).value());
    const std::size_t length = std::stoul(tensor.external_data(2).value());
    const std::span<const float> values = model_.tensor(static_cast<TensorId>(i));
    ASSERT_EQ(length, values.size_bytes());
    ASSERT_LE(offset + length, data.size());
    EXPECT_EQ(std::memcmp(data.data() + offset, values.data(), length), 0);
  }
}

TEST_F(OnnxFileTest, SizesAreKnownBeforeAnythingIsWritten) {
  for (const OnnxDType dtype : {OnnxDType::kFloat32, OnnxDType::kFloat16, OnnxDType::kInt8}) {
    for (const bool fused : {false, true}) {
      for (const std::int64_t limit : {std::int64_t{0}, std::int64_t{1} << 30}) {
        OnnxFileOptions options;
        options.onnx = {.dtype = dtype, .fused = fused};
        options.inline_weight_limit = limit;
        const std::int64_t expected = OnnxFileBytes(model_.graph(), options);
        const OnnxFileResult result = ExportOnnx(model_, Path(), options);
        EXPECT_EQ(result.model_bytes + result.data_bytes, expected);
        EXPECT_EQ(std::filesystem::file_size(Path()),
                  static_cast<std::uintmax_t>(result.model_bytes));
      }
    }
  }
}

TEST_F(OnnxFileTest, Int8StoresMatricesInAQuarter) {
  const auto bytes = [&](OnnxDType dtype) {
    std::int64_t total = 0;
    for (const OnnxInitializer& weight :
         BuildOnnxProgram(BuildGraph(Architecture::Gpt2(4, 256, 1024, 4)), {.dtype = dtype})
             .weights) {
      total += weight.bytes();
    }
    return static_cast<double>(total);
  };
  EXPECT_NEAR(bytes(OnnxDType::kFloat16) / bytes(OnnxDType::kFloat32), 0.5, 1e-9);
  EXPECT_NEAR(bytes(OnnxDType::kInt8) / bytes(OnnxDType::kFloat32), 0.27, 0.02);
}

TEST_F(OnnxFileTest, AFullDiskLeavesNothing) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10'000, 10'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(1);
    for (const std::int64_t inline_limit : {std::int64_t{0}, std::int64_t{1} << 30}) {
      try {
        OnnxFileOptions options;
        options.inline_weight_limit = inline_limit;
        ExportOnnx(model_, Path(), options);
        _exit(3);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kIo) _exit(2);
      }
    }
    _exit(42);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 42);
  EXPECT_EQ(Files(), 0);
}

TEST_F(OnnxFileTest, AMissingFolderIsOneClearLine) {
  try {
    ExportOnnx(model_, folder_ / "no" / "model.onnx", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no/model.onnx"));
  }
}

TEST(BuildOnnxSkeleton, DeclaresWeightsWithoutTheirBytes) {
  const Graph graph = BuildGraph(Architecture::Gpt2(2, 64, 128, 2, 1000, 32));
  const OnnxSkeleton skeleton = BuildOnnxSkeleton(graph, {.fused = true, .shared_cache = true});
  EXPECT_EQ(skeleton.weights.size(), graph.tensors.size());
  EXPECT_LT(skeleton.model.size(), 20'000U);
  onnx::ModelProto proto;
  ASSERT_TRUE(proto.ParseFromString(skeleton.model));
  for (const OnnxWeight& weight : skeleton.weights) {
    EXPECT_EQ(Initializer(proto, weight.name).data_location(), onnx::TensorProto::EXTERNAL);
    EXPECT_EQ(weight.name, graph.tensors[static_cast<std::size_t>(weight.tensor)].name);
  }
  EXPECT_THROW(BuildOnnxSkeleton(graph, {.dtype = OnnxDType::kInt8}), Error);
}

}  // namespace
}  // namespace lts
