/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of the simulated net: the promises of src/net/net.h that GSSAPI rests on. */
#include "net_rig.h"

#include "muv/error.h"

#include "net/net.h"
#include "support/alloc.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

typedef struct job {
    net_rig_t *rig;
    char name;
    muv__work_t *work;
} job_t;

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

static job_t begin(net_rig_t *rig, char name)
{
    return (job_t){.rig = rig, .name = name};
}

static void start(job_t *job)
{
    CHECK_CODE(muv__net_work(job->rig->net, on_run, on_done, job, job, &job->work), 0);
}

static void two_jobs_run_at_a_time(void **state)
{
    net_rig_t rig;
    job_t a = begin(&rig, 'a');
    job_t b = begin(&rig, 'b');
    job_t c = begin(&rig, 'c');

    (void)state;
    net_rig_open(&rig);
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
    net_rig_end(&rig);
}

static void a_cancelled_job_is_dropped_when_it_has_run_and_the_net_waits_for_it(void **state)
{
    net_rig_t rig;
    job_t a = begin(&rig, 'a');
    job_t b = begin(&rig, 'b');
    job_t c = begin(&rig, 'c');

    (void)state;
    net_rig_open(&rig);
    start(&a);
    start(&b);
    start(&c);
    muv__work_cancel(c.work, on_drop);
    muv__work_cancel(a.work, on_drop);
    muv__work_cancel(b.work, on_drop);
    net_rig_end(&rig);
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
