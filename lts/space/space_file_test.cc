// Spaces as files: the grammar of docs/spaces.md, its examples and its errors.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/space/search_space.h"

namespace lts {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kMinimal =
    R"({"n_layer": 2, "d_model": [64, 128], "d_inner": {"min": 64, "max": 200, "step": 64}, "n_head": {"values": [2]}})";

SearchSpace Parse(std::string_view text) {
  return ParseSpace(ParseJson(text, "my.json"), "my.json");
}

std::string ParseError(std::string_view text, ErrorCode code = ErrorCode::kInvalidArgument) {
  try {
    Parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), ::testing::StartsWith("my.json: "));
    EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos);
    return error.what();
  }
  return "no error";
}

// kMinimal with one member replaced or added.
std::string With(const std::string& key, const std::string& value) {
  std::string text = "{";
  const Json minimal = ParseJson(kMinimal, "minimal");
  for (const auto& [name, member] : minimal.AsObject()) {
    if (name != key) text += "\"" + name + "\": " + WriteJson(member, JsonStyle::kCompact) + ", ";
  }
  return text + "\"" + key + "\": " + value + "}";
}

TEST(ParseSpace, ReadsMemoryAndAdaptiveVocabulary) {
  const std::string text =
      R"({"backbone": "transfo-xl", "vocab_size": 1000, "memory_tokens": 96,
          "adaptive": {"d_embed": 32, "div_val": 4, "cutoffs": [100, 300], "tied_projections": true},
          "n_layer": 2, "d_model": 64, "d_inner": 96, "n_head": 2})";
  const SpaceFields fields = Parse(text).fields();
  EXPECT_EQ(fields.memory_tokens, 96);
  EXPECT_EQ(*fields.adaptive,
            (AdaptiveVocabulary{
                .d_embed = 32, .div_val = 4, .cutoffs = {100, 300}, .tied_projections = true}));
  EXPECT_EQ(ParseSpace(Parse(text).ToJson(), "again").fields(), fields);
  EXPECT_FALSE(Parse(kMinimal).fields().adaptive.has_value());
  EXPECT_EQ(Parse(With("adaptive", "{}")).fields().adaptive->d_embed, 0) << "of each d_model";
}

TEST(ParseSpace, RefusesVocabulariesThatCannotBe) {
  EXPECT_THAT(ParseError(With("adaptive", "3")), HasSubstr("adaptive"));
  EXPECT_THAT(ParseError(With("adaptive", R"({"cutoffs": 5})")), HasSubstr("expected a list"));
  EXPECT_THAT(ParseError(With("adaptive", R"({"cutoffs": [9, 5]})")),
              HasSubstr("cutoffs: got 5 after 9"));
  EXPECT_THAT(ParseError(With("adaptive", R"({"cutoffs": [50257]})")),
              HasSubstr("cutoffs: got 50257 after 0"));
  EXPECT_THAT(ParseError(With("adaptive", R"({"div_vale": 2})"), ErrorCode::kNotFound),
              HasSubstr("did you mean 'div_val'"));
  EXPECT_THAT(ParseError(With("memory_tokens", "192")), HasSubstr("gpt2 has no memory"));
}

TEST(ParseSpace, ReadsEveryFormOfValues) {
  const SearchSpace space = Parse(kMinimal);
  EXPECT_EQ(space.name(), "my");
  EXPECT_EQ(space.fields().backbone, "gpt2");
  EXPECT_EQ(space.fields().vocab_size, 50257);
  EXPECT_EQ(space.fields().max_seq_len, 1024);
  EXPECT_THAT(space.fields().dimensions[0].values, ElementsAre(2));
  EXPECT_THAT(space.fields().dimensions[1].values, ElementsAre(64, 128));
  EXPECT_THAT(space.fields().dimensions[2].values,
              ElementsAre(64, 128, 192));  // max need not be reached
  EXPECT_THAT(space.fields().dimensions[3].values, ElementsAre(2));
  EXPECT_TRUE(space.fields().constraints.empty());
}

