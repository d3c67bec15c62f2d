#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: check_headers.sh INCLUDE_DIR COMPILER FLAGS...
# Compiles every header under INCLUDE_DIR alone, twice in a row (include guard), as the only
# content of a translation unit. It must be found under its public name.
set -u
include=$1
shift
failed=0
count=0
cd "$include" || exit 1
for header in $(find . -name '*.h' | sed 's|^\./||' | sort); do
    count=$((count + 1))
    if ! printf '#include <%s>\n#include <%s>\nextern int muv_no_empty_unit;\n' \
        "$header" "$header" |
        "$@" -Wall -Wextra -Wpedantic -Wundef -Werror -fsyntax-only -I. -; then
        echo "FAILED: $header" >&2
        failed=$((failed + 1))
    fi
done
echo "$count headers, $failed failed"
[ "$count" -gt 0 ] && [ "$failed" = 0 ]
