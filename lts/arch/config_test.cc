// Architecture files of Archai and of Hugging Face, right and wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "lts/arch/architecture.h"
#include "lts/base/error.h"

namespace lts {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Architecture Parse(const std::string& text) {
  return ParseArchitecture(ParseJson(text, "m.json"), "m.json");
}

std::pair<ErrorCode, std::string> ErrorOf(const std::string& text) {
  try {
    Parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return {error.code(), error.what()};
  }
  ADD_FAILURE() << "accepted " << text;
  return {ErrorCode::kIo, ""};
}
std::string MessageOf(const std::string& text) { return ErrorOf(text).second; }

// A valid file of Archai with one member replaced.
std::string Archai(const std::string& key, const std::string& value) {
  Json json = ParseJson(R"({"arch_type": "gpt2", "d_inner": 832, "d_model": 576, "dropatt": 0.0,
                            "max_sequence_length": 512, "n_head": 8, "n_layer": 3,
                            "vocab_size": 1000})",
                        "test");
  json[key] = ParseJson(value, "value");
  return WriteJson(json);
}

std::string HuggingFace(const std::string& key, const std::string& value) {
  Json json = ParseJson(R"({"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"],
                            "attn_pdrop": 0.1, "bos_token_id": 50256, "initializer_range": 0.02,
                            "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024,
                            "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024,
                            "resid_pdrop": 0.1, "task_specific_params": {"a": {"b": [1]}},
                            "vocab_size": 50257})",
                        "test");
  json[key] = ParseJson(value, "value");
  return WriteJson(json);
}

TEST(ArchaiConfig, IsRead) {
  const Architecture architecture = Parse(Archai("dropatt", "0.1"));
  ArchitectureFields expected = Architecture::Gpt2(3, 576, 832, 8, 1000, 512).fields();
  expected.attention_dropout = 0.1;
  EXPECT_EQ(architecture, Architecture(expected));
}

TEST(ArchaiConfig, NeedsOnlyItsSizes) {
  EXPECT_EQ(Parse(R"({"d_inner":256,"d_model":128,"n_head":2,"n_layer":2})"),
            Architecture::Gpt2(2, 128, 256, 2));
}

TEST(ArchaiConfig, TakesTheFirstEntriesOfLists) {
  const Architecture architecture = Parse(
      R"({"arch_type":"gpt2-flex","d_inner":[256,512,1024],"d_model":128,"n_head":[2,4],"n_layer":2})");
  ArchitectureFields expected;
  expected.d_model = 128;
  expected.layers = {{2, 2, 256}, {4, 4, 512}};
  EXPECT_EQ(architecture, Architecture(expected));
}

TEST(ArchaiConfig, MixesListsAndIntegers) {
  const Architecture architecture =
      Parse(R"({"d_inner":[256,512],"d_model":128,"n_head":4,"n_layer":2})");
  EXPECT_EQ(architecture.layers()[1], (LayerShape{4, 4, 512}));
}

TEST(ArchaiConfig, NeedsAnEntryPerLayer) {
  EXPECT_THAT(MessageOf(Archai("d_inner", "[832]")),
              AllOf(StartsWith("m.json: field 'd_inner': got an array of 1"),
                    HasSubstr("at least n_layer = 3 entries")));
  EXPECT_THAT(MessageOf(Archai("n_head", "[]")), StartsWith("m.json: field 'n_head'"));
}

TEST(ArchaiConfig, IgnoresTrainingDropout) {
  EXPECT_EQ(Parse(Archai("dropout", "0.2")), Parse(Archai("dropatt", "0.0")));
}

TEST(ArchaiConfig, NeedsHeadsThatDivideTheWidth) {
  EXPECT_THAT(MessageOf(Archai("n_head", "7")), AllOf(StartsWith("m.json: field 'n_head': got 7"),
                                                      HasSubstr("a divisor of d_model = 576")));
  EXPECT_THAT(MessageOf(Archai("n_head", "[8, 8, 7]")),
              AllOf(StartsWith("m.json: field 'n_head'"),
                    HasSubstr("a divisor of d_model = 576, but entry 2 is 7")));
}

