#!/bin/sh
# Fetches ONNX Runtime's library for `lts --runtime onnxruntime`: the official Python wheel through pip, of which only
# libonnxruntime.so is unpacked, into $XDG_DATA_HOME/lts/onnxruntime (~/.local/share/lts/onnxruntime). Quick when it is
# there.
#   tools/fetch_onnxruntime.sh [VERSION]     e.g. 1.20.1; without: any that is there, or the newest
set -eu
version=${1:-}
folder=${XDG_DATA_HOME:-$HOME/.local/share}/lts/onnxruntime
for library in "$folder"/libonnxruntime.so.${version:-*}; do
  [ -f "$library" ] || continue
  echo "onnxruntime: $library"
  exit 0
done
mkdir -p "$folder"
work=$(mktemp -d "$folder/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
if ! python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$work" \
     "onnxruntime${version:+==$version}" >"$work/log" 2>&1; then
  tail -n 5 "$work/log" >&2
  echo "fetch_onnxruntime.sh: pip cannot fetch onnxruntime (above); is the network up?" >&2
  exit 1
fi
python3 - "$work" <<'PYTHON'
import pathlib, sys, zipfile
work = pathlib.Path(sys.argv[1])
(wheel,) = work.glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    names = [n for n in archive.namelist() if n.startswith("onnxruntime/capi/libonnxruntime.so.")]
    if len(names) != 1:
        sys.exit(f"{wheel.name}: got {len(names)} libraries, expected one libonnxruntime.so")
    (work / pathlib.PurePosixPath(names[0]).name).write_bytes(archive.read(names[0]))
PYTHON
# Renamed within one file system: there whole or not at all.
for library in "$work"/libonnxruntime.so.*; do
  mv "$library" "$folder/"
  echo "onnxruntime: $folder/$(basename "$library")"
done
