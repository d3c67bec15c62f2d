/* SPDX-License-Identifier: Apache-2.0 */
/* Read preference: mode, tag sets in order, maximum staleness. All zero is mode primary without
 * tags and without a bound, and needs no muv__read_pref_done(). Which servers it allows is decided
 * by server selection, not here. */
#ifndef MUV__URI_READ_PREF_H
#define MUV__URI_READ_PREF_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/read_preference.h"

#define MUV__READ_PREF_TAGS_MAX 256
#define MUV__READ_PREF_SETS_MAX 64

/* The modes' names in the order of the enum, with a NULL behind them. */
extern const char *const muv__read_mode_names[];

void muv__read_pref_done(muv__read_pref_t *pref);

/* A deep copy. `to` is overwritten, not freed. Returns 0 or MUV_ENOMEM. */
int muv__read_pref_copy(muv__read_pref_t *to, const muv__read_pref_t *from);

/* Append an empty tag set; then put tags into the last one. Return 0, MUV_ENOMEM, MUV_ETOOLARGE (a
 * maximum is reached), or MUV_EINVAL: no set was added, the key is empty, or key or value contain a
 * NUL. */
int muv__read_pref_add_set(muv__read_pref_t *pref);
int muv__read_pref_add_tag(muv__read_pref_t *pref, const char *key, size_t key_length,
                           const char *value, size_t value_length);

/* Append one set from text: "dc:ny,rack:1", or "" for the empty set. Returns as above; on failure
 * the preference is as before. */
int muv__read_pref_add_text(muv__read_pref_t *pref, const char *text, size_t length);

/* -1 removes the bound, positive seconds set it. Returns 0 or MUV_EINVAL (0 is no valid bound; the
 * lower limit depends on the topology and is selection's to check). */
int muv__read_pref_set_max_staleness(muv__read_pref_t *pref, int64_t max_staleness_s);

/* 0 when the mode is primary and there is a bound or a tag set that is not empty, else 1. */
int muv__read_pref_is_valid(const muv__read_pref_t *pref);

/* Write the fields of $readPreference: mode, tags, maxStalenessSeconds. Failures stick in the
 * buffer. */
void muv__read_pref_write(const muv__read_pref_t *pref, muv__buf_t *buf);

#endif