TEST(ArchaiConfig, RefusesAbsurdSizes) {
  for (const std::string key :
       {"d_model", "n_layer", "n_head", "d_inner", "vocab_size", "max_sequence_length"}) {
    for (const std::string value :
         {"0", "-1", "9223372036854775807", "1e300", "100000000000", "99999999999999999999999"}) {
      const auto [code, message] = ErrorOf(Archai(key, value));
      EXPECT_EQ(code, ErrorCode::kInvalidArgument);
      EXPECT_THAT(message, StartsWith("m.json: field '" + key + "': got "));
    }
  }
}

TEST(ArchaiConfig, RefusesOtherTypes) {
  for (const std::string key : {"d_model", "n_layer", "n_head", "d_inner", "vocab_size",
                                "max_sequence_length", "dropatt"}) {
    for (const std::string value : {R"("8")", "true", "{}", "[[8]]", R"(["a"])"}) {
      EXPECT_THAT(MessageOf(Archai(key, value)), StartsWith("m.json: field '" + key)) << value;
    }
  }
  EXPECT_THAT(MessageOf(Archai("d_model", "576.5")), StartsWith("m.json: field 'd_model'"));
  EXPECT_THAT(MessageOf(Archai("dropatt", "1.5")), StartsWith("m.json: field 'dropatt'"));
  EXPECT_THAT(MessageOf(Archai("arch_type", "3")), StartsWith("m.json: field 'arch_type'"));
}

TEST(ArchaiConfig, NamesWhatIsMissing) {
  EXPECT_THAT(MessageOf(R"({"d_inner":256,"d_model":128,"n_head":2})"),
              AllOf(StartsWith("m.json: "), HasSubstr("'n_layer'")));
  EXPECT_THAT(MessageOf("{}"), HasSubstr("'d_model'"));
  EXPECT_THAT(MessageOf(Archai("d_model", "null")), HasSubstr("'d_model'"));
}

TEST(ArchaiConfig, SuggestsTheKeyThatWasMeant) {
  const auto [code, message] = ErrorOf(Archai("d_modle", "3"));
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_THAT(message, AllOf(HasSubstr("m.json"), HasSubstr("'d_modle'"), HasSubstr("'d_model'")));
}

TEST(ArchaiConfig, SuggestsTheArchTypeThatWasMeant) {
  const auto [code, message] = ErrorOf(Archai("arch_type", R"("gtp2")"));
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_THAT(message, AllOf(StartsWith("m.json: field 'arch_type'"), HasSubstr("'gpt2'")));
  EXPECT_EQ(ErrorOf(Archai("arch_type", R"("transfo-xxl")")).first, ErrorCode::kNotFound);
}

TEST(ArchaiConfig, RefusesGroupedQueriesOfGpt2) {
  EXPECT_THAT(MessageOf(Archai("n_kv_head", "2")),
              AllOf(StartsWith("m.json: "), HasSubstr("n_kv_head")));
  EXPECT_NO_THROW(Parse(Archai("n_kv_head", "8")));
}

TEST(HuggingFaceConfig, IsRead) {
  ArchitectureFields expected = Architecture::Gpt2(12, 768, 3072, 12).fields();
  expected.attention_dropout = 0.1;
  EXPECT_EQ(Parse(HuggingFace("n_inner", "null")), Architecture(expected));
  expected.layers.assign(12, {12, 12, 1000});
  EXPECT_EQ(Parse(HuggingFace("n_inner", "1000")), Architecture(expected));
}

TEST(HuggingFaceConfig, IsToldByItsWidthWhenItNamesNoType) {
  EXPECT_EQ(Parse(R"({"n_embd":128,"n_head":2,"n_layer":2})"), Architecture::Gpt2(2, 128, 512, 2));
}

TEST(HuggingFaceConfig, AcceptsSettingsThatComputeTheSame) {
  EXPECT_NO_THROW(Parse(HuggingFace("activation_function", R"("gelu_pytorch_tanh")")));
  EXPECT_NO_THROW(Parse(HuggingFace("tie_word_embeddings", "true")));
  EXPECT_NO_THROW(Parse(HuggingFace("scale_attn_weights", "true")));
  EXPECT_NO_THROW(Parse(HuggingFace("add_cross_attention", "false")));
  EXPECT_NO_THROW(Parse(HuggingFace("pruned_heads", "{}")));
}

