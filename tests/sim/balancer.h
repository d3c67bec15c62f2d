/* SPDX-License-Identifier: Apache-2.0 */
/* A client in load-balanced mode: one address, behind it services that hello tells apart. */
#ifndef MUV_TESTS_SIM_BALANCER_H
#define MUV_TESTS_SIM_BALANCER_H

#include "scene.h"

#define HELLO(service)                                                                             \
    "{'ok': 1, 'isWritablePrimary': true, 'msg': 'isdbgrid', 'helloOk': true, "                    \
    "'maxWireVersion': 21, 'logicalSessionTimeoutMinutes': 30, "                                   \
    "'serviceId': {'$oid': '" service "'}}"

#define SERVICE_A "aaaaaaaaaaaaaaaaaaaaaaaa"
#define SERVICE_B "bbbbbbbbbbbbbbbbbbbbbbbb"

#define BATCH(id, key)                                                                             \
    "{'ok': 1, 'cursor': {'id': " id ", 'ns': 'sim.docs', '" key "': [{'_id': 1}, {'_id': 2}]}}"

typedef struct balancer {
    scene_t scene;
    muv_collection_t *docs;
    char text[4096];     /* What the pool tells. */
    char commands[1024]; /* What command events tell, when it is wanted. */
    bool commands_wanted;
    bool read_preference; /* The last command had one, secondaryPreferred. */
} balancer_t;

/* Connections lead to these services in turn; the last one of the list is where all others lead. */
void balancer_open(balancer_t *b, const muv_client_opts_t *opts, const char *services);
void balancer_end(balancer_t *b);

void balancer_run(balancer_t *b, int64_t duration_us);

/* Answer a command so from now on. */
void balancer_script(balancer_t *b, const char *name, const char *json);
void balancer_script_step(balancer_t *b, const char *name, sim_step_t step);

/* find returns two documents and a cursor, getMore two more and its end. */
void balancer_script_cursor(balancer_t *b);

/* How many connections are. */
unsigned balancer_checked_out(const balancer_t *b);

/* The pool's events since the last check. */
#define CHECK_POOL(b, expected) balancer_check_pool(b, expected, __FILE__, __LINE__)
void balancer_check_pool(balancer_t *b, const char *expected, const char *file, int line);

/* --- cursors -----------------------------------------------------------------------------------*/

typedef struct finding {
    balancer_t *b;
    muv_cursor_t *cursor;
    muv_op_t *op; /* Of next. */
    unsigned ended;
    unsigned documents;
    muv_error_t error;
} finding_t;

/* Start a find with a cursor that goes on, and wait for it. */
void finding_open(balancer_t *b, finding_t *f);

/* The callback of what opens a cursor. */
void finding_on_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data);

/* Take so many documents, one after the other. */
void finding_next(finding_t *f, unsigned times);

/* Returns what the call says, which is 0 unless memory runs out. */
int finding_start_next(finding_t *f);

void finding_close(finding_t *f);

#endif
