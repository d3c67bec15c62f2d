/* SPDX-License-Identifier: Apache-2.0 */
/* Loading of references, level by level: for each level one find by keys per collection, all of
 * them in parallel, without duplicates. So the commands of a result are its pairs of level and
 * collection, and its round trips its levels; a document that is there already is not asked for
 * again, and keys are cut into several finds only when there are very many.
 *
 * Everything is decoded into the result's batch. References that lead nowhere become
 * MUV_REF_MISSING. */
#ifndef MUV__ODM_RUN_RELATED_H
#define MUV__ODM_RUN_RELATED_H

#include "odm/docs.h"
#include "odm/identity.h"
#include "odm/related_plan.h"
#include "odm/run_fetch.h"

/* Most keys, and about most bytes of keys, of one find. */
#define MUV__RELATED_KEYS 10000
#define MUV__RELATED_KEY_BYTES ((size_t)4 * 1024 * 1024)

typedef struct muv__related_group muv__related_group_t;
typedef struct muv__related_part muv__related_part_t;

typedef struct muv__related {
    muv__job_t *job;
    const muv__preference_t *preference;
    muv__plan_t plan; /* `root` NULL: nothing is to be loaded. */
    size_t max_bytes; /* Of a whole result. */
    void (*on_loaded)(muv__job_t *job);

    /* Of the result in work. */
    muv_batch_t *batch; /* Borrowed. */
    size_t size_bytes;
    muv__docs_t *docs; /* Of each node, by number - 1. */
    muv__identity_t identity;
    muv__related_group_t *groups; /* Of the level in work. */
    muv__related_part_t *parts;
    muv__related_group_t *next_group; /* Which find is to be sent next: for its keys ... */
    uint32_t next_first;              /* ... from this one on. NULL: all were sent. */
    uint32_t parts_open;
    uint32_t level;          /* Edges from its nodes are followed. */
    muv__plan_node_t *node;  /* Where the walk over the level's documents is: node, ... */
    muv__plan_edge_t *edge;  /* ... edge ... */
    size_t position;         /* ... and which of the node's documents comes next. */
    muv__portion_t *portion; /* Inside a walk. */
    uint8_t phase;
} muv__related_t;

/* Load the references of a result: documents of the plan's schema in one batch, which the caller
 * holds. `on_loaded` is called later from the loop, or inside when nothing is to be loaded; not
 * when the job ended before. Several results one after the other.
 *
 * is_whole    The documents were loaded without projection: references may lead to them.
 * size_bytes  Of the result so far. */
void muv__related_load(muv__related_t *related, muv_batch_t *batch, void *const *documents,
                       size_t count, int is_whole, size_t size_bytes);

/* The end of the job. */
void muv__related_done(muv__related_t *related);

#endif
