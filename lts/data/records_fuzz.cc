// Whatever the bytes, as a file of each kind, plain or packed: records that are not empty and
// within their limits, or one lts::Error of one line. The first byte chooses the kind.
#include <cstdint>
#include <string_view>

#include "lts/base/error.h"
#include "lts/data/records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const lts::FileKind kind = data[0] % 3 == 0   ? lts::FileKind::kText
                             : data[0] % 3 == 1 ? lts::FileKind::kJsonLines
                                                : lts::FileKind::kTokens;
  lts::RecordOptions options;
  options.document_bytes = 64;
  if (data[0] / 3 % 2 == 1) options.separator = "ab";
  constexpr std::int64_t kEnough = std::int64_t{16} << 20;  // of what a small input unpacks to
  try {
    const auto reader =
        lts::RecordsOf(lts::ByteSourceOver(bytes, "fuzz"), {.path = "fuzz", .kind = kind}, options);
    for (std::int64_t total = 0; total < kEnough;) {
      const std::optional<lts::Record> record = reader->Next();
      if (!record) break;
      const std::int64_t length = std::ssize(record->bytes) + std::ssize(record->ids);
      LTS_CHECK(length > 0 && length <= lts::kMaxRecordBytes);
      LTS_CHECK(reader->stored_bytes_read() <= static_cast<std::int64_t>(size));
      total += length;
    }
  } catch (const lts::Error& error) {
    LTS_CHECK(std::string_view(error.what()).find_first_of("\n\r") == std::string_view::npos);
  }
  return 0;
}
