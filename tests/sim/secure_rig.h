/* SPDX-License-Identifier: Apache-2.0 */
/* Many connections with TLS in virtual time without a client above them: a server with a
 * certificate of the test's own, and the OCSP responders that it names. */
#ifndef MUV_TESTS_SIM_SECURE_RIG_H
#define MUV_TESTS_SIM_SECURE_RIG_H

#include "net_handler.h"

#include "conn/conn.h"
#include "fetch/fetch.h"
#include "support/alloc.h"
#include "support/check.h"
#include "support/tls_server.h"

enum { SECURE_RIG_CONNS = 100, SECURE_RIG_RESPONDERS = 2 };

/* Certificates of one program: an authority, a server of 10.0.0.1 that names both responders, and
 * one that names none. */
typedef struct secure_certs {
    cert_t authority;
    cert_t asking;
    cert_t plain;
    pem_t trust;
} secure_certs_t;

extern secure_certs_t secure_certs;

int secure_certs_setup(void **state);
int secure_certs_teardown(void **state);

/* The wall clock when a world begins. */
#define SECURE_RIG_WALL_S INT64_C(1735689600)

/* What a responder does with a question. All zero: "200 OK" and `status` GOOD, at once. */
typedef struct responder_plan {
    int status;          /* V_OCSP_CERTSTATUS_*. */
    const cert_t *about; /* NULL: the certificate that names it. */
    const char *raw;     /* All that is sent instead; "": nothing, ever. */
    int64_t delay_us;
    bool refuses; /* The connection. */
} responder_plan_t;

typedef struct secure_rig secure_rig_t;

typedef struct responder {
    secure_rig_t *rig;
    sim_server_t *server;
    responder_plan_t plan;
    unsigned asked; /* Whole questions. */
} responder_t;

typedef struct member {
    muv__conn_t conn;
    secure_rig_t *rig;
    int64_t ready_us; /* Since it was opened; -1: it is not. */
    int64_t failed_us;
    muv_error_t error;
    bool closed;
    int64_t opened_us;
} member_t;

struct secure_rig {
    sim_world_t *world;
    sim_server_t *server;
    responder_t responders[SECURE_RIG_RESPONDERS]; /* 10.0.0.8:80, 10.0.0.9:8080 */
    muv__net_t *net;
    muv__heap_t deadlines;
    muv__outgoing_pool_t outgoing;
    muv__conn_context_t context;
    muv__fetch_context_t fetches;
    muv__buf_t hello;
    muv__host_t host;
    tls_server_t tls_server;
    tls_peer_t peers[SECURE_RIG_CONNS];
    unsigned peer_count;
    unsigned conn_count;
    unsigned ready;
    unsigned failed;
    member_t members[SECURE_RIG_CONNS];
    void (*on_connected)(member_t *member); /* May be NULL, ... */
    void (*on_failed)(member_t *member);    /* ... and so may this. */
    bool net_closed;
    alloc_mark_t mark;
};

/* `server` NULL: the certificate that names responders. `options` NULL: all checks. */
void secure_rig_open(secure_rig_t *rig, const tls_server_opts_t *server,
                     const muv__tls_options_t *options);

/* What the first responder does; the second one refuses until it is told otherwise. */
void secure_rig_plan(secure_rig_t *rig, unsigned responder, const responder_plan_t *plan);

/* Open one more connection. */
member_t *secure_rig_connect(secure_rig_t *rig);

/* Close what is open and check that nothing is left. */
void secure_rig_end(secure_rig_t *rig);

#endif
