#!/bin/sh
# Makes a folder of arm64's headers and libraries that lts can be cross-built against: the packages of
# `tools/setup.sh list run` and the tests' libraries, with what they depend on, from the sources that this Debian
# machine's apt knows. They are unpacked, not installed: apt's state and dpkg's of this machine stay as they are.
#   tools/arm64_sysroot.sh DIR     quick when DIR has been made from the same list
set -eu
dir=$1
here=$(dirname "$0")
packages="libstdc++-12-dev libgtest-dev libgmock-dev $("$here/setup.sh" list run | grep -E -- '-dev$|^libjs-' | tr '\n' ' ')"

if [ "$(cat "$dir/lts-packages" 2>/dev/null || true)" = "$packages" ]; then
  exit 0
fi
echo "sysroot: fetching and unpacking arm64's packages into $dir"
rm -rf "$dir" "$dir.apt"
trap 'rm -rf "$dir.apt"' EXIT
mkdir -p "$dir/usr/lib" "$dir.apt/state/lists/partial" "$dir.apt/cache/archives/partial"
: >"$dir.apt/status"
apt=$(cd "$dir.apt" && pwd)
log=$apt/log
# An empty status file: nothing is installed, so apt fetches dependencies down to the C library.
apt_get() {
  apt-get -y -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State="$apt/state" \
    -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
    -o APT::Install-Recommends=false -o Acquire::Languages=none "$@"
}
if ! { apt_get update && apt_get install --download-only $packages; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "arm64_sysroot.sh: apt-get failed (above); do this machine's apt sources have arm64, and is the network up?" >&2
  exit 1
fi
ln -s usr/lib "$dir/lib"
for package in "$apt"/cache/archives/*.deb; do
  dpkg-deb -x "$package" "$dir"
done
# Links of the packages are meant for a root at /.
find "$dir" -type l -lname '/*' | while read -r link; do
  ln -snrf "$dir$(readlink "$link")" "$link"
done
printf '%s\n' "$packages" >"$dir/lts-packages"
