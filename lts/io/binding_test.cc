#include "lts/io/binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "lts/arch/registry.h"
#include "lts/base/error.h"
#include "lts/io/safetensors.h"
#include "tests/checkpoint_folder.h"

namespace lts {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const BindingNames kNames{.config = "config.json", .weights = "w"};

Architecture Gpt2() {
  ArchitectureFields fields = Architecture::Gpt2(2, 8, 12, 2, 17, 8).fields();
  return Architecture(fields);
}
StoredTensors Stored() { return ReadSafetensors(CheckpointFolder("gpt2/model.safetensors")); }
StoredTensor& Named(StoredTensors& stored, std::string_view name) {
  const auto found = std::find_if(stored.tensors.begin(), stored.tensors.end(),
                                  [name](const StoredTensor& t) { return t.name == name; });
  LTS_CHECK(found != stored.tensors.end());
  return *found;
}

std::pair<ErrorCode, std::string> ErrorOf(const Architecture& architecture, StoredTensors stored) {
  try {
    BindWeights(architecture, std::move(stored), kNames);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {ErrorCode::kIo, "no error"};
}

TEST(BindWeights, LeavesWeightsThatLieAsOursWhereTheyAre) {
  const StoredTensors stored = Stored();
  std::set<const void*> places;
  for (const StoredTensor& tensor : stored.tensors) places.insert(tensor.bytes.data());
  const Model model = BindWeights(Gpt2(), stored, kNames);
  for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
    EXPECT_TRUE(places.contains(model.tensor(static_cast<TensorId>(i)).data()))
        << model.graph().tensors[i].name;
  }
}

TEST(BindWeights, KeepsTheFileAliveAndUnchanged) {
  Model model = BindWeights(Gpt2(), Stored(), kNames);
  const float before = model.tensor(0)[0];
  model.mutable_tensor(0)[0] = before + 1;
  EXPECT_EQ(model.tensor(0)[0], before + 1);
  EXPECT_EQ(BindWeights(Gpt2(), Stored(), kNames).tensor(0)[0], before);
}

TEST(BindWeights, CopiesTensorsThatShareStorage) {
  StoredTensors stored = Stored();
  Named(stored, "transformer.h.0.ln_2.weight").bytes =
      Named(stored, "transformer.h.0.ln_1.weight").bytes;
  Model model = BindWeights(Gpt2(), stored, kNames);
  const auto id = [&](std::string_view name) {
    const auto& tensors = model.graph().tensors;
    return static_cast<TensorId>(std::find_if(tensors.begin(), tensors.end(),
                                              [&](const auto& t) { return t.name == name; }) -
                                 tensors.begin());
  };
  const TensorId first = id("layers.0.attention_norm.gain");
  const TensorId second = id("layers.0.feed_forward_norm.gain");
  EXPECT_EQ(model.tensor(first)[0], model.tensor(second)[0]);
  model.mutable_tensor(first)[0] += 1;
  EXPECT_NE(model.tensor(first)[0], model.tensor(second)[0]);
}

TEST(BindWeights, SaysWhichFieldContradictsWhichTensor) {
  const auto message = [](std::int64_t d_model, std::int64_t d_inner, std::int64_t vocab_size,
                          std::int64_t max_seq_len) {
    const auto [code, text] =
        ErrorOf(Architecture::Gpt2(2, d_model, d_inner, 2, vocab_size, max_seq_len), Stored());
    EXPECT_EQ(code, ErrorCode::kInvalidArgument);
    return text;
  };
  EXPECT_EQ(message(6, 12, 17, 8),
            "config.json says n_embd 6, but transformer.wte.weight is [17, 8] in w, "
            "expected [17, 6]");
  EXPECT_THAT(message(8, 12, 18, 8), StartsWith("config.json says vocab_size 18, but"));
  EXPECT_THAT(message(8, 12, 17, 9),
              StartsWith("config.json says n_positions 9, but transformer.wpe.weight is [8, 8]"));
  EXPECT_THAT(message(8, 13, 17, 8),
              StartsWith("config.json says n_inner 13, but transformer.h.0.mlp.c_fc.weight"));
  StoredTensors stored = Stored();
  StoredTensor& qkv = Named(stored, "transformer.h.1.attn.c_attn.weight");
  std::swap(qkv.shape[0], qkv.shape[1]);
  EXPECT_THAT(ErrorOf(Gpt2(), stored).second,
              AllOf(HasSubstr("h.1.attn.c_attn.weight is [24, 8]"), HasSubstr("[8, 24]")));
  qkv.shape = {192};
  EXPECT_THAT(ErrorOf(Gpt2(), stored).second, HasSubstr("is [192]"));
}

TEST(BindWeights, NamesWhatIsMissingOrUnexpected) {
  EXPECT_THAT(ErrorOf(Architecture::Gpt2(3, 8, 12, 2, 17, 8), Stored()).second,
              AllOf(StartsWith("w: 12 of the 40 tensors of gpt2 are missing: 'h.2.ln_1.weight'"),
                    HasSubstr("and 7 more"), HasSubstr("config.json says n_layer 3")));
  EXPECT_THAT(ErrorOf(Architecture::Gpt2(1, 8, 12, 2, 17, 8), Stored()).second,
              AllOf(StartsWith("w: 12 are no tensor of gpt2: 'transformer.h.1."),
                    HasSubstr("config.json says n_layer 1")));
  StoredTensors stored = Stored();
  StoredTensor copy = Named(stored, "transformer.wte.weight");
  copy.name = "wte.weight";
  stored.tensors.push_back(copy);
  EXPECT_THAT(ErrorOf(Gpt2(), stored).second, HasSubstr("with and without its prefix"));
}

TEST(BindWeights, IgnoresBuffersAndTakesNamesWithoutPrefix) {
  StoredTensors stored = Stored();
  for (StoredTensor& tensor : stored.tensors) tensor.name.erase(0, sizeof("transformer.") - 1);
  StoredTensor mask = stored.tensors.front();
  mask.name = "h.1.attn.masked_bias";
  mask.type = StoredType::kBool;
  stored.tensors.push_back(mask);
  EXPECT_EQ(ErrorOf(Gpt2(), stored).second, "no error");
}

TEST(BindWeights, TakesATiedHeadThatEqualsTheEmbeddingAlone) {
  StoredTensors stored = Stored();
  StoredTensor head = Named(stored, "transformer.wte.weight");
  head.name = "lm_head.weight";
  std::vector<std::byte> values(head.bytes.begin(), head.bytes.end());
  head.bytes = values;
  stored.tensors.push_back(head);
  EXPECT_EQ(ErrorOf(Gpt2(), stored).second, "no error");
  // Of another type, but still equal.
  std::vector<double> doubles(values.size() / sizeof(float));
  for (std::size_t i = 0; i < doubles.size(); ++i) {
    float value;
    std::memcpy(&value, values.data() + i * sizeof(float), sizeof(value));
    doubles[i] = value;
  }
  stored.tensors.back().type = StoredType::kFloat64;
  stored.tensors.back().bytes = std::as_writable_bytes(std::span(doubles));
  EXPECT_EQ(ErrorOf(Gpt2(), stored).second, "no error");

  stored.tensors.back() = head;
  values[5] ^= std::byte{1};
  const auto [code, message] = ErrorOf(Gpt2(), stored);
  EXPECT_EQ(code, ErrorCode::kUnsupported);
  EXPECT_THAT(message, AllOf(HasSubstr("'lm_head.weight' [17, 8] differs"),
                             HasSubstr("'transformer.wte.weight'")));
}

TEST(BindWeights, RefusesIntegers) {
  StoredTensors stored = Stored();
  Named(stored, "transformer.ln_f.bias").type = StoredType::kInt32;
  EXPECT_THAT(ErrorOf(Gpt2(), stored).second, HasSubstr("'transformer.ln_f.bias': got dtype I32"));
}

// Every backbone's table names every tensor of its graph and loses nothing on the way.
TEST(WriteWeights, IsReadBackEqualForEveryBackbone) {
  const TemporaryFolder folder;
  for (const Backbone* backbone : Backbones()) {
    if (!backbone->runs()) continue;
    SCOPED_TRACE(backbone->name);
    ArchitectureFields fields;
    fields.backbone = backbone->name;
    fields.vocab_size = 11;
    fields.max_seq_len = 8;
    fields.d_model = 16;
    fields.layers = {{4, 4, 20}, {4, 4, 20}};
    const Model model = RandomModel(Architecture(fields), 3, /*everything_random=*/true);
    const std::string path = folder / "model.safetensors";
    bool called = false;
    WriteWeights(model, path, [&] { called = true; });
    EXPECT_TRUE(called);
    const Model again = BindWeights(model.architecture(), ReadSafetensors(path), kNames);
    for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
      const auto id = static_cast<TensorId>(i);
      EXPECT_THAT(again.tensor(id), testing::ElementsAreArray(model.tensor(id)))
          << model.graph().tensors[i].name;
    }
  }
}

TEST(WriteWeights, RefusesWhatIsOnlyDescribed) {
  const TemporaryFolder folder;
  std::vector<ArchitectureFields> described(2, {.vocab_size = 11, .max_seq_len = 8, .d_model = 16});
  described[0].settings = DecoderSettings{.adaptive = AdaptiveVocabulary{}};
  described[1].backbone = "transfo-xl";
  for (ArchitectureFields& fields : described) {
    fields.layers = {{4, 4, 20}};
    const Model model{Architecture(fields)};
    try {
      WriteWeights(model, folder / "model.safetensors", [] {});
      FAIL() << fields.backbone;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_THAT(error.what(), HasSubstr("neither read nor written"));
    }
    EXPECT_EQ(ErrorOf(model.architecture(), {}).first, ErrorCode::kUnsupported);
  }
}

}  // namespace
}  // namespace lts
