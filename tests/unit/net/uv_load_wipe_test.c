/* SPDX-License-Identifier: Apache-2.0 */
/* What a file held is not found in the memory that its load gave back. */
#include "net/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/wipe_watch.h"
#include "unit/net/net_fixture.h"

#define SECRET "s3cretS3CRETs3cret"

static char path[32];

static int setup(void **state)
{
    return wipe_watch_begin(state) == 0 ? open_net(state) : -1;
}

static int teardown(void **state)
{
    return close_net(state) == 0 ? wipe_watch_end(state) : -1;
}

static void write_file(void)
{
    int file;

    (void)snprintf(path, sizeof path, "/tmp/muv-wipe-XXXXXX");
    file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, SECRET, strlen(SECRET)), (int)strlen(SECRET));
    assert_int_equal(close(file), 0);
}

static void on_content(void *owner, muv__span_t content, int status)
{
    size_t *size = owner;

    assert_int_equal(status, 0);
    *size = content.size;
}

static void what_was_told_is_wiped_behind_the_call(void **state)
{
    net_fixture_t *f = *state;
    muv__load_t *load;
    size_t size = 0;

    write_file();
    wipe_watch_for(SECRET);
    assert_int_equal(muv__net_load_file(f->net, path, 64, on_content, &size, &load), 0);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(size, strlen(SECRET));
    assert_true(wipe_watch_freed() >= 2);
    assert_int_equal(wipe_watch_dirty(), 0);
    assert_int_equal(unlink(path), 0);
}

/* Cancelled after as many steps, so that in some runs the content is there already. */
static void what_nobody_waits_for_is_wiped_too(void **state)
{
    net_fixture_t *f = *state;
    muv__load_t *load;

    write_file();
    wipe_watch_for(SECRET);
    for (unsigned steps = 0; steps < 4; steps++) {
        size_t size = 0;

        assert_int_equal(muv__net_load_file(f->net, path, 64, on_content, &size, &load), 0);
        for (unsigned i = 0; i < steps && size == 0; i++) {
            (void)uv_run(&f->loop, UV_RUN_ONCE);
        }
        if (size == 0) {
            muv__load_cancel(load);
        }
        assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    }
    assert_int_equal(wipe_watch_dirty(), 0);
    assert_int_equal(unlink(path), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_told_is_wiped_behind_the_call),
        TEST(what_nobody_waits_for_is_wiped_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