TEST(ParseSpace, SortsListedValues) {
  EXPECT_THAT(Parse(With("d_model", "[256, 64, 256, 128]")).fields().dimensions[1].values,
              ElementsAre(64, 128, 256));
}

TEST(ParseSpace, ReadsPerLayerDimensions) {
  const SearchSpace space =
      Parse(With("d_inner", R"({"min": 64, "max": 256, "step": 64, "per_layer": true})"));
  EXPECT_TRUE(space.fields().dimensions[2].per_layer);
  EXPECT_FALSE(space.fields().dimensions[3].per_layer);
}

TEST(ParseSpace, RoundTripsThePresets) {
  for (const SpaceFields& fields : SpacePresets()) {
    const Json json = SearchSpace(fields).ToJson();
    EXPECT_EQ(ParseSpace(json, "preset").fields(), fields) << fields.name;
    EXPECT_EQ(ParseSpace(ParseJson(WriteJson(json), "text"), "text").fields(), fields)
        << fields.name;
  }
}

TEST(ParseSpace, RoundTripsALawOfItsOwn) {
  LawFile law{.name = "mine", .fit = FrozenLtsLaw()};
  law.fit.log_parameters[0] += 0.5;
  law.fit.scale = 1.5;
  const SearchSpace space = SearchSpace(SpacePresets()[0]).WithLaw(law);
  const SearchSpace again = ParseSpace(space.ToJson(), "again");
  ASSERT_NE(again.own_law(), nullptr);
  // Written as weights and exponents, whose logarithms are rounded.
  for (std::size_t i = 0; i < kLtsLawSize; ++i)
    EXPECT_NEAR(again.own_law()->log_parameters[i], law.fit.log_parameters[i], 1e-14);
  LawFile written = *again.fields().law;
  written.fit.log_parameters = law.fit.log_parameters;
  EXPECT_EQ(written, law);
  EXPECT_EQ(SearchSpace(SpacePresets()[0]).own_law(), nullptr);
  // What it is for: lts_law in constraints.
  const Architecture architecture = space.Build(512, std::vector<LayerShape>(4, {8, 8, 960}));
  const double value = LawValue(FindLaw("lts_law"), architecture, space.own_law());
  EXPECT_NE(value, LawValue(FindLaw("lts_law"), architecture));
  const auto holds = [&](double bound) {
    const std::vector<std::string> rule{fmt::format("lts_law <= {}", bound)};
    return again.With(rule).Satisfies(*space.Encode(architecture), {});
  };
  EXPECT_TRUE(holds(value + 1e-6));
  EXPECT_FALSE(holds(value - 1e-6));
}

TEST(ParseSpace, RoundTripsEveryFormOfDimension) {
  for (const char* d_inner : {"64", "[64, 128]", "[64, 100, 128]", R"({"min": 1, "max": 9})",
                              R"({"values": [5], "per_layer": true})",
                              R"({"min": 7, "max": 70, "step": 7, "per_layer": true})"}) {
    const SearchSpace space = Parse(With("d_inner", d_inner));
    EXPECT_EQ(ParseSpace(space.ToJson(), "again").fields(), space.fields()) << d_inner;
  }
}

