/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor of one server: the heartbeat machine carried out on a connection of its own, which is
 * never authenticated and never used by operations (SDAM: server monitoring). While its checks are
 * streamed a second such connection measures round trips.
 *   monitor.c      the checks; hello as both connections send it
 *   monitor_rtt.c  the round trips
 */
#ifndef MUV__MONITOR_H
#define MUV__MONITOR_H

#include "base/deadline.h"
#include "base/host.h"
#include "conn/conn.h"
#include "topology/heartbeat.h"
#include "topology/rtt_monitor.h"
#include "topology/server_description.h"

struct muv__server;

/* The connection outlives its monitor while it closes. */
typedef struct muv__monitor_conn {
    muv__conn_t conn;
    struct muv__server *server;
} muv__monitor_conn_t;

typedef struct muv__monitor {
    struct muv__server *server;
    muv__heartbeat_t heartbeat;
    muv__monitor_conn_t *conn; /* NULL: none. */
    muv__deadline_t wake;
    muv__server_description_t *description; /* Of the check that succeeded, until it is reported, */
    muv__span_t reply;                      /* and its hello; [borrow] likewise. */
    muv_error_t error;                      /* Of the check that failed. */
    muv__topology_version_t version;        /* Of the last hello that had one. */
    uint64_t connection_id; /* From 1, of the connection that checks are made on; for events. */
    int8_t awaited;         /* The check that an event speaks of is a streamed one. */
    muv__rtt_monitor_t rtt;
    muv__monitor_conn_t *rtt_conn; /* NULL: none. */
    muv__deadline_t rtt_wake;
} muv__monitor_t;

void muv__monitor_init(muv__monitor_t *monitor, struct muv__server *server, int64_t interval_us,
                       int64_t timeout_us);

/* Give an event of the topology or the client to the machine and carry out what follows: START,
 * CHECK_NOW, CANCEL, STOP. After STOP nothing happens any more. */
void muv__monitor_run(muv__monitor_t *monitor, muv__heartbeat_event_t event);

/* --- between the two files ---------------------------------------------------------------------*/

/* Begin to establish a connection. NULL when out of memory. It is freed by on_closed, which must be
 * the one below. */
muv__monitor_conn_t *muv__monitor_open(muv__monitor_t *monitor, const muv__conn_ops_t *ops);
void muv__monitor_on_closed(muv__conn_t *conn);

/* Close the connection in `*own`, if there is one, and forget it. */
void muv__monitor_close(muv__monitor_conn_t **own);

/* A later hello on the same connection; the first one was the handshake's. `await`: the awaitable
 * one that may be answered many times. Returns 0 or a negative code: the connection broke. */
int muv__monitor_send_hello(muv__monitor_t *monitor, muv__monitor_conn_t *own, int await);

/* Give an event to the machine that measures and carry out what follows. */
void muv__monitor_rtt_run(muv__monitor_t *monitor, muv__rtt_event_t event);
void muv__monitor_rtt_init(muv__monitor_t *monitor, int64_t interval_us, int64_t timeout_us);

#endif
