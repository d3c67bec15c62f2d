/* SPDX-License-Identifier: Apache-2.0 */
/* Counting, equality and topologyVersion of server descriptions. */
#include "support/check.h"

#include "unit/topology/scene.h"

#include "base/bson_view.h"

static int equal(const char *left, const char *right)
{
    muv__server_description_t *a = scene_parse(left, 1);
    muv__server_description_t *b = scene_parse(right, 2);
    int result = muv__server_description_equal(a, b);

    assert_int_equal(result, muv__server_description_equal(b, a));
    muv__server_description_release(a);
    muv__server_description_release(b);
    return result;
}

#define MEMBER "\"ok\": 1, \"setName\": \"rs\", \"secondary\": true"

static void equality_ignores_times_and_order_of_tags(void **state)
{
    (void)state;
    assert_true(equal("{" MEMBER ", \"lastWrite\": {\"lastWriteDate\": {\"$date\": 1}}}",
                      "{" MEMBER ", \"lastWrite\": {\"lastWriteDate\": {\"$date\": 9}}}"));
    assert_true(equal("{" MEMBER ", \"tags\": {\"a\": \"1\", \"b\": \"2\"}}",
                      "{" MEMBER ", \"tags\": {\"b\": \"2\", \"a\": \"1\"}}"));
    assert_true(equal("{" MEMBER ", \"connectionId\": 1}", "{" MEMBER ", \"connectionId\": 2}"));
}

static void equality_sees_what_matters(void **state)
{
    static const char *const others[] = {
        "{\"ok\": 1, \"setName\": \"rs\", \"isWritablePrimary\": true}",
        "{\"ok\": 1, \"setName\": \"rt\", \"secondary\": true}",
        "{" MEMBER ", \"tags\": {\"a\": \"1\"}}",
        "{" MEMBER ", \"hosts\": [\"a:1\"]}",
        "{" MEMBER ", \"passives\": [\"a:1\"]}",
        "{" MEMBER ", \"me\": \"a:1\"}",
        "{" MEMBER ", \"primary\": \"a:1\"}",
        "{" MEMBER ", \"setVersion\": 0}",
        "{" MEMBER ", \"maxWireVersion\": 5}",
        "{" MEMBER ", \"logicalSessionTimeoutMinutes\": 5}",
        "{" MEMBER ", \"electionId\": {\"$oid\": \"000000000000000000000000\"}}",
        "{" MEMBER ", \"topologyVersion\": {\"processId\": {\"$oid\": "
        "\"000000000000000000000000\"}, \"counter\": 0}}",
        "{\"ok\": 0}",
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(others); i++) {
        if (equal("{" MEMBER "}", others[i])) {
            fail_msg("equal: %s", others[i]);
        }
    }
}

static void possible_primary_is_only_a_hint(void **state)
{
    muv__server_description_t *hint;
    muv__server_description_t *unknown;

    (void)state;
    CHECK_CODE(muv__server_description_bare(MUV__SERVER_POSSIBLE_PRIMARY, 0, &hint), 0);
    CHECK_CODE(muv__server_description_unknown(0, NULL, NULL, 0, &unknown), 0);
    assert_true(muv__server_description_equal(hint, unknown));
    assert_false(muv__server_is_known(hint));
    muv__server_description_release(hint);
    muv__server_description_release(unknown);
}

static void versions_compare_within_one_process(void **state)
{
    muv__topology_version_t a = {.present = 1, .counter = 4};
    muv__topology_version_t b = {.present = 1, .counter = 5};
    muv__topology_version_t other = {.present = 1, .counter = 1, .process_id = {1}};
    muv__topology_version_t none = {.present = 0};

    (void)state;
    assert_int_equal(muv__topology_version_compare(&a, &b), -1);
    assert_int_equal(muv__topology_version_compare(&b, &a), 1);
    assert_int_equal(muv__topology_version_compare(&a, &a), 0);
    assert_int_equal(muv__topology_version_compare(&b, &other), -1);
    assert_int_equal(muv__topology_version_compare(&b, &none), -1);
    assert_int_equal(muv__topology_version_compare(&none, &b), -1);
}

static void incomplete_versions_are_absent(void **state)
{
    static const char *const documents[] = {
        "{\"v\": 1}", "{\"v\": {\"counter\": 1}}",
        "{\"v\": {\"processId\": {\"$oid\": \"000000000000000000000001\"}}}",
        "{\"v\": {\"processId\": 7, \"counter\": 1}}"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(documents); i++) {
        bson_t *document = bson_from(documents[i]);
        muv__topology_version_t version;
        muv__bson_iter_t iter;

        assert_true(muv__bson_find(bson_get_data(document), document->len, "v", &iter));
        muv__topology_version_read(&iter, &version);
        assert_int_equal(version.present, 0);
        bson_destroy(document);
    }
}

static void count_keeps_a_description_alive(void **state)
{
    muv__server_description_t *description = scene_parse("{" MEMBER "}", 0);

    (void)state;
    assert_ptr_equal(muv__server_description_retain(description), description);
    muv__server_description_release(description);
    assert_string_equal(description->set_name, "rs");
    muv__server_description_release(description);
    muv__server_description_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality_ignores_times_and_order_of_tags),
        cmocka_unit_test(equality_sees_what_matters),
        cmocka_unit_test(possible_primary_is_only_a_hint),
        cmocka_unit_test(versions_compare_within_one_process),
        cmocka_unit_test(incomplete_versions_are_absent),
        cmocka_unit_test(count_keeps_a_description_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
