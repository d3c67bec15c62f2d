/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of connection strings beyond the official files: limits, warnings and their texts,
 * secrets, memory. */
#include "uri/uri.h"

#include "muv/allocator.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static muv__uri_t *uri_of(const char *text)
{
    muv__uri_t *uri = NULL;
    muv_error_t error = {.message = ""};
    int rc = muv__uri_new(text, strlen(text), &error, &uri);

    if (rc != 0) {
        print_error("%s: %s\n", text, error.message);
    }
    CHECK_CODE(rc, 0);
    return uri;
}

/* The message of a refused string; two live at a time. */
static const char *refusal_of(const char *text)
{
    static muv_error_t errors[2];
    static unsigned next;
    muv_error_t *error = &errors[next++ % 2];
    muv__uri_t *uri = NULL;

    CHECK_CODE(muv__uri_new(text, strlen(text), error, &uri), MUV_EINVAL);
    assert_null(uri);
    assert_int_equal(error->code, MUV_EINVAL);
    assert_int_equal(error->domain, MUV_DOMAIN_CLIENT);
    return error->message;
}

static void check_warning(const char *text, const char *warning)
{
    muv__uri_t *uri = uri_of(text);

    assert_int_equal(uri->warning_count, 1);
    assert_string_equal(uri->warnings[0], warning);
    muv__uri_free(uri);
}

static void all_parts_are_found(void **state)
{
    muv__uri_t *uri =
        uri_of("mongodb://us%40er:p%3Aw@A.example:1,[fe80::1%25eth0],%2Ftmp%2Fm.sock/d%2Eb"
               "?replicaSet=rs0&appName=a%20b");

    (void)state;
    assert_false(uri->srv);
    assert_string_equal(uri->username, "us@er");
    assert_string_equal(uri->password, "p:w");
    assert_string_equal(uri->database, "d.b");
    assert_int_equal(uri->host_count, 3);
    assert_string_equal(uri->hosts[0].name, "a.example");
    assert_int_equal(uri->hosts[0].port, 1);
    assert_string_equal(uri->hosts[1].name, "fe80::1%eth0");
    assert_string_equal(uri->hosts[2].name, "/tmp/m.sock");
    assert_string_equal(uri->options.replica_set, "rs0");
    assert_string_equal(uri->options.app_name, "a b");
    assert_int_equal(uri->warning_count, 0);
    muv__uri_free(uri);
}

static void absent_parts_are_null(void **state)
{
    static const char *const texts[] = {"mongodb://h", "mongodb://h/", "mongodb://h?",
                                        "mongodb://h/?"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        muv__uri_t *uri = uri_of(texts[i]);

        assert_null(uri->username);
        assert_null(uri->password);
        assert_null(uri->database);
        assert_true(uri->options.set == 0);
        muv__uri_free(uri);
    }
}

static void escapes_do_not_act_as_delimiters(void **state)
{
    muv__uri_t *uri = uri_of("mongodb://a%2Cb%3Fc%2Fd@h/?replicaSet=x%26tls%3Dtrue");

    (void)state;
    assert_string_equal(uri->username, "a,b?c/d");
    assert_string_equal(uri->options.replica_set, "x&tls=true");
    assert_false(muv__options_has(&uri->options, MUV__OPTION_TLS));
    muv__uri_free(uri);
    CHECK_CONTAINS(refusal_of("mongodb://a%2Cb"), "host 1");
}

