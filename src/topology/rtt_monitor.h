/* SPDX-License-Identifier: Apache-2.0 */
/* The second monitor of a server whose checks are streamed, as a pure machine: a plain hello each
 * interval on a connection of its own, only to see how long it takes (SDAM: measuring round trip
 * times). What goes wrong here says nothing of the server: the connection is given up, and the next
 * interval brings a new one.
 *
 *         start              connected            reply
 *   OFF ---------> CONNECTING --------> MEASURING -------> WAITING --+
 *                   |  ^                   |  ^               | |  ^   | failed: the connection is
 *                   |  |                   |  +---- timer ----+ |  +-+ lost
 *                   |  +-------------------|-- timer, no conn --+
 *                   +--- failed, timeout --+--> WAITING
 *   any --stop--> OFF
 *
 * Suspended in: CONNECTING (the connection, the timer), MEASURING (the reply, the timer), WAITING
 * (the timer, a wish for a sample). It can be started again. */
#ifndef MUV__RTT_MONITOR_H
#define MUV__RTT_MONITOR_H

#include <stdint.h>

/* Effects, carried out in this order. */
enum {
    MUV__RTT_DO_CLOSE = 1 << 0, /* The connection, or the attempt at one. */
    MUV__RTT_DO_CONNECT = 1 << 1,
    MUV__RTT_DO_HELLO = 1 << 2, /* Send it; the handshake's when `first_hello`. */
    MUV__RTT_DO_ARM = 1 << 3,   /* `wake_at_us` changed. */
    MUV__RTT_DO_SAMPLE = 1 << 4 /* `sample_us` is one. */
};

typedef enum muv__rtt_state {
    MUV__RTT_OFF,
    MUV__RTT_CONNECTING,
    MUV__RTT_MEASURING,
    MUV__RTT_WAITING
} muv__rtt_state_t;

typedef enum muv__rtt_event {
    MUV__RTT_ON_START,
    MUV__RTT_ON_CONNECTED,
    MUV__RTT_ON_REPLY,
    MUV__RTT_ON_FAILED, /* Network error, or a reply that is no hello. */
    MUV__RTT_ON_TIMER,  /* May come early. */
    MUV__RTT_ON_WANTED, /* There is no sample at all: do not wait for the interval. */
    MUV__RTT_ON_STOP
} muv__rtt_event_t;

typedef struct muv__rtt_monitor {
    muv__rtt_state_t state;
    uint8_t connected;
    uint8_t first_hello; /* No hello was sent on this connection before the present one. */
    int64_t interval_us; /* heartbeatFrequencyMS. */
    int64_t timeout_us;  /* connectTimeoutMS; 0: none. */
    int64_t wake_at_us;  /* INT64_MAX: never. */
    int64_t hello_us;    /* When the hello was sent. */
    int64_t sample_us;
} muv__rtt_monitor_t;

void muv__rtt_monitor_init(muv__rtt_monitor_t *monitor, int64_t interval_us, int64_t timeout_us);

/* The only writer of `state`. Returns MUV__RTT_DO_* bits. */
unsigned muv__rtt_monitor_step(muv__rtt_monitor_t *monitor, muv__rtt_event_t event, int64_t now_us);

#endif
