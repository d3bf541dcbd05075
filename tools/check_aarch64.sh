#!/bin/sh
# Cross-builds lts for 64-bit Arm and runs its tests under qemu's user-mode emulation; ctest says how long each took.
# Packages: tools/setup.sh arm. What cannot be emulated skips and says why (CONTRIBUTING.md).
#   tools/check_aarch64.sh [TEST...]    ctest's names, of modules mostly; without: builds everything and runs all
set -eu
cd "$(dirname "$0")/.."
mkdir -p build/aarch64
tools/arm64_sysroot.sh build/aarch64/sysroot
programs=
for test in "$@"; do
  case $test in
    *_fuzz) programs="$programs $test" ;;
    layers | layers_rejects) ;;
    report_page) programs="$programs report_sample" ;;
    *) programs="$programs ${test}_test" ;;
  esac
done
tools/build.sh aarch64 $programs
ctest --test-dir build/aarch64 --output-on-failure ${1:+-R "^($(echo "$@" | tr ' ' '|'))\$"}
