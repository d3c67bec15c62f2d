/* SPDX-License-Identifier: Apache-2.0 */
/* What DNS adds to mongodb+srv:// (muv__uri_resolve): hosts and the options of a TXT record, with
 * the rules between options checked anew, and all or nothing of it. */
#include "support/alloc.h"
#include "support/check.h"

#include "uri/uri.h"

#include <string.h>

#define BASE "mongodb+srv://cluster.example.com/?tls=false"

static muv__uri_t *finished(const char *text)
{
    muv__uri_t *uri = NULL;
    muv_error_t error;

    CHECK_CODE(muv__uri_new(text, strlen(text), &error, &uri), 0);
    CHECK_CODE(muv__uri_finish(uri, &error), 0);
    return uri;
}

static int resolve(muv__uri_t *uri, size_t host_count, const char *text, muv_error_t *reterr)
{
    static const muv__host_t hosts[2] = {
        {.kind = MUV__HOST_NAME, .port = 27017, .name = "a.example.com"},
        {.kind = MUV__HOST_NAME, .port = 27018, .name = "b.example.com"}};

    return muv__uri_resolve(uri, hosts, host_count, text, text == NULL ? 0 : strlen(text), reterr);
}

/* Refused, and everything is as it was before. */
static void check_refused(const char *uri_text, size_t host_count, const char *text,
                          const char *message)
{
    muv__uri_t *uri = finished(uri_text);
    muv__options_t options = uri->options;
    size_t warnings = uri->warning_count;
    muv_error_t error = {.message = ""};

    CHECK_CODE(resolve(uri, host_count, text, &error), MUV_EINVAL);
    CHECK_CONTAINS(error.message, message);
    assert_memory_equal(&uri->options, &options, sizeof options);
    assert_int_equal(uri->warning_count, warnings);
    assert_int_equal(uri->host_count, 1);
    assert_string_equal(uri->hosts[0].name, "cluster.example.com");
    /* And the next answer may be a good one. */
    CHECK_CODE(resolve(uri, 1, NULL, &error), 0);
    muv__uri_free(uri);
}

static void hosts_take_the_place_of_the_name(void **state)
{
    muv__uri_t *uri = finished(BASE);

    (void)state;
    CHECK_CODE(resolve(uri, 2, NULL, NULL), 0);
    assert_int_equal(uri->host_count, 2);
    assert_string_equal(uri->hosts[1].name, "b.example.com");
    assert_int_equal(uri->hosts[1].port, 27018);
    assert_true(uri->srv);
    muv__uri_free(uri);
}

static void three_options_come_from_the_record(void **state)
{
    muv__uri_t *uri = finished(BASE);

    (void)state;
    CHECK_CODE(resolve(uri, 2, "authSource=my%20db&REPLICASET=rs0&loadBalanced=false", NULL), 0);
    assert_string_equal(uri->options.auth_source, "my db");
    assert_string_equal(uri->options.replica_set, "rs0");
    assert_false(uri->options.load_balanced);
    assert_true(muv__options_has(&uri->options, MUV__OPTION_LOAD_BALANCED));
    assert_false(uri->options.tls);
    muv__uri_free(uri);
    uri = finished(BASE);
    CHECK_CODE(resolve(uri, 1, "loadBalanced=true", NULL), 0);
    assert_true(uri->options.load_balanced);
    muv__uri_free(uri);
    uri = finished(BASE);
    CHECK_CODE(resolve(uri, 1, "", NULL), 0);
    muv__uri_free(uri);
}

static void what_was_given_wins(void **state)
{
    muv__uri_t *uri = finished(BASE "&authSource=mine&loadBalanced=false");

    (void)state;
    CHECK_CODE(muv__uri_set_text(uri, "replicaSet", "own", NULL), 0);
    CHECK_CODE(resolve(uri, 2, "authSource=theirs&replicaSet=other&loadBalanced=true", NULL), 0);
    assert_string_equal(uri->options.auth_source, "mine");
    assert_string_equal(uri->options.replica_set, "own");
    assert_false(uri->options.load_balanced);
    assert_int_equal(uri->warning_count, 0);
    muv__uri_free(uri);
}

