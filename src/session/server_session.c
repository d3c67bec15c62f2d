/* SPDX-License-Identifier: Apache-2.0 */
/* The pool is a list with the session used last in front. Sessions age in that order, so whoever
 * looks for old ones begins at the back and stops at the first that is young enough. */
#include "session/server_session.h"

#include <string.h>

#include "base/assert.h"
#include "base/bson_writer.h"
#include "base/mem.h"

#define UUID_SUBTYPE 4

/* An element with the value {id: UUID}: what stands in front of the 16 bytes; a NUL follows them.
 */
#define ID_DOCUMENT 30, 0, 0, 0, 0x05, 'i', 'd', 0, MUV__SESSION_ID_SIZE, 0, 0, 0, UUID_SUBTYPE
#define ID_DOCUMENT_SIZE 30

void muv__session_pool_init(muv__session_pool_t *pool)
{
    muv__list_init(&pool->idle);
    pool->count = 0;
}

static muv__server_session_t *unlink_session(muv__session_pool_t *pool, muv__list_t *link)
{
    MUV__ASSERT(pool->count != 0);
    muv__list_remove(link);
    pool->count--;
    return MUV__CONTAINER_OF(link, muv__server_session_t, link);
}

static muv__server_session_t *pop_front(muv__session_pool_t *pool)
{
    muv__list_t *link = muv__list_first(&pool->idle);

    return link == NULL ? NULL : unlink_session(pool, link);
}

void muv__session_pool_done(muv__session_pool_t *pool)
{
    muv__server_session_t *session;

    while ((session = pop_front(pool)) != NULL) {
        muv__server_session_free(session);
    }
}

static int is_expiring(const muv__server_session_t *session, int64_t now_us, int64_t timeout_us)
{
    /* A difference of times since start, so it cannot overflow whatever the server said. */
    return timeout_us != MUV__SESSION_NEVER_EXPIRES &&
           timeout_us - (now_us - session->last_used_us) < MUV__SESSION_MARGIN_US;
}

muv__server_session_t *muv__session_pool_take(muv__session_pool_t *pool, int64_t now_us,
                                              int64_t timeout_us)
{
    muv__server_session_t *session;

    while ((session = pop_front(pool)) != NULL && is_expiring(session, now_us, timeout_us)) {
        muv__server_session_free(session);
    }
    if (session != NULL) {
        session->users = 1;
    }
    return session;
}

muv__server_session_t *muv__server_session_new(const uint8_t random[MUV__SESSION_ID_SIZE],
                                               int64_t now_us)
{
    muv__server_session_t *session = muv__mem_zalloc(sizeof(*session));

    if (session == NULL) {
        return NULL;
    }
    muv__list_init(&session->link);
    session->last_used_us = now_us;
    session->users = 1;
    memcpy(session->id, random, sizeof(session->id));
    session->id[6] = (uint8_t)((session->id[6] & 0x0f) | 0x40); /* (RFC 9562: version 4, ... */
    session->id[8] = (uint8_t)((session->id[8] & 0x3f) | 0x80); /* ... variant 10.) */
    return session;
}

static void prune(muv__session_pool_t *pool, int64_t now_us, int64_t timeout_us)
{
    muv__list_t *last;

    while ((last = muv__list_last(&pool->idle)) != NULL &&
           is_expiring(MUV__CONTAINER_OF(last, muv__server_session_t, link), now_us, timeout_us)) {
        muv__server_session_free(unlink_session(pool, last));
    }
}

void muv__session_pool_give(muv__session_pool_t *pool, muv__server_session_t *session,
                            int64_t now_us, int64_t timeout_us)
{
    MUV__ASSERT(!muv__list_linked(&session->link) && session->users != 0);
    if (--session->users != 0) {
        return;
    }
    prune(pool, now_us, timeout_us);
    if (session->dirty || is_expiring(session, now_us, timeout_us)) {
        muv__server_session_free(session);
        return;
    }
    muv__list_push_front(&pool->idle, &session->link);
    pool->count++;
}

void muv__server_session_free(muv__server_session_t *session)
{
    if (session != NULL) {
        MUV__ASSERT(!muv__list_linked(&session->link));
        muv__mem_free(session);
    }
}

uint32_t muv__session_pool_write_ends(muv__session_pool_t *pool, uint32_t max, muv__buf_t *buf)
{
    static const uint8_t head[] = {ID_DOCUMENT};
    muv__server_session_t *session;
    uint32_t count = 0;

    while (count < max && (session = pop_front(pool)) != NULL) {
        uint8_t value[ID_DOCUMENT_SIZE] = {0};
        char key[11];
        size_t length = muv__bson_index_key(key, count);

        memcpy(value, head, sizeof(head));
        memcpy(value + sizeof(head), session->id, sizeof(session->id));
        muv__bson_document(buf, key, length, muv__span(value, sizeof(value)));
        muv__server_session_free(session);
        count++;
    }
    return count;
}

void muv__session_write_lsid(muv__buf_t *buf, const uint8_t id[MUV__SESSION_ID_SIZE])
{
    static const uint8_t head[] = {0x03, 'l', 's', 'i', 'd', 0, ID_DOCUMENT};
    uint8_t *at = muv__buf_extend(buf, sizeof(head) + MUV__SESSION_ID_SIZE + 1);

    if (MUV__LIKELY(at != NULL)) {
        memcpy(at, head, sizeof(head));
        memcpy(at + sizeof(head), id, MUV__SESSION_ID_SIZE);
        at[sizeof(head) + MUV__SESSION_ID_SIZE] = 0;
    }
}