TEST(HuggingFaceConfig, RefusesSettingsThatComputeSomethingElse) {
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"activation_function", R"("relu")"},
                                                        {"activation_function", "3"},
                                                        {"layer_norm_epsilon", "1e-6"},
                                                        {"tie_word_embeddings", "false"},
                                                        {"scale_attn_weights", "false"},
                                                        {"scale_attn_by_inverse_layer_idx", "true"},
                                                        {"add_cross_attention", "true"},
                                                        {"pruned_heads", R"({"0": [1]})"}}) {
    const auto [code, message] = ErrorOf(HuggingFace(key, value));
    EXPECT_EQ(code, ErrorCode::kUnsupported) << message;
    EXPECT_THAT(message, StartsWith("m.json: field '" + key + "': got "));
  }
  EXPECT_THAT(MessageOf(HuggingFace("activation_function", R"("relu")")),
              AllOf(HasSubstr(R"("relu")"), HasSubstr(R"("gelu_new")")));
}

TEST(HuggingFaceConfig, NeedsHeadsThatDivideTheWidth) {
  EXPECT_THAT(MessageOf(HuggingFace("n_head", "7")),
              AllOf(StartsWith("m.json: field 'n_head': got 7"), HasSubstr("n_embd = 768")));
}

TEST(HuggingFaceConfig, RefusesBadSizesByTheirOwnKeys) {
  for (const std::string key :
       {"n_embd", "n_layer", "n_head", "n_inner", "n_positions", "vocab_size"}) {
    EXPECT_THAT(MessageOf(HuggingFace(key, "-1")), StartsWith("m.json: field '" + key + "'"));
    EXPECT_THAT(MessageOf(HuggingFace(key, R"("x")")), StartsWith("m.json: field '" + key + "'"));
    EXPECT_THAT(MessageOf(HuggingFace(key, "1e18")), StartsWith("m.json: field '" + key + "'"));
  }
  EXPECT_THAT(MessageOf(R"({"model_type":"gpt2","n_head":2,"n_layer":2})"), HasSubstr("'n_embd'"));
}

TEST(HuggingFaceConfig, RefusesOtherModelTypes) {
  const auto [code, message] = ErrorOf(HuggingFace("model_type", R"("bert")"));
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_THAT(message, AllOf(StartsWith("m.json: field 'model_type'"), HasSubstr("gpt2")));
  EXPECT_THAT(MessageOf(HuggingFace("model_type", "[]")), StartsWith("m.json: field 'model_type'"));
}

TEST(HuggingFaceConfig, ReadsListsOfGpt2FlexAlone) {
  const Architecture flex = Parse(
      R"({"model_type":"gpt2-flex","n_embd":128,"n_head":[2,4],"n_inner":[256,512],"n_layer":2,
          "primer_square":false})");
  ArchitectureFields expected;
  expected.d_model = 128;
  expected.layers = {{2, 2, 256}, {4, 4, 512}};
  EXPECT_EQ(flex, Architecture(expected));
  EXPECT_THAT(MessageOf(HuggingFace("n_inner", "[256, 512]")),
              StartsWith("m.json: field 'n_inner': got"));
  EXPECT_EQ(ErrorOf(HuggingFace("primer_square", "true")).first, ErrorCode::kUnsupported);
}

TEST(HuggingFaceConfig, IsWrittenAsItIsRead) {
  ArchitectureFields fields = Architecture::Gpt2(3, 48, 100, 4, 211, 32).fields();
  fields.attention_dropout = 0.1;
  const Json plain = ToHuggingFaceConfig(Architecture(fields));
  EXPECT_EQ(ParseArchitecture(plain, "plain"), Architecture(fields));
  EXPECT_EQ(plain.Find("model_type")->AsString(), "gpt2");
  EXPECT_EQ(plain.Find("architectures")->AsArray().front().AsString(), "GPT2LMHeadModel");
  EXPECT_EQ(plain.Find("n_inner")->AsInt(), 100);
  fields.layers[1] = {6, 6, 7};
  const Json flex = ToHuggingFaceConfig(Architecture(fields));
  EXPECT_EQ(ParseArchitecture(flex, "flex"), Architecture(fields));
  EXPECT_EQ(flex.Find("model_type")->AsString(), "gpt2-flex");
  EXPECT_EQ(WriteJson(*flex.Find("n_head"), JsonStyle::kCompact), "[4,6,4]");
}

