/* SPDX-License-Identifier: Apache-2.0 */
/* The checks themselves: each passes when it should, and fails with a text that helps. */
#include "support/check.h"

#include "unit/support/must_fail.h"

#include <string.h>

/* --- BSON ------------------------------------------------------------------------------------- */

static void compare_differing(void *data)
{
    bson_t *document = bson_from("{\"a\": {\"b\": [1, 2.5]}}");

    CHECK_BSON_EQUAL(document, data);
    bson_destroy(document);
}

static void documents_are_compared_as_relaxed_json(void **state)
{
    char other[] = "{\"a\": {\"b\": [1, 2]}}";
    bson_t *document = bson_from("{\"n\": {\"$numberLong\": \"5\"}, \"s\": \"x\"}");

    (void)state;
    CHECK_BSON_EQUAL(document, "{ \"n\": 5, \"s\": \"x\" }");
    CHECK_BSON_IDENTICAL(document, "{\"n\": {\"$numberLong\": \"5\"}, \"s\": \"x\"}");
    CHECK_BYTES_BSON_EQUAL(bson_get_data(document), document->len, "{\"n\": 5, \"s\": \"x\"}");
    bson_destroy(document);
    assert_true(fails_with(compare_differing, other, "[ 1, 2.5 ]"));
}

static void compare_types(void *data)
{
    bson_t *document = bson_from("{\"n\": {\"$numberLong\": \"5\"}}");

    CHECK_BSON_IDENTICAL(document, data);
    bson_destroy(document);
}

static void identical_tells_int32_from_int64(void **state)
{
    char int32[] = "{\"n\": 5}";

    (void)state;
    assert_true(fails_with(compare_types, int32, "$numberInt"));
}

static void compare_bytes(void *hex)
{
    CHECK_BYTES_EQUAL("\x01\xaf", 2, hex);
}

static void bytes_are_compared_with_digits(void **state)
{
    char longer[] = "01af00";
    char shorter[] = "01";
    char other[] = "01ae";

    (void)state;
    CHECK_BYTES_EQUAL("\x01\xaf", 2, "01 AF");
    assert_true(fails_with(compare_bytes, longer, "byte 2 of 2 differs"));
    assert_true(fails_with(compare_bytes, shorter, "2 bytes, expected 1"));
    assert_true(fails_with(compare_bytes, other, "actual af, expected ae"));
}

/* --- Errors and the process ------------------------------------------------------------------- */

static void expect_timeout(void *error)
{
    CHECK_ERROR((const muv_error_t *)error, MUV_ETIMEOUT);
}

static void error_is_compared_by_code_and_printed(void **state)
{
    muv_error_t error = {.code = MUV_ENETWORK, .message = "the cable is out"};

    (void)state;
    CHECK_ERROR(&error, MUV_ENETWORK);
    CHECK_NO_ERROR(NULL);
    CHECK_CODE(MUV_EINVAL, MUV_EINVAL);
    assert_true(fails_with(expect_timeout, &error, "MUV_ETIMEOUT"));
    assert_true(fails_with(expect_timeout, &error, "the cable is out"));
    assert_true(fails_with(expect_timeout, NULL, "error none"));
}

static void sleep_in_pool(uv_work_t *work)
{
    uv_sem_wait(work->data);
}

static void after_sleep(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
}

/* libuv's pool is what the library must never start: this is how it would show. */
static void thread_of_the_pool_is_seen(void **state)
{
    uv_loop_t loop;
    uv_sem_t sem;
    uv_work_t work = {.data = &sem};

    (void)state;
    CHECK_ONE_THREAD();
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_sem_init(&sem, 0), 0);
    assert_int_equal(uv_queue_work(&loop, &work, sleep_in_pool, after_sleep), 0);
    assert_true(check_thread_count() > 1);
    uv_sem_post(&sem);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    uv_sem_destroy(&sem);
    close_loop(&loop);
}

static void open_descriptors_are_counted(void **state)
{
    uv_loop_t loop;

    (void)state;
    /* The first loop of a process makes libuv's own pipe for signals, which stays. */
    assert_int_equal(uv_loop_init(&loop), 0);
    close_loop(&loop);
    int before = check_fd_count();
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_true(check_fd_count() > before);
    close_loop(&loop);
    assert_int_equal(check_fd_count(), before);
}

/* --- Waiting ---------------------------------------------------------------------------------- */

static void set_flag(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void run_until_returns_when_the_flag_is_set(void **state)
{
    uv_loop_t loop;
    uv_timer_t timer;
    bool flag = false;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_timer_init(&loop, &timer), 0);
    timer.data = &flag;
    assert_int_equal(uv_timer_start(&timer, set_flag, 2, 0), 0);
    run_until(&loop, &flag, 5000);
    assert_true(flag);
    uv_close((uv_handle_t *)&timer, NULL);
    close_loop(&loop);
}

static void print_subject(void *subject)
{
    print_error("subject: %s\n", (const char *)subject);
}

static void wait_in_vain(void *subject)
{
    uv_loop_t loop;
    bool flag = false;

    assert_int_equal(uv_loop_init(&loop), 0);
    check_add_dump(print_subject, subject);
    run_until(&loop, &flag, 10);
}

static void run_until_fails_with_the_state(void **state)
{
    char subject[] = "it is stuck";

    (void)state;
    assert_true(fails_with(wait_in_vain, subject, "waited 10 ms in vain"));
    assert_true(fails_with(wait_in_vain, subject, "subject: it is stuck"));
}

static void close_with_open_timer(void *data)
{
    uv_loop_t loop;
    uv_timer_t timer;

    (void)data;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_timer_init(&loop, &timer), 0);
    close_loop(&loop);
}

static void close_loop_names_the_open_handle(void **state)
{
    (void)state;
    assert_true(fails_with(close_with_open_timer, NULL, "handle timer"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_compared_as_relaxed_json),
        cmocka_unit_test(identical_tells_int32_from_int64),
        cmocka_unit_test(bytes_are_compared_with_digits),
        cmocka_unit_test(error_is_compared_by_code_and_printed),
        cmocka_unit_test(open_descriptors_are_counted),
        cmocka_unit_test(run_until_returns_when_the_flag_is_set),
        cmocka_unit_test(run_until_fails_with_the_state),
        cmocka_unit_test(close_loop_names_the_open_handle),
        cmocka_unit_test(thread_of_the_pool_is_seen),
    };

    return cmocka_run_group_tests_name("support/check", tests, NULL, NULL);
}
