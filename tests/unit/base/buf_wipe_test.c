/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers that held a secret are wiped before they are given back: the allocator looks. Not in
 * buf_test.c, which has another allocator. */
#include "base/buf.h"

#include <string.h>

#include "support/check.h"
#include "support/wipe_watch.h"

#define SECRET "p3ncil-s3cret"

static int watch(void **state)
{
    int status = wipe_watch_begin(state);

    wipe_watch_for(SECRET);
    return status;
}

static void a_buffer_is_wiped_behind_its_end_too(void **state)
{
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 1000);
    assert_int_equal(muv__buf_reserve(&buf, 500), 1);
    muv__buf_append(&buf, SECRET, strlen(SECRET));
    buf.size = 0;
    muv__buf_wipe(&buf);
    assert_int_equal(wipe_watch_freed(), 1);
    assert_int_equal(wipe_watch_dirty(), 0);
    muv__buf_wipe(&buf);
}

/* The test itself can fail. */
static void a_buffer_that_just_ends_is_caught(void **state)
{
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 1000);
    muv__buf_append(&buf, SECRET, strlen(SECRET));
    muv__buf_done(&buf);
    assert_int_equal(wipe_watch_dirty(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_buffer_is_wiped_behind_its_end_too, watch,
                                        wipe_watch_end),
        cmocka_unit_test_setup_teardown(a_buffer_that_just_ends_is_caught, watch, wipe_watch_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
