/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of hello replies: types, fields, limits, and replies that no honest server sends. */
#include "support/check.h"

#include "base/mem.h"
#include "unit/topology/scene.h"

#include <string.h>

static void check_type(const char *json, const char *type)
{
    muv__server_description_t *description = scene_parse(json, 0);

    assert_string_equal(muv__server_type_name((muv__server_type_t)description->type), type);
    muv__server_description_release(description);
}

static void type_follows_the_table_of_the_specification(void **state)
{
    (void)state;
    check_type("{\"ok\": 1}", "Standalone");
    check_type("{\"ok\": 1.0, \"ismaster\": true}", "Standalone");
    check_type("{\"ok\": 1, \"msg\": \"isdbgrid\"}", "Mongos");
    check_type("{\"ok\": 1, \"isreplicaset\": true}", "RSGhost");
    check_type("{\"ok\": 1, \"setName\": \"r\", \"isWritablePrimary\": true}", "RSPrimary");
    check_type("{\"ok\": 1, \"setName\": \"r\", \"ismaster\": true}", "RSPrimary");
    check_type("{\"ok\": 1, \"setName\": \"r\", \"secondary\": true}", "RSSecondary");
    check_type("{\"ok\": 1, \"setName\": \"r\", \"secondary\": true, \"hidden\": true}", "RSOther");
    check_type("{\"ok\": 1, \"setName\": \"r\", \"arbiterOnly\": true}", "RSArbiter");
    check_type("{\"ok\": 1, \"setName\": \"r\"}", "RSOther");
    check_type("{\"ok\": 0, \"setName\": \"r\"}", "Unknown");
}

static void fields_are_read(void **state)
{
    muv__server_description_t *d = scene_parse(
        "{\"helloOk\": true, \"setName\": \"rs\", \"secondary\": true, \"me\": \"B:27018\","
        " \"primary\": \"a\", \"hosts\": [\"A:27017\", \"b:27018\"], \"passives\": [\"c:1\"],"
        " \"arbiters\": [\"[::1]:5\"], \"setVersion\": 3, \"tags\": {\"dc\": \"ny\"},"
        " \"electionId\": {\"$oid\": \"000000000000000000000002\"}, \"minWireVersion\": 1,"
        " \"maxWireVersion\": 21, \"logicalSessionTimeoutMinutes\": 30, \"connectionId\": 9,"
        " \"lastWrite\": {\"lastWriteDate\": {\"$date\": {\"$numberLong\": \"77\"}}},"
        " \"compression\": [\"zstd\", \"lz4\"], \"saslSupportedMechs\": [\"SCRAM-SHA-256\"],"
        " \"ok\": 1}",
        123);

    (void)state;
    assert_string_equal(d->set_name, "rs");
    assert_string_equal(d->me, "b:27018");
    assert_string_equal(d->primary, "a:27017");
    assert_int_equal(d->host_count * 100 + d->passive_count * 10 + d->arbiter_count, 211);
    assert_string_equal(d->hosts[0], "a:27017");
    assert_string_equal(d->hosts[2], "c:1");
    assert_string_equal(d->hosts[3], "[::1]:5");
    assert_int_equal(d->set_version, 3);
    assert_int_equal(d->election_id[11], 2);
    assert_int_equal(d->max_wire_version, 21);
    assert_int_equal(d->session_timeout_minutes, 30);
    assert_int_equal(d->connection_id, 9);
    assert_int_equal(d->last_write_ms, 77);
    assert_int_equal(d->last_update_us, 123);
    assert_int_equal(d->compressors, MUV__HELLO_ZSTD);
    assert_int_equal(d->sasl_mechanisms, MUV__SASL_LISTED | MUV__SASL_SCRAM_SHA_256);
    assert_int_equal(d->hello_ok, 1);
    assert_true(muv__server_description_has_tag(d, "dc", "ny"));
    assert_false(muv__server_description_has_tag(d, "dc", "nyc"));
    muv__server_description_release(d);
}

static void check_limits(const char *value, uint32_t bson, uint32_t message, uint32_t batch)
{
    muv__server_description_t *d =
        scene_parse(text_of("{\"ok\": 1, \"maxBsonObjectSize\": %s, \"maxMessageSizeBytes\": %s,"
                            " \"maxWriteBatchSize\": %s}",
                            value, value, value),
                    0);

    assert_int_equal(d->max_bson_size_bytes, bson);
    assert_int_equal(d->max_message_size_bytes, message);
    assert_int_equal(d->max_write_batch_count, batch);
    muv__server_description_release(d);
}

static void limits_that_cannot_be_are_the_defaults(void **state)
{
    (void)state;
    check_limits("null", 16777216, 48000000, 100000);
    check_limits("50000", 50000, 50000, 50000);
    check_limits("0", 16777216, 48000000, 100000);
    check_limits("-5", 16777216, 48000000, 100000);
    check_limits("2147483647", 16777216, 48000000, 100000);
    check_limits("{\"$numberLong\": \"4294968320\"}", 16777216, 48000000, 100000);
    check_limits("1e300", 16777216, 48000000, 100000);
    check_limits("\"many\"", 16777216, 48000000, 100000);
}

