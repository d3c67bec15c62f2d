/* SPDX-License-Identifier: Apache-2.0 */
/* Validation and encoding with their errors as callbacks give them. */
#include "odm/run_check.h"

#include "muv/write.h"

#include "base/error.h"
#include "odm/encode.h"
#include "odm/state.h"
#include "odm/verrors.h"

int muv__save_check(muv_doc_t *doc, muv_verrors_t **ret, muv_error_t *reterr)
{
    int code = muv_validate(doc, ret);
    const char *text;

    if (code == 0) {
        return 0;
    }
    text = code == MUV_EVALIDATION ? muv_verrors_text(*ret) : NULL;
    return muv__error_set(reterr, code, "%s", text != NULL ? text : muv_error_text(code));
}

/* Errors of encoding have the same shape as those of validation. */
static void list_error(muv_doc_t *doc, const muv_error_t *error, muv_verrors_t **ret)
{
    *ret = muv__verrors_new(doc);
    if (*ret != NULL && muv_verrors_add(*ret, NULL, error->message) != 0) {
        muv_verrors_free(*ret);
        *ret = NULL;
    }
}

/* A stored document, inserted once more: as a whole, changed or not. */
static int insert_again(muv_doc_t *doc, muv__save_t *save, muv_error_t *reterr)
{
    muv__arena_t *arena = &doc->batch->arena;
    muv__buf_t buf;
    int code;

    muv__buf_init(&buf, MUV__MAX_DOCUMENT_BYTES);
    code = muv__encode(doc, reterr, &buf);
    save->insert = save->after;
    if (code == 0 && save->after.size == 0) {
        save->insert = muv__span(muv__arena_text(arena, buf.data, buf.size), buf.size);
        code = save->insert.data == NULL ? muv__error_code(reterr, arena->error) : 0;
    }
    muv__buf_done(&buf);
    return code;
}

int muv__save_encode(muv_client_t *client, muv_doc_t *doc, int force_insert, muv__save_t *ret,
                     muv_verrors_t **verrors, muv_error_t *reterr)
{
    muv_oid_t oid;
    int code = muv_client_object_id(client, oid.bytes);

    if (code != 0) {
        return muv__error_code(reterr, code);
    }
    code = muv__save_begin(doc, &oid, ret, reterr);
    if (code == 0 && force_insert && ret->insert.size == 0) {
        code = insert_again(doc, ret, reterr);
    }
    if (code == 0 && ret->after.size > MUV__MAX_STORED_BYTES) {
        code = muv__error_set(reterr, MUV_ETOOLARGE, "%s: the document has %zu bytes, above 16 MiB",
                              doc->embedded.schema->model->name, ret->after.size);
    }
    if (code == MUV_EVALIDATION) {
        list_error(doc, reterr, verrors);
    }
    return code;
}
