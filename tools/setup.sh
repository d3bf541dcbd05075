#!/bin/sh
# Installs the Debian packages that a goal needs and that are missing; silent and quick when none is.
#   tools/setup.sh run     to build and run lts          (make search)
#   tools/setup.sh train   and to train                  (make train)
#   tools/setup.sh test    and to run its tests          (make test, make bench)
#   tools/setup.sh check   and the clang-based presets   (make check)
#   tools/setup.sh arm     to cross-build lts for 64-bit Arm and emulate it (make check-arm)
#   tools/setup.sh onnxruntime   to fetch its library (make onnxruntime)
#   tools/setup.sh list GOAL   prints the packages of a goal
set -eu

run="g++ cmake ninja-build libfmt-dev nlohmann-json3-dev libtomlplusplus-dev libmd-dev libsqlite3-dev
     libhwy-dev libcli11-dev libjs-d3 libonnx-dev libprotobuf-dev libutf8proc-dev zlib1g-dev libzstd-dev"
# The trainer's float32 products are BLAS's: Debian's plain libblas3 has one thread and no blocking, OpenBLAS both. Of
# its builds the one with OpenMP shares its threads with libtorch.
torch="libtorch-dev libopenblas0-openmp"
train="$run $torch perl-doc git-doc"
test="$run $torch python3 python3-selenium chromium chromium-driver libgtest-dev libgmock-dev libbenchmark-dev libdnnl-dev
      ccache lld"
check="$test clang clang-tidy clang-format libclang-rt-14-dev"
arm="cmake ninja-build python3 g++-aarch64-linux-gnu qemu-user"

onnxruntime="python3 python3-pip"

packages_of() {
  case "$1" in
    run) echo $run ;;
    train) echo $train ;;
    test) echo $test ;;
    check) echo $check ;;
    arm) echo $arm ;;
    onnxruntime) echo $onnxruntime ;;
    *) echo "setup.sh: unknown goal '$1'; expected run, train, test, check, arm or onnxruntime" >&2; exit 2 ;;
  esac
}

if [ "${1:-}" = list ]; then
  packages_of "${2:-run}" | tr ' ' '\n'
  exit 0
fi
goal=${1:-run}
packages=$(packages_of "$goal")

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "setup.sh: not a Debian system; install these yourself: $packages" >&2
  exit 0
fi
missing=
for package in $packages; do
  # "install ok installed" is the only state in which the package's files are all there.
  state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$state" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1; then
  as_root=sudo
else
  echo "setup.sh: these packages are missing and neither root nor sudo is here:$missing" >&2
  exit 1
fi
echo "setup: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# An environment assignment in front of sudo is dropped by many sudoers files; env behind it is not.
if ! { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update &&
       $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "setup.sh: apt-get failed (above); is the network up?" >&2
  exit 1
fi
