/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of server sessions, and how they are written into commands. */
#include "session/server_session.h"

#include "base/bson_writer.h"
#include "support/alloc.h"
#include "support/check.h"

#define MINUTE_US INT64_C(60000000)
#define TIMEOUT_US (30 * MINUTE_US)

/* A session that was used last at `last_used_us`; its bytes are all `tag` but for the UUID's own.
 */
static muv__server_session_t *session_used_at(uint8_t tag, int64_t last_used_us)
{
    uint8_t random[MUV__SESSION_ID_SIZE];
    muv__server_session_t *session;

    memset(random, tag, sizeof(random));
    session = muv__server_session_new(random, last_used_us);
    assert_non_null(session);
    return session;
}

static void give(muv__session_pool_t *pool, uint8_t tag, int64_t last_used_us, int64_t now_us)
{
    muv__session_pool_give(pool, session_used_at(tag, last_used_us), now_us, TIMEOUT_US);
}

/* Take one and say which it was; 0: none. */
static uint8_t take(muv__session_pool_t *pool, int64_t now_us, int64_t timeout_us)
{
    muv__server_session_t *session = muv__session_pool_take(pool, now_us, timeout_us);
    uint8_t tag = session == NULL ? 0 : session->id[0];

    muv__server_session_free(session);
    return tag;
}

static void identifiers_are_uuids_of_version_four(void **state)
{
    uint8_t random[MUV__SESSION_ID_SIZE];
    muv__server_session_t *session;

    (void)state;
    memset(random, 0xff, sizeof(random));
    session = muv__server_session_new(random, 5);
    assert_non_null(session);
    CHECK_BYTES_EQUAL(session->id, sizeof(session->id), "ffffffff ffff 4fff bfff ffffffffffff");
    assert_int_equal(session->last_used_us, 5);
    assert_int_equal(session->txn_number, 0);
    assert_int_equal(session->dirty, 0);
    muv__server_session_free(session);
}

/* (Driver Sessions, prose test 2.) */
static void the_session_used_last_is_taken_first(void **state)
{
    muv__session_pool_t pool;

    (void)state;
    muv__session_pool_init(&pool);
    give(&pool, 1, 0, 0);
    give(&pool, 2, 1, 1);
    assert_int_equal(take(&pool, 2, TIMEOUT_US), 2);
    assert_int_equal(take(&pool, 2, TIMEOUT_US), 1);
    assert_int_equal(take(&pool, 2, TIMEOUT_US), 0);
    assert_int_equal(pool.count, 0);
}

static void a_session_with_less_than_a_minute_left_is_not_given_out(void **state)
{
    muv__session_pool_t pool;

    (void)state;
    muv__session_pool_init(&pool);
    give(&pool, 1, 0, 0);
    give(&pool, 2, 0, 0);
    assert_int_equal(take(&pool, 29 * MINUTE_US, TIMEOUT_US), 2);
    assert_int_equal(take(&pool, 29 * MINUTE_US + 1, TIMEOUT_US), 0);
    assert_int_equal(pool.count, 0);
}

static void old_sessions_are_dropped_from_the_back_when_one_comes_back(void **state)
{
    muv__session_pool_t pool;

    (void)state;
    muv__session_pool_init(&pool);
    give(&pool, 1, 0, 0);
    give(&pool, 2, 1 * MINUTE_US, 1 * MINUTE_US);
    give(&pool, 3, 9 * MINUTE_US, 9 * MINUTE_US);
    give(&pool, 4, 31 * MINUTE_US, 31 * MINUTE_US);
    assert_int_equal(pool.count, 2);
    assert_int_equal(take(&pool, 31 * MINUTE_US, TIMEOUT_US), 4);
    assert_int_equal(take(&pool, 31 * MINUTE_US, TIMEOUT_US), 3);
    muv__session_pool_done(&pool);
}

static void a_session_that_comes_back_too_old_is_not_kept(void **state)
{
    muv__session_pool_t pool;

    (void)state;
    muv__session_pool_init(&pool);
    give(&pool, 1, 0, 29 * MINUTE_US + 1);
    assert_int_equal(pool.count, 0);
}

static void a_dirty_session_is_not_kept(void **state)
{
    muv__server_session_t *session = session_used_at(1, 0);
    muv__session_pool_t pool;

    (void)state;
    muv__session_pool_init(&pool);
    session->dirty = 1;
    muv__session_pool_give(&pool, session, 0, TIMEOUT_US);
    assert_int_equal(pool.count, 0);
}

static void without_a_known_timeout_nothing_expires(void **state)
{
    muv__session_pool_t pool;

    (void)state;
    muv__session_pool_init(&pool);
    muv__session_pool_give(&pool, session_used_at(1, 0), INT64_MAX, MUV__SESSION_NEVER_EXPIRES);
    assert_int_equal(take(&pool, INT64_MAX, MUV__SESSION_NEVER_EXPIRES), 1);
}