// Whole settings of the other backbones are read from Transformers' own files in
// io/checkpoint_test.
std::string Llama(const std::string& key, const std::string& value) {
  Json json = ParseJson(R"({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2,
                            "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 8,
                            "intermediate_size": 100, "vocab_size": 50,
                            "max_position_embeddings": 32, "rope_scaling": null})",
                        "test");
  json[key] = ParseJson(value, "value");
  return WriteJson(json);
}

TEST(HuggingFaceConfig, ReadsSettingsThatABackboneLeavesOpen) {
  EXPECT_EQ(Parse(Llama("use_cache", "true")).settings(),
            (DecoderSettings{.norm_epsilon = 1e-6, .tied_head = false}));
  EXPECT_EQ(Parse(Llama("rms_norm_eps", "1e-5")).settings().norm_epsilon, 1e-5);
  EXPECT_EQ(Parse(Llama("rope_theta", "500000.0")).settings().rotary_base, 500000.0);
  EXPECT_TRUE(Parse(Llama("tie_word_embeddings", "true")).settings().tied_head);
  EXPECT_EQ(Parse(Llama("num_key_value_heads", "4")).layers()[1], (LayerShape{8, 4, 100}));
}

TEST(HuggingFaceConfig, RefusesWhatOtherBackbonesDoNotCompute) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"hidden_act", R"("gelu")"},
           {"attention_bias", "true"},
           {"rope_scaling", R"({"rope_type": "llama3"})"},
           {"head_dim", "16"}}) {
    const auto [code, message] = ErrorOf(Llama(key, value));
    EXPECT_EQ(code, ErrorCode::kUnsupported) << message;
    EXPECT_THAT(message, StartsWith("m.json: field '" + key + "': got "));
  }
  EXPECT_THAT(MessageOf(Llama("vocab_size", "null")), HasSubstr("'vocab_size'"));
  EXPECT_THAT(MessageOf(Llama("rms_norm_eps", "0")), HasSubstr("norm_epsilon: got 0"));
  EXPECT_THAT(MessageOf(Llama("rope_theta", "1")), HasSubstr("rotary_base: got 1"));
  EXPECT_THAT(MessageOf(Llama("num_key_value_heads", "3")), HasSubstr("n_kv_head[0]: got 3"));
}

TEST(ArchaiConfig, KeepsTheSettingsOfEveryBackbone) {
  const Architecture llama = Parse(Llama("rope_theta", "5e5"));
  EXPECT_EQ(ParseArchitecture(llama.ToDocument(), "document"), llama);
  EXPECT_NE(llama.Id(), Parse(Llama("rope_theta", "1e4")).Id());
  EXPECT_EQ(ParseArchitecture(ToHuggingFaceConfig(llama), "theirs"), llama);
  EXPECT_THAT(MessageOf(Archai("rotary_dims", "8")), HasSubstr("'rotary_dims'"));

  const std::string codegen = R"({"arch_type":"codegen","d_inner":64,"d_model":96,"n_head":4,
                                  "n_layer":1)";
  EXPECT_EQ(Parse(codegen + "}").settings().rotary_dims, 24);
  EXPECT_EQ(Parse(codegen + R"(,"rotary_dims":8})").settings().rotary_dims, 8);
  for (const std::string dims : {"7", "26", "0"}) {
    EXPECT_THAT(MessageOf(codegen + R"(,"rotary_dims":)" + dims + "}"),
                HasSubstr("rotary_dims: got " + dims + ", expected an even number in [2, 24]"));
  }
  EXPECT_THAT(MessageOf(R"({"arch_type":"codegen","d_inner":64,"d_model":96,"n_head":6,
                            "n_layer":1})"),
              HasSubstr("n_head[0]: got 6, expected a multiple of 4"));
}

