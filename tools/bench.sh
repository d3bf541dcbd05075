#!/bin/sh
# Runs every benchmark program below a build folder, one after another: nothing else should run on the machine.
#   tools/bench.sh build/bench [NAME...]   NAME: part of a program's name, e.g. gemm
set -eu
dir=$1
shift
status=0
ran=0
for program in $(find "$dir" -name '*_bench' -type f -perm -u+x | sort); do
  name=$(basename "$program")
  if [ $# -gt 0 ]; then
    wanted=
    for part in "$@"; do
      case "$name" in *"$part"*) wanted=1 ;; esac
    done
    [ -n "$wanted" ] || continue
  fi
  echo "== $name"
  "$program" || { status=1; echo "$name: failed" >&2; }
  ran=$((ran + 1))
done
echo "$ran benchmark programs ran"
[ "$ran" -gt 0 ] || { echo "bench.sh: no benchmark in $dir matches '$*'" >&2; exit 1; }
exit $status
