/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning and end of loads. */
#include "odm/run_begin.h"

#include "base/error.h"
#include "odm/query_render.h"

#define FIRST_ARENA_BYTES 256
#define MAX_ARENA_BYTES ((size_t)16 * 1024 * 1024)

int muv__load_query(muv_mapper_t *mapper, muv_query_t *query)
{
    muv_error_t error;
    int code;

    if (mapper == NULL) {
        return MUV_EINVAL;
    }
    if (query == NULL) {
        return muv__mapper_refuse(mapper, MUV_ENOMEM, "query: memory ran out when it was made");
    }
    if (query->registry != mapper->registry) {
        return muv__mapper_refuse(mapper, MUV_EINVAL, "query: of another registry");
    }
    code = muv__query_prepare(query, &error);
    if (code != 0) {
        /* A start call returns no other codes. */
        return muv__mapper_refuse(mapper, code == MUV_ENOMEM ? code : MUV_EINVAL, error.message);
    }
    return 0;
}

/* Copy what is needed after the start call. Returns 0, MUV_ENOMEM or MUV_EINVAL. */
static int take_options(muv__load_t *load, const muv_load_opts_t *opts, muv_error_t *reterr)
{
    int code = muv__query_projection(load->query, &load->arena, &load->projection);

    if (code == 0) {
        code = muv__preference_copy(opts->read_preference, &load->arena, &load->preference);
    }
    if (code != 0) {
        return muv__error_code(reterr, code);
    }
    load->max_bytes = opts->max_bytes != 0 ? opts->max_bytes : MUV__LOAD_BYTES;
    load->related.job = &load->job;
    load->related.preference = &load->preference;
    load->related.max_bytes = load->max_bytes;
    return opts->related == NULL ? 0
                                 : muv__plan_new(load->schema, opts->related, &load->arena,
                                                 &load->related.plan, reterr);
}

int muv__load_begin(muv_mapper_t *mapper, muv_query_t *query, const muv_load_opts_t *opts,
                    muv__job_opts_t *job_opts, muv__load_t **ret)
{
    static const muv_load_opts_t defaults = {0};
    muv_error_t error;
    muv__load_t *load;
    muv__job_t *job;
    int code;

    opts = opts == NULL ? &defaults : opts;
    job_opts->timeout_ms = opts->timeout_ms;
    job_opts->parent = opts->parent;
    job_opts->session = opts->session;
    code = muv__job_begin(mapper, job_opts, &job);
    if (code != 0) {
        return code;
    }
    load = MUV__CONTAINER_OF(job, muv__load_t, job);
    muv__arena_init(&load->arena, FIRST_ARENA_BYTES, MAX_ARENA_BYTES);
    load->schema = query->schema;
    load->query = query;
    load->nothing = query->none;
    load->fetch.job = job;
    load->fetch.collection = query->schema->model->collection;
    load->fetch.preference = &load->preference;
    load->fetch.batch_size = query->batch_size;
    load->fetch.max_time_ms = query->max_time_ms;
    code = take_options(load, opts, &error);
    if (code != 0) {
        return muv__job_refuse(job, code == MUV_ENOMEM ? code : MUV_EINVAL, error.message);
    }
    *ret = load;
    return 0;
}

static int render_query(muv_writer_t *writer, void *data)
{
    muv__run_fetch_t *fetch = data;
    const muv__load_t *load = MUV__CONTAINER_OF(fetch, muv__load_t, fetch);
    muv_query_t query = *load->query;

    if (load->limit != 0) {
        query.limit = load->limit;
    }
    muv__query_render_find(&query, load->purpose, writer);
    return 0;
}

int muv__load_start(muv__load_t *load)
{
    int code = 0;

    load->fetch.render = load->render != NULL ? load->render : render_query;
    if (load->nothing) {
        muv__job_finish(&load->job, NULL);
    } else {
        code = muv__run_fetch_start(&load->fetch);
    }
    load->query = NULL;
    return code;
}

int muv__load_page(muv__load_t *load, muv__page_t *page, const muv_reply_t *reply,
                   const muv__page_head_t *head, muv_batch_t **batch)
{
    muv__projection_t *projection = NULL;
    muv_error_t failure;
    int code;

    memset(page, 0, sizeof(*page));
    page->schema = load->schema;
    code = muv__page_begin(page, reply, head, batch, &failure);
    if (code == 0 && muv__projection_copy(load->projection, &(*batch)->arena, &projection) != 0) {
        code = muv__error_code(&failure, (*batch)->arena.error);
    }
    if (code != 0) {
        muv__job_abort(&load->job, &failure);
        return 0;
    }
    page->projection = projection;
    return 1;
}

void muv__load_done(muv__load_t *load)
{
    muv__run_fetch_close(&load->fetch);
    muv__related_done(&load->related);
    muv__arena_done(&load->arena);
}
