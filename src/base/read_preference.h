/* SPDX-License-Identifier: Apache-2.0 */
/* The value type of a read preference: mode, tag sets in order, maximum staleness. The connection
 * string fills it and server selection reads it; neither layer sees the other, so the type lives
 * below both. All zero is mode primary without tags and without a bound. */
#ifndef MUV__READ_PREFERENCE_H
#define MUV__READ_PREFERENCE_H

#include <stdint.h>

enum {
    MUV__READ_PRIMARY = 0,
    MUV__READ_PRIMARY_PREFERRED,
    MUV__READ_SECONDARY,
    MUV__READ_SECONDARY_PREFERRED,
    MUV__READ_NEAREST
};

typedef struct muv__read_tag {
    char *key;         /* [own] One allocation for key and value. */
    const char *value; /* Inside it. */
    uint32_t set;      /* Index of the tag set that this tag belongs to; ascending in the array. */
} muv__read_tag_t;

typedef struct muv__read_pref {
    int8_t mode;             /* MUV__READ_*. */
    int32_t max_staleness_s; /* 0: not bounded. */
    uint32_t set_count;      /* A set without tags matches every server. */
    uint32_t tag_count;
    muv__read_tag_t *tags; /* [own] Of all sets. */
} muv__read_pref_t;

#endif
