#include "lts/runtime/cpu/kernels/amx.h"

#include <atomic>
#include <cstdlib>

#include "lts/base/error.h"
#include "lts/runtime/cpu/kernels/targets.h"

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#include <asm/prctl.h>
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#define LTS_AMX __attribute__((target("amx-tile,amx-bf16,amx-int8")))

namespace lts {
namespace {

bool ProcessorAndKernelHaveIt() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  constexpr unsigned kBits = (1U << 22) | (1U << 24) | (1U << 25);  // BF16, TILE, INT8
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kBits) != kBits) return false;
  // Tile data is state that a process must ask for (Linux 5.16); the permission holds for all of
  // its threads.
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

// Palette 1: eight tiles of up to 16 rows of 64 bytes. 0-3 are sums, 4-5 of a, 6-7 of b; of blocks
// of 1 x 4 tiles 4 is of a and 5-7 of b.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, 16> row_bytes{};
  std::array<std::uint8_t, 16> rows{};
};
static_assert(sizeof(TileConfig) == 64);

// sum += a b. Tile numbers are part of the instructions.
template <bool kInt8, int kSum>
LTS_AMX inline void Multiply() {
  if constexpr (kInt8) {
    if constexpr (kSum == 0) _tile_dpbsud(0, 4, 6);
    if constexpr (kSum == 1) _tile_dpbsud(1, 4, 7);
    if constexpr (kSum == 2) _tile_dpbsud(2, 5, 6);
    if constexpr (kSum == 3) _tile_dpbsud(3, 5, 7);
  } else {
    if constexpr (kSum == 0) _tile_dpbf16ps(0, 4, 6);
    if constexpr (kSum == 1) _tile_dpbf16ps(1, 4, 7);
    if constexpr (kSum == 2) _tile_dpbf16ps(2, 5, 6);
    if constexpr (kSum == 3) _tile_dpbf16ps(3, 5, 7);
  }
}

template <bool kInt8, int kRowTiles, int kColTiles>
LTS_AMX void Run(const AmxBlock& t) {
  auto* const c = static_cast<char*>(t.c);
  char* const c_low = c + kAmxRows * t.c_stride;
  if (t.accumulate) {
    _tile_loadd(0, c, t.c_stride);
    if constexpr (kColTiles == 2) _tile_loadd(1, c + 64, t.c_stride);
    if constexpr (kRowTiles == 2) _tile_loadd(2, c_low, t.c_stride);
    if constexpr (kRowTiles == 2 && kColTiles == 2) _tile_loadd(3, c_low + 64, t.c_stride);
  } else {
    _tile_zero(0);
    if constexpr (kColTiles == 2) _tile_zero(1);
    if constexpr (kRowTiles == 2) _tile_zero(2);
    if constexpr (kRowTiles == 2 && kColTiles == 2) _tile_zero(3);
  }
  const auto* a = static_cast<const char*>(t.a);
  const auto* b = static_cast<const char*>(t.b);
  const char* ahead = t.prefetch;
  for (std::int64_t step = 0; step < t.steps; ++step) {
    // a, which comes from L2, is asked for first.
    _tile_loadd(4, a, t.a_stride);
    if constexpr (kRowTiles == 2) _tile_loadd(5, a + kAmxRows * t.a_stride, t.a_stride);
    _tile_loadd(6, b, t.b_stride);
    if constexpr (kColTiles == 2) _tile_loadd(7, b + 64, t.b_stride);
    Multiply<kInt8, 0>();
    if constexpr (kRowTiles == 2) Multiply<kInt8, 2>();
    if constexpr (kColTiles == 2) Multiply<kInt8, 1>();
    if constexpr (kRowTiles == 2 && kColTiles == 2) Multiply<kInt8, 3>();
    for (std::int64_t i = 0; i < t.prefetch_lines; ++i, ahead += 64)
      __builtin_prefetch(ahead, 0, 2);
    a += 64;
    b += kAmxRows * t.b_stride;
  }
  _tile_stored(0, c, t.c_stride);
  if constexpr (kColTiles == 2) _tile_stored(1, c + 64, t.c_stride);
  if constexpr (kRowTiles == 2) _tile_stored(2, c_low, t.c_stride);
  if constexpr (kRowTiles == 2 && kColTiles == 2) _tile_stored(3, c_low + 64, t.c_stride);
}

