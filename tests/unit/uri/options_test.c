/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options: complete, with the defaults of the specifications, and each kind of value
 * read or refused as its row says. */
#include "uri/options.h"

#include "support/check.h"

#include <string.h>

typedef struct fixture {
    muv__options_t options;
    muv__strings_t strings;
} fixture_t;

static fixture_t f;

static int set_up(void **state)
{
    (void)state;
    f.strings.first = NULL;
    muv__options_init(&f.options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    muv__options_done(&f.options);
    muv__strings_done(&f.strings);
    return 0;
}

static muv__verdict_t parse(const char *name, const char *value)
{
    muv__option_t option = muv__option_find(name, strlen(name));

    assert_int_not_equal(option, MUV__OPTION_UNKNOWN);
    return muv__options_parse(&f.options, &f.strings, option, value, strlen(value));
}

static void check_taken(const char *name, const char *value)
{
    muv__verdict_t verdict = parse(name, value);

    CHECK_CODE(verdict.code, 0);
    assert_null(verdict.reason);
    assert_true(muv__options_has(&f.options, muv__option_find(name, strlen(name))));
}

static void check_bad(const char *name, const char *value, int fatal)
{
    uint64_t set = f.options.set;
    muv__verdict_t verdict = parse(name, value);

    CHECK_CODE(verdict.code, MUV_EINVAL);
    assert_int_equal(verdict.fatal, fatal);
    assert_non_null(verdict.reason);
    assert_true(f.options.set == set);
}

static void every_row_is_filled_in_and_found_by_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < MUV__OPTION_COUNT; i++) {
        const muv__option_row_t *row = muv__option_row((muv__option_t)i);

        assert_non_null(row->name);
        assert_int_equal(muv__option_find(row->name, strlen(row->name)), i);
        assert_true(row->offset >= offsetof(muv__options_t, connect_timeout_ms));
        assert_true(row->target == i || i == MUV__OPTION_SSL || i == MUV__OPTION_WTIMEOUT);
        assert_false(muv__options_has(&f.options, (muv__option_t)i));
        assert_true(row->kind != MUV__KIND_INT || row->min < row->max);
        assert_true(row->kind != MUV__KIND_TEXT || row->max > 0);
        assert_true(row->kind != MUV__KIND_NAME || row->names != NULL);
    }
}

static void names_are_found_without_regard_to_case(void **state)
{
    (void)state;
    assert_int_equal(muv__option_find("CONNECTTIMEOUTms", 16), MUV__OPTION_CONNECT_TIMEOUT);
    assert_int_equal(muv__option_find("connectTimeout", 14), MUV__OPTION_UNKNOWN);
    assert_int_equal(muv__option_find("", 0), MUV__OPTION_UNKNOWN);
}

static void defaults_of_times_and_counts(void **state)
{
    const muv__options_t *options = &f.options;

    (void)state;
    assert_int_equal(options->connect_timeout_ms, 10000);
    assert_int_equal(options->server_selection_timeout_ms, 30000);
    assert_int_equal(options->heartbeat_frequency_ms, 10000);
    assert_int_equal(options->local_threshold_ms, 15);
    assert_int_equal(options->max_pool_size, 100);
    assert_int_equal(options->min_pool_size, 0);
    assert_int_equal(options->max_connecting, 2);
    assert_int_equal(options->max_idle_time_ms, 0);
    assert_int_equal(options->wait_queue_timeout_ms, 0);
    assert_int_equal(options->socket_timeout_ms, 0);
    assert_int_equal(options->timeout_ms, 0);
    assert_int_equal(options->max_adaptive_retries, 2);
    assert_int_equal(options->srv_max_hosts, 0);
    assert_int_equal(options->proxy_port, 1080);
    assert_int_equal(options->zlib_compression_level, -1);
}

