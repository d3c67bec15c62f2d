/* SPDX-License-Identifier: Apache-2.0 */
/* The list of validation errors, and its two texts. Both print a tree that is built from the paths:
 * what the walk found comes in order, so a segment is either the last child or a new one; only what
 * clean functions add has to be looked for. */
#include "odm/verrors.h"

#include "base/mem.h"
#include "odm/kind.h"
#include "odm/state.h"

#include <stdio.h>
#include <string.h>

#define ALL_FIELDS "__all__"
#define MAX_TEXT_BYTES ((size_t)64 * 1024 * 1024)

typedef struct node {
    struct node *first;
    struct node *last;
    struct node *next;
    const char *segment;
    size_t length;
    const char *message;
    const char *text; /* Of a top-level node: what verrors_text groups by. */
    int grouped;
} node_t;

/* -- The list -- */

static void describe_key(const void *document, char *text, size_t size)
{
    muv_value_t key;
    char oid[25];

    if (!muv__doc_key(document, &key)) {
        (void)snprintf(text, size, "None");
    } else if (key.kind == MUV_KIND_OBJECTID) {
        muv_oid_to_text(&key.as.oid, oid);
        (void)snprintf(text, size, "%s", oid);
    } else if (key.kind == MUV_KIND_STRING) {
        int length = key.as.str.size > INT32_MAX ? INT32_MAX : (int)key.as.str.size;

        (void)snprintf(text, size, "%.*s", length, key.as.str.data);
    } else if (key.kind == MUV_KIND_INT64) {
        (void)snprintf(text, size, "%lld", (long long)key.as.int64);
    } else {
        (void)snprintf(text, size, "%s", muv__kind_name(key.kind));
    }
}

muv_verrors_t *muv__verrors_new(const void *document)
{
    muv_verrors_t *errors = muv__mem_zalloc(sizeof(*errors));

    if (errors == NULL) {
        return NULL;
    }
    muv__arena_init(&errors->arena, 1024, SIZE_MAX / 2);
    errors->name = muv__header_of(document)->schema->model->name;
    describe_key(document, errors->key, sizeof(errors->key));
    return errors;
}

void muv_verrors_free(muv_verrors_t *errors)
{
    if (errors != NULL) {
        muv__arena_done(&errors->arena);
        muv__mem_free(errors->items);
        muv__mem_free(errors);
    }
}

size_t muv_verrors_count(const muv_verrors_t *errors)
{
    return errors == NULL ? 0 : errors->count;
}

const muv_verror_t *muv_verrors_get(const muv_verrors_t *errors, size_t index)
{
    return errors == NULL || index >= errors->count ? NULL : &errors->items[index];
}

static const char *make_path(muv_verrors_t *errors, const muv__frame_t *frame, const char *tail)
{
    const char *path = NULL;
    muv__buf_t buf;

    muv__buf_init(&buf, MAX_TEXT_BYTES);
    if (frame != NULL) {
        muv__frame_path(frame, 0, &buf);
        if (tail != NULL) {
            muv__buf_append(&buf, ".", 1);
        }
    }
    if (tail != NULL) {
        muv__buf_append(&buf, tail, strlen(tail));
    }
    if (buf.error == 0) {
        path = muv__arena_text(&errors->arena, buf.data, buf.size);
    }
    muv__buf_done(&buf);
    return path;
}

static int grow(muv_verrors_t *errors)
{
    size_t capacity = errors->capacity == 0 ? 8 : errors->capacity * 2;
    muv_verror_t *items;

    if (errors->count < errors->capacity) {
        return 1;
    }
    items = muv__mem_realloc_array(errors->items, capacity, sizeof(muv_verror_t));
    if (items == NULL) {
        return 0;
    }
    errors->items = items;
    errors->capacity = capacity;
    return 1;
}

void muv__verrors_append(muv_verrors_t *errors, const muv__frame_t *frame, const char *tail,
                         const muv_verror_t *error)
{
    const char *path = make_path(errors, frame, tail);

    if (path == NULL || error->message == NULL || !grow(errors)) {
        errors->error = MUV_ENOMEM;
        return;
    }
    errors->items[errors->count] = *error;
    errors->items[errors->count].path = path;
    errors->count++;
}

int muv_verrors_add(muv_verrors_t *errors, const char *path, const char *message)
{
    muv_verror_t error;

    if (errors == NULL || message == NULL || (path != NULL && path[0] == '\0')) {
        return MUV_EINVAL;
    }
    memset(&error, 0, sizeof(error));
    error.code = MUV_V_CLEAN;
    error.message = muv__arena_text(&errors->arena, message, strlen(message));
    errors->added = 1;
    muv__verrors_append(errors, errors->frame, path == NULL ? ALL_FIELDS : path, &error);
    return errors->error;
}

/* -- The tree -- */

static node_t *find_child(const muv_verrors_t *errors, node_t *parent, const char *segment,
                          size_t length)
{
    node_t *child = errors->added ? parent->first : parent->last;

    for (; child != NULL; child = child->next) {
        if (child->length == length && memcmp(child->segment, segment, length) == 0) {
            return child;
        }
    }
    return NULL;
}

