/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs on libuv's threads: where they run, how many at a time, how they end. */
#include "net/net.h"

#include "muv/error.h"

#include "support/alloc.h"
#include "unit/net/net_fixture.h"

#define COUNT 5

/* What the jobs of one test share. */
typedef struct crowd {
    uv_mutex_t mutex;
    unsigned running;
    unsigned peak;
    unsigned runs;
} crowd_t;

typedef struct job {
    net_fixture_t *f;
    crowd_t *crowd;
    muv__work_t *work;
    uv_sem_t gate; /* The job ends when it is opened. */
    uv_thread_t owner;
    uv_thread_t thread;
    bool ran;
    bool done;
    bool dropped;
    bool calling; /* A call of net.h is in progress. */
} job_t;

static void on_run(void *data)
{
    job_t *job = data;

    uv_mutex_lock(&job->crowd->mutex);
    job->crowd->runs++;
    job->crowd->running++;
    job->crowd->peak =
        job->crowd->running > job->crowd->peak ? job->crowd->running : job->crowd->peak;
    uv_mutex_unlock(&job->crowd->mutex);
    uv_sem_wait(&job->gate);
    uv_mutex_lock(&job->crowd->mutex);
    job->crowd->running--;
    uv_mutex_unlock(&job->crowd->mutex);
    job->thread = uv_thread_self();
    job->ran = true;
}

static void on_done(void *data)
{
    job_t *job = data;

    assert_int_equal(job->f->depth, 1);
    assert_false(job->calling);
    assert_false(job->done);
    assert_false(job->dropped);
    assert_true(job->ran);
    job->done = true;
}

static void on_drop(void *data)
{
    job_t *job = data;
    uv_thread_t self = uv_thread_self();

    assert_true(uv_thread_equal(&self, &job->owner));
    assert_int_equal(job->f->depth, 0);
    assert_false(job->done);
    assert_false(job->dropped);
    job->dropped = true;
}

static unsigned runs_of(crowd_t *crowd)
{
    unsigned runs;

    uv_mutex_lock(&crowd->mutex);
    runs = crowd->runs;
    uv_mutex_unlock(&crowd->mutex);
    return runs;
}

static bool two_have_begun(void *data)
{
    return runs_of(data) >= 2;
}

static void begin(job_t *job, net_fixture_t *f, crowd_t *crowd)
{
    *job = (job_t){.f = f, .crowd = crowd, .owner = uv_thread_self(), .calling = true};
    assert_int_equal(uv_sem_init(&job->gate, 0), 0);
    CHECK_CODE(muv__net_work(f->net, on_run, on_done, job, job, &job->work), 0);
    job->calling = false;
}

static void cancel(job_t *job)
{
    job->calling = true;
    muv__work_cancel(job->work, on_drop);
    job->calling = false;
}

static void open_crowd(crowd_t *crowd)
{
    *crowd = (crowd_t){.runs = 0};
    assert_int_equal(uv_mutex_init(&crowd->mutex), 0);
}

static void close_crowd(crowd_t *crowd, job_t *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uv_sem_destroy(&jobs[i].gate);
    }
    uv_mutex_destroy(&crowd->mutex);
}

static void a_job_runs_on_another_thread_and_ends_in_a_net_event(void **state)
{
    net_fixture_t *f = *state;
    uv_thread_t self = uv_thread_self();
    crowd_t crowd;
    job_t job;

    open_crowd(&crowd);
    begin(&job, f, &crowd);
    uv_sem_post(&job.gate);
    run_until(&f->loop, &job.done, WAIT_MS);
    assert_false(uv_thread_equal(&job.thread, &self));
    close_crowd(&crowd, &job, 1);
}

static void turn_three_times(net_fixture_t *f)
{
    unsigned turns = f->turns;

    for (unsigned i = 1; i <= 3; i++) {
        muv__net_post(f->net);
        run_until_count(&f->loop, &f->turns, turns + i, WAIT_MS);
    }
}

static void the_loop_turns_while_a_job_runs(void **state)
{
    net_fixture_t *f = *state;
    crowd_t crowd;
    job_t job;

    open_crowd(&crowd);
    begin(&job, f, &crowd);
    turn_three_times(f);
    assert_false(job.done);
    uv_sem_post(&job.gate);
    run_until(&f->loop, &job.done, WAIT_MS);
    close_crowd(&crowd, &job, 1);
}

