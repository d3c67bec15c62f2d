/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule of a model, broken once: the start-up error names model and field. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

struct thing {
    muv_doc_t doc;
    muv_oid_t id;
    muv_str_t text;
    int32_t number;
    muv_ref_t ref;
    muv_str_list_t list;
    address_t home;
};

enum { ID, TEXT, NUMBER, REF, LIST, HOME, COUNT };

/* Rows and model to be broken; fresh for each test. */
static muv_field_t rows[COUNT];
static muv_model_t thing;

static const muv_index_t lost_index = {.fields = MUV_NAMES("-number", "home.street")};

static int make_thing(void **state)
{
    static const muv_field_t good[COUNT] = {
        MUV_FIELD(struct thing, objectid, id, "_id"),
        MUV_FIELD(struct thing, string, text, "t"),
        MUV_FIELD(struct thing, int32, number, "n"),
        MUV_FIELD(struct thing, reference(user), ref, "r"),
        MUV_FIELD(struct thing, list(string), list, "l"),
        MUV_FIELD(struct thing, embedded(address), home, "h"),
    };

    (void)state;
    memcpy(rows, good, sizeof(rows));
    memset(&thing, 0, sizeof(thing));
    thing.name = "Thing";
    thing.collection = "thing";
    thing.size = sizeof(struct thing);
    thing.fields = rows;
    thing.field_count = COUNT;
    return 0;
}

/* The text of the error, or "" when the model is right. */
static const char *verdict(void)
{
    const muv_model_t *models[] = {&thing, &user_model};
    muv_registry_t *registry = NULL;
    muv_error_t error;
    int code = muv_models(models, 2, NULL, &error, &registry);

    muv_registry_free(registry);
    if (code == 0) {
        return "";
    }
    CHECK_ERROR(&error, MUV_EMODEL);
    return text_of("%s", error.message);
}

static void the_unbroken_model_is_right(void **state)
{
    (void)state;
    assert_string_equal(verdict(), "");
}

static void stored_names_are_checked(void **state)
{
    static const char rule[] =
        "Thing.text: a stored name must not be empty, begin with \"$\" or contain \".\"";

    (void)state;
    rows[TEXT].stored = "$t";
    assert_string_equal(verdict(), rule);
    rows[TEXT].stored = "a.b";
    assert_string_equal(verdict(), rule);
    rows[TEXT].stored = "";
    assert_string_equal(verdict(), rule);
    rows[TEXT].stored = NULL;
    assert_string_equal(verdict(), rule);
    rows[TEXT].stored = "n";
    assert_string_equal(verdict(), "Thing.number: the stored name \"n\" is used twice");
}

static void member_names_are_checked(void **state)
{
    (void)state;
    rows[TEXT].name = "a__b";
    assert_string_equal(verdict(), "Thing: row 1: \"a__b\" is no name for a field");
    rows[TEXT].name = NULL;
    assert_string_equal(verdict(), "Thing: row 1: \"\" is no name for a field");
    rows[TEXT].name = "number";
    assert_string_equal(verdict(), "Thing.number: the name is used twice");
}

static void kinds_are_checked(void **state)
{
    (void)state;
    rows[TEXT].kind = MUV_KIND_NONE;
    assert_string_equal(verdict(), "Thing.text: kind 0 is not supported");
    rows[TEXT].kind = MUV_KIND_MAP;
    assert_string_equal(verdict(), "Thing.text: kind 37 is not supported");
    rows[TEXT].kind = MUV_KIND_STRING;
    rows[LIST].element = MUV_KIND_LIST;
    assert_string_equal(verdict(), "Thing.list: element kind 11 is not supported here");
    rows[LIST].element = MUV_KIND_NONE;
    assert_string_equal(verdict(), "Thing.list: element kind 0 is not supported here");
}

static void places_in_the_struct_are_checked(void **state)
{
    (void)state;
    rows[NUMBER].kind = MUV_KIND_INT64;
    assert_string_equal(verdict(), "Thing.number: the member has 4 bytes, its kind (int64) has 8");
    rows[NUMBER].kind = MUV_KIND_INT32;
    rows[NUMBER].offset = sizeof(struct thing);
    assert_string_equal(verdict(),
                        "Thing.number: the member lies outside of the struct or in its header");
    rows[NUMBER].offset = 8;
    assert_string_equal(verdict(),
                        "Thing.number: the member lies outside of the struct or in its header");
    rows[NUMBER].offset = offsetof(struct thing, text) + 4;
    assert_string_equal(verdict(), "Thing.number: the member overlaps another one");
    rows[NUMBER].offset = offsetof(struct thing, number) + 1;
    assert_string_equal(verdict(), "Thing.number: the member is not aligned");
}

static void targets_are_checked(void **state)
{
    (void)state;
    rows[REF].target = NULL;
    assert_string_equal(verdict(), "Thing.ref: a target is missing");
    rows[REF].target = &address_model;
    assert_string_equal(verdict(), "Thing.ref: the target Address has no collection");
    rows[REF].target = &post_model;
    assert_string_equal(verdict(), "Thing.ref: the target Post is not among the models");
    rows[REF].target = &user_model;
    rows[TEXT].target = &user_model;
    assert_string_equal(verdict(), "Thing.text: this kind has no target");
}