static node_t *add_child(muv_verrors_t *errors, node_t *parent, const char *segment, size_t length)
{
    node_t *child = find_child(errors, parent, segment, length);

    if (child != NULL) {
        return child;
    }
    child = muv__arena_zalloc(&errors->arena, sizeof(*child));
    if (child == NULL) {
        return NULL;
    }
    child->segment = segment;
    child->length = length;
    if (parent->last == NULL) {
        parent->first = child;
    } else {
        parent->last->next = child;
    }
    parent->last = child;
    return child;
}

static int build_tree(muv_verrors_t *errors, node_t *root)
{
    memset(root, 0, sizeof(*root));
    for (size_t i = 0; i < errors->count; i++) {
        const char *path = errors->items[i].path;
        node_t *node = root;

        while (*path != '\0') {
            size_t length = strcspn(path, ".");

            node = add_child(errors, node, path, length);
            if (node == NULL) {
                return 0;
            }
            path += length + (path[length] == '.');
        }
        node->message = errors->items[i].message;
    }
    return 1;
}

/* -- JSON -- */

static void append(muv__buf_t *buf, const char *text)
{
    muv__buf_append(buf, text, strlen(text));
}

static void print_string(const char *text, size_t length, muv__buf_t *buf)
{
    append(buf, "\"");
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape[8];

        if (c == '"' || c == '\\') {
            (void)snprintf(escape, sizeof(escape), "\\%c", c);
            append(buf, escape);
        } else if (c < 0x20) {
            (void)snprintf(escape, sizeof(escape), "\\u%04x", c);
            append(buf, escape);
        } else {
            muv__buf_append(buf, &text[i], 1);
        }
    }
    append(buf, "\"");
}

/* Depth is that of the document: at most MUV__MAX_DEPTH structs and lists. */
static void print_json(const node_t *node, muv__buf_t *buf)
{
    if (node->first == NULL) {
        print_string(node->message, strlen(node->message), buf);
        return;
    }
    append(buf, "{");
    for (const node_t *child = node->first; child != NULL; child = child->next) {
        if (child != node->first) {
            append(buf, ", ");
        }
        print_string(child->segment, child->length, buf);
        append(buf, ": ");
        print_json(child, buf);
    }
    append(buf, "}");
}

static const char *take_text(muv_verrors_t *errors, muv__buf_t *buf)
{
    const char *text = NULL;

    if (buf->error == 0) {
        text = muv__arena_text(&errors->arena, buf->data, buf->size);
    }
    muv__buf_done(buf);
    return text;
}

const char *muv_verrors_json(muv_verrors_t *errors)
{
    muv__buf_t buf;
    node_t root;

    if (errors == NULL) {
        return "{}";
    }
    if (!build_tree(errors, &root)) {
        return NULL;
    }
    muv__buf_init(&buf, MAX_TEXT_BYTES);
    print_json(&root, &buf);
    return take_text(errors, &buf);
}

/* -- One line -- */

/* "1.s.Field is required": the message behind the path below the field. */
static void print_flat(const node_t *node, muv__buf_t *buf)
{
    if (node->first == NULL) {
        append(buf, node->message);
        return;
    }
    for (const node_t *child = node->first; child != NULL; child = child->next) {
        if (child != node->first) {
            append(buf, " ");
        }
        muv__buf_append(buf, child->segment, child->length);
        append(buf, ".");
        print_flat(child, buf);
    }
}

static int flatten(muv_verrors_t *errors, node_t *root)
{
    for (node_t *node = root->first; node != NULL; node = node->next) {
        muv__buf_t buf;

        muv__buf_init(&buf, MAX_TEXT_BYTES);
        print_flat(node, &buf);
        node->text = take_text(errors, &buf);
        if (node->text == NULL) {
            return 0;
        }
    }
    return 1;
}

/* "Field is required: ['email', 'name']". */
static void print_group(node_t *first, muv__buf_t *buf)
{
    append(buf, first->text);
    append(buf, ": [");
    for (node_t *node = first; node != NULL; node = node->next) {
        if (node->grouped || strcmp(node->text, first->text) != 0) {
            continue;
        }
        node->grouped = 1;
        append(buf, node == first ? "'" : ", '");
        muv__buf_append(buf, node->segment, node->length);
        append(buf, "'");
    }
    append(buf, "]");
}

const char *muv_verrors_text(muv_verrors_t *errors)
{
    muv__buf_t buf;
    node_t root;

    if (errors == NULL) {
        return "";
    }
    if (!build_tree(errors, &root) || !flatten(errors, &root)) {
        return NULL;
    }
    muv__buf_init(&buf, MAX_TEXT_BYTES);
    append(&buf, "ValidationError (");
    append(&buf, errors->name);
    append(&buf, ":");
    append(&buf, errors->key);
    append(&buf, ") (");
    for (node_t *node = root.first; node != NULL; node = node->next) {
        if (!node->grouped) {
            if (node != root.first) {
                append(&buf, " ");
            }
            print_group(node, &buf);
        }
    }
    append(&buf, ")");
    return take_text(errors, &buf);
}
