/* SPDX-License-Identifier: Apache-2.0 */
/* Validation: every error at once, MongoEngine's messages. Their printing: verrors_test.c. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

static muv_registry_t *registry;
static post_t *post;

static int make_post(void **state)
{
    (void)state;
    registry = odm_registry();
    post = muv_doc_new(registry, &post_model);
    post->title = muv_str("hello");
    return 0;
}

static int free_post(void **state)
{
    (void)state;
    muv_doc_release(post);
    muv_registry_free(registry);
    return 0;
}

/* The errors as JSON in static memory; "" when the document is right. */
static const char *verdict(void *document)
{
    static char text[512];
    muv_verrors_t *errors = NULL;
    int code = muv_validate(document, &errors);

    CHECK_CODE(code, errors == NULL ? 0 : MUV_EVALIDATION);
    (void)snprintf(text, sizeof(text), "%s", errors == NULL ? "" : muv_verrors_json(errors));
    muv_verrors_free(errors);
    /* In the literals here ' stands for quotes, so ` stands for it. */
    for (char *at = strchr(text, '\''); at != NULL; at = strchr(at, '\'')) {
        *at = '`';
    }
    return text;
}

#define CHECK_VERDICT(document, expected) assert_string_equal(verdict(document), odm_json(expected))

static void a_right_document_has_no_errors(void **state)
{
    (void)state;
    CHECK_VERDICT(post, "");
}

static void required_fields_have_to_have_a_value(void **state)
{
    user_t *user = muv_doc_new(registry, &user_model);

    (void)state;
    CHECK_VERDICT(user, "{'email': 'Field is required'}");
    assert_int_equal(muv_set_null(user, &user->email), 0);
    CHECK_VERDICT(user, "{'email': 'Field is required'}");
    user->email = muv_str("");
    CHECK_VERDICT(user, "");
    muv_doc_release(user);
}

static void lengths_are_counted_in_code_points(void **state)
{
    (void)state;
    post->title = muv_str("x");
    CHECK_VERDICT(post, "{'title': 'String value is too short'}");
    post->title = muv_str("\xc3\xa4\xc3\xb6");
    CHECK_VERDICT(post, "");
    post->title = muv_str("\xf0\x9f\x98\x80 4567890");
    CHECK_VERDICT(post, "");
    post->title = muv_str("12345678901");
    CHECK_VERDICT(post, "{'title': 'String value is too long'}");
    post->title = muv_str("ab\xff");
    CHECK_VERDICT(post, "{'title': 'String value is not valid UTF-8'}");
}

static void numbers_keep_to_min_and_max(void **state)
{
    user_t *user = muv_doc_new(registry, &user_model);

    (void)state;
    user->email = muv_str("a@b.example");
    user->age = -1;
    CHECK_VERDICT(user, "{'age': 'Integer value is too small'}");
    user->age = 151;
    CHECK_VERDICT(user, "{'age': 'Integer value is too large'}");
    user->age = 150;
    CHECK_VERDICT(user, "");
    post->score = 1.75;
    CHECK_VERDICT(post, "{'score': 'Float value is too large'}");
    muv_doc_release(user);
}

static void every_error_is_found(void **state)
{
    (void)state;
    post->title.data = NULL;
    post->votes = -1;
    post->status = muv_str("gone");
    post->blob = (muv_bin_t){.data = (const uint8_t *)"123456789", .size = 9};
    post->home.zip = muv_str("123456");
    CHECK_VERDICT(post, "{'title': 'Field is required',"
                        " 'votes': 'Integer value is too small',"
                        " 'status': 'Value must be one of [`draft`, `public`]',"
                        " 'blob': 'Binary value is too long',"
                        " 'home': {'zip': 'String value is too long'}}");
}

static void lists_are_checked_element_by_element(void **state)
{
    comment_t *comment;

    (void)state;
    assert_int_equal(muv_list_push(post, &post->tags, muv_str("fine")), 0);
    assert_int_equal(muv_list_push(post, &post->tags, muv_str("123456789")), 0);
    comment = muv_list_add(post, &post->comments);
    comment->text = muv_str("ok");
    assert_int_equal(muv_list_push(post, &comment->replies, (comment_t){.votes = 1}), 0);
    CHECK_VERDICT(post, "{'tags': {'1': 'String value is too long'},"
                        " 'comments': {'0': {'replies': {'0': {'text': 'Field is required'}}}}}");
    post->tags.count = 0;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(muv_list_push(post, &post->tags, muv_str("x")), 0);
    }
    post->comments.count = 0;
    CHECK_VERDICT(post, "{'tags': 'List is too long'}");
}