static void defaults_of_the_rest(void **state)
{
    const muv__options_t *options = &f.options;

    (void)state;
    assert_true(options->retry_reads);
    assert_true(options->retry_writes);
    assert_false(options->tls);
    assert_false(options->direct_connection);
    assert_false(options->load_balanced);
    assert_false(options->enable_overload_retargeting);
    assert_int_equal(options->server_monitoring_mode, MUV__MONITORING_AUTO);
    assert_int_equal(options->auth_mechanism, MUV__AUTH_DEFAULT);
    assert_string_equal(options->srv_service_name, "mongodb");
    assert_null(options->app_name);
    assert_null(options->replica_set);
    assert_int_equal(options->compressor_count, 0);
    assert_int_equal(options->read_pref.mode, MUV__READ_PRIMARY);
    assert_true(muv__write_concern_is_default(&options->write_concern));
    assert_true(muv__read_concern_is_default(&options->read_concern));
}

static void numbers_are_held_to_their_range(void **state)
{
    (void)state;
    check_taken("heartbeatFrequencyMS", "500");
    assert_int_equal(f.options.heartbeat_frequency_ms, 500);
    check_bad("heartbeatFrequencyMS", "499", 0);
    check_taken("connectTimeoutMS", "2147483647");
    check_bad("connectTimeoutMS", "2147483648", 0);
    check_bad("connectTimeoutMS", "1s", 0);
    check_bad("connectTimeoutMS", "", 0);
    assert_int_equal(f.options.connect_timeout_ms, 2147483647);
    check_bad("maxConnecting", "0", 0);
    check_bad("proxyPort", "65536", 0);
    check_taken("zlibCompressionLevel", "-1");
    check_bad("zlibCompressionLevel", "10", 0);
}

static void other_words_for_booleans_are_honoured_with_a_reason(void **state)
{
    (void)state;
    check_taken("tls", "true");
    assert_true(f.options.tls);
    assert_non_null(parse("tls", "0").reason);
    assert_false(f.options.tls);
    CHECK_CODE(parse("tls", "Yes").code, 0);
    assert_true(f.options.tls);
    CHECK_CODE(parse("ssl", "-1").code, 0);
    assert_false(f.options.tls);
    check_bad("tls", "maybe", 0);
    check_taken("journal", "false");
    assert_int_equal(f.options.write_concern.journal, -1);
}

static void texts_are_copied_and_limited(void **state)
{
    char text[4098];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[128] = '\0';
    check_taken("appName", text);
    assert_int_equal(strlen(f.options.app_name), 128);
    text[128] = 'x';
    text[129] = '\0';
    check_bad("appName", text, 0);
    text[129] = 'x';
    text[4097] = '\0';
    check_bad("tlsCAFile", text, 0);
    check_bad("authSource", "", 1);
    check_taken("authSource", "$external");
}

static void names_must_be_known(void **state)
{
    (void)state;
    check_taken("readPreference", "secondaryPreferred");
    assert_int_equal(f.options.read_pref.mode, MUV__READ_SECONDARY_PREFERRED);
    check_bad("readPreference", "SecondaryPreferred", 0);
    check_taken("serverMonitoringMode", "poll");
    assert_int_equal(f.options.server_monitoring_mode, MUV__MONITORING_POLL);
    check_taken("authMechanism", "MONGODB-OIDC");
    assert_int_equal(f.options.auth_mechanism, MUV__AUTH_OIDC);
    check_bad("authMechanism", "MONGODB-CR", 1);
    assert_int_equal(f.options.auth_mechanism, MUV__AUTH_OIDC);
}

static void w_is_a_number_or_a_name(void **state)
{
    char text[200];

    (void)state;
    check_taken("w", "0");
    assert_false(muv__write_concern_is_acknowledged(&f.options.write_concern));
    check_taken("w", "2x");
    assert_string_equal(f.options.write_concern.tag, "2x");
    check_bad("w", "-1", 1);
    check_bad("w", "99999999999", 1);
    check_bad("w", "", 0);
    memset(text, 'x', sizeof(text));
    text[199] = '\0';
    check_bad("w", text, 1);
    check_bad("readConcernLevel", text, 0);
    check_bad("wTimeoutMS", "-1", 1);
    check_bad("wTimeoutMS", "soon", 0);
    check_taken("wTimeoutMS", "0");
    assert_true(f.options.write_concern.has_wtimeout);
}

