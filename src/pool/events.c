/* SPDX-License-Identifier: Apache-2.0 */
/* The pool's events: numbered in the order in which they happen, and named as the specification
 * names them. Who listens, and in which form users see them, is the client's business. */
#include "pool/inner.h"

void muv__pool_emit(muv__pool_t *pool, muv__pool_event_t event)
{
    MUV__ASSERT(pool->config.emit != NULL);
    event.number = ++pool->events;
    pool->config.emit(&event, pool->config.emit_data);
}

const char *muv__pool_reason_text(muv__pool_event_type_t type, muv__pool_reason_t reason)
{
    switch (reason) {
    case MUV__POOL_REASON_STALE: return "stale";
    case MUV__POOL_REASON_IDLE: return "idle";
    case MUV__POOL_REASON_POOL_CLOSED: return "poolClosed";
    case MUV__POOL_REASON_TIMEOUT: return "timeout";
    case MUV__POOL_REASON_ERROR:
    case MUV__POOL_REASON_CONNECTION_ERROR:
        return type == MUV__POOL_CHECK_OUT_FAILED ? "connectionError" : "error";
    case MUV__POOL_REASON_NONE: break;
    }
    return "";
}

const char *muv__pool_reason_message(muv__pool_event_type_t type, muv__pool_reason_t reason)
{
    switch (reason) {
    case MUV__POOL_REASON_STALE: return "Connection became stale because the pool was cleared";
    case MUV__POOL_REASON_IDLE:
        return "Connection has been available but unused for longer than the configured max idle "
               "time";
    case MUV__POOL_REASON_POOL_CLOSED: return "Connection pool was closed";
    case MUV__POOL_REASON_TIMEOUT:
        return "Wait queue timeout elapsed without a connection becoming available";
    case MUV__POOL_REASON_ERROR:
    case MUV__POOL_REASON_CONNECTION_ERROR:
        return type == MUV__POOL_CHECK_OUT_FAILED
                   ? "An error occurred while trying to establish a new connection"
                   : "An error occurred while using the connection";
    case MUV__POOL_REASON_NONE: break;
    }
    return "";
}

const char *muv__pool_event_name(muv__pool_event_type_t type)
{
    switch (type) {
    case MUV__POOL_CREATED: return "ConnectionPoolCreated";
    case MUV__POOL_READIED: return "ConnectionPoolReady";
    case MUV__POOL_CLEARED: return "ConnectionPoolCleared";
    case MUV__POOL_CLOSED_EVENT: return "ConnectionPoolClosed";
    case MUV__POOL_CONNECTION_CREATED: return "ConnectionCreated";
    case MUV__POOL_CONNECTION_READY: return "ConnectionReady";
    case MUV__POOL_CONNECTION_CLOSED: return "ConnectionClosed";
    case MUV__POOL_CHECK_OUT_STARTED: return "ConnectionCheckOutStarted";
    case MUV__POOL_CHECK_OUT_FAILED: return "ConnectionCheckOutFailed";
    case MUV__POOL_CHECKED_OUT: return "ConnectionCheckedOut";
    case MUV__POOL_CHECKED_IN: return "ConnectionCheckedIn";
    }
    return "";
}