// 1 x 4 tiles: a tile of a is loaded once for 64 columns.
template <bool kInt8>
LTS_AMX void RunWide(const AmxBlock& t) {
  auto* const c = static_cast<char*>(t.c);
  if (t.accumulate) {
    _tile_loadd(0, c, t.c_stride);
    _tile_loadd(1, c + 64, t.c_stride);
    _tile_loadd(2, c + 128, t.c_stride);
    _tile_loadd(3, c + 192, t.c_stride);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const auto* a = static_cast<const char*>(t.a);
  const auto* b = static_cast<const char*>(t.b);
  const char* ahead = t.prefetch;
  for (std::int64_t step = 0; step < t.steps; ++step) {
    _tile_loadd(4, a, t.a_stride);
    _tile_loadd(6, b, t.b_stride);
    _tile_loadd(7, b + 64, t.b_stride);
    _tile_loadd(5, b + 128, t.b_stride);
    if constexpr (kInt8) {
      _tile_dpbsud(0, 4, 6);
      _tile_loadd(6, b + 192, t.b_stride);
      _tile_dpbsud(1, 4, 7);
      _tile_dpbsud(2, 4, 5);
      _tile_dpbsud(3, 4, 6);
    } else {
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(6, b + 192, t.b_stride);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 4, 5);
      _tile_dpbf16ps(3, 4, 6);
    }
    for (std::int64_t i = 0; i < t.prefetch_lines; ++i, ahead += 64)
      __builtin_prefetch(ahead, 0, 2);
    a += 64;
    b += kAmxRows * t.b_stride;
  }
  _tile_stored(0, c, t.c_stride);
  _tile_stored(1, c + 64, t.c_stride);
  _tile_stored(2, c + 128, t.c_stride);
  _tile_stored(3, c + 192, t.c_stride);
}

constexpr TileConfig FullTiles() {
  TileConfig config;
  for (std::size_t tile = 0; tile < 8; ++tile) {
    config.row_bytes[tile] = 64;
    config.rows[tile] = 16;
  }
  return config;
}
// In memory for good: GCC 12's intrinsic says that it reads 8 bytes, and stores of the others to a
// local variable would be dropped.
constexpr TileConfig kFullTiles = FullTiles();

LTS_AMX void LoadConfig() { _tile_loadconfig(&kFullTiles); }

LTS_AMX void ReleaseConfig() { _tile_release(); }

template <bool kInt8>
void RunTiles(const AmxBlock& block, int row_tiles, int col_tiles) {
  if (col_tiles == 4) return RunWide<kInt8>(block);
  if (row_tiles == 2) {
    if (col_tiles == 2) return Run<kInt8, 2, 2>(block);
    return Run<kInt8, 2, 1>(block);
  }
  if (col_tiles == 2) return Run<kInt8, 1, 2>(block);
  return Run<kInt8, 1, 1>(block);
}

}  // namespace

AmxTiles::AmxTiles() { LoadConfig(); }
AmxTiles::~AmxTiles() { ReleaseConfig(); }

void AmxMultiply(DType dtype, const AmxBlock& block, int row_tiles, int col_tiles) {
  if (dtype == DType::kInt8) {
    RunTiles<true>(block, row_tiles, col_tiles);
  } else {
    RunTiles<false>(block, row_tiles, col_tiles);
  }
}

#else

namespace lts {
namespace {

bool ProcessorAndKernelHaveIt() { return false; }

}  // namespace

AmxTiles::AmxTiles() { LTS_CHECK(false); }
AmxTiles::~AmxTiles() = default;
void AmxMultiply(DType, const AmxBlock&, int, int) { LTS_CHECK(false); }

#endif

namespace {

bool ProcessHasIt() {
  static const bool has =
      !MaxIsaIsSet() && std::getenv("LTS_NO_AMX") == nullptr && ProcessorAndKernelHaveIt();
  return has;
}

std::atomic<bool>& AllowedByTest() {
  static std::atomic<bool> allowed{true};
  return allowed;
}

}  // namespace

bool AmxAvailable() { return ProcessHasIt() && AllowedByTest().load(std::memory_order_relaxed); }
void SetAmxForTest(bool on) { AllowedByTest().store(on, std::memory_order_relaxed); }

}  // namespace lts
