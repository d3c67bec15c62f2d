/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a whole result: first, get, all. All documents and what they lead to live in one batch,
 * which lives until the callback has returned, or as long as somebody retains one of them. */
#include "odm/run_begin.h"

#include "base/error.h"
#include "odm/query_render.h"

typedef struct result_job {
    muv__load_t load;
    union {
        muv_load_cb one;
        muv_load_all_cb all;
    } cb;
    muv_batch_t *batch; /* Counted; NULL before the first page. */
    muv__page_t page;
    muv__docs_t docs;
    size_t max_documents;
    size_t size_bytes;
} result_job_t;

static result_job_t *result_of(muv__job_t *job)
{
    return MUV__CONTAINER_OF(job, result_job_t, load.job);
}

static void deliver_one(muv__job_t *job, muv_op_t *op, const muv_error_t *error)
{
    const result_job_t *result = result_of(job);

    if (result->cb.one != NULL) {
        result->cb.one(op, error,
                       error == NULL && result->docs.count != 0 ? result->docs.items[0] : NULL,
                       job->data);
    }
}

static void deliver_all(muv__job_t *job, muv_op_t *op, const muv_error_t *error)
{
    const result_job_t *result = result_of(job);

    if (result->cb.all != NULL) {
        result->cb.all(op, error, error == NULL ? result->docs.items : NULL,
                       error == NULL ? result->docs.count : 0, job->data);
    }
}

static void dispose(muv__job_t *job)
{
    result_job_t *result = result_of(job);

    muv__load_done(&result->load);
    muv__docs_done(&result->docs);
    if (result->batch != NULL) {
        muv__odm_batch_release(result->batch);
    }
}

/* --- documents ---------------------------------------------------------------------------------*/

static void on_loaded(muv__job_t *job)
{
    muv__job_finish(job, NULL);
}

/* All documents are here. */
static void complete(result_job_t *result)
{
    muv__load_t *load = &result->load;
    muv_error_t failure;
    int code = 0;

    if (load->purpose == MUV__FIND_GET && result->docs.count != 1) {
        code = result->docs.count == 0 ? MUV_ENOTFOUND : MUV_EMULTIPLE;
        (void)muv__error_set(&failure, code, "%s: %s", load->schema->model->name,
                             muv_error_text(code));
        muv__job_abort(&load->job, &failure);
        return;
    }
    muv__related_load(&load->related, result->batch, result->docs.items, result->docs.count,
                      load->projection == NULL, result->size_bytes);
}

static int accept(result_job_t *result, void *doc)
{
    muv__load_t *load = &result->load;
    muv_error_t failure;

    if (result->docs.count == result->max_documents) {
        (void)muv__error_set(&failure, MUV_ETOOLARGE, "%s: more than %zu documents match",
                             load->schema->model->name, result->max_documents);
        muv__job_abort(&load->job, &failure);
        return MUV_ETOOLARGE;
    }
    if (muv__docs_push(&result->docs, doc) != 0) {
        muv__job_fail(&load->job, MUV_ENOMEM);
        return MUV_ENOMEM;
    }
    return 0;
}

/* A portion of the page. */
static void work(void *data)
{
    result_job_t *result = data;
    muv__portion_t portion = MUV__PORTION;
    muv_error_t failure;

    while (!muv__portion_is_used(&portion)) {
        void *doc;
        int code = muv__page_next(&result->page, &failure, &doc);

        if (code < 0) {
            muv__job_abort(&result->load.job, &failure);
            return;
        }
        if (code == 0) {
            if (muv__fetch_has_more(&result->load.fetch)) {
                muv__run_fetch_more(&result->load.fetch);
            } else {
                complete(result);
            }
            return;
        }
        if (accept(result, doc) != 0) {
            return;
        }
        muv__portion_use(&portion, result->page.iter.value_size);
    }
    muv__job_yield(&result->load.job, work, result);
}

static void on_page(muv__run_fetch_t *fetch, const muv_reply_t *reply, const muv__page_head_t *head)
{
    result_job_t *result = fetch->owner;
    muv__load_t *load = &result->load;
    muv_error_t failure;

    result->size_bytes += head->documents.size;
    if (result->size_bytes > load->max_bytes) {
        (void)muv__error_set(&failure, MUV_ETOOLARGE, "%s: the documents have more than %zu bytes",
                             load->schema->model->name, load->max_bytes);
        muv__job_abort(&load->job, &failure);
        return;
    }
    if (muv__load_page(load, &result->page, reply, head, &result->batch)) {
        work(result);
    }
}

/* --- start -------------------------------------------------------------------------------------*/

typedef void (*deliver_t)(muv__job_t *job, muv_op_t *op, const muv_error_t *error);

static int begin(muv_mapper_t *mapper, muv_query_t *query, const muv_load_opts_t *opts,
                 deliver_t deliver, void *data, result_job_t **ret)
{
    muv__job_opts_t job_opts = {
        .size = sizeof(result_job_t), .deliver = deliver, .dispose = dispose, .data = data};
    muv__load_t *load;
    int code = muv__load_query(mapper, query);

    if (code == 0) {
        code = muv__load_begin(mapper, query, opts, &job_opts, &load);
    }
    if (code != 0) {
        return code;
    }
    *ret = MUV__CONTAINER_OF(load, result_job_t, load);
    load->fetch.on_page = on_page;
    load->fetch.owner = *ret;
    load->related.on_loaded = on_loaded;
    return 0;
}

/* A server that answers more than it was asked for is not believed. */
static int start(result_job_t *result, int purpose, size_t max_documents, muv_op_t **ret_op)
{
    result->load.purpose = purpose;
    result->max_documents = max_documents;
    return muv__job_started(&result->load.job, muv__load_start(&result->load), ret_op);
}

int muv_query_first(muv_mapper_t *mapper, muv_query_t *query, const muv_load_opts_t *opts,
                    muv_load_cb cb, void *data, muv_op_t **ret_op)
{
    result_job_t *result;
    int code = begin(mapper, query, opts, deliver_one, data, &result);

    if (code != 0) {
        return code;
    }
    result->cb.one = cb;
    return start(result, MUV__FIND_FIRST, 1, ret_op);
}

int muv_query_get(muv_mapper_t *mapper, muv_query_t *query, const muv_load_opts_t *opts,
                  muv_load_cb cb, void *data, muv_op_t **ret_op)
{
    result_job_t *result;
    int code = begin(mapper, query, opts, deliver_one, data, &result);

    if (code != 0) {
        return code;
    }
    result->cb.one = cb;
    return start(result, MUV__FIND_GET, 2, ret_op);
}

int muv_query_all(muv_mapper_t *mapper, muv_query_t *query, const muv_load_opts_t *opts,
                  muv_load_all_cb cb, void *data, muv_op_t **ret_op)
{
    result_job_t *result;
    size_t max =
        opts != NULL && opts->max_documents != 0 ? opts->max_documents : MUV__LOAD_DOCUMENTS;
    int code = begin(mapper, query, opts, deliver_all, data, &result);

    if (code != 0) {
        return code;
    }
    result->cb.all = cb;
    if (max < INT64_MAX && (query->limit == 0 || (uint64_t)query->limit > max)) {
        /* One more shows that there are too many, and the server need not find the others. */
        result->load.limit = (int64_t)max + 1;
    }
    return start(result, MUV__FIND_ALL, max, ret_op);
}
