/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling: from the constant tables to schemas. The checks are in check.c. */
#include "odm/schema.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "odm/kind.h"
#include "odm/state.h"

#include <string.h>

/* -- Looking up -- */

/* FNV-1a: names are short, and a collision costs one comparison. */
static uint32_t hash_of(const char *text, size_t length)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    }
    return hash ^ hash >> 15;
}

static uint32_t hash_of_pointer(const void *pointer)
{
    uint64_t bits = (uint64_t)(uintptr_t)pointer * 0x9e3779b97f4a7c15u;

    return (uint32_t)(bits >> 32);
}

const muv__field_t *muv__schema_find(const muv_schema_t *schema, const char *stored, size_t length)
{
    uint32_t slot = hash_of(stored, length) & schema->slot_mask;

    while (schema->stored_slots[slot] != MUV__NO_FIELD) {
        const muv__field_t *field = &schema->fields[schema->stored_slots[slot]];

        if (field->stored_length == length && memcmp(field->stored, stored, length) == 0) {
            return field;
        }
        slot = (slot + 1) & schema->slot_mask;
    }
    return NULL;
}

const muv__field_t *muv__schema_find_name(const muv_schema_t *schema, const char *name,
                                          size_t length)
{
    uint32_t slot = hash_of(name, length) & schema->slot_mask;

    while (schema->name_slots[slot] != MUV__NO_FIELD) {
        const muv__field_t *field = &schema->fields[schema->name_slots[slot]];

        if (strlen(field->row->name) == length && memcmp(field->row->name, name, length) == 0) {
            return field;
        }
        slot = (slot + 1) & schema->slot_mask;
    }
    return NULL;
}

/* Length of the segment that `path` begins with, and where the next one starts (NULL: nowhere). */
static size_t segment_of(const char *path, const char **next)
{
    size_t length = 0;

    while (path[length] != '\0' && path[length] != '.' &&
           !(length != 0 && path[length] == '_' && path[length + 1] == '_')) {
        length++;
    }
    *next = path[length] == '\0' ? NULL : path + length + (path[length] == '.' ? 1 : 2);
    return length;
}

static int is_position(const char *segment, size_t length)
{
    return length != 0 && strspn(segment, "0123456789") >= length;
}

const muv__field_t *muv__schema_walk(const muv_schema_t *schema, const char *path, int stored)
{
    const muv__field_t *field = NULL;

    while (path != NULL) {
        const char *next;
        size_t length = segment_of(path, &next);

        if (field != NULL && muv__field_is_list(field) && is_position(path, length)) {
            path = next;
            continue;
        }
        if (schema == NULL) {
            return NULL;
        }
        if (field == NULL && length == 2 && memcmp(path, "pk", 2) == 0) {
            field = muv__schema_key(schema);
        } else {
            field = stored ? muv__schema_find(schema, path, length)
                           : muv__schema_find_name(schema, path, length);
        }
        if (field == NULL) {
            return NULL;
        }
        schema = field->kind == MUV_KIND_EMBEDDED || field->element == MUV_KIND_EMBEDDED
                     ? field->target
                     : NULL;
        path = next;
    }
    return field;
}

const muv_schema_t *muv_registry_find(const muv_registry_t *registry, const muv_model_t *model)
{
    uint32_t slot;

    if (registry == NULL || registry->slots == NULL) {
        return NULL;
    }
    slot = hash_of_pointer(model) & registry->slot_mask;
    while (registry->slots[slot] != 0) {
        const muv_schema_t *schema = registry->schemas[registry->slots[slot] - 1];

        if (schema->model == model) {
            return schema;
        }
        slot = (slot + 1) & registry->slot_mask;
    }
    return NULL;
}

/* -- Collecting -- */

static int knows(const muv_registry_t *registry, const muv_model_t *model)
{
    for (uint32_t i = 0; i < registry->count; i++) {
        if (registry->schemas[i]->model == model) {
            return 1;
        }
    }
    return 0;
}

