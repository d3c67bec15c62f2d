#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: check_package.sh CMAKE BUILD_DIR CC
# Installs the build into a temporary prefix, moves the prefix (it must be relocatable), and builds
# and runs the consumer program through find_package and through pkg-config, shared and static.
set -euo pipefail
cmake=$1 build=$2 cc=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/muv-package-XXXXXX")
trap 'rm -rf "$work"' EXIT
# The installation of the machine must not be what is found.
unset CMAKE_PREFIX_PATH muv_DIR

"$cmake" --install "$build" --prefix "$work/first" >/dev/null
prefix=$work/second
mv "$work/first" "$prefix"
libdir=$(dirname "$(find "$prefix" -name libmuv.a)")

echo "== find_package, shared and static"
"$cmake" -S "$here/consumer" -B "$work/build" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release >"$work/log" 2>&1 &&
    "$cmake" --build "$work/build" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$work/build/consumer_shared"
"$work/build/consumer_static"

# Checked against the name in the ELF header, not against the file that happened to be there.
# expect_shared yes|no PROGRAM
expect_shared() {
    local found=no
    ! readelf -d "$2" | grep 'NEEDED.*\[libmuv\.so\.0\]' >/dev/null || found=yes
    [ "$found" = "$1" ] || { echo "$2: needs libmuv.so.0: $found, expected $1"; exit 1; }
}
expect_shared yes "$work/build/consumer_shared"
expect_shared no "$work/build/consumer_static"

export PKG_CONFIG_PATH=$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
# shellcheck disable=SC2046
pkg_config_build() {
    local out=$1
    shift
    "$cc" -std=c11 -Wall -Wextra -Werror -o "$out" "$here/consumer/consumer.c" \
        $(pkg-config "$@" --cflags --libs muv)
}
echo "== pkg-config, shared"
pkg_config_build "$work/pc_shared"
LD_LIBRARY_PATH="$libdir" "$work/pc_shared"
expect_shared yes "$work/pc_shared"

echo "== pkg-config, static"
rm "$libdir"/libmuv.so*
# Only libmuv is static here: the dependencies come as Debian has them.
pkg_config_build "$work/pc_static" --static
"$work/pc_static"
expect_shared no "$work/pc_static"
echo "package: ok"
