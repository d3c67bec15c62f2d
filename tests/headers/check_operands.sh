#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check_operands.sh INCLUDE COMPILER [FLAG...]
#
# Typed filters and models are checked by the compiler: what fits compiles without a warning, an
# operand of the wrong type does not compile, and neither does a member whose type does not fit the
# kind of its row.
set -euo pipefail
include=$1
shift
compiler=("$@" -I "$include" -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    -Wsign-conversion -Wcast-qual -Wundef -Wmissing-prototypes -Werror)

# compile STATEMENT [MEMBER_TYPE]: does a program with it compile?
compile() {
    "${compiler[@]}" - 2>/dev/null <<PROGRAM
#include <muv/odm.h>
struct point {
    muv_doc_t doc;
    ${2:-int64_t} votes;
};
const muv_field_t point_rows[] = {MUV_FIELD(struct point, int64, votes, "v")};
const muv_field_t *first_row(void);
const muv_field_t *first_row(void)
{
    return point_rows;
}
#define POST_FIELDS(F, M)                                                                        \\
    F(M, objectid, id, "_id")                                                                    \\
    F(M, string, title, "t", .flags = MUV_REQUIRED)                                              \\
    F(M, int64, votes, "v", .min = MUV_INT(0))                                                   \\
    F(M, list(string), tags, "tg")
MUV_DECLARE_DOCUMENT(post, POST_FIELDS);
MUV_DEFINE_DOCUMENT(post, POST_FIELDS, "Post", .collection = "post");
void use(muv_query_t *query);
void use(muv_query_t *query)
{
    ${1:-(void)query;}
}
PROGRAM
}

failures=0
expect() { # works|fails STATEMENT [MEMBER_TYPE]
    local found=works
    compile "${@:2}" || found=fails
    if [ "$found" != "$1" ]; then
        echo "should have: $1 - found: $found: ${*:2}" >&2
        failures=$((failures + 1))
    fi
}

expect works ''
expect works 'muv_query_filter(query, muv_gte(post_fields.votes, 10));'
expect works 'muv_query_filter(query, muv_eq(post_fields.title, "hello"));'
expect works 'muv_query_filter(query, muv_eq(post_fields.tags, "c"));'
expect fails 'muv_query_filter(query, muv_gte(post_fields.votes, "ten"));'
expect fails 'muv_query_filter(query, muv_eq(post_fields.title, 10));'
expect fails 'muv_query_filter(query, muv_eq(post_fields.tags, 1.5));'
expect fails '' 'int32_t'
expect fails '' 'muv_str_t'

[ "$failures" -eq 0 ] && echo "9 programs, each as expected"
