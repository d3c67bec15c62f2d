/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs for other threads, which here are run by the network's agenda when their time is over. As
 * with libuv's threads, few of a net run at a time, their ends are delivered in net events of their
 * own, and a net cannot end while a cancelled one is still running. */
#include "net_inner.h"

#include "muv/error.h"

#include "base/mem.h"
#include "support/check.h"

#define WORK_US SIM_MS

struct muv__work {
    muv__list_t link; /* Of its net. */
    muv__net_t *net;
    void (*run)(void *job);
    void (*done)(void *owner);
    void (*drop)(void *job); /* Set: cancelled. */
    void *job;
    void *owner;
    bool begun;
    bool ended;
};

void sim_work_takes(sim_world_t *world, int64_t duration_us)
{
    world->work_us = duration_us;
}

static void free_work(muv__work_t *work)
{
    muv__list_remove(&work->link);
    muv__mem_free(work);
}

static void begin_works(muv__net_t *net);

static void on_ended(void *data)
{
    muv__work_t *work = data;
    muv__net_t *net = work->net;

    work->run(work->job);
    work->ended = true;
    net->running_work--;
    begin_works(net);
    if (work->drop != NULL) {
        work->drop(work->job);
        net->lingering--;
        free_work(work);
    } else {
        muv__net_post(net);
    }
}

static void begin_works(muv__net_t *net)
{
    sim_world_t *world = net->world;

    for (muv__list_t *link = net->works.next; link != &net->works; link = link->next) {
        muv__work_t *work = MUV__CONTAINER_OF(link, muv__work_t, link);

        if (!work->begun && net->running_work < MUV__NET_WORK_AT_ONCE) {
            work->begun = true;
            net->running_work++;
            sim_happens(world, world->now_us + (world->work_us == 0 ? WORK_US : world->work_us),
                        on_ended, work);
        }
    }
}

int muv__net_work(muv__net_t *net, void (*run)(void *job), void (*done)(void *owner), void *job,
                  void *owner, muv__work_t **ret)
{
    muv__work_t *work = muv__mem_zalloc(sizeof *work);

    if (work == NULL) {
        return MUV_ENOMEM;
    }
    work->net = net;
    work->run = run;
    work->done = done;
    work->job = job;
    work->owner = owner;
    muv__list_init(&work->link);
    muv__list_push_back(&net->works, &work->link);
    begin_works(net);
    *ret = work;
    return 0;
}

void muv__work_cancel(muv__work_t *work, void (*drop)(void *job))
{
    assert_null(work->drop);
    if (work->begun && !work->ended) {
        muv__list_remove(&work->link);
        work->drop = drop;
        work->net->lingering++;
        return;
    }
    drop(work->job);
    free_work(work);
}

static muv__work_t *next_ended(muv__net_t *net)
{
    for (muv__list_t *link = net->works.next; link != &net->works; link = link->next) {
        muv__work_t *work = MUV__CONTAINER_OF(link, muv__work_t, link);

        if (work->ended) {
            return work;
        }
    }
    return NULL;
}

void sim_deliver_works(muv__net_t *net)
{
    muv__work_t *work;

    while ((work = next_ended(net)) != NULL) {
        muv__list_remove(&work->link);
        sim_begin(net);
        work->done(work->owner);
        sim_end(net);
        free_work(work);
    }
}
