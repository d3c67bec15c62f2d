/* SPDX-License-Identifier: Apache-2.0 */
/* Memory is wiped before it is given back: the allocator looks. */
#include "auth/secret.h"

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

static void a_secret_is_wiped_when_it_ends(void **state)
{
    muv__secret_t secret;

    (void)state;
    CHECK_CODE(muv__secret_alloc(&secret, 100), 0);
    memcpy(secret.data + 50, SECRET, strlen(SECRET));
    muv__secret_done(&secret);
    assert_null(secret.data);
    assert_int_equal(wipe_watch_freed(), 1);
    assert_int_equal(wipe_watch_dirty(), 0);
    muv__secret_done(&secret);
    assert_int_equal(wipe_watch_freed(), 1);
}

static void an_empty_secret_is_one(void **state)
{
    muv__secret_t secret;

    (void)state;
    CHECK_CODE(muv__secret_alloc(&secret, 0), 0);
    assert_non_null(secret.data);
    assert_int_equal(secret.size, 0);
    muv__secret_done(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_secret_is_wiped_when_it_ends, watch, wipe_watch_end),
        cmocka_unit_test_setup_teardown(an_empty_secret_is_one, watch, wipe_watch_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
