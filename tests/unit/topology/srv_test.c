/* SPDX-License-Identifier: Apache-2.0 */
/* Names and domains of mongodb+srv://, the choice among hosts, intervals. Cases 1 to 4 of the prose
 * tests of Initial DNS Seedlist Discovery are here as far as they are about names. */
#include "topology/srv.h"

#include "support/check.h"

#include <string.h>

/* Is the target accepted for a name of the connection string? As which host? */
static const char *host_for(const char *srv_host, const char *target)
{
    static muv__host_t host;
    const char *reason = NULL;

    if (muv__srv_host(srv_host, target, 27018, &host, &reason) != 0) {
        assert_non_null(reason);
        return NULL;
    }
    assert_int_equal(host.port, 27018);
    assert_int_equal(host.kind, MUV__HOST_NAME);
    return host.name;
}

static void the_name_asked_for_has_service_and_protocol(void **state)
{
    char name[MUV__SRV_NAME_SIZE];
    char longest_host[MUV__HOST_NAME_MAX + 1];
    char longest_service[62 + 1];

    (void)state;
    muv__srv_name("mongodb", "cluster.example.com", name);
    assert_string_equal(name, "_mongodb._tcp.cluster.example.com");
    memset(longest_host, 'h', MUV__HOST_NAME_MAX);
    memset(longest_service, 's', 62);
    longest_host[MUV__HOST_NAME_MAX] = '\0';
    longest_service[62] = '\0';
    muv__srv_name(longest_service, longest_host, name);
    assert_int_equal(strlen(name), MUV__SRV_NAME_SIZE - 1);
}

static void hosts_below_the_parent_domain_are_taken(void **state)
{
    (void)state;
    assert_string_equal(host_for("server.mongodb.com", "mongodb1.mongodb.com"),
                        "mongodb1.mongodb.com");
    assert_string_equal(host_for("server.mongodb.com", "a.b.mongodb.com"), "a.b.mongodb.com");
    assert_string_equal(host_for("server.mongodb.com", "server.mongodb.com"), "server.mongodb.com");
    assert_string_equal(host_for("a.tests.mongodb.co.uk", "x.tests.mongodb.co.uk"),
                        "x.tests.mongodb.co.uk");
}

static void short_names_are_a_domain_as_a_whole(void **state)
{
    (void)state;
    assert_string_equal(host_for("localhost", "a.localhost"), "a.localhost");
    assert_string_equal(host_for("mongo.local", "test_1.mongo.local"), "test_1.mongo.local");
    assert_null(host_for("localhost", "localhost"));
    assert_null(host_for("mongo.local", "mongo.local"));
    assert_null(host_for("mongo.local", "other.local"));
}

static void foreign_hosts_are_refused(void **state)
{
    (void)state;
    assert_null(host_for("localhost", "localhost.mongodb"));
    assert_null(host_for("mongo.local", "test_1.evil.local"));
    assert_null(host_for("blogs.mongodb.com", "blogs.evil.com"));
    assert_null(host_for("blogs.mongodb.com", "mongodb.com"));
    assert_null(host_for("blogs.mongodb.com", "com"));
}

static void the_dot_before_the_domain_is_needed(void **state)
{
    (void)state;
    assert_null(host_for("localhost", "test_1.cluster_1localhost"));
    assert_null(host_for("mongo.local", "test_1.my_hostmongo.local"));
    assert_null(host_for("blogs.mongodb.com", "cluster.testmongodb.com"));
    assert_null(host_for("blogs.mongodb.com", ".mongodb.com"));
    assert_null(host_for("blogs.mongodb.com", "a..mongodb.com"));
}

static void case_and_a_dot_at_the_end_make_no_difference(void **state)
{
    (void)state;
    assert_string_equal(host_for("blogs.mongodb.com", "CLUSTER.MongoDB.com."),
                        "cluster.mongodb.com");
    assert_string_equal(host_for("blogs.mongodb.com.", "cluster.mongodb.com"),
                        "cluster.mongodb.com");
    assert_null(host_for("mongo.local.", "other.local."));
    assert_string_equal(host_for("mongo.local.", "a.mongo.local."), "a.mongo.local");
}

static void what_is_no_host_name_is_refused(void **state)
{
    muv__host_t host;
    const char *reason;

    (void)state;
    assert_null(host_for("a.b.c", ""));
    assert_null(host_for("a.b.c", "."));
    assert_null(host_for("a.b.c", "x y.b.c"));
    assert_null(host_for("a.b.c", "/tmp/x.b.c"));
    assert_null(host_for("a.0.0.1", "127.0.0.1"));
    CHECK_CODE(muv__srv_host("a.b.c", "x.b.c", 0, &host, &reason), MUV_EINVAL);
    CHECK_CONTAINS(reason, "port");
}

/* --- the choice --------------------------------------------------------------------------------*/

