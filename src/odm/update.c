/* SPDX-License-Identifier: Apache-2.0 */
/* Updates: life, public calls, rendering. */
#include "odm/update.h"

#include "base/bson_writer.h"
#include "base/error.h"
#include "base/mem.h"
#include "odm/value.h"
#include "odm/verrors.h"

#include <string.h>

#define FIRST_BLOCK_BYTES 512

static const char *const operators[] = {
    [MUV_U_SET] = "$set",
    [MUV_U_UNSET] = "$unset",
    [MUV_U_INC] = "$inc",
    [MUV_U_DEC] = "$inc",
    [MUV_U_MUL] = "$mul",
    [MUV_U_MIN] = "$min",
    [MUV_U_MAX] = "$max",
    [MUV_U_PUSH] = "$push",
    [MUV_U_PUSH_ALL] = "$push",
    [MUV_U_ADD_TO_SET] = "$addToSet",
    [MUV_U_ADD_ALL_TO_SET] = "$addToSet",
    [MUV_U_PULL] = "$pull",
    [MUV_U_PULL_ALL] = "$pullAll",
    [MUV_U_POP] = "$pop",
    [MUV_U_SET_ON_INSERT] = "$setOnInsert",
    [MUV_U_RENAME] = "$rename",
};

/* -- Life -- */

muv_update_t *muv_update_new(const muv_registry_t *registry, const muv_model_t *model)
{
    muv_update_t *update = registry == NULL ? NULL : muv__mem_zalloc(sizeof(*update));

    if (update == NULL) {
        return NULL;
    }
    muv__arena_init(&update->arena, FIRST_BLOCK_BYTES, MUV__QUERY_MAX_BYTES);
    muv__buf_init(&update->bson, MUV__QUERY_MAX_BYTES);
    update->registry = registry;
    update->schema = muv_registry_find(registry, model);
    if (update->schema == NULL || model->role != MUV_ROLE_DOCUMENT) {
        (void)muv__error_set(&update->error, MUV_EINVAL, "%s: no model with a collection",
                             model == NULL ? "(none)" : model->name);
    }
    return update;
}

void muv_update_free(muv_update_t *update)
{
    if (update != NULL) {
        muv_verrors_free(update->verrors);
        muv__buf_done(&update->bson);
        muv__arena_done(&update->arena);
        muv__mem_free(update);
    }
}

const muv_error_t *muv_update_error(const muv_update_t *update)
{
    if (update == NULL) {
        return muv_query_error(NULL);
    }
    if (update->error.code != 0) {
        return &update->error;
    }
    return update->invalid.code == 0 ? NULL : &update->invalid;
}

muv_verrors_t *muv_update_verrors(const muv_update_t *update)
{
    return update == NULL ? NULL : update->verrors;
}

muv_update_t *muv__update_open(muv_update_t *update)
{
    if (update == NULL || update->error.code != 0) {
        return NULL;
    }
    update->prepared = 0;
    return update;
}

void muv__update_fail(muv_update_t *update, int code)
{
    if (code != 0 && update->error.code == 0) {
        (void)muv__error_set(&update->error, code, "%s: %s", update->schema->model->name,
                             code == MUV_ETOOLARGE ? "the update is too large"
                                                   : muv_error_text(code));
    }
}

/* -- Changes by handle -- */

static muv_update_t *change(muv_update_t *update, const muv_path_t *handle,
                            const muv__change_in_t *in)
{
    muv_update_t *u = muv__update_open(update);
    muv__query_path_t path;
    int code;

    if (u != NULL) {
        code = muv__path_of_handle(&path, u->schema, handle,
                                   MUV__PATH_POSITIONS | MUV__PATH_MATCHED, &u->error);
        muv__update_fail(u, code != 0 ? code : muv__update_add(u, &path, in));
    }
    return update;
}

muv_update_t *muv_update_change(muv_update_t *update, uint8_t op, muv_path_t path,
                                muv_operand_t operand)
{
    muv__change_in_t in = {.op = op, .operand = &operand};

    return change(update, &path, &in);
}