static void other_options_are_refused(void **state)
{
    static const char message[] = "an option other than";

    (void)state;
    check_refused(BASE, 1, "ssl=false", message);
    check_refused(BASE, 1, "tls=false", message);
    check_refused(BASE, 1, "replicaSet=a&socketTimeoutMS=500", message);
    check_refused(BASE, 1, "unknown=1", message);
    check_refused(BASE "&replicaSet=b", 1, "replicaSet=a&maxPoolSize=1", message);
}

static void misformatted_options_are_refused(void **state)
{
    static const char message[] = "form key=value";
    muv_error_t error;
    muv__uri_t *uri = finished(BASE);

    (void)state;
    check_refused(BASE, 1, "authSource", message);
    check_refused(BASE, 1, "=a", message);
    check_refused(BASE, 1, "replicaSet=a&", message);
    check_refused(BASE, 1, "&replicaSet=a", message);
    check_refused(BASE, 1, "replicaSet=\xff", "not UTF-8");
    CHECK_CODE(muv__uri_resolve(uri, uri->hosts, 1, "a\0b", 3, &error), MUV_EINVAL);
    muv__uri_free(uri);
}

/* As in a connection string. */
static void bad_values_are_warned_of(void **state)
{
    muv__uri_t *uri = finished(BASE);

    (void)state;
    CHECK_CODE(resolve(uri, 1, "loadBalanced=perhaps", NULL), 0);
    assert_false(uri->options.load_balanced);
    assert_int_equal(uri->warning_count, 1);
    CHECK_CONTAINS(uri->warnings[0], "loadBalanced");
    muv__uri_free(uri);
}

static void rules_are_checked_with_all_options(void **state)
{
    (void)state;
    check_refused(BASE "&srvMaxHosts=1", 1, "replicaSet=a", "srvMaxHosts");
    check_refused(BASE "&srvMaxHosts=1", 1, "loadBalanced=true", "loadBalanced");
    check_refused(BASE "&loadBalanced=true", 2, NULL, "several hosts");
    check_refused(BASE "&loadBalanced=true", 1, "replicaSet=a", "loadBalanced");
    check_refused(BASE, 2, "loadBalanced=true", "several hosts");
}

/* A record that is refused again and again must not fill the memory. */
static void refused_records_leave_no_memory_behind(void **state)
{
    muv__uri_t *uri = finished(BASE "&srvMaxHosts=1");
    size_t bytes = alloc_live_bytes();
    char text[3000];

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "replicaSet=", 11);
    for (int i = 0; i < 100; i++) {
        CHECK_CODE(muv__uri_resolve(uri, uri->hosts, 1, text, sizeof text, NULL), MUV_EINVAL);
    }
    assert_int_equal(alloc_live_bytes(), bytes);
    muv__uri_free(uri);
}

static void live(void *data)
{
    muv__uri_t *uri = NULL;
    muv_error_t error;
    int rc = muv__uri_new(BASE, strlen(BASE), &error, &uri);

    (void)data;
    if (rc == 0) {
        rc = resolve(uri, 2, "authSource=a&loadBalanced=perhaps", &error);
        assert_int_equal(uri->host_count, rc == 0 ? 2 : 1);
    }
    assert_true(rc == 0 || (rc == MUV_ENOMEM && alloc_has_failed()));
    muv__uri_free(uri);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(alloc_sweep(live, NULL) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_take_the_place_of_the_name),
        cmocka_unit_test(three_options_come_from_the_record),
        cmocka_unit_test(what_was_given_wins),
        cmocka_unit_test(other_options_are_refused),
        cmocka_unit_test(misformatted_options_are_refused),
        cmocka_unit_test(bad_values_are_warned_of),
        cmocka_unit_test(rules_are_checked_with_all_options),
        cmocka_unit_test(refused_records_leave_no_memory_behind),
        cmocka_unit_test_teardown(every_allocation_may_fail, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
