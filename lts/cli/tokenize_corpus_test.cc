#include "lts/cli/commands/tokenize_corpus.h"

#include <filesystem>

#include "lts/base/json.h"
#include "lts/cli/cli_test_support.h"
#include "lts/data/token_dataset.h"

namespace lts::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TokenizeCorpusTest : public CliFolder {
 protected:
  TokenizeCorpusTest() {
    std::string text;
    for (int i = 0; i < 2000; ++i) text += "line " + std::to_string(i) + " of the story\n\n";
    Write("a.txt", text);
    Write("b.jsonl", "{\"body\": \"one other story\"}\n{\"body\": \"the end\"}\n");
  }
};

TEST_F(TokenizeCorpusTest, TrainsAVocabularyAndSumsUp) {
  const Outcome outcome =
      Lts({"tokenize", Path("a.txt"), Path("b.jsonl"), "-o", Path("data"), "--train-vocab", "300",
           "--field", "body", "--document-bytes", "1000", "--threads", "2"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("300 token ids of uint16"));
  EXPECT_THAT(outcome.out, HasSubstr("validation"));
  EXPECT_EQ(outcome.err, "");
  const TokenDataset data = TokenDataset::Open(Path("data"));
  EXPECT_EQ(data.vocab_size(), 300);
  EXPECT_GT(data.tokens(Split::kValidation), 0);
  EXPECT_GT(data.bytes_per_token(Split::kTrain), 2);
  const Outcome decoded = Lts({"tokenize", Path("data"), "--count", "line 1 of the story"});
  EXPECT_EQ(decoded.code, 0) << decoded.err;

  const Outcome again =
      Lts({"tokenize", Path("a.txt"), Path("b.jsonl"), "-o", Path("data"), "--train-vocab", "300",
           "--field", "body", "--document-bytes", "1000", "--format", "json"});
  EXPECT_EQ(ManifestToJson(data.manifest()), ParseJson(again.out, "out"));
}

TEST_F(TokenizeCorpusTest, HintsAtEmptySplitsUnlessQuiet) {
  const std::vector<std::string> args = {"tokenize", Path("b.jsonl"), "--field",     "body",
                                         "-o",       Path("data"),    "--tokenizer", kTokenizer};
  EXPECT_THAT(Lts(args).err, HasSubstr("no document fell to validation"));
  std::vector<std::string> quiet = args;
  quiet.push_back("--quiet");
  const Outcome outcome = Lts(quiet);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("whole already, hashes checked"));
}

TEST_F(TokenizeCorpusTest, RefusesWhatCannotBe) {
  const std::string out = Path("data");
  ExpectBadInput(Lts({"tokenize", Path("a.txt"), "-o", out}),
                 "--tokenizer FOLDER or --train-vocab");
  ExpectBadInput(Lts({"tokenize", Path("a.txt"), "-o", out, "--train-vocab", "100"}),
                 "got 100 tokens, expected 257");
  ExpectBadInput(Lts({"tokenize", Path("none.txt"), "-o", out, "--train-vocab", "300"}),
                 "none.txt");
  ExpectBadInput(Lts({"tokenize", Path("b.jsonl"), "-o", out, "--train-vocab", "300"}),
                 "b.jsonl: line 1: unknown field 'text'; known: body");
  ExpectBadInput(Lts({"tokenize", Path("a.txt"), "-o", out, "--train-vocab", "300", "--count"}),
                 "-o is for files");
  ExpectBadInput(Lts({"tokenize", kTokenizer, "one", "two"}), "unexpected argument 'two'");
  EXPECT_FALSE(std::filesystem::exists(out + "/data.json"));
}

TEST(CorpusProgressText, SaysTokensBytesAndTimeLeft) {
  CorpusProgress progress{.phase = "tokens",
                          .stored_bytes = 50'000'000,
                          .total_bytes = 100'000'000,
                          .begun_at = 40'000'000,
                          .text_bytes = 48'000'000,
                          .tokens = 12'000'000};
  EXPECT_EQ(CorpusProgressText(progress, 4),
            "[##########..........] 20 s left | tokens: 12.0 M, 4.00 bytes each");
  progress.phase = "words";
  EXPECT_THAT(CorpusProgressText(progress, 4), HasSubstr("20 s left | counting words"));
  progress.stored_bytes = progress.begun_at;
  EXPECT_THAT(CorpusProgressText(progress, 0), Not(HasSubstr("left")));
}

}  // namespace
}  // namespace lts::cli
