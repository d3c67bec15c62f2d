/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the revocation of servers' certificates, from staples and from responders, so
 * that the next connections of a pool ask nobody. Bounded: the answer that came longest ago makes
 * room. An answer ends with its nextUpdate.
 *
 *   GOOD     nobody is asked
 *   REVOKED  refused, whatever a server staples; it stays until it ends
 *   UNKNOWN  somebody was asked in vain. That is no answer (OCSP Support: caching), but nobody is
 *            asked again for a while, or a responder that hangs would hold up each connection. */
#ifndef MUV__TLS_OCSP_CACHE_H
#define MUV__TLS_OCSP_CACHE_H

#include <stdint.h>

#include "tls/tls_ocsp.h"
#include "tls/tls_ocsp_query.h"

#define MUV__OCSP_CACHE_MAX 32

/* For so long nobody is asked again. */
#define MUV__OCSP_SILENCE_S 60

typedef struct muv__ocsp_entry {
    uint64_t stored_at; /* Order in which answers came; 0: the slot is free. */
    int64_t stored_s;   /* Wall time. */
    int64_t until_s;
    muv__ocsp_status_t status;
    uint8_t key[MUV__OCSP_KEY_BYTES];
} muv__ocsp_entry_t;

/* All zero: nothing is known. */
typedef struct muv__ocsp_cache {
    uint64_t stored_count;
    muv__ocsp_entry_t slots[MUV__OCSP_CACHE_MAX];
} muv__ocsp_cache_t;

/* UNUSABLE: nothing is known. */
muv__ocsp_status_t muv__ocsp_cache_find(const muv__ocsp_cache_t *cache,
                                        const uint8_t key[MUV__OCSP_KEY_BYTES], int64_t wall_s);

/* Remember a status (not UNUSABLE) until `until_s`. */
void muv__ocsp_cache_store(muv__ocsp_cache_t *cache, const uint8_t key[MUV__OCSP_KEY_BYTES],
                           muv__ocsp_status_t status, int64_t until_s, int64_t wall_s);

#endif
