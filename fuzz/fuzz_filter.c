/* SPDX-License-Identifier: Apache-2.0 */
/* Queries and updates in the string form, over models that the input makes. The first line gives
 * the kinds of the fields, each further line one call:
 *
 *     f NAME=VALUE   condition      ! NAME=VALUE   its negation     | NAME=VALUE   in an or
 *     m NAME=VALUE   $elemMatch on the field "in"    u NAME=VALUE   change
 *     s NAMES        order          y NAMES        only             n NAMES        exclude
 *     r BYTES        raw condition
 *
 * A value begins with its type: i number, d double, b boolean, o ObjectId, a texts, A numbers, 0
 * null, anything else is text. Whatever is accepted must be valid BSON, the same again in a clone,
 * and what is refused must say why. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "muv/odm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define FIELDS 12
#define INNER_FIELDS 5
#define INNER_UNIT 64
#define UNIT 640
#define HEADER 256

/* -- Models -- */

static const char *const names[FIELDS] = {"a",  "size", "not", "gt",  "S",     "id2",
                                          "in", "a_b",  "x",   "set", "match", "_"};

static const struct kind {
    uint8_t kind;
    uint8_t element;
    uint32_t size;
} kinds[] = {
    {MUV_KIND_STRING, 0, sizeof(muv_str_t)},
    {MUV_KIND_INT32, 0, sizeof(int32_t)},
    {MUV_KIND_INT64, 0, sizeof(int64_t)},
    {MUV_KIND_DOUBLE, 0, sizeof(double)},
    {MUV_KIND_BOOLEAN, 0, sizeof(bool)},
    {MUV_KIND_DATETIME, 0, sizeof(muv_datetime_t)},
    {MUV_KIND_OBJECTID, 0, sizeof(muv_oid_t)},
    {MUV_KIND_BINARY, 0, sizeof(muv_bin_t)},
    {MUV_KIND_LIST, MUV_KIND_STRING, sizeof(muv_str_list_t)},
    {MUV_KIND_LIST, MUV_KIND_INT32, sizeof(muv_str_list_t)},
    {MUV_KIND_LIST, MUV_KIND_DOUBLE, sizeof(muv_str_list_t)},
    {MUV_KIND_LIST, MUV_KIND_OBJECTID, sizeof(muv_str_list_t)},
    {MUV_KIND_REFERENCE, 0, sizeof(muv_ref_t)},
    {MUV_KIND_LIST, MUV_KIND_REFERENCE, sizeof(muv_str_list_t)},
    {MUV_KIND_LIST, MUV_KIND_EMBEDDED, sizeof(muv_str_list_t)},
    {MUV_KIND_EMBEDDED, 0, HEADER + INNER_FIELDS *INNER_UNIT},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

typedef struct models {
    muv_field_t rows[FIELDS + 1];
    muv_field_t inner_rows[INNER_FIELDS];
    char stored[FIELDS][3];
    muv_model_t model;
    muv_model_t inner;
} models_t;

static void make_row(models_t *m, muv_field_t *row, unsigned index, uint8_t byte, int inner)
{
    const struct kind *kind = &kinds[byte % (inner ? KINDS - 1 : KINDS)];
    int embedded = kind->kind == MUV_KIND_EMBEDDED || kind->element == MUV_KIND_EMBEDDED;
    int reference = kind->kind == MUV_KIND_REFERENCE || kind->element == MUV_KIND_REFERENCE;

    row->name = names[index];
    row->stored = m->stored[index];
    row->kind = kind->kind;
    row->element = kind->element;
    row->size = kind->size;
    row->offset = HEADER + index * (inner ? INNER_UNIT : UNIT);
    row->target = embedded ? &m->inner : reference ? &m->model : NULL;
    row->flags = byte & 0x40 ? MUV_REQUIRED : 0;
    if (byte & 0x80 && (kind->kind == MUV_KIND_STRING || kind->kind == MUV_KIND_LIST)) {
        row->max_length = 3;
    }
}

static void make_models(models_t *m, const uint8_t *bytes, size_t size)
{
    memset(m, 0, sizeof(*m));
    for (unsigned i = 0; i < FIELDS; i++) {
        m->stored[i][0] = (char)('A' + i);
        m->stored[i][1] = i % 3 == 0 ? '$' : '\0';
        make_row(m, &m->rows[i], i, i < size ? bytes[i] : (uint8_t)i, 0);
    }
    for (unsigned i = 0; i < INNER_FIELDS; i++) {
        make_row(m, &m->inner_rows[i], i, FIELDS + i < size ? bytes[FIELDS + i] : (uint8_t)i, 1);
    }
    m->rows[FIELDS].name = "id";
    m->rows[FIELDS].stored = "_id";
    m->rows[FIELDS].kind = size % 2 ? MUV_KIND_OBJECTID : MUV_KIND_INT32;
    m->rows[FIELDS].size = size % 2 ? sizeof(muv_oid_t) : sizeof(int32_t);
    m->rows[FIELDS].offset = HEADER + FIELDS * UNIT;
    m->model = (muv_model_t){.name = "M",
                             .collection = "m",
                             .size = HEADER + (FIELDS + 1) * UNIT,
                             .fields = m->rows,
                             .field_count = FIELDS + 1};
    m->inner = (muv_model_t){.name = "I",
                             .role = MUV_ROLE_EMBEDDED,
                             .size = HEADER + INNER_FIELDS * INNER_UNIT,
                             .fields = m->inner_rows,
                             .field_count = INNER_FIELDS};
}

/* -- Operands -- */

static muv_operand_t operand_of(const char *text)
{
    static const char *texts[] = {"x", NULL, ""};
    static const int64_t numbers[] = {1, -1, INT64_MAX};
    muv_oid_t oid = {{1}};

    switch (text[0]) {
    case 'i': return muv_operand_int(strtoll(text + 1, NULL, 10));
    case 'd': return muv_operand_double(strtod(text + 1, NULL));
    case 'b': return muv_operand_bool(text[1] == '1');
    case 'o': return muv_operand_oid(oid);
    case 't': return muv_operand_datetime((muv_datetime_t){strtoll(text + 1, NULL, 10)});
    case 'a': texts[1] = text + 1; return muv_operand_texts(texts, 3);
    case 'A': return muv_operand_int64s(numbers, strlen(text) % 4);
    case '0': return muv_null();
    default: return muv_operand_text(text);
    }
}

/* -- Checks -- */

static void check_bytes(const uint8_t *data, size_t size)
{
    bson_t view;

    REQUIRE(bson_init_static(&view, data, size));
    REQUIRE(bson_validate(&view, BSON_VALIDATE_NONE, NULL));
}

static void check_query(muv_query_t *query)
{
    const uint8_t *data = NULL;
    const uint8_t *again = NULL;
    size_t size = 0;
    size_t size_again = 0;
    int code = muv_query_bson(query, &data, &size);
    muv_query_t *clone = muv_query_clone(query);

    REQUIRE((code == 0) == (muv_query_error(query) == NULL));
    REQUIRE(clone != NULL && muv_query_bson(clone, &again, &size_again) == code);
    if (code == 0) {
        check_bytes(data, size);
        REQUIRE(size == size_again && memcmp(data, again, size) == 0);
    } else {
        REQUIRE(muv_query_error(query)->message[0] != '\0');
    }
    muv_query_free(clone);
}

static void check_update(muv_update_t *update)
{
    const uint8_t *data = NULL;
    size_t size = 0;

    if (muv_update_bson(update, &data, &size) == 0) {
        check_bytes(data, size);
    }
}

/* -- Calls -- */

/* The length is put right, so that most inputs get past it. */
static void raw(muv_query_t *query, const char *bytes, size_t size)
{
    uint8_t *copy = size < 5 ? NULL : malloc(size);
    muv_condition_t condition = muv_raw(NULL);

    if (copy == NULL) {
        return;
    }
    memcpy(copy, bytes, size);
    for (int i = 0; i < 4; i++) {
        copy[i] = (uint8_t)(size >> (8 * i));
    }
    copy[size - 1] = 0;
    condition.operand = muv_operand_shape(MUV_OPERAND_BSON, MUV_KIND_NONE, copy, size);
    muv_query_filter(query, condition);
    free(copy);
}

static void call(muv_query_t *query, muv_update_t *update, char *line, size_t size)
{
    char *name = line + 2;
    char *value = strchr(name, '=');
    muv_condition_t condition;
    muv_condition_t parts[2];

    if (line[0] == 'r') {
        raw(query, name, size - 2);
        return;
    }
    if (line[0] == 's' || line[0] == 'y' || line[0] == 'n') {
        (void)(line[0] == 's'   ? muv_query_order(query, name)
               : line[0] == 'y' ? muv_query_only(query, name)
                                : muv_query_exclude(query, name));
        return;
    }
    if (value == NULL) {
        return;
    }
    *value++ = '\0';
    condition = muv_condition_named(name, operand_of(value));
    parts[0] = condition;
    parts[1] = muv_condition_named("a__ne", muv_null());
    switch (line[0]) {
    case 'u': muv_update_named(update, name, operand_of(value)); break;
    case '!': muv_query_filter(query, muv_condition_group(MUV_Q_NOT, &condition, 1)); break;
    case '|': muv_query_filter(query, muv_condition_group(MUV_Q_OR, parts, 2)); break;
    case 'm':
        muv_query_filter(query,
                         muv_condition_named("in__match", muv_operand_condition(&condition)));
        break;
    default: muv_query_filter(query, condition); break;
    }
}

static void run(const muv_registry_t *registry, const muv_model_t *model, char *lines, size_t size)
{
    muv_query_t *query = muv_query_new(registry, model);
    muv_update_t *update = muv_update_new(registry, model);
    char *end = lines + size;

    while (lines < end) {
        char *next = memchr(lines, '\n', (size_t)(end - lines));
        size_t length = next == NULL ? (size_t)(end - lines) : (size_t)(next - lines);

        lines[length] = '\0';
        if (length >= 2) {
            call(query, update, lines, length);
            check_query(query);
            if (muv_query_error(query) != NULL) {
                muv_query_free(query);
                query = muv_query_new(registry, model);
            }
            if (muv_update_error(update) != NULL) {
                muv_update_free(update);
                update = muv_update_new(registry, model);
            }
            check_update(update);
        }
        lines += length + 1;
    }
    muv_query_free(query);
    muv_update_free(update);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size == 0 ? NULL : memchr(data, '\n', size);
    size_t head = newline == NULL ? size : (size_t)(newline - data);
    size_t rest = newline == NULL ? 0 : size - head - 1;
    char *lines = malloc(rest + 1);
    models_t models;
    const muv_model_t *list[] = {&models.model};
    muv_registry_t *registry = NULL;
    muv_error_t error;

    REQUIRE(lines != NULL);
    if (rest != 0) {
        memcpy(lines, newline + 1, rest);
    }
    lines[rest] = '\0';
    make_models(&models, data, head);
    if (muv_models(list, 1, NULL, &error, &registry) == 0) {
        run(registry, &models.model, lines, rest);
    }
    muv_registry_free(registry);
    free(lines);
    return 0;
}
