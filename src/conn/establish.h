/* SPDX-License-Identifier: Apache-2.0 */
/* How a connection comes to life, as a pure machine: resolve the name, race its addresses, say
 * hello, log in.
 *
 *            name            addresses          connected         hello ok
 *   START ---------> RESOLVING ------> CONNECTING -------> GREETING -------> READY
 *     |  unix path      |               |   ^  |  |        ^  |  |             ^
 *     +---------------- | ------------->+   +--+  +-- SECURING|  |             |
 *                       |                one more  with TLS |  |  +-- LOGGING IN
 *                       +------------ FAILED <--------------+--+-----------+
 *
 * With a proxy it is the proxy that is resolved and connected, and PROXYING follows the race:
 * CONNECTING --connected--> PROXYING --proxied--> SECURING or GREETING.
 *
 * The race (RFC 8305, "Happy Eyeballs"): attempts begin one after the other, the next one when the
 * attempt delay has passed or one has failed; the others go on meanwhile, and the first to connect
 * wins. It is lost when the last attempt has failed.
 *
 * Deadlines follow each other: one for RESOLVING and CONNECTING together, because no address may
 * hold up the others, and one each for PROXYING, SECURING, GREETING and LOGGING IN. All end in
 * FAILED.
 *
 * Suspended in: RESOLVING (for the name server), CONNECTING (for a socket or the attempt delay),
 * PROXYING (for the proxy's replies), SECURING (for the TLS server's part), GREETING (for the
 * reply), LOGGING IN (for replies and for keys that are being computed). */
#ifndef MUV__ESTABLISH_H
#define MUV__ESTABLISH_H

#include <stddef.h>
#include <stdint.h>

#include "net/net.h"

/* (RFC 8305: "Connection Attempt Delay", and its absolute minimum.) */
#define MUV__ESTABLISH_DELAY_US INT64_C(250000)
#define MUV__ESTABLISH_DELAY_MIN_US INT64_C(10000)

typedef enum muv__establish_state {
    MUV__ESTABLISH_START,
    MUV__ESTABLISH_RESOLVING,
    MUV__ESTABLISH_CONNECTING,
    MUV__ESTABLISH_PROXYING,
    MUV__ESTABLISH_SECURING,
    MUV__ESTABLISH_GREETING,
    MUV__ESTABLISH_LOGGING_IN,
    MUV__ESTABLISH_READY,
    MUV__ESTABLISH_FAILED
} muv__establish_state_t;

typedef enum muv__establish_event {
    MUV__ESTABLISH_ON_START_NAME,
    MUV__ESTABLISH_ON_START_PATH,
    MUV__ESTABLISH_ON_RESOLVED,       /* `addr_count` was set. */
    MUV__ESTABLISH_ON_DELAY,          /* The attempt delay has passed. */
    MUV__ESTABLISH_ON_CONNECTED,      /* One attempt has won ... */
    MUV__ESTABLISH_ON_CONNECT_FAILED, /* ... or failed, and is out of the race. */
    MUV__ESTABLISH_ON_PROXIED,        /* The proxy has opened the way to the server. */
    MUV__ESTABLISH_ON_SECURED,        /* The TLS handshake is done. */
    MUV__ESTABLISH_ON_GREETED,
    MUV__ESTABLISH_ON_LOGGED_IN,
    MUV__ESTABLISH_ON_BROKEN, /* The stream ended, or hello was refused. */
    MUV__ESTABLISH_ON_DEADLINE
} muv__establish_event_t;

/* Effects, to be carried out in this order. */
enum {
    MUV__ESTABLISH_DO_RESOLVE = 1 << 0,
    MUV__ESTABLISH_DO_CONNECT = 1 << 1, /* To address `next_addr - 1`. */
    MUV__ESTABLISH_DO_ARM = 1 << 2,     /* The attempt delay begins anew, if an address is left. */
    MUV__ESTABLISH_DO_DROP_OTHERS = 1 << 3, /* Close all attempts but the winner. */
    MUV__ESTABLISH_DO_PROXY = 1 << 4,
    MUV__ESTABLISH_DO_SECURE = 1 << 5,
    MUV__ESTABLISH_DO_GREET = 1 << 6,
    MUV__ESTABLISH_DO_LOG_IN = 1 << 7,
    MUV__ESTABLISH_DO_REPORT_READY = 1 << 8,
    MUV__ESTABLISH_DO_REPORT_FAILED = 1 << 9
};

typedef struct muv__establish {
    muv__establish_state_t state;
    uint32_t addr_count;
    uint32_t next_addr;
    uint32_t running; /* Attempts in the race. */
    uint8_t proxy;    /* There is a proxy between us and the server. Set after init. */
    uint8_t secure;   /* TLS is wanted. Likewise. */
    uint8_t log_in;   /* So is a login. */
    uint8_t proxied;  /* The proxy has opened the way. */
    uint8_t greeted;  /* The server has answered hello. */
} muv__establish_t;

void muv__establish_init(muv__establish_t *establish);
unsigned muv__establish_step(muv__establish_t *establish, muv__establish_event_t event);

static inline int muv__establish_ended(const muv__establish_t *establish)
{
    return establish->state >= MUV__ESTABLISH_READY;
}

/* Copy the addresses of a name in the order of their attempts: the family of the first one first,
 * then the families in turn, so that one which leads nowhere costs one attempt delay (RFC 8305,
 * section 4). Within a family the resolver's order stays. */
void muv__establish_interleave(muv__net_addr_t *ret, const muv__net_addr_t *addrs, size_t count);

/* The attempt delay when `left_us` remain for connecting: shorter than usual where otherwise the
 * last of the addresses would not get its turn. */
int64_t muv__establish_delay_us(uint32_t addr_count, int64_t left_us);

#endif
