#include "lts/arch/architecture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "lts/arch/published_data.h"
#include "lts/base/error.h"

namespace lts {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

ArchitectureFields Valid() {
  ArchitectureFields fields;
  fields.d_model = 512;
  fields.layers = {{8, 8, 1024}, {4, 4, 2048}, {2, 2, 1024}};
  return fields;
}

std::string ErrorOf(const ArchitectureFields& fields, std::string_view name = "") {
  try {
    const Architecture architecture(fields, name);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Architecture, ReadsBackItsFields) {
  const Architecture architecture(Valid());
  EXPECT_EQ(architecture.backbone(), "gpt2");
  EXPECT_EQ(architecture.vocab_size(), 50257);
  EXPECT_EQ(architecture.max_seq_len(), 1024);
  EXPECT_EQ(architecture.d_model(), 512);
  EXPECT_EQ(architecture.n_layer(), 3);
  EXPECT_EQ(architecture.d_head(0), 64);
  EXPECT_EQ(architecture.d_head(2), 256);
  EXPECT_FALSE(architecture.homogeneous());
  EXPECT_TRUE(Architecture::Gpt2(3, 512, 1024, 8).homogeneous());
}

TEST(Architecture, ComparesEveryField) {
  const Architecture architecture(Valid());
  EXPECT_EQ(architecture, Architecture(Valid()));
  const auto differs = [&](const std::function<void(ArchitectureFields&)>& change) {
    ArchitectureFields fields = Valid();
    change(fields);
    return !(architecture == Architecture(fields));
  };
  EXPECT_TRUE(differs([](auto& f) { f.vocab_size = 1; }));
  EXPECT_TRUE(differs([](auto& f) { f.max_seq_len = 1; }));
  EXPECT_TRUE(differs([](auto& f) { f.d_model = 256; }));
  EXPECT_TRUE(differs([](auto& f) { f.layers[1].d_inner = 1; }));
  EXPECT_TRUE(differs([](auto& f) { f.layers.pop_back(); }));
  EXPECT_TRUE(differs([](auto& f) { f.attention_dropout = 0.1; }));
}

TEST(Architecture, NamesTheFieldTheValueAndWhatWasExpected) {
  ArchitectureFields fields = Valid();
  fields.layers[2].n_head = 7;
  EXPECT_EQ(ErrorOf(fields), "n_head[2]: got 7, expected a divisor of d_model = 512");
  EXPECT_THAT(ErrorOf(fields, "a.json"), StartsWith("a.json: n_head[2]: got 7"));
  fields.layers[2].n_head = 0;
  EXPECT_THAT(ErrorOf(fields), StartsWith("n_head[2]: got 0"));
  fields.layers[2].n_head = -2;
  EXPECT_THAT(ErrorOf(fields), StartsWith("n_head[2]: got -2"));

  fields = Valid();
  fields.layers[0].d_inner = kMaxDInner + 1;
  EXPECT_EQ(ErrorOf(fields), "d_inner[0]: got 4194305, expected an integer in [1, 4194304]");

  fields = Valid();
  fields.layers.clear();
  EXPECT_EQ(ErrorOf(fields), "n_layer: got 0, expected an integer in [1, 4096]");
  fields.layers.resize(kMaxLayers + 1);
  EXPECT_THAT(ErrorOf(fields), StartsWith("n_layer: got 4097"));

  fields = Valid();
  fields.d_model = 0;
  EXPECT_THAT(ErrorOf(fields), StartsWith("d_model: got 0"));
  fields = Valid();
  fields.vocab_size = kMaxVocabSize + 1;
  EXPECT_THAT(ErrorOf(fields), StartsWith("vocab_size: got 16777217"));
  fields = Valid();
  fields.max_seq_len = -1;
  EXPECT_THAT(ErrorOf(fields), StartsWith("max_seq_len: got -1"));

  for (const double dropout : {-0.1, 1.5, std::numeric_limits<double>::quiet_NaN()}) {
    fields = Valid();
    fields.attention_dropout = dropout;
    EXPECT_THAT(ErrorOf(fields), StartsWith("attention_dropout: got"));
  }
}

TEST(Architecture, RefusesAnUnknownBackboneWithASuggestion) {
  ArchitectureFields fields = Valid();
  fields.backbone = "gpt3";
  EXPECT_THAT(ErrorOf(fields, "a.json"), StartsWith("a.json: "));
  EXPECT_THAT(ErrorOf(fields), HasSubstr("did you mean 'gpt2'"));
}

TEST(Architecture, RefusesGroupedQueriesOfGpt2) {
  ArchitectureFields fields = Valid();
  fields.layers[1].n_kv_head = 3;
  EXPECT_THAT(ErrorOf(fields), StartsWith("n_kv_head[1]: got 3, expected a divisor of n_head = 4"));
  fields.layers[1].n_kv_head = 2;
  EXPECT_THAT(ErrorOf(fields, "a.json"), StartsWith("a.json: n_kv_head[1]: got 2"));
  EXPECT_THAT(ErrorOf(fields), HasSubstr("grouped-query"));
}

TEST(Architecture, Gpt2RefusesCountsThatNoVectorHolds) {
  EXPECT_THROW(Architecture::Gpt2(-1, 64, 64, 1), Error);
  EXPECT_THROW(Architecture::Gpt2(std::numeric_limits<std::int64_t>::max(), 64, 64, 1), Error);
}

TEST(Architecture, ShortNameShowsRangesOfWhatDiffers) {
  EXPECT_EQ(Architecture::Gpt2(7, 576, 832, 8).ShortName(), "L7 d576 i832 h8");
  EXPECT_EQ(Architecture(Valid()).ShortName(), "L3 d512 i1024..2048 h2..8");
}

TEST(Architecture, ToConfigIsArchaisConfiguration) {
  EXPECT_EQ(WriteJson(Architecture::Gpt2(3, 960, 704, 2).ToConfig(), JsonStyle::kPython),
            R"({"d_inner": 704, "d_model": 960, "dropatt": 0.0, "max_sequence_length": 1024, )"
            R"("n_head": 2, "n_layer": 3, "vocab_size": 50257})");
  EXPECT_EQ(WriteJson(Architecture(Valid()).ToConfig(), JsonStyle::kPython),
            R"({"d_inner": [1024, 2048, 1024], "d_model": 512, "dropatt": 0.0, )"
            R"("max_sequence_length": 1024, "n_head": [8, 4, 2], "n_layer": 3, )"
            R"("vocab_size": 50257})");
}

TEST(Architecture, ComesBackFromItsConfig) {
  ArchitectureFields one_list = Valid();
  for (LayerShape& layer : one_list.layers) layer.n_head = layer.n_kv_head = 16;
  one_list.attention_dropout = 0.1;
  for (const Architecture& architecture :
       {Architecture(Valid()), Architecture(one_list), Architecture::Gpt2(5, 64, 65, 1, 2, 3)}) {
    const Architecture again = ParseArchitecture(architecture.ToConfig(), "config");
    EXPECT_EQ(again, architecture);
    EXPECT_EQ(again.Id(), architecture.Id());
  }
}

// Archai's own ids (its unit test and notebook), of fresh samples: arch_type not hashed.
TEST(Architecture, IdIsArchaisArchid) {
  EXPECT_EQ(Architecture::Gpt2(3, 960, 704, 2).Id(),
            "gpt2_cea35b3f3fd242d2af609b8d2a3936cc814a7f41");
  EXPECT_THAT(Architecture::Gpt2(5, 576, 192, 4).Id(), StartsWith("gpt2_df106863"));
  EXPECT_THAT(Architecture::Gpt2(8, 512, 768, 2).Id(), StartsWith("gpt2_0f371e7b"));
  EXPECT_THAT(Architecture::Gpt2(2, 128, 576, 4).Id(), StartsWith("gpt2_84a34883"));
  EXPECT_THAT(Architecture::Gpt2(7, 896, 704, 2).Id(), StartsWith("gpt2_889f69f6"));
  EXPECT_THAT(Architecture::Gpt2(8, 832, 384, 2).Id(), StartsWith("gpt2_e848f3b3"));
  ArchitectureFields fields = Architecture::Gpt2(2, 1024, 256, 4).fields();
  fields.attention_dropout = 0.1;
  EXPECT_EQ(Architecture(fields).Id(), "gpt2_df9751a4db6ffaa963687eeae3f04d8c764f5f9c");
}

TEST(Architecture, IdTellsMinusZeroAndZeroDropoutAlike) {
  ArchitectureFields fields = Valid();
  fields.attention_dropout = -0.0;
  EXPECT_EQ(Architecture(fields).Id(), Architecture(Valid()).Id());
}

TEST(ArchaiIds, HashOnlyWhatTheFileHolds) {
  const Json json = ParseJson(R"({"d_inner":256,"d_model":256,"n_head":2,"n_layer":2})", "test");
  EXPECT_EQ(ComputeArchaiIds(json).plain, "gpt2_9d72dac1ada7e094f5a7fd67dc688e33348d4907");
}

TEST(ArchaiIds, DoNotDependOnArchTypeInTheFileOrOnOrder) {
  const Json without = ParseJson(R"({"d_model":256,"n_layer":2,"n_head":2,"d_inner":256})", "test");
  const Json with = ParseJson(
      R"({"n_layer":2,"arch_type":"gpt2","d_inner":256,"d_model":256,"n_head":2})", "test");
  EXPECT_EQ(ComputeArchaiIds(with).plain, ComputeArchaiIds(without).plain);
  EXPECT_EQ(ComputeArchaiIds(with).with_arch_type, ComputeArchaiIds(without).with_arch_type);
  EXPECT_NE(ComputeArchaiIds(with).plain, ComputeArchaiIds(with).with_arch_type);
}

TEST(ArchaiIds, CutListsToTheLayersThatCount) {
  const Json longer = ParseJson(R"({"d_inner":[1,2,3,4],"n_layer":2,"n_head":[2,4,8]})", "test");
  const Json exact = ParseJson(R"({"d_inner":[1,2],"n_layer":2,"n_head":[2,4]})", "test");
  EXPECT_EQ(ComputeArchaiIds(longer).plain, ComputeArchaiIds(exact).plain);
}

TEST(ArchaiIds, StartWithTheArchType) {
  const Json json = ParseJson(R"({"arch_type":"transfo-xl","n_layer":2})", "test");
  EXPECT_THAT(ComputeArchaiIds(json).plain, StartsWith("transfo-xl_"));
  EXPECT_THAT(ComputeArchaiIds(json).with_arch_type, StartsWith("transfo-xl_"));
}

TEST(ArchaiIds, RefuseWhatIsNoObject) {
  EXPECT_THROW(ComputeArchaiIds(Json(3)), Error);
  EXPECT_THROW(ComputeArchaiIds(ParseJson(R"({"arch_type":3})", "test")), Error);
}

TEST(ArchaiIds, NameTheFilesOfTheGallery) {
  const auto rows = ReadPublishedCsv("lts_gallery/gallery_extra.csv");
  if (rows.empty()) GTEST_SKIP() << "no lts_gallery beside the repository";
  for (const auto& row : rows) {
    const std::string& id = row.at("archid");
    const std::string path = PublishedData("lts_gallery/" + id + ".json");
    const ArchaiIds ids = ComputeArchaiIds(ReadJsonFile(path));
    const bool plain = row.at("archid_rule") == "plain";
    EXPECT_EQ(plain ? ids.plain : ids.with_arch_type, id);
    EXPECT_EQ(ReadArchitecture(path).Id(), ids.plain);
  }
}

ArchitectureFields TransformerXl(const AdaptiveVocabulary& adaptive) {
  return {.backbone = "transfo-xl",
          .vocab_size = 100,
          .d_model = 64,
          .layers = {{2, 2, 128}},
          .settings = DecoderSettings{.adaptive = adaptive}};
}

TEST(AdaptiveVocabulary, IsEqualWhereTheDecoderIs) {
  const auto made = [](const AdaptiveVocabulary& adaptive) {
    return Architecture(TransformerXl(adaptive));
  };
  EXPECT_EQ(made({.div_val = 2, .cutoffs = {20}}),
            made({.d_embed = 64, .div_val = 2, .cutoffs = {20}}));
  // Nothing to tie: one cluster, or no projections.
  EXPECT_EQ(made({.div_val = 2, .tied_projections = true}), made({.div_val = 2}));
  EXPECT_EQ(made({.cutoffs = {20}, .tied_projections = true}), made({.cutoffs = {20}}));
  EXPECT_NE(made({.div_val = 2, .cutoffs = {20}, .tied_projections = true}),
            made({.div_val = 2, .cutoffs = {20}}));
}

// The lists of a configuration that are not by layer are hashed whole.
TEST(AdaptiveVocabulary, IsPartOfTheId) {
  const auto id = [](const AdaptiveVocabulary& adaptive) {
    return Architecture(TransformerXl(adaptive)).Id();
  };
  const std::string one = id({.div_val = 2, .cutoffs = {20, 60}});
  EXPECT_EQ(one.substr(0, 11), "transfo-xl_");
  EXPECT_NE(one, id({.div_val = 2, .cutoffs = {20, 61}}));
  EXPECT_NE(one, id({.div_val = 2, .cutoffs = {20, 60}, .tied_projections = true}));
  EXPECT_NE(one, id({.div_val = 4, .cutoffs = {20, 60}}));
  EXPECT_NE(one, id({.d_embed = 63, .div_val = 2, .cutoffs = {20, 60}}));
}

TEST(AdaptiveVocabulary, FallsBackToWhatFits) {
  ArchitectureFields fields = TransformerXl({});
  fields.settings.reset();
  EXPECT_TRUE(Architecture(fields).settings().adaptive->cutoffs.empty()) << "of 100 words";
  fields.vocab_size = 300000;
  EXPECT_EQ(Architecture(fields).settings().adaptive->cutoffs.size(), 3);
  fields.d_model = 32;  // 4^3 would leave the fourth cluster no width
  EXPECT_EQ(Architecture(fields).settings().adaptive->cutoffs.size(), 2);
}

TEST(AdaptiveVocabulary, IsRefusedWhereABackboneHasNone) {
  ArchitectureFields fields = TransformerXl({});
  fields.backbone = "opt";
  EXPECT_THAT(ErrorOf(fields), HasSubstr("opt has no adaptive vocabulary"));
  fields = TransformerXl({});
  fields.settings->adaptive.reset();
  EXPECT_THAT(ErrorOf(fields), HasSubstr("transfo-xl has always an adaptive vocabulary"));
  fields.backbone = "gpt2";
  fields.settings->memory_tokens = 3;
  EXPECT_THAT(ErrorOf(fields), HasSubstr("memory_tokens: got 3, expected 0"));
}

}  // namespace
}  // namespace lts
