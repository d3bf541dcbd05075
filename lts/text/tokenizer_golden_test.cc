// Ids as Hugging Face's tokenizers gives them (tools/make_tokenizer_goldens.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "lts/base/json.h"
#include "lts/text/reference_encoder.h"
#include "lts/text/tokenizer_file.h"

namespace lts {
namespace {

namespace fs = std::filesystem;

const fs::path kGoldens = fs::path(LTS_SOURCE_DIR) / "tests/goldens/tokenizer";

void ExpectGoldens(const std::string& name, const fs::path& path) {
  const Json goldens = ReadJsonFile((kGoldens / "goldens.json").string());
  const Json* const cases = goldens.Find(name);
  ASSERT_NE(cases, nullptr);
  ASSERT_GT(cases->AsArray().size(), 90U);
  const TokenizerData data = ReadTokenizerData(path.string());
  const Tokenizer tokenizer(data);
  const ReferenceEncoder reference(data);
  for (const Json& golden : cases->AsArray()) {
    const std::string& text = golden.Find("text")->AsString();
    std::vector<std::int32_t> expected;
    for (const Json& id : golden.Find("ids")->AsArray()) {
      expected.push_back(static_cast<std::int32_t>(id.AsInt()));
    }
    EXPECT_EQ(tokenizer.Encode(text), expected) << WriteJson(text);
    EXPECT_EQ(reference.Encode(text), expected) << WriteJson(text);
  }
}

TEST(Goldens, Gpt2sFiles) { ExpectGoldens("gpt2", kGoldens / "gpt2"); }
TEST(Goldens, Llama3) { ExpectGoldens("llama3", kGoldens / "llama3.json"); }
TEST(Goldens, Qwen2) { ExpectGoldens("qwen2", kGoldens / "qwen2.json"); }
TEST(Goldens, O200k) { ExpectGoldens("o200k", kGoldens / "o200k.json"); }
TEST(Goldens, Roberta) { ExpectGoldens("roberta", kGoldens / "roberta.json"); }
TEST(Goldens, StarCoder) { ExpectGoldens("starcoder", kGoldens / "starcoder.json"); }

TEST(Goldens, RealGpt2) {
  const fs::path folder = fs::path(LTS_SOURCE_DIR) / "../shared/data/gpt2_tokenizer";
  if (!fs::exists(folder)) GTEST_SKIP() << "no vocabulary of GPT-2 at " << folder;
  ExpectGoldens("real_gpt2", folder);
  const Tokenizer tokenizer = ReadTokenizer(folder.string());
  EXPECT_EQ(tokenizer.vocab_size(), 50257);
  EXPECT_EQ(tokenizer.end_of_text(), 50256);
  EXPECT_EQ(tokenizer.Encode("Hello world"), (std::vector<std::int32_t>{15496, 995}));
}

}  // namespace
}  // namespace lts
