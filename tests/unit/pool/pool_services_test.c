/* SPDX-License-Identifier: Apache-2.0 */
/* A pool behind a load balancer: each service has generations of its own, and the pool never
 * pauses. (load-balancers/tests/sdam-error-handling.json; CMAP: "Load Balancer Mode") */
#include "fixture.h"

#include "muv/error.h"
#include "support/check.h"

static fixture_t f;

/* Connections 1, 2, ... in use by a, b, ... lead to these services. */
static void pool_is_behind_a_balancer(muv__pool_config_t config, const char *services)
{
    pool_is_ready(&f, config);
    for (unsigned i = 0; services[i] != '\0'; i++) {
        out(&f, (char)('a' + i));
        serves(&f, f.created, services[i]);
        established(&f, f.created);
    }
    from_here(&f);
}

static void only_the_services_own_connections_are_closed(void **state)
{
    (void)state;
    pool_is_behind_a_balancer((muv__pool_config_t){.max_size = 10}, "ABAB");
    in(&f, 1);
    in(&f, 2);
    from_here(&f);

    clear_service(&f, 3);
    in(&f, 3);
    in(&f, 4);
    out(&f, 'a');
    out(&f, 'b');
    out(&f, 'c');

    CHECK_TEXT(&f, "[0] clear service of 3: close 1 stale;\n"
                   "[0] in 3: close 3 stale;\n"
                   "[0] in 4:\n"
                   "[0] out a: gets 4;\n"
                   "[0] out b: gets 2;\n"
                   "[0] out c: waits; create 5;\n");
    finish(&f);
}

static void waiters_go_on_waiting(void **state)
{
    (void)state;
    pool_is_behind_a_balancer((muv__pool_config_t){.max_size = 2}, "AB");
    out(&f, 'c');
    from_here(&f);

    clear_service(&f, 1);
    failed(&f, 1, MUV_ENETWORK);
    serves(&f, 3, 'A');
    established(&f, 3);

    CHECK_TEXT(&f, "[0] clear service of 1:\n"
                   "[0] failed 1: create 3;\n"
                   "[0] established 3: serve c 3;\n");
    finish(&f);
}

static void the_event_names_the_service(void **state)
{
    (void)state;
    pool_is_behind_a_balancer((muv__pool_config_t){.max_size = 10}, "AB");
    f.events_wanted = 1;

    clear_service(&f, 2);
    failed(&f, 2, MUV_ENETWORK);

    CHECK_TEXT(&f, "[0] clear service of 2: <PoolCleared service B..>\n"
                   "[0] failed 2: <CheckedIn 2> <Closed 2 error>\n");
    finish(&f);
}

/* (sdam-error-handling.json: "stale errors are ignored") */
static void errors_of_an_older_generation_are_ignored(void **state)
{
    (void)state;
    pool_is_behind_a_balancer((muv__pool_config_t){.max_size = 10}, "AAB");
    f.events_wanted = 1;

    clear_service(&f, 1);
    clear_service(&f, 2);
    clear_service(&f, 3);
    clear_service(&f, 2);

    CHECK_TEXT(&f, "[0] clear service of 1: <PoolCleared service A..>\n"
                   "[0] clear service of 2:\n"
                   "[0] clear service of 3: <PoolCleared service B..>\n"
                   "[0] clear service of 2:\n");
    finish(&f);
}

/* (sdam-error-handling.json: "errors during the initial connection hello are ignored") */
static void an_error_before_the_service_is_known_clears_nothing(void **state)
{
    (void)state;
    pool_is_behind_a_balancer((muv__pool_config_t){.max_size = 10}, "AB");
    out(&f, 'c');
    from_here(&f);

    failing(&f, 3);
    clear_service(&f, 3);
    failed(&f, 3, MUV_ENETWORK);

    CHECK_TEXT(&f, "[0] failing 3:\n"
                   "[0] clear service of 3:\n"
                   "[0] failed 3: fail c ENETWORK;\n");
    finish(&f);
}

