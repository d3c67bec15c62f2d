/* SPDX-License-Identifier: Apache-2.0 */
/* Counting and asking whether there is a match: one command, no documents. */
#include "odm/run_begin.h"

#include "odm/query_render.h"

typedef struct count_job {
    muv__load_t load;
    muv_count_cb cb;
    int64_t count;
} count_job_t;

static count_job_t *count_of(muv__job_t *job)
{
    return MUV__CONTAINER_OF(job, count_job_t, load.job);
}

static void deliver(muv__job_t *job, muv_op_t *op, const muv_error_t *error)
{
    const count_job_t *count = count_of(job);

    if (count->cb != NULL) {
        count->cb(op, error, error == NULL ? count->count : 0, job->data);
    }
}

static void dispose(muv__job_t *job)
{
    muv__load_done(&count_of(job)->load);
}

static int begin(muv_mapper_t *mapper, muv_query_t *query, const muv_load_opts_t *opts,
                 muv_count_cb cb, void *data, count_job_t **ret)
{
    muv__job_opts_t job_opts = {
        .size = sizeof(count_job_t), .deliver = deliver, .dispose = dispose, .data = data};
    muv__load_t *load;
    int code = muv__load_query(mapper, query);

    if (code == 0) {
        code = muv__load_begin(mapper, query, opts, &job_opts, &load);
    }
    if (code != 0) {
        return code;
    }
    *ret = MUV__CONTAINER_OF(load, count_job_t, load);
    (*ret)->cb = cb;
    load->fetch.owner = *ret;
    return 0;
}

/* --- count -------------------------------------------------------------------------------------*/

static int render_count(muv_writer_t *writer, void *data)
{
    muv__run_fetch_t *fetch = data;

    muv__query_render_count(MUV__CONTAINER_OF(fetch, muv__load_t, fetch)->query, writer);
    return 0;
}

/* One document {n: ...}, or none. */
static void on_count(muv__run_fetch_t *fetch, const muv_reply_t *reply,
                     const muv__page_head_t *head)
{
    count_job_t *count = fetch->owner;
    muv__bson_iter_t documents;
    muv__bson_iter_t iter;

    (void)reply;
    if (muv__bson_iter_init(&documents, head->documents.data, head->documents.size) &&
        muv__bson_iter_next(&documents) && documents.type == MUV__BSON_DOCUMENT &&
        muv__bson_find(documents.value, documents.value_size, "n", &iter)) {
        (void)muv__bson_iter_as_int64(&iter, &count->count);
    }
    muv__job_finish(&count->load.job, NULL);
}

int muv_query_count(muv_mapper_t *mapper, muv_query_t *query, const muv_load_opts_t *opts,
                    muv_count_cb cb, void *data, muv_op_t **ret_op)
{
    count_job_t *count;
    int code = begin(mapper, query, opts, cb, data, &count);

    if (code != 0) {
        return code;
    }
    count->load.render = render_count;
    count->load.fetch.on_page = on_count;
    return muv__job_started(&count->load.job, muv__load_start(&count->load), ret_op);
}

/* --- exists ------------------------------------------------------------------------------------*/

static void on_match(muv__run_fetch_t *fetch, const muv_reply_t *reply,
                     const muv__page_head_t *head)
{
    count_job_t *count = fetch->owner;

    (void)reply;
    count->count = head->documents.size > MUV__BSON_EMPTY_SIZE;
    muv__job_finish(&count->load.job, NULL);
}

int muv_query_exists(muv_mapper_t *mapper, muv_query_t *query, const muv_load_opts_t *opts,
                     muv_count_cb cb, void *data, muv_op_t **ret_op)
{
    count_job_t *count;
    int code = begin(mapper, query, opts, cb, data, &count);

    if (code != 0) {
        return code;
    }
    count->load.purpose = MUV__FIND_EXISTS;
    count->load.fetch.on_page = on_match;
    return muv__job_started(&count->load.job, muv__load_start(&count->load), ret_op);
}
