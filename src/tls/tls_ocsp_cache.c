/* SPDX-License-Identifier: Apache-2.0 */
/* A short table: servers are few, and it is looked at once for each full handshake. */
#include "tls/tls_ocsp_cache.h"

#include <string.h>

#include "base/assert.h"

/* A clock that was put back makes an answer newer than it can be known to be; a little of that is
 * a connection that was begun before the answer came. */
static int holds(const muv__ocsp_entry_t *entry, int64_t wall_s)
{
    return entry->stored_at != 0 && wall_s < entry->until_s &&
           wall_s >= entry->stored_s - MUV__OCSP_SKEW_S;
}

static int is_of(const muv__ocsp_entry_t *entry, const uint8_t *key)
{
    return entry->stored_at != 0 && memcmp(entry->key, key, MUV__OCSP_KEY_BYTES) == 0;
}

muv__ocsp_status_t muv__ocsp_cache_find(const muv__ocsp_cache_t *cache,
                                        const uint8_t key[MUV__OCSP_KEY_BYTES], int64_t wall_s)
{
    for (unsigned i = 0; i < MUV__OCSP_CACHE_MAX; i++) {
        const muv__ocsp_entry_t *entry = &cache->slots[i];

        if (is_of(entry, key)) {
            return holds(entry, wall_s) ? entry->status : MUV__OCSP_UNUSABLE;
        }
    }
    return MUV__OCSP_UNUSABLE;
}

/* How bad it would be to forget this. */
static unsigned worth(const muv__ocsp_entry_t *entry, int64_t wall_s)
{
    return holds(entry, wall_s) ? 1 + (unsigned)entry->status : 0;
}

/* Its own slot, or the one that is worth least, and of these the oldest. */
static muv__ocsp_entry_t *slot_for(muv__ocsp_cache_t *cache, const uint8_t *key, int64_t wall_s)
{
    muv__ocsp_entry_t *best = &cache->slots[0];

    for (unsigned i = 0; i < MUV__OCSP_CACHE_MAX; i++) {
        muv__ocsp_entry_t *entry = &cache->slots[i];
        unsigned ours = worth(entry, wall_s);
        unsigned least = worth(best, wall_s);

        if (is_of(entry, key)) {
            return entry;
        }
        if (ours < least || (ours == least && entry->stored_at < best->stored_at)) {
            best = entry;
        }
    }
    return best;
}

/* What says less never replaces what says more, nor the shorter the longer one, while it holds. */
static int says_less(muv__ocsp_status_t status, int64_t until_s, const muv__ocsp_entry_t *entry)
{
    return status != entry->status ? status < entry->status : until_s < entry->until_s;
}

void muv__ocsp_cache_store(muv__ocsp_cache_t *cache, const uint8_t key[MUV__OCSP_KEY_BYTES],
                           muv__ocsp_status_t status, int64_t until_s, int64_t wall_s)
{
    muv__ocsp_entry_t *entry = slot_for(cache, key, wall_s);

    MUV__ASSERT(status != MUV__OCSP_UNUSABLE);
    if (is_of(entry, key) && holds(entry, wall_s) && says_less(status, until_s, entry)) {
        return;
    }
    entry->stored_at = ++cache->stored_count;
    entry->stored_s = wall_s;
    entry->until_s = until_s;
    entry->status = status;
    memcpy(entry->key, key, MUV__OCSP_KEY_BYTES);
}