// What the LTS paper trained on WikiText-103, in Archai's words, with one member replaced.
std::string MemTransformer(const std::string& key, const std::string& value) {
  Json json = ParseJson(R"({"arch_type": "mem_transformer", "n_token": 267735, "n_layer": 2,
                            "d_model": 64, "d_embed": 128, "div_val": 2, "n_head": [2, 8],
                            "d_inner": [710, 1021], "tgt_len": 192, "mem_len": 192, "ext_len": 0,
                            "cutoffs": [19997, 39997, 199997, 300000], "attn_type": 0,
                            "tie_projs": [false, true, true, true, false], "tie_weight": true,
                            "pre_lnorm": false, "same_length": false, "clamp_len": -1,
                            "primer_conv": false, "primer_square": false, "dropout": 0.1,
                            "dropatt": 0.0})",
                        "test");
  json[key] = ParseJson(value, "value");
  return WriteJson(json);
}

ArchitectureFields MemTransformerFields() {
  return {
      .backbone = "transfo-xl",
      .vocab_size = 267735,
      .max_seq_len = 192,
      .d_model = 64,
      .layers = {{2, 2, 710}, {8, 8, 1021}},
      .settings = DecoderSettings{.memory_tokens = 192,
                                  .adaptive = AdaptiveVocabulary{.d_embed = 128,
                                                                 .div_val = 2,
                                                                 .cutoffs = {19997, 39997, 199997},
                                                                 .tied_projections = true}}};
}

TEST(TransformerXlConfig, IsReadAsArchaiWritesIt) {
  EXPECT_EQ(Parse(MemTransformer("dropout", "0.0")), Architecture(MemTransformerFields()));
  ArchitectureFields fields = MemTransformerFields();
  fields.settings->adaptive->d_embed = 64;
  EXPECT_EQ(Parse(MemTransformer("d_embed", "-1")), Architecture(fields));
  fields = MemTransformerFields();
  fields.settings->adaptive->tied_projections = false;
  EXPECT_EQ(Parse(MemTransformer("tie_projs", "[false, false, false, false]")),
            Architecture(fields));
  fields = MemTransformerFields();
  fields.settings->tied_head = false;
  EXPECT_EQ(Parse(MemTransformer("tie_weight", "false")), Architecture(fields));
}

TEST(TransformerXlConfig, IsReadAsHuggingFaceWritesIt) {
  const Architecture released = Parse(
      R"({"model_type": "transfo-xl", "architectures": ["TransfoXLLMHeadModel"], "adaptive": true,
          "attn_type": 0, "clamp_len": 1000, "cutoffs": [20000, 40000, 200000], "d_embed": 1024,
          "d_head": 64, "d_inner": 4096, "d_model": 1024, "div_val": 4, "dropatt": 0.0,
          "layer_norm_epsilon": 1e-05, "mem_len": 1600, "n_head": 16, "n_layer": 18,
          "pre_lnorm": false, "same_length": true, "tie_projs": [false, true, true, true],
          "untie_r": true, "vocab_size": 267735})");
  ArchitectureFields fields{.backbone = "transfo-xl", .vocab_size = 267735, .d_model = 1024};
  fields.layers.assign(18, {16, 16, 4096});
  EXPECT_EQ(released, Architecture(fields)) << "the backbone's defaults are Hugging Face's";
  EXPECT_EQ(released.settings().adaptive->d_embed, 1024);
  EXPECT_EQ(released.settings().memory_tokens, 1600);
}

TEST(TransformerXlConfig, IsWrittenAsItIsRead) {
  ArchitectureFields fields = MemTransformerFields();
  for (const bool alike : {false, true}) {
    if (alike) fields.layers[1] = fields.layers[0];
    const Architecture architecture(fields);
    EXPECT_EQ(ParseArchitecture(architecture.ToDocument(), "document"), architecture);
    const Json theirs = ToHuggingFaceConfig(architecture);
    EXPECT_EQ(ParseArchitecture(theirs, "theirs"), architecture);
    EXPECT_EQ(theirs.Find("model_type")->AsString(), alike ? "transfo-xl" : "mem-transformer");
    EXPECT_EQ(WriteJson(*theirs.Find("tie_projs"), JsonStyle::kCompact), "[false,true,true,true]");
    EXPECT_EQ(theirs.Find("d_head") != nullptr, alike);  // one for all layers
  }
  EXPECT_EQ(ToHuggingFaceConfig(Architecture(fields)).Find("d_head")->AsInt(), 32)
      << "theirs would be 64";
}

