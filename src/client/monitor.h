/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor of one server: the heartbeat machine carried out on a connection of its own, which is
 * never authenticated and never used by operations (SDAM: server monitoring). */
#ifndef MUV__MONITOR_H
#define MUV__MONITOR_H

#include "base/deadline.h"
#include "base/host.h"
#include "conn/conn.h"
#include "topology/heartbeat.h"
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
} muv__monitor_t;

void muv__monitor_init(muv__monitor_t *monitor, struct muv__server *server, int64_t interval_us,
                       int64_t timeout_us);

/* Give an event of the topology or the client to the machine and carry out what follows: START,
 * CHECK_NOW, CANCEL, STOP. After STOP nothing happens any more. */
void muv__monitor_run(muv__monitor_t *monitor, muv__heartbeat_event_t event);

#endif
