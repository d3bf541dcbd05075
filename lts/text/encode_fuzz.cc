// Any text, broken UTF-8 included, under every rule and an expression: ids equal the reference's,
// they decode to the text, and so do they one by one.
#include <cstdint>
#include <string>
#include <string_view>

#include "lts/base/error.h"
#include "lts/text/reference_encoder.h"
#include "lts/text/stream_decoder.h"
#include "lts/text/test_vocabulary.h"
#include "lts/text/tokenizer.h"

namespace {

struct Encoders {
  explicit Encoders(const lts::TokenizerData& data) : fast(data), reference(data) {}
  lts::Tokenizer fast;
  lts::ReferenceEncoder reference;
};

lts::TokenizerData Data(std::string_view expression) {
  lts::TokenizerData data = lts::BytesAndMerges({{"t", "h"},
                                                 {"th", "e"},
                                                 {" ", "the"},
                                                 {" ", " "},
                                                 {"a", "a"},
                                                 {"aa", "aa"},
                                                 {"\xE6", "\x97"},
                                                 {"\xE6\x97", "\xA5"},
                                                 {"\xF0", "\x9F"},
                                                 {"1", "2"}});
  const auto next = static_cast<std::int32_t>(data.tokens.size());
  data.added = {{.content = "<e>", .id = next, .special = true},
                {.content = "<e>>", .id = next + 1},
                {.content = "<n>", .id = next + 2, .normalized = true}};
  data.splits = {std::string(expression)};
  return data;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Encoders kEncoders[] = {
      Encoders(Data(lts::kGpt2Expression)), Encoders(Data(lts::kLlama3Expression)),
      Encoders(Data(lts::kQwen2Expression)), Encoders(Data(lts::kNumberExpression)),
      Encoders(Data(R"([\p{Lu}\p{M}]?[\p{Ll}\p{Lo}]+(?i:'s)?|\s*[\r\n]+)"))};
  const std::string_view text(reinterpret_cast<const char*>(data),
                              size > 2048 ? std::size_t{2048} : size);
  for (const Encoders& encoders : kEncoders) {
    const std::vector<std::int32_t> ids = encoders.fast.Encode(text);
    LTS_CHECK(ids == encoders.reference.Encode(text));
    LTS_CHECK(encoders.fast.Decode(ids) == text);
    lts::StreamDecoder decoder(encoders.fast);
    std::string streamed;
    for (const std::int32_t id : ids) streamed += decoder.Add(id);
    LTS_CHECK(streamed + decoder.Finish() == text);
  }
  return 0;
}
