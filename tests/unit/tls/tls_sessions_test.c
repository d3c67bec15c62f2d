/* SPDX-License-Identifier: Apache-2.0 */
/* Whose session is resumed, for how long, and who makes room. */
#include "tls/tls_sessions.h"

#include <stdio.h>

#include "support/check.h"

static muv__tls_sessions_t sessions;

static muv__host_t host_of(unsigned number)
{
    muv__host_t host = {.kind = MUV__HOST_NAME, .port = 27017};

    (void)snprintf(host.name, sizeof(host.name), "db%u.example.net", number);
    return host;
}

/* One without an id cannot be resumed. */
static SSL_SESSION *a_session(void)
{
    SSL_SESSION *session = SSL_SESSION_new();

    assert_non_null(session);
    assert_int_equal(SSL_SESSION_set1_id(session, (const unsigned char *)"id", 2), 1);
    return session;
}

static void store(unsigned number, int64_t verified_s)
{
    muv__host_t host = host_of(number);

    muv__tls_sessions_store(&sessions, &host, a_session(), verified_s, NULL);
}

static int has(unsigned number, int64_t wall_s)
{
    muv__host_t host = host_of(number);

    return muv__tls_sessions_find(&sessions, &host, wall_s) != NULL;
}

static int done(void **state)
{
    (void)state;
    muv__tls_sessions_done(&sessions);
    return 0;
}

static void a_session_belongs_to_name_and_port(void **state)
{
    muv__host_t other_port = host_of(1);

    (void)state;
    store(1, 1000);
    other_port.port = 27018;
    assert_true(has(1, 1000));
    assert_false(has(2, 1000));
    assert_null(muv__tls_sessions_find(&sessions, &other_port, 1000));
}

static void the_latest_session_of_a_server_counts(void **state)
{
    muv__host_t host = host_of(1);

    (void)state;
    store(1, 1000);
    store(1, 2000);
    assert_int_equal(muv__tls_sessions_find(&sessions, &host, 2000)->verified_s, 2000);
    muv__tls_sessions_forget(&sessions, &host);
    muv__tls_sessions_forget(&sessions, &host);
    assert_false(has(1, 2000));
}

static void what_cannot_be_resumed_is_dropped(void **state)
{
    muv__host_t host = host_of(1);

    (void)state;
    muv__tls_sessions_store(&sessions, &host, SSL_SESSION_new(), 1000, NULL);
    assert_false(has(1, 1000));
}

static void it_is_good_for_an_hour_after_the_verification(void **state)
{
    (void)state;
    store(1, 1000);
    assert_true(has(1, 1000 + 3599));
    assert_false(has(1, 1000 + 3600));
    store(1, 1000);
    assert_false(has(1, 999));
}

static void one_server_more_than_there_is_room_for_drops_the_oldest(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MUV__TLS_SESSIONS_MAX; i++) {
        store(i, 1000);
    }
    store(0, 1000);
    store(MUV__TLS_SESSIONS_MAX, 1000);
    assert_true(has(0, 1000));
    assert_false(has(1, 1000));
    assert_true(has(2, 1000));
    assert_true(has(MUV__TLS_SESSIONS_MAX, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_session_belongs_to_name_and_port, done),
        cmocka_unit_test_teardown(the_latest_session_of_a_server_counts, done),
        cmocka_unit_test_teardown(what_cannot_be_resumed_is_dropped, done),
        cmocka_unit_test_teardown(it_is_good_for_an_hour_after_the_verification, done),
        cmocka_unit_test_teardown(one_server_more_than_there_is_room_for_drops_the_oldest, done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