TEST(TransformerXlConfig, RefusesWhatIsNotComputed) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"attn_type", "2"},
           {"pre_lnorm", "true"},
           {"primer_conv", "true"},
           {"tie_projs", "[true, true, true, true]"},
           {"tie_projs", "[false, true, false, true]"}}) {
    const auto [code, message] = ErrorOf(MemTransformer(key, value));
    EXPECT_EQ(code, ErrorCode::kUnsupported) << message;
    EXPECT_THAT(message, StartsWith("m.json: field '" + key + "': got "));
  }
}

TEST(TransformerXlConfig, RefusesVocabulariesThatCannotBe) {
  const auto message = [](const char* key, const char* value) {
    return MessageOf(MemTransformer(key, value));
  };
  EXPECT_THAT(message("tie_projs", "[false]"), HasSubstr("a list of at least 4 booleans"));
  EXPECT_THAT(message("tie_projs", "true"), HasSubstr("a list of at least 4 booleans"));
  EXPECT_THAT(message("tie_projs", "[0, 1, 1, 1]"), HasSubstr("'tie_projs'"));
  EXPECT_THAT(message("cutoffs", "20000"), HasSubstr("expected a list"));
  EXPECT_THAT(message("cutoffs", "[20000, 20000]"),
              HasSubstr("cutoffs: got 20000 after 20000, expected ascending"));
  EXPECT_THAT(message("cutoffs", "[0]"), HasSubstr("'cutoffs[0]': got 0"));
  EXPECT_THAT(
      message("div_val", "8"),
      HasSubstr("div_val: got 8, expected less: with d_embed = 128 the last of 4 clusters"));
  EXPECT_THAT(message("div_val", "0"), HasSubstr("'div_val'"));
  EXPECT_THAT(message("d_embed", "0"), HasSubstr("'d_embed'"));
  EXPECT_THAT(message("mem_len", "-1"), HasSubstr("'mem_len'"));
  EXPECT_THAT(message("vocab_size", "7"), HasSubstr("'vocab_size'")) << "n_token says it already";
}

TEST(AdaptiveGpt2Config, IsReadAndWritten) {
  const std::string text =
      R"("d_embed": 32, "div_val": 4, "cutoffs": [200], "tie_projs": [false, true]})";
  const Architecture archai = Parse(
      R"({"arch_type": "gpt2_flex", "n_layer": 1, "d_model": 64, "n_head": 2, "d_inner": 90,
          "vocab_size": 300, "max_sequence_length": 192, )" +
      text);
  ArchitectureFields fields = Architecture::Gpt2(1, 64, 90, 2, 300, 192).fields();
  fields.settings->adaptive =
      AdaptiveVocabulary{.d_embed = 32, .div_val = 4, .cutoffs = {200}, .tied_projections = true};
  EXPECT_EQ(archai, Architecture(fields));
  EXPECT_EQ(ParseArchitecture(archai.ToDocument(), "document"), archai);
  const Json theirs = ToHuggingFaceConfig(archai);
  EXPECT_EQ(theirs.Find("model_type")->AsString(), "gpt2-flex") << "plain GPT-2 has no clusters";
  EXPECT_EQ(ParseArchitecture(theirs, "theirs"), archai);
  // Hugging Face's own GPT-2 would not look at them.
  const std::string plain = R"({"model_type": "gpt2", "n_embd": 64, "n_head": 2, "n_layer": 1, )";
  EXPECT_FALSE(Parse(plain + text).settings().adaptive.has_value());
  EXPECT_THAT(MessageOf(Archai("mem_len", "64")), HasSubstr("'mem_len'"));
  EXPECT_THAT(MessageOf(R"({"arch_type": "opt", "n_layer": 1, "d_model": 64, "n_head": 2,
                            "d_inner": 90, "div_val": 2})"),
              HasSubstr("'div_val'"));
}

TEST(ParseArchitecture, SaysWhatItExpectsInsteadOfAList) {
  EXPECT_THAT(MessageOf("[1]"), AllOf(StartsWith("m.json: got array"), HasSubstr("config.json")));
  EXPECT_THAT(MessageOf("null"), StartsWith("m.json: got null"));
}

TEST(ReadArchitecture, NamesAMissingFile) {
  try {
    ReadArchitecture("/no/such/file.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("/no/such/file.json"));
  }
}

}  // namespace
}  // namespace lts
