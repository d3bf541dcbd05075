#!/bin/sh
# Cross-builds lts for 64-bit Arm and runs the tests of the engines, and of all that they stand on, under qemu's
# user-mode emulation. Packages: tools/setup.sh arm. Tests that start lts as a process of its own are not among them: the
# kernel would have to know of qemu.
#   tools/check_aarch64.sh [MODULE...]    the tests' names; without: all that can be emulated
set -eu
cd "$(dirname "$0")/.."
mkdir -p build/aarch64
tools/arm64_sysroot.sh build/aarch64/sysroot
modules=${*:-base text record arch io export runtime runtime_reference runtime_cpu generate runtime_registry}
programs=
for module in $modules; do
  programs="$programs ${module}_test"
done
tools/build.sh aarch64 $programs
ctest --test-dir build/aarch64 --output-on-failure -R "^($(echo $modules | tr ' ' '|'))\$"
