/* SPDX-License-Identifier: Apache-2.0 */
/* One server of a client: its address, its pool, and the connections that the pool decides about.
 * Carries out the pool machine's effects. */
#ifndef MUV__SERVER_H
#define MUV__SERVER_H

#include "base/deadline.h"
#include "base/host.h"
#include "base/list.h"
#include "client/monitor.h"
#include "client/operation.h"
#include "conn/conn.h"
#include "pool/pool.h"
#include "topology/snapshot.h"

/* A connection in a pool, with the operation that uses it. */
typedef struct muv__pooled_conn {
    muv__pool_conn_t node; /* First, beside the head of `conn`: one request touches both. */
    struct muv__server *server;
    muv_op_t *op;       /* While WAITING or WRITING for it. */
    uint32_t pins;      /* Cursors and operations that keep it; see client/pin.h. */
    uint8_t pinned_by;  /* MUV__PINNED_BY_*. */
    uint8_t serving;    /* Those who wait for it are being served. */
    uint8_t break_told; /* The topology knows that it broke. */
    uint8_t gone;       /* on_closed() has come; the last pin frees it. */
    muv__conn_t conn;
    muv__list_t waiting; /* Operations with this pin: `wait_link`. */
    int broken_code;     /* Of the error, when it broke while it was pinned. */
} muv__pooled_conn_t;

enum { MUV__PINNED_BY_CURSOR = 1, MUV__PINNED_BY_TRANSACTION };

typedef struct muv__server {
    muv_client_t *client;
    muv__list_t link;
    const muv__host_t *host; /* In the record. */
    const char *host_text;
    muv__pool_t pool;
    muv__deadline_t wake;   /* pool.wake_at_us. */
    muv__deadline_t create; /* More connections are to be opened. */
    int64_t handshake_us;   /* Duration of the last handshake, for the drain grace. */
    muv__monitor_t monitor;
    muv__topology_server_t *record; /* Counted. */
    uint32_t open_conns;            /* Not yet closed entirely, the monitor's included. */
    uint32_t users;                 /* Operations and cursors that hold it. */
    const muv_error_t *last_error;  /* While a connection's failure is being carried out. */
    unsigned todo;                  /* Effects that came while others were being carried out. */
    uint8_t carrying_out;
    uint8_t removed;
} muv__server_t;

/* A server with a paused pool and an idle monitor; it becomes the record's owner. Returns 0 or
 * MUV_ENOMEM. */
int muv__server_new(muv_client_t *client, muv__topology_server_t *record, muv__server_t **ret);

/* Stop the monitor and close the pool; the server is freed with its last connection and user. */
void muv__server_close(muv__server_t *server);

static inline muv__server_t *muv__server_retain(muv__server_t *server)
{
    server->users++;
    return server;
}

void muv__server_release(muv__server_t *server);

/* A connection of its monitor or pool is gone. */
void muv__server_conn_closed(muv__server_t *server);

/* The average round trip or the last handshake's time has changed (design: promise 3). */
void muv__server_update_drain_grace(muv__server_t *server);

/* Ask for a connection for `op`. Returns the next event for its machine: CHECKED_OUT (op->conn is
 * set), FAILED (op->error is set) or NOTHING (it waits). */
muv__op_event_t muv__server_check_out(muv__server_t *server, muv_op_t *op);

/* Leave the queue. */
void muv__server_leave_queue(muv__server_t *server, muv_op_t *op, int timed_out);

/* Hand an IN_USE connection to an operation. */
void muv__server_give_connection(muv_op_t *op, muv__pool_conn_t *node);

/* The operation's connection goes back, or is drained first, or is closed. */
void muv__server_check_in(muv_op_t *op);
void muv__server_abandon(muv_op_t *op);

/* The connection of `op` broke while sending: it is closed and forgotten, `op->error` is filled. */
void muv__server_send_failed(muv_op_t *op, int status);

/* The reply took longer than socketTimeoutMS: likewise. */
void muv__server_request_timed_out(muv_op_t *op);

/* Memory was given back: a connection whose reading had stopped may go on. Returns 1 if there was
 * one. */
int muv__server_unblock(muv__server_t *server);

/* Carry out what the pool answered. */
void muv__server_carry_out(muv__server_t *server, unsigned effects);

#endif
