/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of the simulated net: the promises of src/net/net.h that GSSAPI rests on. */
#include "net_sim.h"

#include "muv/error.h"

#include "net/net.h"
#include "support/alloc.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

typedef struct rig {
    sim_world_t *world;
    muv__net_t *net;
    unsigned depth;
    bool closed;
    int64_t since_us;
    char log[512]; /* "[us] name what\n" */
} rig_t;

typedef struct job {
    rig_t *rig;
    char name;
    muv__work_t *work;
} job_t;

static void on_begin(void *data, int64_t now_us)
{
    rig_t *rig = data;

    assert_int_equal(rig->depth++, 0);
    assert_int_equal(now_us, sim_now_us(rig->world));
}

static void on_end(void *data)
{
    rig_t *rig = data;

    rig->depth--;
}

static void on_nothing(void *data)
{
    (void)data;
}

static void note(const job_t *job, const char *what)
{
    size_t length = strlen(job->rig->log);

    (void)snprintf(job->rig->log + length, sizeof job->rig->log - length, "[%d] %c %s\n",
                   (int)(sim_now_us(job->rig->world) - job->rig->since_us), job->name, what);
}

static void on_run(void *data)
{
    job_t *job = data;

    assert_int_equal(job->rig->depth, 0);
    note(job, "runs");
}

static void on_done(void *data)
{
    job_t *job = data;

    assert_int_equal(job->rig->depth, 1);
    note(job, "done");
}

static void on_drop(void *data)
{
    note(data, "dropped");
}

static void rig_open(rig_t *rig)
{
    static const muv__net_hooks_t hooks = {
        .begin = on_begin, .end = on_end, .on_timer = on_nothing, .on_turn = on_nothing};

    memset(rig, 0, sizeof *rig);
    rig->world = sim_new(1);
    rig->since_us = sim_now_us(rig->world);
    assert_int_equal(muv__net_new(sim_loop(rig->world), &hooks, rig, &rig->net), 0);
}

static void on_net_closed(void *data)
{
    rig_t *rig = data;

    rig->closed = true;
}

static void rig_end(rig_t *rig)
{
    muv__net_close(rig->net, on_net_closed);
    sim_run(rig->world);
    assert_true(rig->closed);
    sim_free(rig->world);
    assert_int_equal(alloc_live_blocks(), 0);
}

static job_t begin(rig_t *rig, char name)
{
    return (job_t){.rig = rig, .name = name};
}

static void start(job_t *job)
{
    CHECK_CODE(muv__net_work(job->rig->net, on_run, on_done, job, job, &job->work), 0);
}

static void two_jobs_run_at_a_time(void **state)
{
    rig_t rig;
    job_t a = begin(&rig, 'a');
    job_t b = begin(&rig, 'b');
    job_t c = begin(&rig, 'c');

    (void)state;
    rig_open(&rig);
    start(&a);
    sim_work_takes(rig.world, 300);
    start(&b);
    start(&c);
    assert_string_equal(rig.log, "");
    sim_run_for(rig.world, 2 * SIM_MS);
    assert_string_equal(rig.log, "[300] b runs\n"
                                 "[300] b done\n"
                                 "[600] c runs\n"
                                 "[600] c done\n"
                                 "[1000] a runs\n"
                                 "[1000] a done\n");
    rig_end(&rig);
}

static void a_cancelled_job_is_dropped_when_it_has_run_and_the_net_waits_for_it(void **state)
{
    rig_t rig;
    job_t a = begin(&rig, 'a');
    job_t b = begin(&rig, 'b');
    job_t c = begin(&rig, 'c');

    (void)state;
    rig_open(&rig);
    start(&a);
    start(&b);
    start(&c);
    muv__work_cancel(c.work, on_drop);
    muv__work_cancel(a.work, on_drop);
    muv__work_cancel(b.work, on_drop);
    rig_end(&rig);
    assert_string_equal(rig.log, "[0] c dropped\n"
                                 "[1000] a runs\n"
                                 "[1000] a dropped\n"
                                 "[1000] b runs\n"
                                 "[1000] b dropped\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_jobs_run_at_a_time),
        cmocka_unit_test(a_cancelled_job_is_dropped_when_it_has_run_and_the_net_waits_for_it),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
