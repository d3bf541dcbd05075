# lts: three commands do everything, set-up included.
#   make search    builds lts and searches this machine for 60 s; report in lts-search/report.html
#   make test      builds and runs all tests
#   make train     builds lts, trains a member of the front on Debian's documentation for minutes, continues a prompt
# All install missing Debian packages first (through sudo when not root) and are quick when nothing changed.

# Options of the search: make search ARGS="--threads 1 --budget 300s"
ARGS ?=
OUT ?= lts-search
BUDGET ?= 60s

.PHONY: help setup search train test bench check check-arm format onnxruntime setup-run setup-train setup-test clean

help:
	@sed -n '2,5s/^# *//p' Makefile
	@echo "make setup     all that building and testing needs, and ONNX Runtime's library"
	@echo "make bench     runs the benchmarks: repeatability, kernels, engine"
	@echo "make check     all other presets: bench (built), asan, tsan, fuzz, tidy (about an hour)"
	@echo "make check-arm    cross-builds for 64-bit Arm and runs all tests emulated (about an hour)"
	@echo "make format    clang-format on every file"
	@echo "make onnxruntime    ONNX Runtime's library alone, for --runtime onnxruntime"

setup: setup-test onnxruntime

setup-run:
	@tools/setup.sh run

setup-train:
	@tools/setup.sh train

setup-test:
	@tools/setup.sh test

search: setup-run
	@tools/build.sh release lts
	@build/release/bin/lts search --budget $(BUDGET) --out $(OUT) $(ARGS)

# A build folder that was configured before libtorch was installed is configured again.
train: setup-train
	@[ ! -f build/release/build.ninja ] || ninja -C build/release -t query lts_train_torch_library >/dev/null 2>&1 || cmake --preset release >/dev/null
	@tools/build.sh release lts lts_train_torch_library
	@tools/train_example.sh build/release/bin/lts lts-train $(OUT) $(ARGS)

test: setup-test
	@tools/build.sh dev
	@ctest --preset dev

bench: setup-test
	@tools/build.sh bench
	@tools/bench.sh build/bench

check: setup-test
	@tools/setup.sh check
	@tools/build.sh bench
	cmake --workflow --preset asan
	cmake --workflow --preset tsan
	cmake --workflow --preset fuzz
	cmake --workflow --preset tidy

check-arm:
	@tools/setup.sh arm
	@tools/check_aarch64.sh

onnxruntime:
	@tools/setup.sh onnxruntime
	@tools/fetch_onnxruntime.sh

format:
	git ls-files '*.h' '*.cc' | xargs clang-format -i

clean:
	rm -rf build
