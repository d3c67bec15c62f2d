/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming the documents of a query. Each reply is a result of its own: decoded, completed with
 * its references, given out, and let go. At most two are in memory, the one being given out and the
 * next one, which is asked for as soon as the first begins; while the user pauses, nothing is.
 *
 *     find --> current: [decode -> related ->] give out --> next becomes current --> ... end
 *                            \__ getMore --> next
 *
 * Without references, documents are decoded one by one as they are given out. */
#include "odm/run_begin.h"

#include "base/error.h"
#include "odm/query_render.h"

typedef struct result {
    muv_batch_t *batch; /* Counted; NULL: there is none. */
    muv__page_t page;
    muv__docs_t docs; /* With references: all of the page. */
    size_t given;     /* How many of these were given out. */
    uint8_t ready;    /* They may be. */
} result_t;

typedef struct each_job {
    muv__load_t load;
    muv_each_cb on_document;
    muv_done_cb on_end;
    result_t current;
    result_t next;
    uint8_t paused;
    uint8_t calling; /* Inside on_document. */
    uint8_t resumed; /* Inside on_document muv_query_resume() was called. */
    uint8_t loading; /* References of `current` are being loaded. */
} each_job_t;

static void work(void *data);

static each_job_t *each_of(muv__job_t *job)
{
    return MUV__CONTAINER_OF(job, each_job_t, load.job);
}

static void drop(result_t *result)
{
    muv__docs_done(&result->docs);
    if (result->batch != NULL) {
        muv__odm_batch_release(result->batch);
    }
    memset(result, 0, sizeof(*result));
}

static void deliver(muv__job_t *job, muv_op_t *op, const muv_error_t *error)
{
    const each_job_t *each = each_of(job);

    if (each->on_end != NULL) {
        each->on_end(op, error, job->data);
    }
}

static void dispose(muv__job_t *job)
{
    each_job_t *each = each_of(job);

    drop(&each->current);
    drop(&each->next);
    muv__load_done(&each->load);
}

/* --- replies -----------------------------------------------------------------------------------*/

static void on_page(muv__run_fetch_t *fetch, const muv_reply_t *reply, const muv__page_head_t *head)
{
    each_job_t *each = fetch->owner;
    result_t *result = each->current.batch == NULL ? &each->current : &each->next;

    if (muv__load_page(&each->load, &result->page, reply, head, &result->batch)) {
        work(each);
    }
}

static void on_loaded(muv__job_t *job)
{
    each_job_t *each = each_of(job);

    each->loading = 0;
    each->current.ready = 1;
    work(each);
}

/* --- giving out --------------------------------------------------------------------------------*/

/* Returns 1 when the next document may follow. */
static int give(each_job_t *each, void *doc)
{
    muv__job_t *job = &each->load.job;
    int verdict;

    each->calling = 1;
    each->resumed = 0;
    verdict = each->on_document(job->op, doc, job->data);
    each->calling = 0;
    if (verdict == MUV_ITERATE_STOP) {
        muv__run_fetch_close(&each->load.fetch);
        muv__job_finish(job, NULL);
        return 0;
    }
    if (verdict == MUV_ITERATE_PAUSE && !each->resumed) {
        each->paused = 1;
        return 0;
    }
    return !muv__job_is_over(job);
}

/* Decode into `docs` what is to get its references. Returns 1, 0 at the end, or a negative code. */
static int gather_one(each_job_t *each)
{
    result_t *current = &each->current;
    muv_error_t failure;
    void *doc;
    int code = muv__page_next(&current->page, &failure, &doc);

    if (code == 1 && muv__docs_push(&current->docs, doc) != 0) {
        code = muv__error_code(&failure, MUV_ENOMEM);
    }
    if (code < 0) {
        muv__job_abort(&each->load.job, &failure);
    }
    if (code == 0) {
        each->loading = 1;
        muv__related_load(&each->load.related, current->batch, current->docs.items,
                          current->docs.count, each->load.projection == NULL, current->page.size);
    }
    return code;
}

