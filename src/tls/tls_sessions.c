/* SPDX-License-Identifier: Apache-2.0 */
/* A short table: servers are few, and it is looked at once for each new connection. */
#include "tls/tls_sessions.h"

#include <string.h>

static void drop(muv__tls_session_t *slot)
{
    SSL_SESSION_free(slot->session);
    slot->session = NULL;
    slot->stored_at = 0;
}

void muv__tls_sessions_done(muv__tls_sessions_t *sessions)
{
    for (unsigned i = 0; i < MUV__TLS_SESSIONS_MAX; i++) {
        drop(&sessions->slots[i]);
    }
}

static muv__tls_session_t *slot_of(muv__tls_sessions_t *sessions, const muv__host_t *host)
{
    for (unsigned i = 0; i < MUV__TLS_SESSIONS_MAX; i++) {
        muv__tls_session_t *slot = &sessions->slots[i];

        if (slot->session != NULL && muv__host_equal(&slot->host, host)) {
            return slot;
        }
    }
    return NULL;
}

/* A free slot, or the oldest one. */
static muv__tls_session_t *slot_to_fill(muv__tls_sessions_t *sessions)
{
    muv__tls_session_t *oldest = &sessions->slots[0];

    for (unsigned i = 1; i < MUV__TLS_SESSIONS_MAX; i++) {
        if (sessions->slots[i].stored_at < oldest->stored_at) {
            oldest = &sessions->slots[i];
        }
    }
    return oldest;
}

const muv__tls_session_t *muv__tls_sessions_find(muv__tls_sessions_t *sessions,
                                                 const muv__host_t *host, int64_t wall_s)
{
    muv__tls_session_t *slot = slot_of(sessions, host);

    if (slot == NULL) {
        return NULL;
    }
    /* A clock that was put back makes it older than it can be known to be. */
    if (wall_s < slot->verified_s || wall_s - slot->verified_s >= MUV__TLS_SESSION_AGE_S ||
        !SSL_SESSION_is_resumable(slot->session)) {
        drop(slot);
        return NULL;
    }
    return slot;
}

void muv__tls_sessions_store(muv__tls_sessions_t *sessions, const muv__host_t *host,
                             SSL_SESSION *session, int64_t verified_s, const uint8_t *key)
{
    muv__tls_session_t *slot = slot_of(sessions, host);

    if (slot == NULL) {
        slot = slot_to_fill(sessions);
    }
    drop(slot);
    slot->session = session;
    slot->verified_s = verified_s;
    slot->stored_at = ++sessions->stored_count;
    slot->host = *host;
    slot->has_key = key != NULL;
    if (key != NULL) {
        memcpy(slot->key, key, sizeof(slot->key));
    }
}

void muv__tls_sessions_forget(muv__tls_sessions_t *sessions, const muv__host_t *host)
{
    muv__tls_session_t *slot = slot_of(sessions, host);

    if (slot != NULL) {
        drop(slot);
    }
}
