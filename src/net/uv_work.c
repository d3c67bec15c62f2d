/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of libraries that know only blocking calls, on libuv's threads. Those are the whole
 * program's, and four by default: of each net only a few jobs are there at a time, the others wait
 * here. So name servers or key servers that do not answer never take all threads away. */
#include "net/uv_net.h"

#include "muv/error.h"

#include "base/assert.h"
#include "base/mem.h"

struct muv__work {
    muv__list_t link; /* In `queued_work` while no thread has been asked for. */
    uv_work_t request;
    muv__net_t *net;
    void (*run)(void *job);
    void (*done)(void *owner);
    void (*drop)(void *job); /* Set: cancelled. */
    void *job;
    void *owner;
};

static void run_job(uv_work_t *request)
{
    muv__work_t *work = request->data;

    work->run(work->job);
}

static void on_ended(uv_work_t *request, int status);

static void start_queued(muv__net_t *net)
{
    muv__list_t *link;

    while (net->running_work < MUV__NET_WORK_AT_ONCE &&
           (link = muv__list_pop_front(&net->queued_work)) != NULL) {
        muv__work_t *work = MUV__CONTAINER_OF(link, muv__work_t, link);
        int status = uv_queue_work(net->loop, &work->request, run_job, on_ended);

        MUV__ASSERT(status == 0); /* It fails only without a function. */
        net->running_work++;
    }
}

/* Also for a job that no thread has begun when it was cancelled; `drop` frees it as well. */
static void on_ended(uv_work_t *request, int status)
{
    muv__work_t *work = request->data;
    muv__net_t *net = work->net;

    (void)status;
    net->running_work--;
    start_queued(net);
    if (work->drop != NULL) {
        work->drop(work->job);
    } else {
        net->works--;
        muv__uv_begin(net);
        work->done(work->owner);
        muv__uv_end(net);
    }
    muv__mem_free(work);
    muv__uv_handle_closed(net);
}

int muv__net_work(muv__net_t *net, void (*run)(void *job), void (*done)(void *owner), void *job,
                  void *owner, muv__work_t **ret)
{
    muv__work_t *work = muv__mem_zalloc(sizeof(*work));

    if (work == NULL) {
        return MUV_ENOMEM;
    }
    work->request.data = work;
    work->net = net;
    work->run = run;
    work->done = done;
    work->job = job;
    work->owner = owner;
    muv__list_init(&work->link);
    muv__list_push_back(&net->queued_work, &work->link);
    net->works++;
    net->open_handles++;
    start_queued(net);
    *ret = work;
    return 0;
}

void muv__work_cancel(muv__work_t *work, void (*drop)(void *job))
{
    muv__net_t *net = work->net;

    MUV__ASSERT(work->drop == NULL);
    net->works--;
    if (muv__list_linked(&work->link)) {
        muv__list_remove(&work->link);
        drop(work->job);
        muv__mem_free(work);
        net->open_handles--; /* Never the last one: the net's own are open until it closes. */
        return;
    }
    work->drop = drop;
    (void)uv_cancel((uv_req_t *)&work->request); /* Fails when a thread has begun: it is awaited. */
}