static void check_refused(const char *json, const char *text)
{
    muv__server_description_t *description = scene_parse(json, 0);

    assert_int_equal(description->type, MUV__SERVER_UNKNOWN);
    assert_int_equal(description->failed, 1);
    CHECK_CONTAINS(description->error_text, text);
    muv__server_description_release(description);
}

static void refused_replies_say_why(void **state)
{
    (void)state;
    check_refused("{\"a\": 1}", "no `ok`");
    check_refused("{\"ok\": 0, \"errmsg\": \"go away\", \"code\": 13}", "go away");
    check_refused("{\"ok\": 0}", "refused hello");
    check_refused("{\"ok\": 1, \"setName\": \"r\", \"hosts\": [5]}", "no string");
    check_refused("{\"ok\": 1, \"setName\": \"r\", \"hosts\": [\"a:99999\"]}", "no host");
    check_refused("{\"ok\": 1, \"setName\": \"r\", \"me\": \"a b\"}", "no host");
    check_refused("{\"ok\": 1, \"setName\": \"a\\u0000b\"}", "bad setName");
    check_refused("{\"ok\": 1, \"hosts\": [\"a:1\"], \"hosts\": [\"b:1\"]}", "twice");
    check_refused(text_of("{\"ok\": 1, \"setName\": \"%01100d\"}", 1), "bad setName");
}

static void tags_above_16_kib_are_refused(void **state)
{
    bson_t *reply = BCON_NEW("ok", BCON_INT32(1));
    muv__server_description_t *description;
    bson_t tags;

    (void)state;
    BSON_APPEND_DOCUMENT_BEGIN(reply, "tags", &tags);
    for (int i = 0; i < 20; i++) {
        BSON_APPEND_UTF8(&tags, text_of("%d", i), text_of("%01000d", i));
    }
    bson_append_document_end(reply, &tags);
    CHECK_CODE(muv__server_description_parse(bson_get_data(reply), reply->len, 0, &description), 0);
    CHECK_CONTAINS(description->error_text, "16 KiB of tags");
    muv__server_description_release(description);
    bson_destroy(reply);
}

static void service_id_and_fields_of_wrong_type(void **state)
{
    muv__server_description_t *d = scene_parse(
        "{\"ok\": 1, \"serviceId\": {\"$oid\": \"000000000000000000000009\"}, \"setName\": 5,"
        " \"hosts\": \"a:1\", \"lastWrite\": 1, \"compression\": 2, \"electionId\": \"x\"}",
        0);

    (void)state;
    assert_int_equal(d->has_service_id, 1);
    assert_int_equal(d->service_id[11], 9);
    assert_null(d->set_name);
    assert_int_equal(d->host_count, 0);
    assert_true(d->last_write_ms == INT64_MIN);
    assert_int_equal(d->compressors, 0);
    assert_int_equal(d->has_election_id, 0);
    muv__server_description_release(d);
}

static void more_than_256_hosts_are_refused(void **state)
{
    bson_t *reply = BCON_NEW("ok", BCON_INT32(1), "setName", "rs");
    muv__server_description_t *description;
    bson_t hosts;

    (void)state;
    BSON_APPEND_ARRAY_BEGIN(reply, "hosts", &hosts);
    for (int i = 0; i < 257; i++) {
        BSON_APPEND_UTF8(&hosts, text_of("%d", i), text_of("h%d:1", i));
    }
    bson_append_array_end(reply, &hosts);
    CHECK_CODE(muv__server_description_parse(bson_get_data(reply), reply->len, 0, &description), 0);
    CHECK_CONTAINS(description->error_text, "256 hosts");
    muv__server_description_release(description);
    bson_destroy(reply);
}

/* Each byte missing and each byte changed: no read past the end, always a description. */
static void damaged_replies_give_a_description(void **state)
{
    bson_t *reply = bson_from("{\"ok\": 1, \"setName\": \"rs\", \"hosts\": [\"a:1\", \"b:2\"],"
                              " \"tags\": {\"dc\": \"ny\"}, \"setVersion\": 1, \"me\": \"a:1\"}");
    uint32_t size = reply->len;

    (void)state;
    for (uint32_t i = 0; i < size * 2; i++) {
        uint32_t length = i < size ? i : size;
        uint8_t *bytes = muv__mem_dup(bson_get_data(reply), length == 0 ? 1 : length);
        muv__server_description_t *description;

        if (i >= size) {
            bytes[i - size] ^= 0x85;
        }
        CHECK_CODE(muv__server_description_parse(bytes, length, 0, &description), 0);
        muv__server_description_release(description);
        muv__mem_free(bytes);
    }
    bson_destroy(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(type_follows_the_table_of_the_specification),
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(limits_that_cannot_be_are_the_defaults),
        cmocka_unit_test(refused_replies_say_why),
        cmocka_unit_test(tags_above_16_kib_are_refused),
        cmocka_unit_test(service_id_and_fields_of_wrong_type),
        cmocka_unit_test(more_than_256_hosts_are_refused),
        cmocka_unit_test(damaged_replies_give_a_description),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
