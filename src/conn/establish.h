/* SPDX-License-Identifier: Apache-2.0 */
/* How a connection comes to life, as a pure machine: resolve the name, try its addresses in order,
 * say hello. Proxy, TLS and authentication will stand between CONNECTING and READY.
 *
 *            name            addresses          connected         hello ok
 *   START ---------> RESOLVING ------> CONNECTING -------> GREETING -------> READY
 *     |  unix path      |               |   ^  |              |
 *     +---------------- | ------------->+   +--+ next address |
 *                       +------------ FAILED <----------------+
 *
 * Every stage has the whole connect timeout for itself: an address that does not answer gives way
 * to the next one; in the other stages the deadline ends in FAILED.
 *
 * Suspended in: RESOLVING (for the name server), CONNECTING (for the socket), GREETING (for the
 * reply). */
#ifndef MUV__ESTABLISH_H
#define MUV__ESTABLISH_H

#include <stdint.h>

typedef enum muv__establish_state {
    MUV__ESTABLISH_START,
    MUV__ESTABLISH_RESOLVING,
    MUV__ESTABLISH_CONNECTING,
    MUV__ESTABLISH_GREETING,
    MUV__ESTABLISH_READY,
    MUV__ESTABLISH_FAILED
} muv__establish_state_t;

typedef enum muv__establish_event {
    MUV__ESTABLISH_ON_START_NAME,
    MUV__ESTABLISH_ON_START_PATH,
    MUV__ESTABLISH_ON_RESOLVED, /* `addr_count` was set. */
    MUV__ESTABLISH_ON_CONNECTED,
    MUV__ESTABLISH_ON_CONNECT_FAILED,
    MUV__ESTABLISH_ON_GREETED,
    MUV__ESTABLISH_ON_BROKEN, /* The stream ended, or hello was refused. */
    MUV__ESTABLISH_ON_DEADLINE
} muv__establish_event_t;

/* Effects, to be carried out in this order. */
enum {
    MUV__ESTABLISH_DO_RESOLVE = 1 << 0,
    MUV__ESTABLISH_DO_DISCONNECT = 1 << 1, /* Close the stream of the address before. */
    MUV__ESTABLISH_DO_CONNECT = 1 << 2,    /* To address `next_addr - 1`. */
    MUV__ESTABLISH_DO_GREET = 1 << 3,
    MUV__ESTABLISH_DO_REPORT_READY = 1 << 4,
    MUV__ESTABLISH_DO_REPORT_FAILED = 1 << 5
};

typedef struct muv__establish {
    muv__establish_state_t state;
    uint32_t addr_count;
    uint32_t next_addr;
} muv__establish_t;

void muv__establish_init(muv__establish_t *establish);
unsigned muv__establish_step(muv__establish_t *establish, muv__establish_event_t event);

static inline int muv__establish_ended(const muv__establish_t *establish)
{
    return establish->state >= MUV__ESTABLISH_READY;
}

#endif
