/* SPDX-License-Identifier: Apache-2.0 */
/* What all jobs that load documents through a query have in common: the query's find and the plan
 * of its references, copied, because the query may change when the start call has returned. */
#ifndef MUV__ODM_RUN_BEGIN_H
#define MUV__ODM_RUN_BEGIN_H

#include "odm/query.h"
#include "odm/run_fetch.h"
#include "odm/run_related.h"

/* Of muv_query_all(), and of the references of any one result. */
#define MUV__LOAD_DOCUMENTS 10000
#define MUV__LOAD_BYTES ((size_t)64 * 1024 * 1024)

typedef struct muv__load {
    muv__job_t job;
    muv__arena_t arena; /* Of what is copied. */
    muv__preference_t preference;
    muv__projection_t *projection; /* NULL: everything. */
    const muv_schema_t *schema;
    muv__run_fetch_t fetch;
    muv__related_t related;
    size_t max_bytes;

    /* The find, inside the start call only. */
    const muv_query_t *query;
    muv_render_cb render; /* Instead of a find; gets the fetch. NULL: a find. */
    int purpose;          /* MUV__FIND_*. */
    int64_t limit;        /* Instead of the query's; 0: the query's. */
    uint8_t nothing;      /* The query is answered without asking: none(). */
} muv__load_t;

/* Check and prepare a query for a start call. Returns 0 or the code it is to return, with the
 * refusal noted. */
int muv__load_query(muv_mapper_t *mapper, muv_query_t *query);

/* Begin a job that loads. `job_opts` has size, deliver, dispose and data; `size` is that of a
 * struct that begins with a muv__load_t; `dispose` calls muv__load_done(). The query was checked.
 * Returns 0 or the code of the start call. */
int muv__load_begin(muv_mapper_t *mapper, muv_query_t *query, const muv_load_opts_t *opts,
                    muv__job_opts_t *job_opts, muv__load_t **ret);

/* Send the find; a query that finds nothing by itself ends the job with success instead. `purpose`,
 * `limit` and the fetch's on_page and owner are set. */
int muv__load_start(muv__load_t *load);

/* Begin to read a page into `*batch`, which is made when it is NULL. A failure ends the job;
 * returns 1 when the page can be read. */
int muv__load_page(muv__load_t *load, muv__page_t *page, const muv_reply_t *reply,
                   const muv__page_head_t *head, muv_batch_t **batch);

void muv__load_done(muv__load_t *load);

#endif
