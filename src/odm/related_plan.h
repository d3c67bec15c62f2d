/* SPDX-License-Identifier: Apache-2.0 */
/* Which references are to be loaded, as a tree: "author, comments.author.team" against a schema.
 * A node stands for documents of one collection, an edge for the references that lead on from them.
 * Pure: what is loaded through it is in run_related.c. */
#ifndef MUV__ODM_RELATED_PLAN_H
#define MUV__ODM_RELATED_PLAN_H

#include "muv/error.h"

#include "odm/arena.h"
#include "odm/schema.h"

/* So many round trips may follow each other, so many fields may lie between two of them. */
#define MUV__RELATED_LEVELS 16
#define MUV__RELATED_STEPS 32

typedef struct muv__plan_node muv__plan_node_t;
typedef struct muv__plan_edge muv__plan_edge_t;

struct muv__plan_edge {
    muv__plan_edge_t *next;     /* Of the same node. */
    const muv__field_t **steps; /* Embedded ones, then the reference or list of references. */
    uint32_t step_count;
    muv__plan_node_t *to;
};

struct muv__plan_node {
    muv__plan_node_t *next; /* All nodes, by level. */
    const muv_schema_t *schema;
    muv__plan_edge_t *edges; /* In the order of the text. */
    muv__plan_edge_t **edges_end;
    uint32_t level;  /* 0: the root. */
    uint32_t number; /* From 1. */
};

typedef struct muv__plan {
    muv__plan_node_t *root;
    uint32_t node_count;
    uint32_t level_count; /* Levels below the root: round trips. */
} muv__plan_t;

/* Read paths divided by blanks or commas, names of members joined by "." or "__". Paths that begin
 * alike share their beginning. Lives in `arena`. Returns 0, MUV_ENOMEM, or MUV_EINVAL with
 * "Model.path: ...". */
int muv__plan_new(const muv_schema_t *schema, const char *paths, muv__arena_t *arena,
                  muv__plan_t *ret, muv_error_t *reterr);

/* Call `visit` for each reference that `edge` finds in a document. Stops at, and returns, its first
 * value that is not 0. */
typedef int (*muv__visit_ref_t)(muv_ref_t *ref, void *data);
int muv__plan_visit(const muv__plan_edge_t *edge, void *document, muv__visit_ref_t visit,
                    void *data);

#endif
