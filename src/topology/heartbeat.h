/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor of one server as a pure machine: when a check begins, when it has taken too long, and
 * when the next one is due (SDAM: server monitoring). The connection is the client's: its own,
 * unauthenticated, with connectTimeoutMS for connecting and for the reply.
 *
 *          start             connected              reply, rejected
 *   IDLE -------> CONNECTING ---------> CHECKING ------------------> WAITING
 *                   |  ^                 |  ^                         |  ^ |
 *                   |  |                 |  +--- timer, connected ----+  | | timer, connected
 *                   |  |                 |                            |  | | and streaming
 *                   |  +-----------------|------ timer, else ---------+  | v
 *                   |                    |                        STREAMING
 *                   +-- failed, timeout, cancel --> WAITING              (reply, rejected, failed,
 *   any --stop--> STOPPED                                                 timeout, cancel)
 *
 * Polling: a check is a hello, and the next one is due after the interval or, when somebody asks,
 * after the minimum gap. Streaming: the server is asked to answer when something changes, at the
 * latest after the interval, and to go on answering; each answer ends a check and the next one
 * begins at once. A hello that carries a topologyVersion turns the one into the other, and so does
 * an answer without one that is the last of its stream.
 *
 * Suspended in: CONNECTING (the connection, the timer), CHECKING and STREAMING (the reply, the
 * timer), WAITING (the timer, check-now).
 *
 * A step answers with effects, carried out in the order of their bits. None of them is followed by
 * one that a stop in between would make wrong: a check that follows at once, a retry or the next
 * one of a stream, is an ARM for now. */
#ifndef MUV__HEARTBEAT_H
#define MUV__HEARTBEAT_H

#include <stdint.h>

/* (SDAM: minHeartbeatFrequencyMS, not configurable.) */
#define MUV__HEARTBEAT_MIN_GAP_US 500000

enum {
    MUV__HEARTBEAT_DO_CLOSE = 1 << 0,   /* The connection, or the attempt at one. */
    MUV__HEARTBEAT_DO_SUCCEED = 1 << 1, /* Event; then topology: description and `rtt_us`. */
    MUV__HEARTBEAT_DO_FAIL = 1 << 2,    /* Event; then topology unless `cancelled`: Unknown, with
                                         * MUV_ENETTIMEOUT when `timed_out`. */
    MUV__HEARTBEAT_DO_BEGIN = 1 << 3,   /* Event "started", before any socket. */
    MUV__HEARTBEAT_DO_CONNECT = 1 << 4,
    MUV__HEARTBEAT_DO_HELLO = 1 << 5, /* Send it; the handshake's when `first_hello`. */
    MUV__HEARTBEAT_DO_AWAIT = 1 << 6, /* Send the awaitable one, with exhaustAllowed. */
    MUV__HEARTBEAT_DO_ARM = 1 << 7    /* `wake_at_us` changed. */
};

/* What the last reply said of the next one. */
typedef enum muv__heartbeat_stream {
    MUV__HEARTBEAT_POLL,
    MUV__HEARTBEAT_ASK, /* There is a topologyVersion to wait for a change of. */
    MUV__HEARTBEAT_MORE /* It comes without being asked for (OP_MSG: moreToCome). */
} muv__heartbeat_stream_t;

typedef enum muv__heartbeat_state {
    MUV__HEARTBEAT_IDLE,
    MUV__HEARTBEAT_CONNECTING,
    MUV__HEARTBEAT_CHECKING,
    MUV__HEARTBEAT_STREAMING,
    MUV__HEARTBEAT_WAITING,
    MUV__HEARTBEAT_STOPPED
} muv__heartbeat_state_t;

typedef enum muv__heartbeat_event {
    MUV__HEARTBEAT_ON_START,
    MUV__HEARTBEAT_ON_CONNECTED,
    MUV__HEARTBEAT_ON_REPLY,     /* A hello that says ok ... */
    MUV__HEARTBEAT_ON_VERSIONED, /* ... with a topologyVersion; */
    MUV__HEARTBEAT_ON_MORE,      /* ... which another one follows unasked. */
    MUV__HEARTBEAT_ON_REJECTED,  /* A reply that is none: not ok, malformed. */
    MUV__HEARTBEAT_ON_FAILED,    /* Network error, also on a connection that only waits. */
    MUV__HEARTBEAT_ON_TIMER,     /* May come early. */
    MUV__HEARTBEAT_ON_CHECK_NOW, /* Somebody waits for news of this server. */
    MUV__HEARTBEAT_ON_CANCEL,    /* An operation's connection broke: so will this check. */
    MUV__HEARTBEAT_ON_STOP
} muv__heartbeat_event_t;

typedef struct muv__heartbeat {
    muv__heartbeat_state_t state;
    uint8_t connected;
    uint8_t first_hello;  /* No hello was sent on this connection before the present one. */
    uint8_t server_known; /* The last check succeeded. */
    uint8_t timed_out;    /* Of the check that DO_FAIL speaks of. */
    uint8_t cancelled;    /* Likewise. */
    uint8_t awaited;      /* The check in progress, or the one reported last, is a streamed one. */
    uint8_t may_stream;   /* serverMonitoringMode. */
    uint8_t stream;       /* muv__heartbeat_stream_t; POLL without a connection. */
    int64_t interval_us;  /* heartbeatFrequencyMS. */
    int64_t timeout_us;   /* connectTimeoutMS; 0: none. */
    int64_t wake_at_us;   /* INT64_MAX: never. */
    int64_t began_us;     /* The check: event durations. */
    int64_t hello_us;     /* When its hello was sent. */
    int64_t ended_us;     /* The check before. */
    int64_t rtt_us;       /* Of the hello that DO_SUCCEED speaks of; -1: it was awaited. */
} muv__heartbeat_t;

/* Shorter intervals than the minimum gap become the gap. */
void muv__heartbeat_init(muv__heartbeat_t *heartbeat, int64_t interval_us, int64_t timeout_us,
                         int may_stream);

/* The next check of a stream is due: whoever carries effects out may give it its timer event at
 * once. */
static inline int muv__heartbeat_goes_on(const muv__heartbeat_t *heartbeat)
{
    return heartbeat->state == MUV__HEARTBEAT_WAITING && heartbeat->stream != MUV__HEARTBEAT_POLL;
}

/* The only writer of `state`. Returns MUV__HEARTBEAT_DO_* bits. */
unsigned muv__heartbeat_step(muv__heartbeat_t *heartbeat, muv__heartbeat_event_t event,
                             int64_t now_us);

#endif