muv_update_t *muv_update_push_position(muv_update_t *update, muv_path_t list, int32_t position,
                                       muv_operand_t operand)
{
    muv__change_in_t in = {
        .op = MUV_U_PUSH, .has_position = 1, .position = position, .operand = &operand};

    if (muv__operand_is_array(&operand)) {
        in.op = MUV_U_PUSH_ALL;
    }
    return change(update, &list, &in);
}

muv_update_t *muv_update_pull_condition(muv_update_t *update, muv_path_t list,
                                        const muv_condition_t *condition)
{
    muv_operand_t operand = muv_operand_condition(condition);
    muv__change_in_t in = {.op = MUV_U_PULL, .operand = &operand, .condition = condition};

    return change(update, &list, &in);
}

muv_update_t *muv_update_array_filter(muv_update_t *update, const bson_t *filter)
{
    muv_update_t *u = muv__update_open(update);
    muv_operand_t operand = muv_operand_bson(filter);
    muv__span_t bytes;
    char *copy;

    if (u == NULL || muv__operand_bson(&operand, "array filter", &bytes, &u->error) != 0) {
        return update;
    }
    if (u->filter_count == MUV__UPDATE_MAX_FILTERS) {
        (void)muv__error_set(&u->error, MUV_EINVAL, "%s: more than %u array filters",
                             u->schema->model->name, MUV__UPDATE_MAX_FILTERS);
        return update;
    }
    copy = muv__arena_text(&u->arena, bytes.data, bytes.size);
    if (copy == NULL) {
        muv__update_fail(u, u->arena.error);
        return update;
    }
    u->filters[u->filter_count++] = muv__span(copy, bytes.size);
    return update;
}

/* -- Rendering -- */

static int same_operator(const muv__change_t *a, const muv__change_t *b)
{
    return strcmp(operators[a->op], operators[b->op]) == 0;
}

static int is_first_of_operator(const muv_update_t *update, const muv__change_t *change)
{
    for (const muv__change_t *at = update->first; at != change; at = at->next) {
        if (same_operator(at, change)) {
            return 0;
        }
    }
    return 1;
}

static void render(muv_update_t *update)
{
    muv__buf_t *buf = &update->bson;
    muv__bson_mark_t document;

    muv__buf_reset(buf, MUV__QUERY_MAX_BYTES);
    document = muv__bson_begin(buf);
    for (const muv__change_t *first = update->first; first != NULL; first = first->next) {
        muv__bson_mark_t mark;

        if (!is_first_of_operator(update, first)) {
            continue;
        }
        mark = muv__bson_begin_document(buf, operators[first->op], strlen(operators[first->op]));
        for (const muv__change_t *at = first; at != NULL; at = at->next) {
            if (same_operator(at, first)) {
                muv__bson_value(buf, at->path, at->length, at->type, at->value);
            }
        }
        muv__bson_end(buf, mark);
    }
    muv__bson_end(buf, document);
}

int muv__update_prepare(muv_update_t *update, muv_error_t *reterr)
{
    const muv_error_t *error = muv_update_error(update);

    if (error != NULL) {
        if (reterr != NULL) {
            *reterr = *error;
        }
        return error->code;
    }
    if (update->first == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "%s: the update changes nothing",
                              update->schema->model->name);
    }
    if (!update->prepared) {
        render(update);
        if (update->bson.error != 0) {
            return muv__error_set(reterr, update->bson.error, "%s: %s", update->schema->model->name,
                                  muv_error_text(update->bson.error));
        }
        update->prepared = 1;
    }
    return 0;
}

int muv_update_bson(muv_update_t *update, const uint8_t **ret_data, size_t *ret_size)
{
    int code = muv__update_prepare(update, NULL);

    if (code == 0 && (ret_data == NULL || ret_size == NULL)) {
        return MUV_EINVAL;
    }
    if (code == 0) {
        *ret_data = update->bson.data;
        *ret_size = update->bson.size;
    }
    return code;
}