static void limits_and_choices_have_to_fit_the_kind(void **state)
{
    (void)state;
    rows[TEXT].min = (muv_value_t)MUV_INT(1);
    assert_string_equal(verdict(), "Thing.text: min or max does not fit a string");
    make_thing(state);
    rows[NUMBER].max_length = 1;
    assert_string_equal(verdict(), "Thing.number: max_length is for strings, binaries and lists");
    make_thing(state);
    rows[TEXT].min_length = 3;
    rows[TEXT].max_length = 2;
    assert_string_equal(verdict(), "Thing.text: min_length is above max_length");
    make_thing(state);
    rows[NUMBER].choices = MUV_CHOICES(MUV_INT(1), MUV_STRING("x"));
    assert_string_equal(verdict(), "Thing.number: a choice does not fit a int32");
    make_thing(state);
    rows[LIST].items = MUV_ITEMS(int32, .min = MUV_INT(0));
    assert_string_equal(verdict(), "Thing.list: items do not fit the list's elements");
}

static void defaults_have_to_fit_the_kind(void **state)
{
    (void)state;
    rows[NUMBER].default_value = (muv_value_t)MUV_INT(INT64_MAX);
    assert_string_equal(verdict(), "Thing.number: the default does not fit a int32");
    rows[NUMBER].default_value = (muv_value_t)MUV_INT(5);
    rows[NUMBER].default_fn = odm_next_number;
    assert_string_equal(verdict(), "Thing.number: there are two defaults");
    make_thing(state);
    rows[LIST].default_fn = odm_next_number;
    assert_string_equal(verdict(), "Thing.list: this kind takes no default");
}

static void the_primary_key_is_one_scalar_field(void **state)
{
    (void)state;
    rows[ID].stored = "id";
    assert_string_equal(verdict(), "Thing: no field is stored as \"_id\"");
    rows[LIST].stored = "_id";
    assert_string_equal(verdict(), "Thing.list: a list cannot be the primary key");
    make_thing(state);
    rows[TEXT].flags = MUV_PRIMARY_KEY;
    assert_string_equal(verdict(), "Thing.text: a primary key is stored as \"_id\" of a document");
}

static void flags_have_to_fit_the_kind(void **state)
{
    (void)state;
    rows[TEXT].flags = MUV_DBREF;
    assert_string_equal(verdict(), "Thing.text: MUV_DBREF is for references");
    rows[TEXT].flags = MUV_SPARSE;
    assert_string_equal(verdict(), "Thing.text: MUV_SPARSE needs MUV_UNIQUE");
    rows[TEXT].flags = MUV_VERSION;
    assert_string_equal(verdict(), "Thing.text: an option is used that is not supported yet");
    make_thing(state);
    rows[REF].on_delete = MUV_PULL;
    assert_string_equal(verdict(), "Thing.ref: the delete rule does not fit the kind");
}

static void paths_of_indexes_and_ordering_are_followed(void **state)
{
    (void)state;
    thing.indexes = &lost_index;
    thing.index_count = 1;
    assert_string_equal(verdict(), "Thing: index: \"home.street\" leads to no field");
    make_thing(state);
    thing.ordering = MUV_NAMES("-nowhere");
    assert_string_equal(verdict(), "Thing: ordering: \"-nowhere\" leads to no field");
    make_thing(state);
    rows[TEXT].flags = MUV_UNIQUE;
    rows[TEXT].unique_with = MUV_NAMES("nowhere");
    assert_string_equal(verdict(), "Thing: unique_with: \"nowhere\" leads to no field");
}

static void the_frame_of_a_model_is_checked(void **state)
{
    (void)state;
    thing.collection = NULL;
    assert_string_equal(verdict(),
                        "Thing: documents, and only they, have a collection, without \"$\"");
    make_thing(state);
    thing.field_count = 0;
    assert_string_equal(verdict(), "Thing: a model has 1 to 4096 fields");
    make_thing(state);
    thing.size = 8;
    assert_string_equal(verdict(), "Thing: a struct of 8 bytes is too small or too large");
    make_thing(state);
    thing.parent = &user_model;
    assert_string_equal(verdict(), "Thing: an option is used that is not supported yet");
    make_thing(state);
    thing.name = "9";
    assert_string_equal(verdict(), "\"9\" is no name for a model");
}

#define TEST(name) cmocka_unit_test_setup(name, make_thing)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_unbroken_model_is_right),
        TEST(stored_names_are_checked),
        TEST(member_names_are_checked),
        TEST(kinds_are_checked),
        TEST(places_in_the_struct_are_checked),
        TEST(targets_are_checked),
        TEST(limits_and_choices_have_to_fit_the_kind),
        TEST(defaults_have_to_fit_the_kind),
        TEST(the_primary_key_is_one_scalar_field),
        TEST(flags_have_to_fit_the_kind),
        TEST(paths_of_indexes_and_ordering_are_followed),
        TEST(the_frame_of_a_model_is_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
