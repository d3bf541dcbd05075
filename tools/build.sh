#!/bin/sh
# Configures a preset when needed and builds it; says little when all is well.
#   tools/build.sh PRESET [TARGET...]
set -eu
preset=$1
shift
dir=build/$preset
mkdir -p "$dir"
log=$dir/build.log
if [ ! -f "$dir/build.ninja" ]; then
  echo "configuring $preset"
  if ! cmake --preset "$preset" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
  fi
fi
# Two jobs at least; never more than memory allows at about 1 GiB a compiler.
jobs=$(nproc)
memory_gib=$(awk '/MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
[ "$memory_gib" -ge "$jobs" ] || jobs=$((memory_gib > 0 ? memory_gib : 1))
pending=$(ninja -C "$dir" -n "$@" 2>/dev/null | grep -c '^\[' || true)
[ "$pending" = 0 ] || echo "building $preset ($pending steps, log in $log)"
if ! ninja -C "$dir" -j "$jobs" "$@" >"$log" 2>&1; then
  grep -n -A 20 -m 1 'FAILED' "$log" >&2 || tail -n 40 "$log" >&2
  exit 1
fi
