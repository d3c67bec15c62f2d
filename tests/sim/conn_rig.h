/* SPDX-License-Identifier: Apache-2.0 */
/* One connection in virtual time without a client above it, and a transcript of what it says. */
#ifndef MUV_TESTS_SIM_CONN_RIG_H
#define MUV_TESTS_SIM_CONN_RIG_H

#include "net_sim.h"

#include "base/error.h"
#include "conn/conn.h"
#include "support/alloc.h"
#include "support/check.h"

typedef struct rig {
    sim_world_t *world;
    sim_server_t *server;
    muv__net_t *net;
    muv__heap_t deadlines;
    muv__outgoing_pool_t outgoing;
    muv__conn_context_t context;
    muv__buf_t hello;
    muv__host_t host;
    muv__conn_t conn;
    char events[1024]; /* "[ms] what\n" since the connection was opened. */
    int64_t since_us;
    muv_error_t error;
    bool closed;
    bool net_closed;
    alloc_mark_t mark;
} rig_t;

/* A world without a server, and with one at 10.0.0.1:27017. */
void rig_open(rig_t *rig, const char *host);
void rig_open_usual(rig_t *rig);

/* Open the connection; the transcript's clock begins. */
void rig_connect(rig_t *rig);

/* Established, with the events forgotten and the clock of events at 0. */
void rig_ready(rig_t *rig);

/* Close what is open and check that nothing is left. */
void rig_end(rig_t *rig);

/* Give the net the next deadline, after a call from outside a net event. */
void rig_arm(rig_t *rig);

/* Send {ping: 1} with so many bytes of padding. Returns what muv__conn_send() says. */
int rig_send(rig_t *rig, size_t padding_bytes, uint32_t flags);

#define CHECK_EVENTS(rig, expected) rig_check_events(rig, expected, __FILE__, __LINE__)
void rig_check_events(const rig_t *rig, const char *expected, const char *file, int line);

#endif