static void refusals_name_the_part(void **state)
{
    (void)state;
    CHECK_CONTAINS(refusal_of("http://h"), "mongodb://");
    CHECK_CONTAINS(refusal_of("mongodb:/h"), "mongodb://");
    CHECK_CONTAINS(refusal_of("mongodb:///db"), "no host");
    CHECK_CONTAINS(refusal_of("mongodb://a,,b"), "host 2: the name is empty");
    CHECK_CONTAINS(refusal_of("mongodb://a,"), "host 2");
    CHECK_CONTAINS(refusal_of("mongodb://a:1:2"), "more than one ':'");
    CHECK_CONTAINS(refusal_of("mongodb://%2Ftmp%2Fx"), ".sock");
    CHECK_CONTAINS(refusal_of("mongodb://%2Ftmp%2Fx.sock:1"), "port");
    CHECK_CONTAINS(refusal_of("mongodb://h%4"), "host 1");
    CHECK_CONTAINS(refusal_of("mongodb://@h"), "user name");
    CHECK_CONTAINS(refusal_of("mongodb://:pw@h"), "user name");
    CHECK_CONTAINS(refusal_of("mongodb://u%00:pw@h"), "the user name");
    CHECK_CONTAINS(refusal_of("mongodb://u:%ff@h"), "the password");
    CHECK_CONTAINS(refusal_of("mongodb://h/a%20b"), "database");
    CHECK_CONTAINS(refusal_of("mongodb://h/$db"), "database");
    CHECK_CONTAINS(refusal_of("mongodb://h/a/b"), "database");
    CHECK_CONTAINS(refusal_of("mongodb://u/p@h"), "'@' behind '/'");
    CHECK_CONTAINS(refusal_of("mongodb://h/?tls"), "option 1");
    CHECK_CONTAINS(refusal_of("mongodb://h/?tls=true&"), "option 2");
    CHECK_CONTAINS(refusal_of("mongodb://h/?tls=true&=x"), "option 2");
}

static void lookup_hosts_must_be_one_plain_name(void **state)
{
    muv__uri_t *uri = uri_of("mongodb+srv://u:p@Cluster.example.com/db?srvServiceName=other");

    (void)state;
    assert_true(uri->srv);
    assert_string_equal(uri->hosts[0].name, "cluster.example.com");
    assert_string_equal(uri->options.srv_service_name, "other");
    muv__uri_free(uri);
    CHECK_CONTAINS(refusal_of("mongodb+srv://a.b.c,d.e.f"), "exactly one host");
    CHECK_CONTAINS(refusal_of("mongodb+srv://a.b.c:27017"), "without port");
    CHECK_CONTAINS(refusal_of("mongodb+srv://127.0.0.1"), "not an address");
    CHECK_CONTAINS(refusal_of("mongodb+srv://[::1]"), "not an address");
    CHECK_CONTAINS(refusal_of("mongodb+srv://%2Fa.sock"), "path");
    CHECK_CONTAINS(refusal_of("mongodb+srv://a..c"), "empty labels");
    CHECK_CONTAINS(refusal_of("mongodb+srv://.a.c"), "empty labels");
    muv__uri_free(uri_of("mongodb+srv://localhost"));
}

static void warnings_name_the_option_and_no_value(void **state)
{
    (void)state;
    check_warning("mongodb://h/?foo=bar", "foo: unknown option; ignored");
    check_warning("mongodb://h/?fsync=ifPossible", "fsync: unknown option; ignored");
    check_warning("mongodb://h/?MAXIDLETIMEms=", "maxIdleTimeMS: the value is empty; ignored");
    check_warning("mongodb://h/?journal=", "journal: the value is empty; ignored");
    check_warning("mongodb://h/?replicaSet=a&replicaSet=a",
                  "replicaSet: given more than once; the last value counts");
    check_warning("mongodb://h/?appName=%zz",
                  "appName: a '%' without two hex digits, or not UTF-8; ignored");
    check_warning("mongodb://h/?tls=1", "tls: write true or false; other words are deprecated");
    check_warning("mongodb://h/?wtimeout=5", "wtimeout: deprecated; use wTimeoutMS");
    check_warning(
        "mongodb://h/?authMechanism=MONGODB-OIDC&authMechanismProperties="
        "TOKEN_RESOURCE:mongodb://host1%2Chost2",
        "authMechanismProperties: the value is no list of KEY:VALUE (a ',' cannot be part "
        "of a value); ignored");
}

static void the_deprecated_name_loses_in_either_order(void **state)
{
    muv__uri_t *one = uri_of("mongodb://h/?wtimeout=5&wtimeoutMS=10");
    muv__uri_t *other = uri_of("mongodb://h/?wtimeoutMS=10&wtimeout=5");

    (void)state;
    assert_int_equal(one->options.write_concern.wtimeout_ms, 10);
    assert_int_equal(other->options.write_concern.wtimeout_ms, 10);
    assert_int_equal(one->warning_count, 1);
    assert_int_equal(other->warning_count, 1);
    muv__uri_free(one);
    muv__uri_free(other);
}

