#include "lts/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/text/byte_level.h"
#include "lts/text/reference_encoder.h"
#include "lts/text/stream_decoder.h"
#include "lts/text/test_vocabulary.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string MessageOf(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "no error";
}

// Of the header's example.
TokenizerData Lower() { return BytesAndMerges({{"l", "o"}, {"lo", "w"}, {"e", "r"}}); }
constexpr int kLow = 257;
constexpr int kEr = 258;

TEST(ByteLevel, IsGpt2sAlphabet) {
  EXPECT_EQ(ToByteLevel(" a\n!"), "ĠaĊ!");
  EXPECT_EQ(FromByteLevel("ĠaĊ!"), " a\n!");
  EXPECT_EQ(FromByteLevel("a b"), std::nullopt);
  EXPECT_EQ(FromByteLevel("日"), std::nullopt);
  EXPECT_EQ(FromByteLevel("\xFF"), std::nullopt);
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    EXPECT_EQ(FromByteLevel(ToByteLevel(one)), one);
  }
}

TEST(Tokenizer, MergesTheLowestRankFirst) {
  const Tokenizer tokenizer(Lower());
  EXPECT_THAT(tokenizer.Encode("lower"), ElementsAre(kLow, kEr));
  EXPECT_THAT(tokenizer.Encode("low low"), ElementsAre(kLow, ' ', kLow));
  EXPECT_THAT(tokenizer.Encode(""), IsEmpty());
}

TEST(Tokenizer, MergesTheLeftmostOfEqualPairsFirst) {
  const Tokenizer tokenizer(BytesAndMerges({{"a", "a"}}));
  EXPECT_THAT(tokenizer.Encode("aaa"), ElementsAre(256, 'a'));
  // As long as the heap's way of merging.
  const std::vector<std::int32_t> ids = tokenizer.Encode(std::string(1001, 'a'));
  EXPECT_EQ(ids.size(), 501U);
  EXPECT_EQ(ids.back(), 'a');
}

TEST(Tokenizer, TokensThatNoMergeReachesStayUnused) {
  TokenizerData data = Lower();
  data.tokens.push_back({"we", true, false});  // no merge makes it
  const std::int32_t we = static_cast<std::int32_t>(data.tokens.size()) - 1;
  EXPECT_THAT(Tokenizer(data).Encode("we"), ElementsAre('w', 'e'));
  data.ignore_merges = true;
  EXPECT_THAT(Tokenizer(data).Encode("we"), ElementsAre(we));
  EXPECT_THAT(Tokenizer(data).Encode("wer"), ElementsAre('w', kEr));
}

TEST(Tokenizer, TheLastOfEqualMergesCounts) {
  TokenizerData data = BytesAndMerges({{"a", "b"}, {"b", "c"}, {"a", "b"}});
  EXPECT_THAT(Tokenizer(data).Encode("abc"), ElementsAre('a', 257));
}

TokenizerData WithAddedTokens() {
  TokenizerData data = Lower();
  data.added = {{.content = "<e>", .id = 259, .special = true},
                {.content = "<e>>", .id = 260},
                {.content = "<m>", .id = 261, .special = true, .strip_left = true},
                {.content = "<r>", .id = 262, .special = true, .strip_right = true},
                {.content = "lo", .id = 263, .normalized = true},
                {.content = "ß", .id = 270}};
  return data;
}

TEST(AddedTokens, AreCutOutLongestFirst) {
  const Tokenizer tokenizer(WithAddedTokens());
  EXPECT_THAT(tokenizer.Encode("<e>x<e>>"), ElementsAre(259, 'x', 260));
  EXPECT_THAT(tokenizer.Encode("<e<e><"), ElementsAre('<', 'e', 259, '<'));
  EXPECT_THAT(tokenizer.Encode("low ß"), ElementsAre(263, 'w', ' ', 270));
}

TEST(AddedTokens, TakeWhiteSpaceAlongWhereTheySaySo) {
  const Tokenizer tokenizer(WithAddedTokens());
  EXPECT_THAT(tokenizer.Encode("a \u3000<m> b"), ElementsAre('a', 261, ' ', 'b'));
  EXPECT_THAT(tokenizer.Encode("a<r> \n b"), ElementsAre('a', 262, 'b'));
  EXPECT_THAT(tokenizer.Encode("<r> <m>"), ElementsAre(262, 261));
  EXPECT_THAT(tokenizer.Encode("\x80\x80\x80\x80\x80<m>").size(), 6U);
}

TEST(AddedTokens, SpecialOnesCanBeTakenForText) {
  const Tokenizer tokenizer(WithAddedTokens());
  const EncodeOptions as_text{.parse_special_tokens = false};
  EXPECT_THAT(tokenizer.Encode("<e>", as_text), ElementsAre('<', 'e', '>'));
  EXPECT_THAT(tokenizer.Encode("ß", as_text), ElementsAre(270));
}

