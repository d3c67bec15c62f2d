/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/allowed_hosts.h"

#include <string.h>

#include "base/compiler.h"
#include "base/mem.h"
#include "support/alloc.h"
#include "support/check.h"

typedef struct row {
    const char *host;
    int allowed;
} row_t;

static void check(const char *const *patterns, size_t count, const row_t *rows, size_t row_count)
{
    muv__allowed_hosts_t *hosts;

    assert_int_equal(muv__allowed_hosts_new(patterns, count, &hosts), 0);
    for (size_t i = 0; i < row_count; i++) {
        muv__host_t host;

        assert_int_equal(muv__host_parse(rows[i].host, strlen(rows[i].host), &host), 0);
        if (muv__allowed_hosts_match(hosts, &host) != rows[i].allowed) {
            fail_msg("%s", rows[i].host);
        }
    }
    muv__mem_free(hosts);
}

/* (Authentication, MONGODB-OIDC: ALLOWED_HOSTS.) */
static void by_default_it_is_mongodbs_domains_and_this_machine(void **state)
{
    static const row_t rows[] = {
        {"a.mongodb.net", 1},       {"a.b.mongodb.net:27018", 1},
        {"A.MongoDB.net", 1},       {"a.mongodb-qa.net", 1},
        {"a.mongodb-dev.net", 1},   {"a.mongodbgov.net", 1},
        {"localhost", 1},           {"127.0.0.1:27017", 1},
        {"[::1]:27017", 1},         {"mongodb.net", 0},
        {"amongodb.net", 0},        {"a.mongodb.net.evil.org", 0},
        {"a.localhost", 0},         {"127.0.0.2", 0},
        {"example.com", 0},         {"/tmp/mongodb.sock", 0},
        {"evilmongodb.net:443", 0}, {"[::2]", 0},
    };

    (void)state;
    check(NULL, 0, rows, MUV__COUNT_OF(rows));
}

static void names_patterns_and_addresses_can_be_given(void **state)
{
    static const char *const patterns[] = {"*.Example.com", "db.test", "10.0.0.1", "*.0.0.1"};
    static const row_t rows[] = {
        {"a.example.com", 1}, {"a.b.example.com", 1}, {"example.com", 0}, {"db.test:1", 1},
        {"x.db.test", 0},     {"10.0.0.1", 1},        {"127.0.0.1", 0},   {"localhost", 0},
    };

    (void)state;
    check(patterns, MUV__COUNT_OF(patterns), rows, MUV__COUNT_OF(rows));
}

/* (Prose test 1.6.) */
static void an_empty_list_allows_nobody(void **state)
{
    static const char *const none[] = {NULL};
    static const row_t rows[] = {{"localhost", 0}, {"a.mongodb.net", 0}};

    (void)state;
    check(none, 0, rows, MUV__COUNT_OF(rows));
}

static void without_memory_there_is_an_error(void **state)
{
    muv__allowed_hosts_t *hosts;

    (void)state;
    alloc_fail_at(1, false);
    assert_int_equal(muv__allowed_hosts_new(NULL, 0, &hosts), MUV_ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_it_is_mongodbs_domains_and_this_machine),
        cmocka_unit_test(names_patterns_and_addresses_can_be_given),
        cmocka_unit_test(an_empty_list_allows_nobody),
        cmocka_unit_test_teardown(without_memory_there_is_an_error, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
