/* SPDX-License-Identifier: Apache-2.0 */
/* The mapper on foreign bytes: what decodes has no changes, encodes to what decodes to the same
 * again, and survives rollback, detach and validation. The first byte chooses a projection. */
#include "muv/odm.h"

#include "base/assert.h"
#include "odm/batch.h"
#include "odm/decode.h"
#include "odm/projection.h"

#include <string.h>

#define INNER_FIELDS(F, M)                                                                         \
    F(M, string, text, "t", .max_length = 4)                                                       \
    F(M, int32, number, "i", .min = MUV_INT(0))                                                    \
    F(M, list(embedded(inner)), inside, "r", .flags = MUV_OPTIONAL)
MUV_DECLARE_EMBEDDED(inner, INNER_FIELDS);

#define OUTER_FIELDS(F, M)                                                                         \
    F(M, objectid, id, "_id")                                                                      \
    F(M, string, text, "t", .flags = MUV_REQUIRED, .default_value = MUV_STRING("x"))               \
    F(M, int32, small, "i", .flags = MUV_OPTIONAL)                                                 \
    F(M, int64, large, "l")                                                                        \
    F(M, double, real, "d", .max = MUV_DOUBLE(2.5))                                                \
    F(M, boolean, truth, "b")                                                                      \
    F(M, datetime, date, "m")                                                                      \
    F(M, binary, bytes, "y", .max_length = 2)                                                      \
    F(M, reference(outer), other, "o")                                                             \
    F(M, embedded(inner), inner, "e")                                                              \
    F(M, list(string), texts, "ts")                                                                \
    F(M, list(double), reals, "ds")                                                                \
    F(M, list(objectid), oids, "os")                                                               \
    F(M, list(binary), blobs, "ys")                                                                \
    F(M, list(reference(outer)), others, "rs")                                                     \
    F(M, list(embedded(inner)), inners, "es")
MUV_DECLARE_DOCUMENT(outer, OUTER_FIELDS);

MUV_DEFINE_EMBEDDED(inner, INNER_FIELDS, "Inner");
MUV_DEFINE_DOCUMENT(outer, OUTER_FIELDS, "Outer", .collection = "outer");

static const muv_registry_t *registry(void)
{
    static const muv_model_t *const models[] = {&outer_model};
    static muv_registry_t *compiled;

    if (compiled == NULL) {
        MUV__ASSERT(muv_models(models, 1, NULL, NULL, &compiled) == 0);
    }
    return compiled;
}

static void check_unchanged(const void *document)
{
    muv_bytes_t changes;

    MUV__ASSERT(muv_changes(document, NULL, &changes) == 0);
    MUV__ASSERT(changes.size == 5);
    muv_bytes_free(&changes);
}

static void check_encoding(const void *document)
{
    muv_bytes_t first;
    muv_bytes_t second;
    muv_doc_t *again = NULL;

    MUV__ASSERT(muv_doc_encode(document, NULL, &first) == 0);
    MUV__ASSERT(muv_doc_decode(registry(), &outer_model, first.data, first.size, NULL, &again) ==
                0);
    MUV__ASSERT(muv_doc_encode(again, NULL, &second) == 0);
    MUV__ASSERT(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    check_unchanged(again);
    muv_doc_release(again);
    muv_bytes_free(&first);
    muv_bytes_free(&second);
}

static void check_whole(const uint8_t *data, size_t size)
{
    muv_verrors_t *errors = NULL;
    muv_doc_t *doc = NULL;
    void *detached;

    if (muv_doc_decode(registry(), &outer_model, data, size, NULL, &doc) != 0) {
        return;
    }
    check_unchanged(doc);
    check_encoding(doc);
    if (muv_validate(doc, &errors) == MUV_EVALIDATION) {
        MUV__ASSERT(muv_verrors_json(errors) != NULL && muv_verrors_text(errors) != NULL);
        muv_verrors_free(errors);
    }
    detached = muv_doc_detach(doc);
    MUV__ASSERT(detached != NULL);
    MUV__ASSERT(muv_rollback(doc) == 0);
    check_unchanged(doc);
    muv_doc_release(doc);
    check_unchanged(detached);
    check_encoding(detached);
    muv_doc_release(detached);
}

static void check_part(const uint8_t *data, size_t size, int exclude)
{
    static const char *const paths[] = {"t", "e.t", "es.r.i"};
    const muv_schema_t *schema = muv_registry_find(registry(), &outer_model);
    muv__source_t source = {.bytes = {data, size}};
    muv__projection_t *projection = NULL;
    muv_batch_t *batch = NULL;
    void *doc = NULL;

    MUV__ASSERT(muv__odm_batch_new(registry(), &source, 1024, &batch) == 0);
    MUV__ASSERT(muv__projection_new(schema, paths, 3, exclude, &batch->arena, &projection) == 0);
    if (muv__decode(batch, schema, batch->bytes, projection, NULL, &doc) == 0) {
        check_unchanged(doc);
    }
    muv__odm_batch_release(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (data[0] % 3 == 0) {
        check_whole(data + 1, size - 1);
    } else {
        check_part(data + 1, size - 1, data[0] % 3 == 1);
    }
    return 0;
}