TEST(Tokenizer, PutsWhatTheFileSaysAroundTheText) {
  TokenizerData data = WithAddedTokens();
  data.prefix = {259, 259};
  data.suffix = {262};
  const Tokenizer tokenizer(data);
  EXPECT_THAT(tokenizer.Encode("x"), ElementsAre(259, 259, 'x', 262));
  EXPECT_THAT(tokenizer.Encode("x", {.add_special_tokens = false}), ElementsAre('x'));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("x"), {.skip_special_tokens = true}), "x");
}

TEST(Tokenizer, PutsASpaceBeforeEachSegmentIfAsked) {
  TokenizerData data = WithAddedTokens();
  data.add_prefix_space = true;
  EXPECT_THAT(Tokenizer(data).Encode("x<e>y<e> z\n"),
              ElementsAre(' ', 'x', 259, ' ', 'y', 259, ' ', 'z', '\n'));
  EXPECT_THAT(Tokenizer(data).Encode(""), IsEmpty());
}

TEST(Tokenizer, DecodesIdsAndNamesThoseThatDoNotExist) {
  const Tokenizer tokenizer(WithAddedTokens());
  EXPECT_EQ(tokenizer.vocab_size(), 271);
  EXPECT_EQ(tokenizer.Decode(std::vector<std::int32_t>{kLow, 259, 270}), "low<e>ß");
  EXPECT_EQ(tokenizer.Decode(std::vector<std::int32_t>{264, 269}), "");  // gaps
  EXPECT_EQ(MessageOf([&] {
              tokenizer.Decode(std::vector<std::int32_t>{1, 271});
            }),
            "token 1: got id 271, expected 0 to 270");
  EXPECT_EQ(MessageOf([&] { tokenizer.TokenBytes(-1); }), "token: got id -1, expected 0 to 270");
  EXPECT_TRUE(tokenizer.IsSpecial(259));
  EXPECT_FALSE(tokenizer.IsSpecial(260));
  EXPECT_FALSE(tokenizer.IsSpecial(1 << 20));
  EXPECT_EQ(tokenizer.FindToken("<e>"), 259);
  EXPECT_EQ(tokenizer.FindToken("low"), kLow);
  EXPECT_EQ(tokenizer.FindToken("none"), std::nullopt);
}

// Text of everything: words of the vocabulary, added tokens, and broken bytes.
std::string Noise(Rng& rng) {
  const std::vector<std::string> parts = {"lower", "low", "er",  " ",      "  ",     "\n",   "<e>",
                                          "<m>",   "<r>", "<",   "ß",      "日本語", "😀",    "'s",
                                          "123",   "!",   "lol", "\u3000", "aaaaaa", "wwlow"};
  std::string text;
  for (std::int64_t n = rng.Between(0, 30); n > 0; --n) {
    if (rng.Bernoulli(0.2)) {
      text += static_cast<char>(rng.Below(256));
    } else {
      text += rng.Choice<std::string>(parts);
    }
  }
  return text;
}

TEST(Tokenizer, EqualsTheReference) {
  Rng rng(7);
  for (const bool ignore_merges : {false, true}) {
    TokenizerData data = WithAddedTokens();
    data.ignore_merges = ignore_merges;
    for (const auto& [left, right] :
         std::vector<std::pair<std::int32_t, std::int32_t>>{{'a', 'a'}, {'w', 'w'}, {'o', 'w'}}) {
      data.tokens.push_back({data.tokens[static_cast<std::size_t>(left)].bytes +
                                 data.tokens[static_cast<std::size_t>(right)].bytes,
                             true, false});
      data.merges.push_back({left, right, static_cast<std::int32_t>(data.tokens.size()) - 1});
    }
    for (AddedToken& token : data.added) token.id += 100;  // room for the new tokens
    const Tokenizer tokenizer(data);
    const ReferenceEncoder reference(data);
    for (int i = 0; i < 2000; ++i) {
      const std::string text = Noise(rng);
      ASSERT_EQ(tokenizer.Encode(text), reference.Encode(text)) << ToByteLevel(text);
    }
    // A piece of every length around the change from the array to the heap.
    for (std::size_t length = 60; length < 140; ++length) {
      std::string text;
      while (text.size() < length) text += "lwaoer"[rng.Below(6)];
      ASSERT_EQ(tokenizer.Encode(text), reference.Encode(text)) << text;
    }
  }
}

TEST(Tokenizer, LosesNoByte) {
  Rng rng(8);
  const Tokenizer tokenizer(Lower());
  for (int i = 0; i < 2000; ++i) {
    const std::string text = Noise(rng);
    ASSERT_EQ(tokenizer.Decode(tokenizer.Encode(text)), text) << ToByteLevel(text);
  }
}

