/* SPDX-License-Identifier: Apache-2.0 */
/* Models and helpers of the mapper's tests. */
#include "support/odm_models.h"

#include "odm/batch.h"
#include "odm/decode.h"
#include "odm/projection.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

static int64_t next_number;

int odm_next_number(const muv_field_t *field, void *data, muv_value_t *ret)
{
    (void)field;
    (void)data;
    ret->kind = MUV_KIND_INT64;
    ret->as.int64 = ++next_number;
    return 0;
}

int odm_some_text(const muv_field_t *field, void *data, muv_value_t *ret)
{
    /* Overwritten by the next call: the mapper has to copy it. */
    static char text[8];

    (void)field;
    (void)data;
    (void)snprintf(text, sizeof(text), "box %u", (unsigned)next_number % 10);
    ret->kind = MUV_KIND_STRING;
    ret->as.str = muv_str(text);
    return 0;
}

static const muv_index_t post_indexes[] = {
    {.fields = MUV_NAMES("-votes", "title")},
    {.fields = MUV_NAMES("home.city", "comments__author"), .sparse = 1},
};

MUV_DEFINE_EMBEDDED(address, ADDRESS_FIELDS, "Address");
MUV_DEFINE_EMBEDDED(comment, COMMENT_FIELDS, "Comment");
MUV_DEFINE_EMBEDDED(wide, WIDE_FIELDS, "Wide");
MUV_DEFINE_DOCUMENT(user, USER_FIELDS, "User", .collection = "user");
MUV_DEFINE_DOCUMENT(post, POST_FIELDS, "Post", .collection = "post",
                    .ordering = MUV_NAMES("-votes"), MUV_INDEXES(post_indexes));
MUV_DEFINE_DOCUMENT(box, BOX_FIELDS, "Box", .collection = "box");

muv_registry_t *odm_registry(void)
{
    static const muv_model_t *const models[] = {&post_model, &user_model, &box_model};
    muv_registry_t *registry = NULL;
    muv_error_t error;

    next_number = 0;
    if (muv_models(models, MUV__COUNT_OF(models), NULL, &error, &registry) != 0) {
        fail_msg("muv_models: %s", error.message);
    }
    return registry;
}

const char *odm_json(const char *text)
{
    static char texts[4][4096];
    static unsigned next;
    char *copy = texts[next++ % MUV__COUNT_OF(texts)];

    assert_true(strlen(text) < sizeof(texts[0]));
    (void)snprintf(copy, sizeof(texts[0]), "%s", text);
    for (char *at = copy; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    return copy;
}

void *odm_load(const muv_registry_t *registry, const muv_model_t *model, const char *json)
{
    bson_t *bson = bson_from(odm_json(json));
    muv_doc_t *doc = NULL;
    muv_error_t error;

    if (muv_doc_decode(registry, model, bson_get_data(bson), bson->len, &error, &doc) != 0) {
        fail_msg("decode: %s", error.message);
    }
    bson_destroy(bson);
    return doc;
}

static size_t split(char *text, const char **paths, size_t max)
{
    size_t count = 0;

    while (*text != '\0' && count < max) {
        paths[count++] = text;
        text += strcspn(text, " ");
        if (*text == ' ') {
            *text++ = '\0';
        }
    }
    return count;
}

void *odm_load_part(const muv_registry_t *registry, const muv_model_t *model, const char *json,
                    const char *paths, int exclude)
{
    const muv_schema_t *schema = muv_registry_find(registry, model);
    bson_t *bson = bson_from(odm_json(json));
    muv__source_t source = {.bytes = {bson_get_data(bson), bson->len}};
    muv__projection_t *projection = NULL;
    const char *list[8];
    muv_batch_t *batch;
    char text[128];
    void *doc = NULL;

    (void)snprintf(text, sizeof(text), "%s", paths);
    assert_int_equal(muv__odm_batch_new(registry, &source, 1024, &batch), 0);
    assert_int_equal(muv__projection_new(schema, list, split(text, list, 8), exclude, &batch->arena,
                                         &projection),
                     0);
    assert_int_equal(muv__decode(batch, schema, batch->bytes, projection, NULL, &doc), 0);
    bson_destroy(bson);
    return doc;
}

static int keep(int code, const muv_error_t *error, const char **message)
{
    *message = code == 0 ? "" : text_of("%s", error->message);
    return code;
}

int odm_load_error(const muv_registry_t *registry, const muv_model_t *model, const char *json,
                   const char **message)
{
    bson_t *bson = bson_from(odm_json(json));
    muv_doc_t *doc = NULL;
    muv_error_t error;
    int code = muv_doc_decode(registry, model, bson_get_data(bson), bson->len, &error, &doc);

    bson_destroy(bson);
    assert_null(doc);
    return keep(code, &error, message);
}

int odm_changes_error(const void *document, const char **message)
{
    muv_bytes_t bytes = {NULL, 0};
    muv_error_t error;
    int code = muv_changes(document, &error, &bytes);

    assert_null(bytes.data);
    return keep(code, &error, message);
}

int odm_encode_error(const void *document, const char **message)
{
    muv_bytes_t bytes = {NULL, 0};
    muv_error_t error;
    int code = muv_doc_encode(document, &error, &bytes);

    assert_null(bytes.data);
    return keep(code, &error, message);
}

static void check(int code, muv_bytes_t *bytes, const char *json, const char *file, int line)
{
    bson_t bson;

    check_code(code, 0, file, line);
    if (!bson_init_static(&bson, bytes->data, bytes->size) ||
        !bson_validate(&bson, BSON_VALIDATE_NONE, NULL)) {
        _fail(file, line);
    }
    check_bytes_bson_equal(bytes->data, bytes->size, odm_json(json), file, line);
    muv_bytes_free(bytes);
}

void odm_check_changes(const void *document, const char *json, const char *file, int line)
{
    muv_bytes_t bytes = {NULL, 0};
    muv_error_t error;
    int code = muv_changes(document, &error, &bytes);

    check(code, &bytes, json, file, line);
}

void odm_check_encoded(const void *document, const char *json, const char *file, int line)
{
    muv_bytes_t bytes = {NULL, 0};
    muv_error_t error;
    int code = muv_doc_encode(document, &error, &bytes);

    check(code, &bytes, json, file, line);
}