/* The next document of the current result. Returns 1 with a document, 0 at the end, or a negative
 * code. */
static int take_one(each_job_t *each, void **ret)
{
    result_t *current = &each->current;
    muv_error_t failure;
    int code;

    if (each->load.related.plan.root != NULL) {
        if (current->given == current->docs.count) {
            return 0;
        }
        *ret = current->docs.items[current->given++];
        return 1;
    }
    code = muv__page_next(&current->page, &failure, ret);
    if (code < 0) {
        muv__job_abort(&each->load.job, &failure);
    }
    return code;
}

/* The current result is used up. Returns 1 when there is another one already. */
static int turn_page(each_job_t *each)
{
    muv__run_fetch_t *fetch = &each->load.fetch;

    drop(&each->current);
    if (each->next.batch != NULL) {
        each->current = each->next;
        memset(&each->next, 0, sizeof(each->next));
        return 1;
    }
    if (muv__fetch_has_more(fetch)) {
        muv__run_fetch_more(fetch);
    } else if (fetch->op == NULL) {
        muv__job_finish(&each->load.job, NULL);
    }
    return 0;
}

/* One step. Returns 1 when the next one may follow. */
static int step(each_job_t *each)
{
    void *doc;
    int code;

    if (each->load.related.plan.root != NULL && !each->current.ready) {
        return gather_one(each) == 1;
    }
    code = take_one(each, &doc);
    if (code == 1) {
        return give(each, doc);
    }
    return code == 0 && turn_page(each);
}

static int may_go_on(const each_job_t *each)
{
    return !muv__job_is_over(&each->load.job) && !each->paused && !each->loading &&
           each->current.batch != NULL && !each->calling;
}

/* A portion. */
static void work(void *data)
{
    each_job_t *each = data;
    muv__run_fetch_t *fetch = &each->load.fetch;
    muv__portion_t portion = MUV__PORTION;

    while (!muv__portion_is_used(&portion) && may_go_on(each)) {
        if (each->next.batch == NULL && muv__fetch_has_more(fetch)) {
            muv__run_fetch_more(fetch);
        }
        if (!step(each)) {
            break;
        }
        muv__portion_use(&portion, each->current.ready ? 0 : each->current.page.iter.value_size);
    }
    if (muv__portion_is_used(&portion) && may_go_on(each)) {
        muv__job_yield(&each->load.job, work, each);
    }
}

/* --- start -------------------------------------------------------------------------------------*/

int muv_query_each(muv_mapper_t *mapper, muv_query_t *query, const muv_load_opts_t *opts,
                   muv_each_cb on_document, muv_done_cb on_end, void *data, muv_op_t **ret_op)
{
    muv__job_opts_t job_opts = {
        .size = sizeof(each_job_t), .deliver = deliver, .dispose = dispose, .data = data};
    muv__load_t *load;
    each_job_t *each;
    int code = muv__load_query(mapper, query);

    if (code == 0 && on_document == NULL) {
        code = muv__mapper_refuse(mapper, MUV_EINVAL, "on_document: it is NULL");
    }
    if (code == 0) {
        code = muv__load_begin(mapper, query, opts, &job_opts, &load);
    }
    if (code != 0) {
        return code;
    }
    each = MUV__CONTAINER_OF(load, each_job_t, load);
    each->on_document = on_document;
    each->on_end = on_end;
    load->purpose = MUV__FIND_ALL;
    load->fetch.on_page = on_page;
    load->fetch.owner = each;
    load->related.on_loaded = on_loaded;
    return muv__job_started(&load->job, muv__load_start(load), ret_op);
}

void muv_query_resume(muv_op_t *op)
{
    muv__job_t *job = muv__job_of(op);
    each_job_t *each;

    /* Other jobs have no pauses. */
    if (job == NULL || job->deliver != deliver) {
        return;
    }
    each = each_of(job);
    each->resumed = 1;
    if (each->paused) {
        each->paused = 0;
        muv__job_yield(job, work, each);
    }
}
