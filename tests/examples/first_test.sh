#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The README's first program is examples/first.c, and it answers against a real server.
set -euo pipefail
cd "$(dirname "$0")/../.."

extract() { sed -n '/^static muv_client_t \*client;/,$p' "$1" | sed '/^```$/,$d'; }
chapter=$(sed -n '/^## A first program/,/^## The mapper/p' README.md)
readme=$(printf '%s\n' "$chapter" | sed -n '/^static muv_client_t \*client;/,/^```$/p' |
    sed '/^```$/d')
example=$(extract examples/first.c)
if [ "$readme" != "$example" ]; then
    diff <(printf '%s\n' "$readme") <(printf '%s\n' "$example") || true
    echo "the program in README.md is not examples/first.c" >&2
    exit 1
fi
output=$("$MUV_EXAMPLES_DIR/first" "$MUV_TEST_URI")
printf '%s\n' "$output"
case $output in *'"ok" : 1'*) ;; *) echo "no answer" >&2; exit 1 ;; esac