static void fatal_values_are_errors(void **state)
{
    (void)state;
    assert_string_equal(refusal_of("mongodb://h/?w=-2"), "w: must not be negative");
    CHECK_CONTAINS(refusal_of("mongodb://h/?authSource="), "authSource: ");
    CHECK_CONTAINS(refusal_of("mongodb://h/?authSource=%"), "authSource: ");
    CHECK_CONTAINS(refusal_of("mongodb://h/?authMechanism=SCRAM"), "authMechanism: ");
    CHECK_CONTAINS(refusal_of("mongodb://h/?tls=true&tls=false"), "tls: ");
    CHECK_CONTAINS(refusal_of("mongodb://h/?ssl=true&ssl=false"), "tls: ");
    CHECK_CONTAINS(refusal_of("mongodb://h/?proxyHost=a&proxyHost=a"), "proxyHost: ");
}

static void an_unreadable_tls_value_does_not_contradict(void **state)
{
    muv__uri_t *uri = uri_of("mongodb://h/?tls=true&ssl=maybe");

    (void)state;
    assert_true(uri->options.tls);
    assert_int_equal(uri->warning_count, 1);
    muv__uri_free(uri);
}

/* Strings with a forgotten escape, so that pieces of the password "hunter2 Zq9 Xk7" stand where
 * other things belong. None of the pieces may be repeated. */
static void no_piece_of_a_password_is_repeated(void **state)
{
    static const char *const texts[] = {
        "mongodb://u:Zq9@Xk7@h",           "mongodb://u:Zq9:Xk7@h",
        "mongodb://u:Zq9/Xk7@h",           "mongodb://u:Zq9%Xk7@h",
        "mongodb://u:Zq9?Xk7@h",           "mongodb://u:1?Zq9=Xk7@h",
        "mongodb://u:1/Zq9?Xk7=1@h",       "mongodb://u:p@Zq9?Xk7=x@h/d",
        "mongodb://u:Zq9,Xk7/x@h",         "mongodb://u:p@Zq9:Xk7",
        "mongodb://u:p@h/Zq9@Xk7",         "mongodb://u:p@h/?tlsCertificateKeyFilePassword=%Zq9",
        "mongodb://u:p@h/?proxyPort=Zq9",  "mongodb://u:p@h/?tls=Xk7",
        "mongodb://u:1?a=b&Zq9=Xk7&Xk7=@h"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        muv_error_t error = {.message = ""};
        muv__uri_t *uri = NULL;

        (void)muv__uri_new(texts[i], strlen(texts[i]), &error, &uri);
        assert_null(strstr(error.message, "Zq9"));
        assert_null(strstr(error.message, "Xk7"));
        for (size_t j = 0; uri != NULL && j < uri->warning_count; j++) {
            assert_null(strstr(uri->warnings[j], "Zq9"));
            assert_null(strstr(uri->warnings[j], "Xk7"));
        }
        muv__uri_free(uri);
    }
}

static void strange_names_of_options_are_not_repeated(void **state)
{
    (void)state;
    check_warning("mongodb://h/?a\x1b[31m=1",
                  "option 1 of the connection string is unknown; ignored");
    check_warning("mongodb://h/?0123456789012345678901234567890123456789x=1",
                  "option 1 of the connection string is unknown; ignored");
}

static void warnings_are_limited(void **state)
{
    char text[4000] = "mongodb://h/?";
    muv__uri_t *uri;

    (void)state;
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text + strlen(text), 20, "%so%d=1", i == 0 ? "" : "&", i);
    }
    uri = uri_of(text);
    assert_int_equal(uri->warning_count, MUV__URI_WARNINGS_MAX);
    muv__uri_free(uri);
}

static void length_and_number_of_hosts_are_limited(void **state)
{
    char *text = malloc(70000);
    muv__uri_t *uri = NULL;
    size_t size = 10;

    (void)state;
    assert_non_null(text);
    memcpy(text, "mongodb://", 10);
    for (int i = 0; i < MUV__URI_HOSTS_MAX; i++) {
        memcpy(text + size, "a,", 2);
        size += 2;
    }
    CHECK_CODE(muv__uri_new(text, size - 1, NULL, &uri), 0);
    assert_int_equal(uri->host_count, MUV__URI_HOSTS_MAX);
    muv__uri_free(uri);
    memcpy(text + size, "a", 1);
    CHECK_CODE(muv__uri_new(text, size + 1, NULL, &uri), MUV_EINVAL);
    memcpy(text, "mongodb://h/?appName=", 21);
    memset(text + 21, 'a', 70000 - 21);
    CHECK_CODE(muv__uri_new(text, MUV__URI_SIZE_MAX, NULL, &uri), 0);
    muv__uri_free(uri);
    CHECK_CODE(muv__uri_new(text, MUV__URI_SIZE_MAX + 1, NULL, &uri), MUV_EINVAL);
    free(text);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    muv__uri_t *uri = NULL;

    (void)state;
    CHECK_CODE(muv__uri_new("mongodb://a\0b", 13, NULL, &uri), MUV_EINVAL);
    CHECK_CODE(muv__uri_new("mongodb://a\xff", 12, NULL, &uri), MUV_EINVAL);
    CHECK_CODE(muv__uri_new("", 0, NULL, &uri), MUV_EINVAL);
}

