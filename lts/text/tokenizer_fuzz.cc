// Whatever the bytes, read as tokenizer.json, as tokenizer_config.json and as merges.txt: a
// tokenizer or one lts::Error of one line; a tokenizer encodes and loses no byte.
#include <cstdint>
#include <string>
#include <string_view>

#include "lts/base/error.h"
#include "lts/text/test_vocabulary.h"
#include "lts/text/tokenizer_file.h"

namespace {

using lts::Json;

// A vocabulary is too long for a fuzzer to keep whole: the 256 bytes are put in where there is
// room.
void AddBytes(const lts::TokenizerData& bytes, lts::TokenizerData& data) {
  const std::size_t next = data.tokens.size();
  data.tokens.insert(data.tokens.end(), bytes.tokens.begin(), bytes.tokens.end());
  for (lts::AddedToken& token : data.added) {
    if (token.id >= static_cast<std::int32_t>(next)) token.id += 256;
  }
  for (std::size_t i = 0; i < next; ++i) {
    if (data.tokens[i].bytes.size() == 1) data.tokens[i].exists = false;
  }
}

template <typename F>
void Only(F&& f) {
  try {
    f();
  } catch (const lts::Error& e) {
    LTS_CHECK(std::string_view(e.what()).find_first_of("\n\r") == std::string_view::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const lts::TokenizerData kBytes = lts::BytesAndMerges({{"a", "b"}});
  Only([&] {
    const Json json = lts::ParseJson(text, "fuzz");
    Only([&] {
      lts::TokenizerData config = kBytes;
      lts::ApplyTokenizerConfig(json, "fuzz", true, config);
      const lts::Tokenizer tokenizer(config);
      LTS_CHECK(tokenizer.vocab_size() >= 257);
    });
    lts::TokenizerData parsed = lts::ParseTokenizerJson(json, "fuzz");
    if (parsed.tokens.size() > 4096)
      return;  // the table of a million ids is slow to make each time
    AddBytes(kBytes, parsed);
    const lts::Tokenizer tokenizer(parsed, "fuzz");
    const std::vector<std::int32_t> ids = tokenizer.Encode(text.substr(0, 256));
    LTS_CHECK(!tokenizer.Decode(ids).empty() || ids.empty());
  });
  Only([&] {
    static const Json kVocab = [] {
      Json vocab = Json::MakeObject();
      vocab["a"] = 0;
      vocab["b"] = 1;
      vocab["ab"] = 2;
      return vocab;
    }();
    lts::ParseVocabAndMerges(kVocab, "vocab", text, "merges");
  });
  return 0;
}
