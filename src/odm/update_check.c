/* SPDX-License-Identifier: Apache-2.0 */
/* Operands of updates against the rows. The rules are those of muv_validate(): the operand is put
 * into a document of one field, made for the check, whose schema is a copy of the field's row. */
#include "odm/update.h"

#include "base/assert.h"
#include "base/error.h"
#include "odm/batch.h"
#include "odm/kind.h"
#include "odm/state.h"
#include "odm/value.h"
#include "odm/verrors.h"

#include <stdalign.h>
#include <string.h>

#define CHECK_BLOCK_BYTES 1024

/* A model, a schema and a document of one field. */
typedef struct trial {
    muv_model_t model;
    muv_schema_t schema;
    muv_field_t row;
    muv__field_t field;
    muv_batch_t batch;
    muv__arena_t arena;
    muv_doc_t *doc;
} trial_t;

static size_t member_offset(void)
{
    size_t unit = alignof(max_align_t);

    return (sizeof(muv_doc_t) + unit - 1) / unit * unit;
}

static int begin_trial(trial_t *trial, const muv_update_t *update, const muv__query_path_t *path)
{
    memset(trial, 0, sizeof(*trial));
    muv__arena_init(&trial->arena, CHECK_BLOCK_BYTES, MUV__QUERY_MAX_BYTES);
    trial->model.name = update->schema->model->name;
    trial->row = *path->field->row;
    trial->field = *path->field;
    trial->field.row = &trial->row;
    trial->field.index = 0;
    trial->field.offset = (uint32_t)member_offset();
    trial->batch.registry = update->registry;
    trial->schema.model = &trial->model;
    trial->schema.registry = update->registry;
    trial->schema.fields = &trial->field;
    trial->schema.count = 1;
    trial->schema.primary_key = MUV__NO_FIELD;
    trial->schema.size = trial->field.offset + trial->field.size;
    trial->doc = muv__arena_zalloc(&trial->arena, trial->schema.size);
    if (trial->doc == NULL) {
        return trial->arena.error;
    }
    trial->doc->batch = &trial->batch;
    trial->doc->embedded.schema = &trial->schema;
    trial->doc->embedded.flags = MUV__READY;
    muv__state_set(&trial->schema, trial->doc, 0, MUV_STATE_SET);
    return 0;
}

/* Rules of the list as a whole do not speak of elements that are added to it. */
static void forget_list_rules(trial_t *trial)
{
    trial->row.max_length = 0;
    trial->row.check = NULL;
    trial->row.choices = NULL;
    trial->row.flags &= ~(uint32_t)MUV_REQUIRED;
    trial->field.flags = trial->row.flags;
}

/* -- The member -- */

/* A value into an element, or into a member of the same kind; null stays zero. Returns 0 or
 * MUV_EINVAL: not a value that can be checked. */
static int put_value(const muv__query_path_t *path, const muv_operand_t *operand, void *to,
                     size_t size)
{
    muv__slot_t slot;
    const void *member;

    if (operand->shape == MUV_OPERAND_NULL) {
        return 0;
    }
    member = muv__value_member(path, operand, &slot, NULL);
    if (member == NULL) {
        return MUV_EINVAL;
    }
    memcpy(to, member, size);
    return 0;
}

static int put_list(trial_t *trial, const muv__query_path_t *path, const muv_operand_t *operand)
{
    int array = muv__operand_is_array(operand);
    size_t size = trial->field.element_size;
    size_t count = array ? operand->count : 1;
    muv__list_view_t list = {NULL, (uint32_t)count, 0};
    int code = 0;

    if (count > MUV__QUERY_MAX_BYTES / size) {
        return MUV_ETOOLARGE;
    }
    list.data = muv__arena_zalloc(&trial->arena, count * size);
    if (list.data == NULL) {
        return trial->arena.error;
    }
    for (size_t i = 0; i < count && code == 0; i++) {
        muv_operand_t element = array ? muv__operand_element(path, operand, i) : *operand;

        code = put_value(path, &element, (uint8_t *)list.data + i * size, size);
    }
    muv__list_store(muv__member(&trial->field, trial->doc), list);
    return code;
}