static void freeing_nothing_is_allowed(void **state)
{
    (void)state;
    muv__uri_free(NULL);
}

/* ---- Memory ---- */

struct budget {
    unsigned left; /* Allocations until the next one fails. */
    int live;
};

static void *take(struct budget *budget, void *memory)
{
    budget->live += memory != NULL;
    return memory;
}

static void *limited_malloc(size_t size, void *data)
{
    struct budget *budget = data;

    return budget->left-- == 0 ? NULL : take(budget, malloc(size));
}

static void *limited_calloc(size_t count, size_t size, void *data)
{
    struct budget *budget = data;

    return budget->left-- == 0 ? NULL : take(budget, calloc(count, size));
}

static void *limited_realloc(void *memory, size_t size, void *data)
{
    struct budget *budget = data;

    if (budget->left-- == 0) {
        return NULL;
    }
    budget->live -= memory != NULL;
    return take(budget, realloc(memory, size));
}

static void counted_free(void *memory, void *data)
{
    struct budget *budget = data;

    budget->live--;
    free(memory);
}

static int build(void)
{
    static const char text[] =
        "mongodb://user:pw@a,b,c/db?readPreference=nearest&readPreferenceTags=dc:ny,rack:1&"
        "readPreferenceTags=&appName=name&unknown=1&tls=1&w=majority&authMechanismProperties=A:b&"
        "compressors=zlib,lz4&readConcernLevel=local";
    muv_error_t error = {.code = 0};
    muv__uri_t *uri = NULL;
    int rc = muv__uri_new(text, strlen(text), &error, &uri);

    assert_int_equal(error.code, rc);
    if (rc == 0) {
        rc = muv__uri_set_text(uri, "tlsCAFile", "a very long path that fills the block", &error);
    }
    if (rc == 0) {
        rc = muv__uri_set_text(uri, "readPreferenceTags", "dc:sf", &error);
    }
    if (rc == 0) {
        rc = muv__uri_set_read_pref(uri, &uri->options.read_pref, &error);
    }
    muv__uri_free(uri);
    return rc;
}

static void every_allocation_may_fail(void **state)
{
    struct budget budget = {0, 0};
    muv_allocator_t allocator = {limited_malloc, limited_calloc, limited_realloc, counted_free,
                                 &budget};
    unsigned failures = 0;
    int rc = MUV_ENOMEM;

    (void)state;
    CHECK_CODE(muv_set_allocator(&allocator), 0);
    while (rc == MUV_ENOMEM && failures < 1000) {
        budget.left = failures;
        rc = build();
        assert_int_equal(budget.live, 0);
        failures++;
    }
    CHECK_CODE(muv_set_allocator(NULL), 0);
    CHECK_CODE(rc, 0);
    assert_true(failures > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parts_are_found),
        cmocka_unit_test(absent_parts_are_null),
        cmocka_unit_test(escapes_do_not_act_as_delimiters),
        cmocka_unit_test(refusals_name_the_part),
        cmocka_unit_test(lookup_hosts_must_be_one_plain_name),
        cmocka_unit_test(warnings_name_the_option_and_no_value),
        cmocka_unit_test(the_deprecated_name_loses_in_either_order),
        cmocka_unit_test(fatal_values_are_errors),
        cmocka_unit_test(an_unreadable_tls_value_does_not_contradict),
        cmocka_unit_test(no_piece_of_a_password_is_repeated),
        cmocka_unit_test(strange_names_of_options_are_not_repeated),
        cmocka_unit_test(warnings_are_limited),
        cmocka_unit_test(length_and_number_of_hosts_are_limited),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(freeing_nothing_is_allowed),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
