/* SPDX-License-Identifier: Apache-2.0 */
/* Files loaded by libuv's threads on a real loop: contents come later and inside a net event, what
 * is no small file is refused, and a cancelled load is silent and gone before its net is. */
#include "net/net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/alloc.h"
#include "unit/net/net_fixture.h"

static char folder[32];
static char path[64];

typedef struct loading {
    net_fixture_t *f;
    muv__load_t *load;
    muv__load_t *cancelled; /* By the callback. */
    bool starting;
    bool done;
    int status;
    size_t size;
    char text[64];
} loading_t;

static int setup(void **state)
{
    (void)snprintf(folder, sizeof folder, "/tmp/muv-load-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/token", folder);
    return open_net(state);
}

static int teardown(void **state)
{
    (void)unlink(path);
    if (rmdir(folder) != 0) {
        return -1;
    }
    return close_net(state);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void on_content(void *owner, muv__span_t content, int status)
{
    loading_t *l = owner;

    assert_int_equal(l->f->depth, 1);
    assert_false(l->starting);
    assert_false(l->done);
    assert_in_range(content.size, 0, sizeof l->text - 1);
    if (content.size != 0) {
        memcpy(l->text, content.data, content.size);
    }
    l->size = content.size;
    l->status = status;
    l->done = true;
    if (l->cancelled != NULL) {
        muv__load_cancel(l->cancelled);
    }
}

static void start(loading_t *l, net_fixture_t *f, const char *at, size_t max_size)
{
    *l = (loading_t){.f = f, .starting = true, .status = 1};
    assert_int_equal(muv__net_load_file(f->net, at, max_size, on_content, l, &l->load), 0);
    l->starting = false;
}

static void check_status(net_fixture_t *f, const char *at, size_t max_size, int expected)
{
    loading_t l;

    start(&l, f, at, max_size);
    run_until(&f->loop, &l.done, WAIT_MS);
    assert_int_equal(l.status, expected);
    assert_int_equal(l.size, 0);
}

static void check_content(net_fixture_t *f, size_t max_size, const char *expected)
{
    loading_t l;

    start(&l, f, path, max_size);
    run_until(&f->loop, &l.done, WAIT_MS);
    assert_int_equal(l.status, 0);
    assert_int_equal(l.size, strlen(expected));
    assert_string_equal(l.text, expected);
}

static void a_file_is_loaded_whole_up_to_its_limit(void **state)
{
    net_fixture_t *f = *state;

    write_file("token\n");
    check_content(f, 6, "token\n");
    check_content(f, SIZE_MAX, "token\n");
    check_status(f, path, 5, -EFBIG);
    write_file("");
    check_content(f, 0, "");
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
    net_fixture_t *f = *state;

    check_status(f, path, 10, -ENOENT);
    check_status(f, folder, 10, -EISDIR);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_status(f, path, 10, -EINVAL);
}

static void a_load_alone_keeps_the_loop_alive_until_it_is_told(void **state)
{
    net_fixture_t *f = *state;
    loading_t l;

    write_file("token");
    start(&l, f, path, 10);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_true(l.done);
    assert_string_equal(l.text, "token");
}

/* Some are cancelled before they begin, some while they run. */
#define MANY 32

static void cancelled_loads_are_silent_and_close_their_files(void **state)
{
    net_fixture_t *f = *state;
    loading_t loads[MANY];
    bool cancelled[MANY];
    int open_files;

    write_file("token");
    check_content(f, 10, "token");
    open_files = check_fd_count();
    for (unsigned i = 0; i < MANY; i++) {
        start(&loads[i], f, path, 10);
    }
    for (unsigned i = 0; i < MANY; i++) {
        cancelled[i] = !loads[i].done;
        if (cancelled[i]) {
            muv__load_cancel(loads[i].load);
        }
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_true(cancelled[0]);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(loads[i].done, !cancelled[i]);
    }
    assert_int_equal(check_fd_count(), open_files);
}

/* Work that keeps the only thread (main()) from what is queued behind it. */
typedef struct blocker {
    uv_work_t work;
    uv_sem_t begun;
    uv_sem_t go_on;
} blocker_t;

static void on_block(uv_work_t *work)
{
    blocker_t *blocker = work->data;

    uv_sem_post(&blocker->begun);
    uv_sem_wait(&blocker->go_on);
}

static void on_unblocked(uv_work_t *work, int status)
{
    blocker_t *blocker = work->data;

    assert_int_equal(status, 0);
    uv_sem_destroy(&blocker->begun);
    uv_sem_destroy(&blocker->go_on);
}

static void block(blocker_t *blocker, net_fixture_t *f)
{
    blocker->work.data = blocker;
    assert_int_equal(uv_sem_init(&blocker->begun, 0), 0);
    assert_int_equal(uv_sem_init(&blocker->go_on, 0), 0);
    assert_int_equal(uv_queue_work(&f->loop, &blocker->work, on_block, on_unblocked), 0);
}

/* Open, look, read, close: each step is cancelled while it waits for a thread. */
static void a_step_that_was_not_begun_can_be_cancelled(void **state)
{
    net_fixture_t *f = *state;
    int open_files;

    write_file("token");
    check_content(f, 10, "token");
    open_files = check_fd_count();
    for (unsigned steps = 0; steps < 4; steps++) {
        blocker_t blockers[4];
        loading_t l;

        block(&blockers[0], f);
        start(&l, f, path, 10);
        uv_sem_wait(&blockers[0].begun);
        for (unsigned i = 1; i <= steps; i++) {
            block(&blockers[i], f);
            uv_sem_post(&blockers[i - 1].go_on);
            uv_sem_wait(&blockers[i].begun);
            (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        }
        muv__load_cancel(l.load);
        uv_sem_post(&blockers[steps].go_on);
        assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
        assert_false(l.done);
        assert_int_equal(check_fd_count(), open_files);
    }
}

/* In a net event of one load all others are cancelled, whatever step they are at. */
static void a_load_can_be_cancelled_by_the_callback_of_another(void **state)
{
    net_fixture_t *f = *state;
    loading_t first;
    loading_t second;

    write_file("token");
    for (unsigned i = 0; i < MANY; i++) {
        start(&first, f, path, 10);
        start(&second, f, folder, 10);
        first.cancelled = second.load;
        second.cancelled = first.load;
        assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(first.done + second.done, 1);
    }
}

static void a_net_closed_right_after_a_cancel_waits_for_the_load(void **state)
{
    net_fixture_t *f = *state;
    loading_t loads[MANY];

    write_file("token");
    for (unsigned i = 0; i < MANY; i++) {
        start(&loads[i], f, path, 10);
    }
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    for (unsigned i = 0; i < MANY; i++) {
        if (!loads[i].done) {
            muv__load_cancel(loads[i].load);
        }
    }
    end_net(f);
    assert_int_equal(f->loop.active_reqs.count, 0);
}

static void without_memory_a_load_fails_at_its_start_or_says_so(void **state)
{
    net_fixture_t *f = *state;
    loading_t l = {.f = f};

    write_file("token");
    alloc_fail_at(1, false);
    assert_int_equal(muv__net_load_file(f->net, path, 10, on_content, &l, &l.load), MUV_ENOMEM);
    assert_true(alloc_has_failed());
    start(&l, f, path, 10);
    alloc_fail_at(1, false);
    run_until(&f->loop, &l.done, WAIT_MS);
    assert_true(alloc_has_failed());
    alloc_fail_at(0, false);
    assert_int_equal(l.status, -ENOMEM);
    assert_int_equal(l.size, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_loaded_whole_up_to_its_limit),
        TEST(what_is_no_file_is_refused_without_waiting),
        TEST(a_load_alone_keeps_the_loop_alive_until_it_is_told),
        TEST(cancelled_loads_are_silent_and_close_their_files),
        TEST(a_step_that_was_not_begun_can_be_cancelled),
        TEST(a_load_can_be_cancelled_by_the_callback_of_another),
        TEST(a_net_closed_right_after_a_cancel_waits_for_the_load),
        TEST(without_memory_a_load_fails_at_its_start_or_says_so),
    };

    alloc_install();
    (void)setenv("UV_THREADPOOL_SIZE", "1", 1); /* In the order in which it was asked for. */
    return cmocka_run_group_tests_name("uv_load", tests, NULL, NULL);
}