static void staleness_is_minus_one_or_at_least_90(void **state)
{
    (void)state;
    check_taken("maxStalenessSeconds", "90");
    assert_int_equal(f.options.read_pref.max_staleness_s, 90);
    check_bad("maxStalenessSeconds", "89", 0);
    check_bad("maxStalenessSeconds", "0", 0);
    check_taken("maxStalenessSeconds", "-1");
    assert_int_equal(f.options.read_pref.max_staleness_s, 0);
}

static void unknown_compressors_are_left_out_with_a_reason(void **state)
{
    (void)state;
    check_taken("compressors", "zstd,snappy,zstd");
    assert_int_equal(f.options.compressor_count, 2);
    assert_int_equal(f.options.compressors[0], MUV__COMPRESSOR_ZSTD);
    assert_int_equal(f.options.compressors[1], MUV__COMPRESSOR_SNAPPY);
    assert_non_null(parse("compressors", "lz4,zlib").reason);
    assert_int_equal(f.options.compressor_count, 1);
    assert_int_equal(f.options.compressors[0], MUV__COMPRESSOR_ZLIB);
    check_bad("compressors", "lz4", 0);
    check_bad("compressors", ",", 0);
    assert_string_equal(muv__compressor_name(f.options.compressors[0]), "zlib");
}

static void properties_split_at_the_first_colon(void **state)
{
    (void)state;
    check_taken("authMechanismProperties", "TOKEN_RESOURCE:mongodb://c,ENVIRONMENT:azure,EMPTY:");
    assert_int_equal(f.options.property_count, 3);
    assert_string_equal(f.options.properties[0].key, "TOKEN_RESOURCE");
    assert_string_equal(f.options.properties[0].value, "mongodb://c");
    assert_string_equal(f.options.properties[2].value, "");
    check_bad("authMechanismProperties", "A:1,b", 0);
    check_bad("authMechanismProperties", ":1", 0);
    check_bad("authMechanismProperties", "A:1,", 0);
    check_bad("authMechanismProperties", "A:1,A:2", 0);
    assert_int_equal(f.options.property_count, 3);
}

static void properties_are_limited(void **state)
{
    (void)state;
    check_taken("authMechanismProperties", "a:,b:,c:,d:,e:,f:,g:,h:,i:,j:,k:,l:,m:,n:,o:,p:");
    assert_int_equal(f.options.property_count, MUV__PROPERTIES_MAX);
    check_bad("authMechanismProperties", "a:,b:,c:,d:,e:,f:,g:,h:,i:,j:,k:,l:,m:,n:,o:,p:,q:", 1);
}

static void a_service_name_is_one_label(void **state)
{
    char text[64];

    (void)state;
    memset(text, 's', sizeof(text));
    text[62] = '\0';
    check_taken("srvServiceName", text);
    text[62] = 's';
    text[63] = '\0';
    check_bad("srvServiceName", text, 0);
    check_taken("srvServiceName", "my-mongo_1");
    check_bad("srvServiceName", "a.b", 0);
    check_bad("srvServiceName", "-a", 0);
    check_bad("srvServiceName", "a-", 0);
}

static void too_many_tag_sets_are_fatal(void **state)
{
    (void)state;
    for (int i = 0; i < MUV__READ_PREF_SETS_MAX; i++) {
        check_taken("readPreferenceTags", "");
    }
    check_bad("readPreferenceTags", "", 1);
    check_bad("readPreferenceTags", "x", 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(every_row_is_filled_in_and_found_by_its_name),
        CASE(names_are_found_without_regard_to_case),
        CASE(defaults_of_times_and_counts),
        CASE(defaults_of_the_rest),
        CASE(numbers_are_held_to_their_range),
        CASE(other_words_for_booleans_are_honoured_with_a_reason),
        CASE(texts_are_copied_and_limited),
        CASE(names_must_be_known),
        CASE(w_is_a_number_or_a_name),
        CASE(staleness_is_minus_one_or_at_least_90),
        CASE(unknown_compressors_are_left_out_with_a_reason),
        CASE(properties_split_at_the_first_colon),
        CASE(properties_are_limited),
        CASE(a_service_name_is_one_label),
        CASE(too_many_tag_sets_are_fatal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