TEST(ParseSpace, NamesFileFieldValueAndExpectation) {
  EXPECT_THAT(ParseError("[]"), HasSubstr("object"));
  EXPECT_THAT(ParseError("{}"), HasSubstr("'n_layer'"));
  EXPECT_THAT(ParseError(With("n_layer", "0")),
              AllOf(HasSubstr("'n_layer'"), HasSubstr("0"), HasSubstr("4096")));
  EXPECT_THAT(ParseError(With("n_layer", "\"four\"")),
              AllOf(HasSubstr("'n_layer'"), HasSubstr("four")));
  EXPECT_THAT(ParseError(With("d_model", "[]")),
              AllOf(HasSubstr("'d_model'"), HasSubstr("at least one")));
  EXPECT_THAT(ParseError(With("d_model", "[64, 1.5]")), HasSubstr("'d_model[1]'"));
  EXPECT_THAT(ParseError(With("d_model", R"({"min": 64})")),
              AllOf(HasSubstr("d_model"), HasSubstr("'max'")));
  EXPECT_THAT(ParseError(With("d_model", R"({"min": 64, "max": 32})")),
              HasSubstr("at least min = 64"));
  EXPECT_THAT(ParseError(With("d_model", R"({"min": 1, "max": 9, "step": 0})")),
              HasSubstr("'step'"));
  EXPECT_THAT(ParseError(With("d_model", R"({"values": [64], "max": 9})")), HasSubstr("not both"));
  EXPECT_THAT(ParseError(With("d_model", R"({"values": [64], "per_layer": true})")),
              HasSubstr("'per_layer'"));
  EXPECT_THAT(ParseError(With("d_inner", R"({"values": [64], "per_layer": 1})")),
              HasSubstr("'per_layer'"));
  EXPECT_THAT(ParseError(With("vocab_size", "-1")),
              AllOf(HasSubstr("'vocab_size'"), HasSubstr("-1")));
  EXPECT_THAT(ParseError(With("constraints", "\"d_model > 1\"")), HasSubstr("array of strings"));
  EXPECT_THAT(ParseError(With("constraints", "[1]")), HasSubstr("strings only"));
  EXPECT_THAT(ParseError(With("constraints", "[\"d_model >\"]")), HasSubstr("column 10"));
  EXPECT_THAT(ParseError(With("constraints", "[\"latency_ms < 5\"]")), HasSubstr("measured"));
}

TEST(ParseSpace, RefusesHugeRangesBeforeAllocating) {
  EXPECT_THAT(ParseError(With("d_inner", R"({"min": 1, "max": 4194304})")),
              HasSubstr("at most 65536 values"));
  EXPECT_THAT(ParseError(With("d_inner", R"({"min": 1, "max": 99999999999})")),
              HasSubstr("4194304"));
}

TEST(ParseSpace, SuggestsNames) {
  EXPECT_THAT(ParseError(With("d_iner", "64"), ErrorCode::kNotFound),
              HasSubstr("did you mean 'd_inner'"));
  EXPECT_THAT(
      ParseError(With("d_model", R"({"min": 1, "max": 9, "stpe": 2})"), ErrorCode::kNotFound),
      HasSubstr("did you mean 'step'"));
  EXPECT_THAT(ParseError(With("constraints", "[\"d_modell > 1\"]"), ErrorCode::kNotFound),
              HasSubstr("did you mean 'd_model'"));
}

TEST(LoadSpace, FindsPresetsAndSuggests) {
  EXPECT_EQ(LoadSpace("archai-gpt2").name(), "archai-gpt2");
  try {
    LoadSpace("archai-gtp2");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'archai-gpt2'"));
  }
}

TEST(LoadSpace, ReadsTheExamples) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LTS_SOURCE_DIR "/examples")) {
    const std::filesystem::path& path = entry.path();
    if (path.extension() != ".toml") continue;
    ++files;
    const SearchSpace space = LoadSpace(path.string());
    EXPECT_NO_THROW(CheckNotEmpty(space, {})) << path;
    EXPECT_EQ(ParseSpace(space.ToJson(), "again").fields(), space.fields()) << path;
  }
  EXPECT_GE(files, 2);
}

// What docs/spaces.md shows in its ```toml and ```json blocks is what the parser takes.
TEST(LoadSpace, ReadsTheBlocksOfTheDocumentation) {
  const std::string text = ReadFile(LTS_SOURCE_DIR "/docs/spaces.md");
  int blocks = 0;
  for (const std::string_view kind : {"toml", "json"}) {
    const std::string fence = "```" + std::string(kind) + "\n";
    for (std::size_t at = text.find(fence); at != std::string::npos;
         at = text.find(fence, at + 1)) {
      const std::size_t begin = at + fence.size();
      const std::string block = text.substr(begin, text.find("```", begin) - begin);
      EXPECT_NO_THROW(ParseSpace(
          kind == "toml" ? ParseToml(block, "docs.toml") : ParseJson(block, "docs.json"), "docs"))
          << block;
      ++blocks;
    }
  }
  EXPECT_EQ(blocks, 3);
}

}  // namespace
}  // namespace lts