static void only_the_last_user_gives_it_back(void **state)
{
    muv__server_session_t *session = session_used_at(1, 0);
    muv__session_pool_t pool;

    (void)state;
    muv__session_pool_init(&pool);
    session->users++;
    muv__session_pool_give(&pool, session, 0, TIMEOUT_US);
    assert_int_equal(pool.count, 0);
    muv__session_pool_give(&pool, session, 0, TIMEOUT_US);
    assert_int_equal(pool.count, 1);
    assert_ptr_equal(muv__session_pool_take(&pool, 0, TIMEOUT_US), session);
    assert_int_equal(session->users, 1);
    muv__server_session_free(session);
}

/* What a server says may be anything. */
static void absurd_timeouts_do_no_harm(void **state)
{
    muv__session_pool_t pool;

    (void)state;
    muv__session_pool_init(&pool);
    muv__session_pool_give(&pool, session_used_at(1, 0), INT64_MAX, INT64_MAX - 1);
    assert_int_equal(pool.count, 0);
    muv__session_pool_give(&pool, session_used_at(1, 5), 5, 0);
    assert_int_equal(pool.count, 0);
}

static void lsid_is_the_element_libbson_would_write(void **state)
{
    muv__server_session_t *session = session_used_at(7, 0);
    bson_t *expected = bson_new();
    muv__buf_t buf;
    bson_t id;

    (void)state;
    muv__buf_init(&buf, 1000);
    (void)muv__bson_begin(&buf);
    muv__session_write_lsid(&buf, session->id);
    muv__bson_end(&buf, (muv__bson_mark_t){0});
    BSON_APPEND_DOCUMENT_BEGIN(expected, "lsid", &id);
    BSON_APPEND_BINARY(&id, "id", BSON_SUBTYPE_UUID, session->id, MUV__SESSION_ID_SIZE);
    bson_append_document_end(expected, &id);
    assert_int_equal(buf.error, 0);
    assert_int_equal(buf.size, expected->len);
    assert_memory_equal(buf.data, bson_get_data(expected), expected->len);
    bson_destroy(expected);
    muv__server_session_free(session);
    muv__buf_done(&buf);
}

static void ends_are_written_in_portions_and_freed(void **state)
{
    muv__bson_mark_t root, array;
    muv__session_pool_t pool;
    muv__buf_t buf;

    (void)state;
    muv__session_pool_init(&pool);
    for (uint8_t tag = 1; tag <= 3; tag++) {
        give(&pool, tag, 0, 0);
    }
    muv__buf_init(&buf, 1000);
    root = muv__bson_begin(&buf);
    array = muv__bson_begin_array(&buf, MUV__KEY("endSessions"));
    assert_int_equal(muv__session_pool_write_ends(&pool, 2, &buf), 2);
    muv__bson_end(&buf, array);
    muv__bson_end(&buf, root);
    CHECK_BYTES_BSON_EQUAL(buf.data, buf.size,
                           "{\"endSessions\": ["
                           "{\"id\": {\"$uuid\": \"03030303-0303-4303-8303-030303030303\"}},"
                           "{\"id\": {\"$binary\": {\"base64\": \"AgICAgICQgKCAgICAgICAg==\", "
                           "\"subType\": \"04\"}}}]}");
    assert_int_equal(pool.count, 1);
    assert_int_equal(take(&pool, 0, TIMEOUT_US), 1);
    assert_int_equal(muv__session_pool_write_ends(&pool, 2, &buf), 0);
    muv__buf_done(&buf);
}

static void ends_that_do_not_fit_are_forgotten(void **state)
{
    muv__session_pool_t pool;
    muv__buf_t buf;

    (void)state;
    muv__session_pool_init(&pool);
    give(&pool, 1, 0, 0);
    give(&pool, 2, 0, 0);
    muv__buf_init(&buf, 10);
    assert_int_equal(muv__session_pool_write_ends(&pool, 10, &buf), 2);
    assert_int_equal(buf.error, MUV_ETOOLARGE);
    assert_int_equal(pool.count, 0);
    muv__buf_done(&buf);
}

static void out_of_memory_gives_no_session(void **state)
{
    static const uint8_t random[MUV__SESSION_ID_SIZE] = {0};
    alloc_mark_t mark = alloc_mark();

    (void)state;
    alloc_fail_at(1, false);
    assert_null(muv__server_session_new(random, 0));
    alloc_fail_at(0, false);
    CHECK_NO_LEAK(mark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_are_uuids_of_version_four),
        cmocka_unit_test(the_session_used_last_is_taken_first),
        cmocka_unit_test(a_session_with_less_than_a_minute_left_is_not_given_out),
        cmocka_unit_test(old_sessions_are_dropped_from_the_back_when_one_comes_back),
        cmocka_unit_test(a_session_that_comes_back_too_old_is_not_kept),
        cmocka_unit_test(a_dirty_session_is_not_kept),
        cmocka_unit_test(without_a_known_timeout_nothing_expires),
        cmocka_unit_test(only_the_last_user_gives_it_back),
        cmocka_unit_test(absurd_timeouts_do_no_harm),
        cmocka_unit_test(lsid_is_the_element_libbson_would_write),
        cmocka_unit_test(ends_are_written_in_portions_and_freed),
        cmocka_unit_test(ends_that_do_not_fit_are_forgotten),
        cmocka_unit_test_teardown(out_of_memory_gives_no_session, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