static void make_hosts(muv__host_t *hosts, uint32_t count)
{
    memset(hosts, 0, count * sizeof *hosts);
    for (uint32_t i = 0; i < count; i++) {
        hosts[i] = (muv__host_t){
            .kind = MUV__HOST_NAME, .port = (uint16_t)(1 + i), .name = {(char)('a' + i)}};
    }
}

static void equal_hosts_count_once(void **state)
{
    muv__host_t hosts[5];

    (void)state;
    make_hosts(hosts, 5);
    hosts[2] = hosts[0];
    hosts[4] = hosts[3];
    assert_int_equal(muv__srv_unique(hosts, 5), 3);
    assert_int_equal(hosts[0].port, 1);
    assert_int_equal(hosts[1].port, 2);
    assert_int_equal(hosts[2].port, 4);
    assert_int_equal(muv__srv_unique(hosts, 0), 0);
}

static void without_a_limit_all_stay_in_their_order(void **state)
{
    muv__random_t random = {.state = 1};
    muv__host_t hosts[3];

    (void)state;
    make_hosts(hosts, 3);
    assert_int_equal(muv__srv_choose(hosts, 3, 0, &random), 3);
    assert_int_equal(muv__srv_choose(hosts, 3, 3, &random), 3);
    assert_int_equal(muv__srv_choose(hosts, 3, 1000, &random), 3);
    assert_int_equal(hosts[0].port + 10 * hosts[1].port + 100 * hosts[2].port, 321);
    assert_int_equal(random.state, 1);
}

/* Each of 4 hosts is among 2 chosen ones half of the time, and no host is lost or doubled. */
static void a_choice_is_fair(void **state)
{
    muv__random_t random = {.state = 7};
    unsigned chosen[4] = {0};

    (void)state;
    for (int round = 0; round < 4000; round++) {
        muv__host_t hosts[4];
        unsigned seen = 0;

        make_hosts(hosts, 4);
        assert_int_equal(muv__srv_choose(hosts, 4, 2, &random), 2);
        for (int i = 0; i < 4; i++) {
            seen |= 1U << (hosts[i].port - 1);
        }
        assert_int_equal(seen, 15);
        chosen[hosts[0].port - 1]++;
        chosen[hosts[1].port - 1]++;
    }
    for (int i = 0; i < 4; i++) {
        assert_in_range(chosen[i], 1850, 2150);
    }
}

/* --- when to ask again -------------------------------------------------------------------------*/

static void the_lowest_ttl_counts_but_not_below_a_minute(void **state)
{
    (void)state;
    assert_int_equal(muv__srv_interval_us(1, 0, 10000000), 60000000);
    assert_int_equal(muv__srv_interval_us(1, 59, 10000000), 60000000);
    assert_int_equal(muv__srv_interval_us(1, 61, 10000000), 61000000);
    assert_int_equal(muv__srv_interval_us(1, 86400, 10000000), INT64_C(86400000000));
    assert_int_equal(muv__srv_interval_us(1, UINT32_MAX, 10000000),
                     (int64_t)UINT32_MAX * INT64_C(1000000));
}

static void after_a_failure_it_is_the_heartbeat(void **state)
{
    (void)state;
    assert_int_equal(muv__srv_interval_us(0, 86400, 10000000), 10000000);
    assert_int_equal(muv__srv_interval_us(0, 86400, 500000), 500000);
}

static void only_unknown_and_sharded_topologies_are_polled(void **state)
{
    (void)state;
    assert_true(muv__srv_is_polled(MUV__TOPOLOGY_UNKNOWN));
    assert_true(muv__srv_is_polled(MUV__TOPOLOGY_SHARDED));
    assert_false(muv__srv_is_polled(MUV__TOPOLOGY_SINGLE));
    assert_false(muv__srv_is_polled(MUV__TOPOLOGY_RS_NO_PRIMARY));
    assert_false(muv__srv_is_polled(MUV__TOPOLOGY_RS_WITH_PRIMARY));
    assert_false(muv__srv_is_polled(MUV__TOPOLOGY_LOAD_BALANCED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_asked_for_has_service_and_protocol),
        cmocka_unit_test(hosts_below_the_parent_domain_are_taken),
        cmocka_unit_test(short_names_are_a_domain_as_a_whole),
        cmocka_unit_test(foreign_hosts_are_refused),
        cmocka_unit_test(the_dot_before_the_domain_is_needed),
        cmocka_unit_test(case_and_a_dot_at_the_end_make_no_difference),
        cmocka_unit_test(what_is_no_host_name_is_refused),
        cmocka_unit_test(equal_hosts_count_once),
        cmocka_unit_test(without_a_limit_all_stay_in_their_order),
        cmocka_unit_test(a_choice_is_fair),
        cmocka_unit_test(the_lowest_ttl_counts_but_not_below_a_minute),
        cmocka_unit_test(after_a_failure_it_is_the_heartbeat),
        cmocka_unit_test(only_unknown_and_sharded_topologies_are_polled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