static void references_have_to_lead_to_stored_documents_of_their_model(void **state)
{
    user_t *user = muv_doc_new(registry, &user_model);
    post_t *other = muv_doc_new(registry, &post_model);

    (void)state;
    assert_int_equal(muv_ref_to(&post->author, user), 0);
    CHECK_VERDICT(post, "{'author': 'You can only reference documents once they have been saved"
                        " to the database'}");
    user->id.bytes[0] = 1;
    CHECK_VERDICT(post, "");
    other->id.bytes[0] = 1;
    assert_int_equal(muv_ref_to(&post->author, other), 0);
    CHECK_VERDICT(post, "{'author': 'A ReferenceField only accepts DBRef, LazyReference, ObjectId"
                        " or documents'}");
    muv_doc_release(other);
    muv_doc_release(user);
}

static void fields_that_were_not_loaded_are_not_checked(void **state)
{
    user_t *user = odm_load_part(registry, &user_model,
                                 "{'_id': {'$oid': '000000000000000000000001'}}", "age", 0);

    (void)state;
    CHECK_VERDICT(user, "");
    muv_doc_release(user);
}

static void a_key_that_is_no_objectid_is_required(void **state)
{
    box_t *box = muv_doc_new(registry, &box_model);

    (void)state;
    CHECK_VERDICT(box, "{'id': 'Field is required'}");
    box->id = muv_str("k");
    CHECK_VERDICT(box, "");
    muv_doc_release(box);
}

static void an_error_carries_code_row_and_limit(void **state)
{
    muv_verrors_t *errors = NULL;
    const muv_verror_t *error;

    (void)state;
    post->home.zip = muv_str("123456");
    CHECK_CODE(muv_validate(post, &errors), MUV_EVALIDATION);
    assert_int_equal(muv_verrors_count(errors), 1);
    error = muv_verrors_get(errors, 0);
    assert_string_equal(error->path, "home.zip");
    assert_int_equal(error->code, MUV_V_TOO_LONG);
    assert_string_equal(error->field->stored, "z");
    assert_int_equal(error->limit.as.int64, 5);
    assert_null(muv_verrors_get(errors, 1));
    muv_verrors_free(errors);
}

static const char *only_even(const muv_field_t *field, const void *member, void *data)
{
    (void)field;
    return *(const int32_t *)member % *(int *)data == 0 ? NULL : "Value has to be even";
}

static int clean_inner(void *document, muv_verrors_t *errors, void *data)
{
    (void)document;
    (void)data;
    return muv_verrors_add(errors, NULL, "Value of z != x + y");
}

struct inner {
    muv_embedded_t embedded;
    int32_t x;
};

struct outer {
    muv_doc_t doc;
    muv_oid_t id;
    struct inner doc_field;
};

static void a_model_and_a_row_may_check_themselves(void **state)
{
    const muv_field_t inner_rows[] = {MUV_FIELD(struct inner, int32, x, "x", .check = only_even)};
    const muv_model_t inner_model = {.name = "Inner",
                                     .role = MUV_ROLE_EMBEDDED,
                                     .size = sizeof(struct inner),
                                     .fields = inner_rows,
                                     .field_count = 1,
                                     .clean = clean_inner};
    const muv_field_t rows[] = {MUV_FIELD(struct outer, objectid, id, "_id"),
                                MUV_FIELD(struct outer, embedded(inner), doc_field, "d")};
    const muv_model_t model = {.name = "Outer",
                               .collection = "outer",
                               .fields = rows,
                               .size = sizeof(struct outer),
                               .field_count = 2};
    const muv_model_t *models[] = {&model};
    muv_registry_t *own = NULL;
    struct outer *outer;
    int divisor = 2;

    (void)state;
    assert_int_equal(muv_models(models, 1, &(muv_models_opts_t){.data = &divisor}, NULL, &own), 0);
    outer = muv_doc_new(own, &model);
    outer->doc_field.x = 3;
    CHECK_VERDICT(outer, "{'doc_field': {'__all__': 'Value of z != x + y',"
                         " 'x': 'Value has to be even'}}");
    muv_doc_release(outer);
    muv_registry_free(own);
}

static void check_under_failing_memory(void *data)
{
    muv_verrors_t *errors = NULL;

    if (muv_validate(data, &errors) == MUV_EVALIDATION) {
        const char *json = muv_verrors_json(errors);
        const char *text = muv_verrors_text(errors);

        assert_true(alloc_has_failed() || (json != NULL && text != NULL));
    }
    muv_verrors_free(errors);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    post->status = muv_str("gone");
    post->votes = -1;
    assert_int_not_equal(alloc_sweep(check_under_failing_memory, post), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_post, free_post)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_right_document_has_no_errors),
        TEST(required_fields_have_to_have_a_value),
        TEST(lengths_are_counted_in_code_points),
        TEST(numbers_keep_to_min_and_max),
        TEST(every_error_is_found),
        TEST(lists_are_checked_element_by_element),
        TEST(references_have_to_lead_to_stored_documents_of_their_model),
        TEST(fields_that_were_not_loaded_are_not_checked),
        TEST(a_key_that_is_no_objectid_is_required),
        TEST(an_error_carries_code_row_and_limit),
        TEST(a_model_and_a_row_may_check_themselves),
        TEST(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
