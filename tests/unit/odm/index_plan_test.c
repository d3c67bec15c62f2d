/* SPDX-License-Identifier: Apache-2.0 */
/* Specifications of indexes from rows. */
#include "odm/index_plan.h"

#include "base/endian.h"
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

#define INNER_FIELDS(F, M)                                                                         \
    F(M, string, serial, "s", .flags = MUV_UNIQUE)                                                 \
    F(M, list(embedded(inner)), parts, "p", .flags = MUV_OPTIONAL)
MUV_DECLARE_EMBEDDED(inner, INNER_FIELDS);
#define THING_FIELDS(F, M)                                                                         \
    F(M, objectid, id, "_id", .flags = MUV_UNIQUE)                                                 \
    F(M, string, name, "n", .flags = MUV_UNIQUE | MUV_SPARSE)                                      \
    F(M, string, owner, "o", .flags = MUV_UNIQUE,                                                  \
      .unique_with = MUV_NAMES("name", "inner.serial"))                                            \
    F(M, embedded(inner), inner, "i")                                                              \
    F(M, list(embedded(inner)), others, "os")
MUV_DECLARE_DOCUMENT(thing, THING_FIELDS);
#define TWIN_FIELDS(F, M)                                                                          \
    F(M, objectid, id, "_id")                                                                      \
    F(M, string, name, "n", .flags = MUV_UNIQUE | MUV_SPARSE)                                      \
    F(M, string, text, "t")
MUV_DECLARE_DOCUMENT(twin, TWIN_FIELDS);

/* {"x": {"$gt": 1}} and {"weights": 5}. */
static const uint8_t filter[] = {0x16, 0,   0,   0,   3, 'x', 0, 0x0e, 0, 0, 0,
                                 0x10, '$', 'g', 't', 0, 1,   0, 0,    0, 0, 0};
static const uint8_t options[] = {0x12, 0,   0,   0, 0x10, 'w', 'e', 'i', 'g',
                                  'h',  't', 's', 0, 5,    0,   0,   0,   0};

static const muv_index_t twin_indexes[] = {
    {.fields = MUV_NAMES("$text"), .options = options},
    {.fields = MUV_NAMES("#name"), .hidden = MUV_YES},
    {.fields = MUV_NAMES("-pk", "+name"), .name = "mine", .expire_after_s = 60},
    {.fields = MUV_NAMES("(text", "*name"), .unique = MUV_YES, .partial_filter = filter},
};

MUV_DEFINE_EMBEDDED(inner, INNER_FIELDS, "Inner");
MUV_DEFINE_DOCUMENT(thing, THING_FIELDS, "Thing", .collection = "thing");
MUV_DEFINE_DOCUMENT(twin, TWIN_FIELDS, "Twin", .collection = "thing", MUV_INDEXES(twin_indexes));

static muv_registry_t *open_registry(void)
{
    static const muv_model_t *const models[] = {&thing_model, &twin_model};
    muv_registry_t *registry = NULL;
    muv_error_t error;

    if (muv_models(models, 2, NULL, &error, &registry) != 0) {
        fail_msg("%s", error.message);
    }
    return registry;
}

/* Specification `index` of the run. */
#define CHECK_SPEC(buf, index, json) check_spec(buf, index, json, __FILE__, __LINE__)
static void check_spec(const muv__buf_t *buf, unsigned index, const char *json, const char *file,
                       int line)
{
    size_t at = 0;

    while (index-- != 0) {
        assert_true(at < buf->size);
        at += muv__load_u32(buf->data + at);
    }
    assert_true(at < buf->size);
    check_bytes_bson_equal(buf->data + at, muv__load_u32(buf->data + at), odm_json(json), file,
                           line);
}

static unsigned count_specs(const muv__buf_t *buf)
{
    unsigned count = 0;

    for (size_t at = 0; at < buf->size; at += muv__load_u32(buf->data + at)) {
        count++;
    }
    return count;
}

static void unique_fields_have_indexes_by_stored_names(void **state)
{
    muv_registry_t *registry = open_registry();
    muv_error_t error;
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 65536);
    CHECK_CODE(muv__index_specs(muv_registry_find(registry, &thing_model), &buf, &error), 0);

    assert_int_equal(count_specs(&buf), 4);
    CHECK_SPEC(&buf, 0, "{'key': {'n': 1}, 'name': 'n_1', 'unique': true, 'sparse': true}");
    CHECK_SPEC(&buf, 1,
               "{'key': {'o': 1, 'n': 1, 'i.s': 1}, 'name': 'o_1_n_1_i.s_1', 'unique': true}");
    CHECK_SPEC(&buf, 2, "{'key': {'i.s': 1}, 'name': 'i.s_1', 'unique': true}");
    CHECK_SPEC(&buf, 3, "{'key': {'os.s': 1}, 'name': 'os.s_1', 'unique': true}");
    muv__buf_done(&buf);
    muv_registry_free(registry);
}

static void listed_indexes_take_prefixes_and_options(void **state)
{
    muv_registry_t *registry = open_registry();
    muv_error_t error;
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 65536);
    CHECK_CODE(muv__index_specs(muv_registry_find(registry, &twin_model), &buf, &error), 0);

    assert_int_equal(count_specs(&buf), 5);
    CHECK_SPEC(&buf, 1, "{'key': {'t': 'text'}, 'name': 't_text', 'weights': 5}");
    CHECK_SPEC(&buf, 2, "{'key': {'n': 'hashed'}, 'name': 'n_hashed', 'hidden': true}");
    CHECK_SPEC(&buf, 3, "{'key': {'_id': -1, 'n': 1}, 'name': 'mine', 'expireAfterSeconds': 60}");
    CHECK_SPEC(&buf, 4,
               "{'key': {'t': '2dsphere', 'n': '2d'}, 'name': 't_2dsphere_n_2d', 'unique': true, "
               "'partialFilterExpression': {'x': {'$gt': 1}}}");
    muv__buf_done(&buf);
    muv_registry_free(registry);
}

static void models_of_one_collection_do_not_repeat_indexes(void **state)
{
    muv_registry_t *registry = open_registry();
    muv_error_t error;
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 65536);
    CHECK_CODE(muv__index_specs(muv_registry_find(registry, &thing_model), &buf, &error), 0);
    CHECK_CODE(muv__index_specs(muv_registry_find(registry, &twin_model), &buf, &error), 0);

    assert_int_equal(count_specs(&buf), 4 + 4);
    muv__buf_done(&buf);
    muv_registry_free(registry);
}

static void specs_survive_every_failed_allocation(void **state)
{
    muv_registry_t *registry = open_registry();
    muv_error_t error;
    bool failed = true;

    (void)state;
    for (unsigned k = 1; failed; k++) {
        muv__buf_t buf;
        int code;

        muv__buf_init(&buf, 65536);
        alloc_fail_at(k, true);
        code = muv__index_specs(muv_registry_find(registry, &twin_model), &buf, &error);
        failed = alloc_has_failed();
        alloc_fail_at(0, false);
        CHECK_CODE(code, failed ? MUV_ENOMEM : 0);
        muv__buf_done(&buf);
    }
    muv_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unique_fields_have_indexes_by_stored_names),
        cmocka_unit_test(listed_indexes_take_prefixes_and_options),
        cmocka_unit_test(models_of_one_collection_do_not_repeat_indexes),
        cmocka_unit_test_teardown(specs_survive_every_failed_allocation, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