static int put_member(trial_t *trial, const muv__query_path_t *path, const muv_operand_t *operand)
{
    return muv__field_is_list(path->field)
               ? put_list(trial, path, operand)
               : put_value(path, operand, muv__member(&trial->field, trial->doc),
                           trial->field.size);
}

/* -- Errors -- */

/* The path from the document's root: the error's own begins with the field. */
static const char *full_path(muv_update_t *update, const muv__query_path_t *path, const char *inner)
{
    const char *name = strrchr(path->label, '.');
    size_t before = name == NULL ? 0 : (size_t)(name - path->label) + 1;
    size_t length = strlen(inner);
    char *text;

    if (path->element) {
        /* "tags.0" of the trial is the element that the path names. */
        inner += strcspn(inner, ".");
        inner += *inner == '\0' ? 0 : 1;
        inner += strcspn(inner, ".");
        before = strlen(path->label);
        length = strlen(inner);
    }
    text = (char *)muv__arena_bytes(&update->arena, before + length + 1);
    if (text != NULL) {
        memcpy(text, path->label, before);
        memcpy(text + before, inner, length + 1);
    }
    return text;
}

static int add_error(muv_update_t *update, const muv__query_path_t *path, trial_t *trial,
                     const muv_verror_t *found)
{
    muv_verror_t error = *found;
    const char *where = full_path(update, path, found->path);

    if (update->verrors == NULL) {
        update->verrors = muv__verrors_new(trial->doc);
    }
    if (where == NULL || update->verrors == NULL) {
        return where == NULL ? update->arena.error : MUV_ENOMEM;
    }
    error.message =
        muv__arena_text(&update->verrors->arena, found->message, strlen(found->message));
    if (error.field == &trial->row) {
        error.field = path->field->row;
    }
    muv__verrors_append(update->verrors, NULL, where, &error);
    if (update->verrors->error != 0) {
        return update->verrors->error;
    }
    if (update->invalid.code == 0) {
        (void)muv__error_set(&update->invalid, MUV_EVALIDATION, "%s.%s: %s", trial->model.name,
                             where, error.message);
    }
    return 0;
}

static int collect(muv_update_t *update, const muv__query_path_t *path, trial_t *trial)
{
    muv_verrors_t *found = NULL;
    int code = muv_validate(trial->doc, &found);

    if (code == MUV_EVALIDATION) {
        code = 0;
        for (size_t i = 0; i < muv_verrors_count(found) && code == 0; i++) {
            code = add_error(update, path, trial, muv_verrors_get(found, i));
        }
    }
    muv_verrors_free(found);
    return code;
}

/* -- All -- */

static int try_operand(muv_update_t *update, const muv__query_path_t *path, int what,
                       const muv_operand_t *operand, trial_t *trial)
{
    int code;

    if (what == MUV__CHECK_REMOVAL || operand->shape == MUV_OPERAND_NULL) {
        /* A field without value: only what is required misses it. */
        return (trial->row.flags & MUV_REQUIRED) == 0 || path->element ||
                       what == MUV__CHECK_ELEMENTS
                   ? 0
                   : MUV_EVALIDATION;
    }
    if (what == MUV__CHECK_ELEMENTS || path->element) {
        forget_list_rules(trial);
    }
    code = put_member(trial, path, operand);
    return code != 0 ? code : collect(update, path, trial);
}

int muv__update_check(muv_update_t *update, const muv__query_path_t *path, int what,
                      const muv_operand_t *operand)
{
    trial_t trial;
    int code;

    MUV__ASSERT(operand != NULL || what == MUV__CHECK_REMOVAL);
    /* A BSON document is taken as it is. */
    if (operand != NULL && operand->shape == MUV_OPERAND_BSON) {
        return 0;
    }
    code = begin_trial(&trial, update, path);
    if (code == 0) {
        code = try_operand(update, path, what, operand, &trial);
    }
    if (code == MUV_EVALIDATION) {
        muv_verror_t missing;

        memset(&missing, 0, sizeof(missing));
        missing.code = MUV_V_REQUIRED;
        missing.path = trial.row.name;
        missing.message = "Field is required";
        missing.field = path->field->row;
        code = add_error(update, path, &trial, &missing);
    }
    muv__arena_done(&trial.arena);
    return code;
}