static int add_model(muv_registry_t *registry, const muv_model_t *model, muv_error_t *reterr)
{
    muv_schema_t *schema;
    int code;

    if (knows(registry, model)) {
        return 0;
    }
    code = muv__model_check(model, reterr);
    if (code != 0) {
        return code;
    }
    for (uint32_t i = 0; i < registry->count; i++) {
        if (strcmp(registry->schemas[i]->model->name, model->name) == 0) {
            return muv__error_set(reterr, MUV_EMODEL, "%s: two models have this name", model->name);
        }
    }
    if (registry->count == registry->capacity) {
        uint32_t capacity = registry->capacity == 0 ? 8 : registry->capacity * 2;
        muv_schema_t **schemas =
            muv__mem_realloc_array(registry->schemas, capacity, sizeof(muv_schema_t *));

        if (schemas == NULL) {
            return muv__error_code(reterr, MUV_ENOMEM);
        }
        registry->schemas = schemas;
        registry->capacity = capacity;
    }
    schema = muv__mem_zalloc(sizeof(*schema));
    if (schema == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    schema->model = model;
    schema->registry = registry;
    registry->schemas[registry->count++] = schema;
    return 0;
}

/* Embedded models come along with the fields that hold them. */
static int add_embedded(muv_registry_t *registry, const muv_model_t *model, muv_error_t *reterr)
{
    for (uint32_t i = 0; i < model->field_count; i++) {
        const muv_field_t *row = &model->fields[i];
        int code = 0;

        if (row->kind == MUV_KIND_EMBEDDED || row->element == MUV_KIND_EMBEDDED) {
            code = add_model(registry, row->target, reterr);
        }
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

static int collect(muv_registry_t *registry, const muv_model_t *const *models, size_t count,
                   muv_error_t *reterr)
{
    int code = 0;

    for (size_t i = 0; i < count && code == 0; i++) {
        if (models[i] == NULL) {
            return muv__error_set(reterr, MUV_EINVAL, "model %zu is NULL", i);
        }
        code = add_model(registry, models[i], reterr);
    }
    /* The list grows while it is walked. */
    for (uint32_t i = 0; i < registry->count && code == 0; i++) {
        code = add_embedded(registry, registry->schemas[i]->model, reterr);
    }
    return code;
}

static uint32_t slots_for(uint32_t count)
{
    uint32_t slots = 4;

    while (slots < count * 2) {
        slots *= 2;
    }
    return slots;
}

static int index_models(muv_registry_t *registry)
{
    uint32_t slots = slots_for(registry->count);

    registry->slots = muv__mem_array(slots, sizeof(uint32_t));
    if (registry->slots == NULL) {
        return MUV_ENOMEM;
    }
    registry->slot_mask = slots - 1;
    for (uint32_t i = 0; i < registry->count; i++) {
        uint32_t slot = hash_of_pointer(registry->schemas[i]->model) & registry->slot_mask;

        while (registry->slots[slot] != 0) {
            slot = (slot + 1) & registry->slot_mask;
        }
        registry->slots[slot] = i + 1;
    }
    return 0;
}

/* -- Compiling one model -- */

/* Numbers, booleans and lists are written from the start, and whatever has a default; a primary key
 * is there when it was stored. */
static uint8_t initial_state_of(const muv_field_t *row)
{
    if (row->default_value.kind != MUV_KIND_NONE || row->default_fn != NULL) {
        return MUV_STATE_SET;
    }
    if ((row->flags & (MUV_OPTIONAL | MUV_PRIMARY_KEY)) != 0 || strcmp(row->stored, "_id") == 0) {
        return MUV_STATE_ABSENT;
    }
    if (muv__kind_is_number(row->kind) || row->kind == MUV_KIND_BOOLEAN ||
        row->kind == MUV_KIND_LIST) {
        return MUV_STATE_SET;
    }
    return MUV_STATE_ABSENT;
}

static uint32_t element_size_of(const muv_field_t *row)
{
    if (row->kind != MUV_KIND_LIST) {
        return 0;
    }
    return row->element == MUV_KIND_EMBEDDED ? row->target->size : muv__kind_size(row->element);
}

static int compile_field(const muv_schema_t *schema, uint32_t index, muv_error_t *reterr)
{
    const muv_field_t *row = &schema->model->fields[index];
    muv__field_t *field = &schema->fields[index];

    field->row = row;
    field->index = (uint16_t)index;
    field->stored = row->stored;
    field->stored_length = (uint32_t)strlen(row->stored);
    field->offset = row->offset;
    field->size = row->size;
    field->flags = row->flags;
    field->kind = row->kind;
    field->element = row->element;
    field->element_size = element_size_of(row);
    field->initial_state = initial_state_of(row);
    if (row->target == NULL) {
        return 0;
    }
    field->target = muv_registry_find(schema->registry, row->target);
    if (field->target == NULL) {
        return muv__error_set(reterr, MUV_EMODEL, "%s.%s: the target %s is not among the models",
                              schema->model->name, row->name, row->target->name);
    }
    return 0;
}

/* Enter a field under `name`; 0 when the name is taken. */
static int enter_slot(const muv_schema_t *schema, uint16_t *slots, const char *name,
                      const muv__field_t *found, uint32_t index)
{
    uint32_t slot = hash_of(name, strlen(name)) & schema->slot_mask;

    if (found != NULL) {
        return 0;
    }
    while (slots[slot] != MUV__NO_FIELD) {
        slot = (slot + 1) & schema->slot_mask;
    }
    slots[slot] = (uint16_t)index;
    return 1;
}

static int enter_names(muv_schema_t *schema, uint32_t index, muv_error_t *reterr)
{
    const muv__field_t *field = &schema->fields[index];
    const char *name = field->row->name;

    if (!enter_slot(schema, schema->stored_slots, field->stored,
                    muv__schema_find(schema, field->stored, field->stored_length), index)) {
        return muv__error_set(reterr, MUV_EMODEL, "%s.%s: the stored name \"%s\" is used twice",
                              schema->model->name, name, field->stored);
    }
    if (!enter_slot(schema, schema->name_slots, name,
                    muv__schema_find_name(schema, name, strlen(name)), index)) {
        return muv__error_set(reterr, MUV_EMODEL, "%s.%s: the name is used twice",
                              schema->model->name, name);
    }
    if (schema->model->role == MUV_ROLE_DOCUMENT && strcmp(field->stored, "_id") == 0) {
        schema->primary_key = (uint16_t)index;
    }
    if (field->row->default_fn != NULL) {
        schema->default_fns = 1;
    }
    return 0;
}

static int compile_model(muv_schema_t *schema, muv_error_t *reterr)
{
    const muv_model_t *model = schema->model;
    uint32_t slots = slots_for(model->field_count);
    int code = 0;

    schema->primary_key = MUV__NO_FIELD;
    schema->size = model->size;
    schema->header_size = muv__model_header_size(model);
    schema->slot_mask = slots - 1;
    schema->fields = muv__mem_array(model->field_count, sizeof(muv__field_t));
    schema->stored_slots = muv__mem_array((size_t)slots * 2, sizeof(uint16_t));
    if (schema->fields == NULL || schema->stored_slots == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    schema->count = model->field_count;
    schema->name_slots = schema->stored_slots + slots;
    memset(schema->stored_slots, 0xff, (size_t)slots * 2 * sizeof(uint16_t));
    for (uint32_t i = 0; i < schema->count && code == 0; i++) {
        code = compile_field(schema, i, reterr);
        if (code == 0) {
            code = enter_names(schema, i, reterr);
        }
    }
    return code;
}

/* -- Images -- */

static void fill_image(muv_schema_t *schema);

/* Write the default of one field, or the image of an embedded one, into the image. */
static void fill_field(const muv_schema_t *schema, const muv__field_t *field)
{
    void *member = muv__member(field, schema->image);

    if (field->kind == MUV_KIND_EMBEDDED) {
        memcpy(member, field->target->image, field->target->size);
    } else if (field->row->default_value.kind != MUV_KIND_NONE) {
        (void)muv__value_to_member(&field->row->default_value, field->kind, member);
    }
}

/* Schemas are constant for everybody but their registry. */
static muv_schema_t *mutable_target(const muv__field_t *field)
{
    const muv_registry_t *registry = field->target->registry;
    uint32_t index = 0;

    while (registry->schemas[index] != field->target) {
        index++;
        MUV__ASSERT(index < registry->count);
    }
    return registry->schemas[index];
}

/* A struct holds only smaller structs by value (checked), so this ends. */
static void fill_image(muv_schema_t *schema)
{
    muv_embedded_t *header = muv__header(schema->image);

    if ((header->flags & MUV__READY) != 0) {
        return;
    }
    header->schema = schema;
    header->flags = MUV__READY;
    schema->needs_init = schema->default_fns || schema->count > MUV__STATES_IN_PLACE;
    for (uint32_t i = 0; i < schema->count; i++) {
        const muv__field_t *field = &schema->fields[i];

        if (field->kind == MUV_KIND_EMBEDDED) {
            fill_image(mutable_target(field));
            schema->needs_init |= field->target->needs_init;
        }
        fill_field(schema, field);
        if (schema->count <= MUV__STATES_IN_PLACE) {
            muv__state_set(schema, schema->image, i, field->initial_state);
        }
    }
}

static int make_images(muv_registry_t *registry)
{
    for (uint32_t i = 0; i < registry->count; i++) {
        registry->schemas[i]->image = muv__mem_zalloc(registry->schemas[i]->size);
        if (registry->schemas[i]->image == NULL) {
            return MUV_ENOMEM;
        }
    }
    for (uint32_t i = 0; i < registry->count; i++) {
        fill_image(registry->schemas[i]);
    }
    return 0;
}

/* -- The registry -- */

static int compile(muv_registry_t *registry, const muv_model_t *const *models, size_t count,
                   muv_error_t *reterr)
{
    int code = collect(registry, models, count, reterr);

    if (code != 0) {
        return code;
    }
    if (index_models(registry) != 0) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    for (uint32_t i = 0; i < registry->count && code == 0; i++) {
        code = compile_model(registry->schemas[i], reterr);
    }
    for (uint32_t i = 0; i < registry->count && code == 0; i++) {
        code = muv__schema_check(registry->schemas[i], reterr);
    }
    if (code == 0 && make_images(registry) != 0) {
        code = muv__error_code(reterr, MUV_ENOMEM);
    }
    return code;
}

int muv_models(const muv_model_t *const *models, size_t count, const muv_models_opts_t *options,
               muv_error_t *reterr, muv_registry_t **ret)
{
    muv_registry_t *registry;
    int code;

    if (models == NULL || count == 0 || ret == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "muv_models() needs models and a result");
    }
    registry = muv__mem_zalloc(sizeof(*registry));
    if (registry == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    registry->self = registry;
    atomic_init(&registry->references, 1);
    registry->data = options == NULL ? NULL : options->data;
    code = compile(registry, models, count, reterr);
    if (code != 0) {
        muv_registry_free(registry);
        return code;
    }
    *ret = registry;
    return 0;
}

void muv__registry_retain(const muv_registry_t *registry)
{
    if (registry != NULL) {
        (void)atomic_fetch_add_explicit(&registry->self->references, 1, memory_order_relaxed);
    }
}

void muv_registry_free(muv_registry_t *registry)
{
    if (registry == NULL ||
        atomic_fetch_sub_explicit(&registry->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (uint32_t i = 0; i < registry->count; i++) {
        muv_schema_t *schema = registry->schemas[i];

        muv__mem_free(schema->fields);
        muv__mem_free(schema->stored_slots);
        muv__mem_free(schema->image);
        muv__mem_free(schema);
    }
    muv__mem_free(registry->schemas);
    muv__mem_free(registry->slots);
    muv__mem_free(registry);
}