TEST(Tokenizer, LongRunsTakeNoQuadraticTime) {
  // Quadratic merging would take hours for these.
  const Tokenizer tokenizer(BytesAndMerges({{"a", "a"}, {"aa", "aa"}, {" ", " "}}));
  const std::string letters(1 << 20, 'a');
  EXPECT_EQ(tokenizer.Encode(letters).size(), (1U << 20) / 4);
  EXPECT_EQ(tokenizer.Encode(std::string(1 << 20, ' ')).size(), (1U << 20) / 2);
  EXPECT_EQ(tokenizer.Encode(std::string(1 << 20, '\x80')).size(), 1U << 20);
}

TEST(CheckTokenizerData, NamesWhatIsWrong) {
  const auto message = [](const std::function<void(TokenizerData&)>& change) {
    TokenizerData data = WithAddedTokens();
    change(data);
    return MessageOf([&] { const Tokenizer tokenizer(data, "t.json"); });
  };
  EXPECT_THAT(message([](TokenizerData& d) { d.tokens[32].exists = false; }),
              HasSubstr("t.json: byte 0x20 ('Ġ') is no token"));
  EXPECT_THAT(message([](TokenizerData& d) { d.merges[1].right = 999; }), HasSubstr("merge 1"));
  EXPECT_THAT(message([](TokenizerData& d) { d.merges[1].left = -1; }), HasSubstr("merge 1"));
  EXPECT_THAT(message([](TokenizerData& d) { d.added[1].content = ""; }), HasSubstr("empty"));
  EXPECT_THAT(message([](TokenizerData& d) { d.added[1].content = "<e>"; }),
              HasSubstr("got added token '<e>' twice"));
  EXPECT_THAT(message([](TokenizerData& d) { d.added[1].id = 259; }),
              HasSubstr("another one has its id 259"));
  EXPECT_THAT(message([](TokenizerData& d) { d.added[1].id = 1 << 20; }), HasSubstr("got id"));
  EXPECT_THAT(message([](TokenizerData& d) { d.prefix = {268}; }), HasSubstr("before the text"));
  EXPECT_THAT(message([](TokenizerData& d) { d.suffix = {-5}; }), HasSubstr("after the text"));
  EXPECT_THAT(message([](TokenizerData& d) { d.end_of_text = 268; }), HasSubstr("end of text"));
  EXPECT_EQ(message([](TokenizerData&) {}), "no error");
}

std::vector<std::string> Streamed(const Tokenizer& tokenizer, const std::string& bytes) {
  StreamDecoder decoder(tokenizer);
  std::vector<std::string> pieces;
  for (const char byte : bytes) {
    pieces.push_back(decoder.Add(static_cast<std::uint8_t>(byte)));
  }
  pieces.push_back(decoder.Finish());
  return pieces;
}

TEST(StreamDecoder, NeverCutsACharacter) {
  const Tokenizer tokenizer(Lower());
  EXPECT_THAT(Streamed(tokenizer, "a日!"), ElementsAre("a", "", "", "日", "!", ""));
  EXPECT_THAT(Streamed(tokenizer, "😀"), ElementsAre("", "", "", "😀", ""));
}

TEST(StreamDecoder, LetsBrokenBytesPassAsSoonAsTheyAreSurelyBroken) {
  const Tokenizer tokenizer(Lower());
  EXPECT_THAT(Streamed(tokenizer, "\x80\xE6x"), ElementsAre("\x80", "", "\xE6x", ""));
  EXPECT_THAT(Streamed(tokenizer, "\xED\xA0\x80"), ElementsAre("", "\xED\xA0", "\x80", ""));
  EXPECT_THAT(Streamed(tokenizer, "\xE6\x97"), ElementsAre("", "", "\xE6\x97"));
}

TEST(StreamDecoder, GivesAllBytesInTheEnd) {
  Rng rng(9);
  const Tokenizer tokenizer(WithAddedTokens());
  for (int i = 0; i < 500; ++i) {
    const std::vector<std::int32_t> ids = tokenizer.Encode(Noise(rng));
    StreamDecoder decoder(tokenizer);
    std::string text;
    for (const std::int32_t id : ids) text += decoder.Add(id);
    ASSERT_EQ(text + decoder.Finish(), tokenizer.Decode(ids));
    ASSERT_EQ(decoder.Finish(), "");
  }
}

TEST(StreamDecoder, SkipsWhatHasNoText) {
  const Tokenizer tokenizer(WithAddedTokens());
  StreamDecoder decoder(tokenizer, {.skip_special_tokens = true});
  EXPECT_EQ(decoder.Add('\xE6' & 0xFF), "");
  EXPECT_EQ(decoder.Add(259), "");        // special
  EXPECT_EQ(decoder.Add(265), "");        // a gap
  EXPECT_EQ(decoder.Add(1'000'000), "");  // a row of the embedding without a token
  EXPECT_EQ(decoder.Add(0x97), "");
  EXPECT_EQ(decoder.Add(0xA5), "日");
  EXPECT_THROW(decoder.Add(-1), Error);
}

}  // namespace
}  // namespace lts