/* (sdam-error-handling.json: "errors during authentication are processed") */
static void an_error_once_the_service_is_known_clears_it(void **state)
{
    (void)state;
    pool_is_behind_a_balancer((muv__pool_config_t){.max_size = 10}, "AB");
    in(&f, 1);
    in(&f, 2);
    out(&f, 'a');
    out(&f, 'b');
    out(&f, 'c');
    in(&f, 1);
    from_here(&f);
    f.events_wanted = 1;
    serves(&f, 3, 'A');

    failing(&f, 3);
    clear_service(&f, 3);
    failed(&f, 3, MUV_EAUTH);

    CHECK_TEXT(&f, "[0] failing 3:\n"
                   "[0] clear service of 3: <PoolCleared service A..>\n"
                   "[0] failed 3: <Closed 3 error>\n");
    finish(&f);
}

static void a_connection_established_after_the_clear_is_fresh(void **state)
{
    (void)state;
    pool_is_behind_a_balancer((muv__pool_config_t){.max_size = 10}, "A");
    out(&f, 'b');
    from_here(&f);

    clear_service(&f, 1);
    serves(&f, 2, 'A');
    established(&f, 2);
    in(&f, 2);
    out(&f, 'c');

    CHECK_TEXT(&f, "[0] clear service of 1:\n"
                   "[0] established 2: serve b 2;\n"
                   "[0] in 2:\n"
                   "[0] out c: gets 2;\n");
    finish(&f);
}

/* Its service is known while it still authenticates: its waiter must not wait for it. */
static void a_stale_connection_under_way_is_left_for_another(void **state)
{
    (void)state;
    pool_is_behind_a_balancer((muv__pool_config_t){.max_size = 10}, "A");
    out(&f, 'b');
    serves(&f, 2, 'A');
    from_here(&f);

    clear_service(&f, 1);
    established(&f, 2);
    established(&f, 3);

    CHECK_TEXT(&f, "[0] clear service of 1: create 3;\n"
                   "[0] established 2: close 2 stale;\n"
                   "[0] established 3: serve b 3;\n");
    finish(&f);
}

static void a_draining_connection_of_the_service_is_closed(void **state)
{
    (void)state;
    pool_is_behind_a_balancer((muv__pool_config_t){.max_size = 10}, "ABA");
    drain(&f, 1);
    drain(&f, 2);
    from_here(&f);

    clear_service(&f, 3);
    drained(&f, 2);
    drain(&f, 3);

    CHECK_TEXT(&f, "[0] clear service of 3: close 1 stale;\n"
                   "[0] drained 2:\n"
                   "[0] drain 3: close 3 stale;\n");
    finish(&f);
}

static void min_size_is_made_up_for(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.min_size = 2});
    CHECK_TEXT(&f, "");
    serves(&f, 1, 'A');
    serves(&f, 2, 'B');
    established(&f, 1);
    established(&f, 2);
    from_here(&f);

    clear_service(&f, 1);

    CHECK_TEXT(&f, "[0] clear service of 1: close 1 stale; create 3;\n");
    finish(&f);
}

static void a_closed_pool_has_nothing_to_clear(void **state)
{
    (void)state;
    pool_is_behind_a_balancer((muv__pool_config_t){.max_size = 10}, "A");
    close_pool(&f);

    clear_service(&f, 1);
    in(&f, 1);

    CHECK_TEXT(&f, "[0] close:\n"
                   "[0] clear service of 1:\n"
                   "[0] in 1: close 1 poolClosed;\n");
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_services_own_connections_are_closed),
        cmocka_unit_test(waiters_go_on_waiting),
        cmocka_unit_test(the_event_names_the_service),
        cmocka_unit_test(errors_of_an_older_generation_are_ignored),
        cmocka_unit_test(an_error_before_the_service_is_known_clears_nothing),
        cmocka_unit_test(an_error_once_the_service_is_known_clears_it),
        cmocka_unit_test(a_connection_established_after_the_clear_is_fresh),
        cmocka_unit_test(a_stale_connection_under_way_is_left_for_another),
        cmocka_unit_test(a_draining_connection_of_the_service_is_closed),
        cmocka_unit_test(min_size_is_made_up_for),
        cmocka_unit_test(a_closed_pool_has_nothing_to_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