static void few_run_at_a_time_and_all_end(void **state)
{
    net_fixture_t *f = *state;
    job_t jobs[COUNT];
    crowd_t crowd;

    open_crowd(&crowd);
    for (size_t i = 0; i < COUNT; i++) {
        begin(&jobs[i], f, &crowd);
    }
    run_until_true(&f->loop, two_have_begun, &crowd, WAIT_MS);
    turn_three_times(f);
    assert_int_equal(runs_of(&crowd), MUV__NET_WORK_AT_ONCE);
    for (size_t i = 0; i < COUNT; i++) {
        uv_sem_post(&jobs[i].gate);
    }
    for (size_t i = 0; i < COUNT; i++) {
        run_until(&f->loop, &jobs[i].done, WAIT_MS);
    }
    assert_int_equal(crowd.runs, COUNT);
    assert_int_equal(crowd.peak, MUV__NET_WORK_AT_ONCE);
    close_crowd(&crowd, jobs, COUNT);
}

static void a_job_that_waits_is_dropped_at_once_and_never_runs(void **state)
{
    net_fixture_t *f = *state;
    job_t jobs[3];
    crowd_t crowd;

    open_crowd(&crowd);
    for (size_t i = 0; i < 3; i++) {
        begin(&jobs[i], f, &crowd);
    }
    cancel(&jobs[2]);
    assert_true(jobs[2].dropped);
    uv_sem_post(&jobs[0].gate);
    uv_sem_post(&jobs[1].gate);
    run_until(&f->loop, &jobs[0].done, WAIT_MS);
    run_until(&f->loop, &jobs[1].done, WAIT_MS);
    assert_int_equal(crowd.runs, 2);
    close_crowd(&crowd, jobs, 3);
}

static void a_running_job_is_dropped_when_it_has_ended(void **state)
{
    net_fixture_t *f = *state;
    job_t jobs[2];
    crowd_t crowd;

    open_crowd(&crowd);
    begin(&jobs[0], f, &crowd);
    begin(&jobs[1], f, &crowd);
    run_until_true(&f->loop, two_have_begun, &crowd, WAIT_MS);
    cancel(&jobs[0]);
    assert_false(jobs[0].dropped);
    uv_sem_post(&jobs[1].gate);
    run_until(&f->loop, &jobs[1].done, WAIT_MS);
    assert_false(jobs[0].dropped);
    uv_sem_post(&jobs[0].gate);
    run_until(&f->loop, &jobs[0].dropped, WAIT_MS);
    assert_false(jobs[0].done);
    close_crowd(&crowd, jobs, 2);
}

static void on_closed(void *data)
{
    net_fixture_t *f = data;

    f->closed = true;
}

static void a_net_is_closed_when_its_cancelled_jobs_have_ended(void **state)
{
    net_fixture_t *f = *state;
    job_t jobs[2];
    crowd_t crowd;

    open_crowd(&crowd);
    begin(&jobs[0], f, &crowd);
    begin(&jobs[1], f, &crowd);
    run_until_true(&f->loop, two_have_begun, &crowd, WAIT_MS);
    cancel(&jobs[0]);
    cancel(&jobs[1]);
    muv__net_close(f->net, on_closed);
    f->net = NULL;
    uv_sem_post(&jobs[0].gate);
    run_until(&f->loop, &jobs[0].dropped, WAIT_MS);
    assert_false(f->closed);
    uv_sem_post(&jobs[1].gate);
    run_until(&f->loop, &f->closed, WAIT_MS);
    assert_true(jobs[1].dropped);
    close_crowd(&crowd, jobs, 2);
}

static void a_job_alone_keeps_the_loop_alive(void **state)
{
    net_fixture_t *f = *state;
    crowd_t crowd;
    job_t job;

    open_crowd(&crowd);
    begin(&job, f, &crowd);
    uv_sem_post(&job.gate);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_true(job.done);
    close_crowd(&crowd, &job, 1);
}

static void without_memory_nothing_runs(void **state)
{
    net_fixture_t *f = *state;
    muv__work_t *work = NULL;
    crowd_t crowd;
    job_t job = {.f = f, .crowd = &crowd};

    open_crowd(&crowd);
    alloc_fail_at(1, false);
    CHECK_CODE(muv__net_work(f->net, on_run, on_done, &job, &job, &work), MUV_ENOMEM);
    assert_true(alloc_has_failed());
    alloc_fail_at(0, false);
    assert_null(work);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(crowd.runs, 0);
    close_crowd(&crowd, NULL, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_net, close_net)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_runs_on_another_thread_and_ends_in_a_net_event),
        TEST(the_loop_turns_while_a_job_runs),
        TEST(few_run_at_a_time_and_all_end),
        TEST(a_job_that_waits_is_dropped_at_once_and_never_runs),
        TEST(a_running_job_is_dropped_when_it_has_ended),
        TEST(a_net_is_closed_when_its_cancelled_jobs_have_ended),
        TEST(a_job_alone_keeps_the_loop_alive),
        TEST(without_memory_nothing_runs),
    };

    alloc_install();
    return cmocka_run_group_tests_name("uv_work", tests, NULL, NULL);
}
