#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: with_specs.sh PROGRAM
# The official test files are looked for when a test runs, not when it is built: in $MUV_SPECS, or
# beside the clone. Without them the test is skipped (77).
: "${MUV_SPECS:=$(dirname "$0")/../../shared/specs}"
export MUV_SPECS
if [ ! -d "$MUV_SPECS" ]; then
    echo "no official test files: $MUV_SPECS is no folder (set MUV_SPECS)" >&2
    exit 77
fi
"$@" || exit 1
