/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of hello commands. */
#include "conn/hello.h"

#include "base/bson_writer.h"
#include "conn/metadata.h"
#include "support/check.h"

#define REST                                                                                       \
    "\"backpressure\": \"2\", \"client\": {\"driver\": {\"name\": \"libmuv\","                     \
    " \"version\": \"0.1.0\"}, \"os\": {\"type\": \"Linux\"}}, \"$db\": \"admin\"}"

static const muv__metadata_t metadata = {
    .driver_name = "libmuv", .driver_version = "0.1.0", .os_type = "Linux"};

static void check_first(const muv__hello_options_t *options, const char *json)
{
    muv__buf_t buf;
    muv__bson_mark_t mark;
    bson_t view;

    muv__buf_init(&buf, 4096);
    mark = muv__bson_begin(&buf);
    muv__hello_write_first(&buf, options);
    muv__bson_end(&buf, mark);
    assert_true(bson_init_static(&view, buf.data, buf.size));
    CHECK_BSON_IDENTICAL(&view, json);
    muv__buf_done(&buf);
}

static void check_name(int hello_ok, const char *json)
{
    muv__buf_t buf;
    muv__bson_mark_t mark;
    bson_t view;

    muv__buf_init(&buf, 4096);
    mark = muv__bson_begin(&buf);
    muv__hello_write_name(&buf, hello_ok);
    muv__bson_end(&buf, mark);
    assert_true(bson_init_static(&view, buf.data, buf.size));
    CHECK_BSON_IDENTICAL(&view, json);
    muv__buf_done(&buf);
}

static void first_hello_is_the_old_one_and_asks_for_the_new_one(void **state)
{
    (void)state;
    check_first(&(muv__hello_options_t){.metadata = &metadata},
                "{\"isMaster\": 1, \"helloOk\": true, " REST);
}

static void first_hello_is_new_with_a_server_api_or_a_load_balancer(void **state)
{
    (void)state;
    check_first(&(muv__hello_options_t){.metadata = &metadata, .server_api = 1},
                "{\"hello\": 1, " REST);
    check_first(&(muv__hello_options_t){.metadata = &metadata, .load_balanced = 1},
                "{\"hello\": 1, \"loadBalanced\": true, " REST);
}

static void later_hellos_are_new_when_the_server_said_so(void **state)
{
    (void)state;
    check_name(1, "{\"hello\": 1}");
    check_name(0, "{\"isMaster\": 1, \"helloOk\": true}");
}

static void awaitable_hello_tells_the_version_it_knows(void **state)
{
    const muv__topology_version_t version = {
        .process_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, .present = 1, .counter = 5};
    muv__buf_t buf;
    muv__bson_mark_t mark;
    bson_t view;

    (void)state;
    muv__buf_init(&buf, 4096);
    mark = muv__bson_begin(&buf);
    muv__hello_write_name(&buf, 1);
    muv__hello_write_await(&buf, &version, 10000);
    muv__bson_end(&buf, mark);
    assert_true(bson_init_static(&view, buf.data, buf.size));
    CHECK_BSON_IDENTICAL(&view, "{\"hello\": 1, \"topologyVersion\": {\"processId\": {\"$oid\":"
                                " \"0102030405060708090a0b0c\"}, \"counter\": {\"$numberLong\":"
                                " \"5\"}}, \"maxAwaitTimeMS\": {\"$numberLong\": \"10000\"}}");
    muv__buf_done(&buf);
}

static void first_hello_lists_the_compressors_in_their_order(void **state)
{
    static const uint8_t ids[] = {3, 1, 2};

    (void)state;
    check_first(
        &(muv__hello_options_t){.metadata = &metadata, .compressor_count = 3, .compressors = ids},
        "{\"isMaster\": 1, \"helloOk\": true, \"backpressure\": \"2\","
        " \"compression\": [\"zstd\", \"snappy\", \"zlib\"], \"client\": {\"driver\":"
        " {\"name\": \"libmuv\", \"version\": \"0.1.0\"}, \"os\": {\"type\": \"Linux\"}},"
        " \"$db\": \"admin\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_hello_is_the_old_one_and_asks_for_the_new_one),
        cmocka_unit_test(first_hello_is_new_with_a_server_api_or_a_load_balancer),
        cmocka_unit_test(later_hellos_are_new_when_the_server_said_so),
        cmocka_unit_test(awaitable_hello_tells_the_version_it_knows),
        cmocka_unit_test(first_hello_lists_the_compressors_in_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
