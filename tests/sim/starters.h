/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of the library that starts an operation, in one shape, so that what must hold for
 * all of them is tested for all of them. */
#ifndef MUV_TESTS_SIM_STARTERS_H
#define MUV_TESTS_SIM_STARTERS_H

#include "scene.h"

/* What one start led to. */
typedef struct outcome {
    scene_t *scene;
    muv_op_t *op; /* NULL when it was called back. */
    unsigned ended;
    int code;
    bool had_result;      /* Of those with a result: it was there. */
    muv_cursor_t *cursor; /* Closed by the callback. */
} outcome_t;

/* What the functions are called with. */
typedef struct targets {
    scene_t *scene;
    muv_collection_t *collection;
    muv_database_t *database;
    muv_cursor_t *cursor; /* One with more documents to come. */
} targets_t;

typedef struct starter {
    const char *name;
    int (*start)(const targets_t *targets, outcome_t *outcome);
} starter_t;

extern const starter_t starters[];
extern const size_t starter_count;

/* Teach the server to answer all of them with success. */
void starters_teach(sim_server_t *server);

/* Handles of scene's client; the cursor is opened by running its world. */
void targets_open(targets_t *targets, scene_t *scene);

/* The same where memory may be short: false leaves some of them NULL. */
bool targets_try_open(targets_t *targets, scene_t *scene);
void targets_close(targets_t *targets);

#endif
