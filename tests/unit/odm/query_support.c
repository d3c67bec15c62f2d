/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what queries and updates send. */
#include "query_support.h"

#include "client/client_inner.h"

static muv_registry_t *registry;

int query_setup(void **state)
{
    (void)state;
    registry = odm_registry();
    return 0;
}

int query_teardown(void **state)
{
    (void)state;
    muv_registry_free(registry);
    return 0;
}

muv_registry_t *query_registry(void)
{
    return registry;
}

muv_query_t *posts(void)
{
    return muv_query_new(registry, &post_model);
}

muv_update_t *changes(void)
{
    return muv_update_new(registry, &post_model);
}

static void check_valid(const uint8_t *data, size_t size, const char *file, int line)
{
    bson_t view;

    if (!bson_init_static(&view, data, size) || !bson_validate(&view, BSON_VALIDATE_NONE, NULL)) {
        print_error("not valid BSON\n");
        _fail(file, line);
    }
}

static void print_first_error(const muv_error_t *error)
{
    if (error != NULL) {
        print_error("%s\n", error->message);
    }
}

void check_filter(muv_query_t *query, const char *json, const char *file, int line)
{
    const uint8_t *data = NULL;
    size_t size = 0;

    print_first_error(muv_query_error(query));
    check_code(muv_query_bson(query, &data, &size), 0, file, line);
    check_valid(data, size, file, line);
    check_bytes_bson_equal(data, size, odm_json(json), file, line);
    muv_query_free(query);
}

void check_both(muv_condition_t typed, muv_condition_t named, const char *json, const char *file,
                int line)
{
    muv_query_t *a = muv_query_filter(posts(), typed);
    muv_query_t *b = muv_query_filter(posts(), named);
    const uint8_t *bytes_a = NULL;
    const uint8_t *bytes_b = NULL;
    size_t size_a = 0;
    size_t size_b = 0;

    print_first_error(muv_query_error(a));
    print_first_error(muv_query_error(b));
    check_code(muv_query_bson(a, &bytes_a, &size_a), 0, file, line);
    check_code(muv_query_bson(b, &bytes_b, &size_b), 0, file, line);
    if (size_a != size_b || memcmp(bytes_a, bytes_b, size_a) != 0) {
        print_error("the two spellings differ\n");
        _fail(file, line);
    }
    muv_query_free(b);
    check_filter(a, json, file, line);
}

void check_refused(muv_query_t *query, const char *text, const char *file, int line)
{
    const muv_error_t *error = muv_query_error(query);
    const uint8_t *data = NULL;
    size_t size = 0;

    check_error(error, MUV_EINVAL, file, line);
    _assert_string_equal(error->message, text, file, line);
    check_code(muv_query_bson(query, &data, &size), MUV_EINVAL, file, line);
    muv_query_free(query);
}

void check_update(muv_update_t *update, const char *json, const char *file, int line)
{
    const uint8_t *data = NULL;
    size_t size = 0;

    print_first_error(muv_update_error(update));
    check_code(muv_update_bson(update, &data, &size), 0, file, line);
    check_valid(data, size, file, line);
    check_bytes_bson_equal(data, size, odm_json(json), file, line);
    muv_update_free(update);
}

void check_update_refused(muv_update_t *update, int code, const char *text, const char *file,
                          int line)
{
    const muv_error_t *error = muv_update_error(update);
    const uint8_t *data = NULL;
    size_t size = 0;

    check_error(error, code, file, line);
    _assert_string_equal(error->message, text, file, line);
    check_code(muv_update_bson(update, &data, &size), code, file, line);
    muv_update_free(update);
}

void check_command(muv_query_t *query, query_render_t render, const char *json, const char *file,
                   int line)
{
    muv__buf_t buf;
    muv_writer_t writer = {.buf = &buf};
    muv__bson_mark_t mark;

    print_first_error(muv_query_error(query));
    check_code(muv__query_prepare(query, NULL), 0, file, line);
    muv__buf_init(&buf, 1 << 20);
    mark = muv__bson_begin(&buf);
    render(query, &writer);
    muv__bson_end(&buf, mark);
    check_code(writer.error, 0, file, line);
    check_code((int)writer.depth, 0, file, line);
    check_valid(buf.data, buf.size, file, line);
    check_bytes_bson_equal(buf.data, buf.size, odm_json(json), file, line);
    muv__buf_done(&buf);
    muv_query_free(query);
}

void render_all(const muv_query_t *query, muv_writer_t *writer)
{
    muv__query_render_find(query, MUV__FIND_ALL, writer);
}

void render_first(const muv_query_t *query, muv_writer_t *writer)
{
    muv__query_render_find(query, MUV__FIND_FIRST, writer);
}

void render_get(const muv_query_t *query, muv_writer_t *writer)
{
    muv__query_render_find(query, MUV__FIND_GET, writer);
}

void render_exists(const muv_query_t *query, muv_writer_t *writer)
{
    muv__query_render_find(query, MUV__FIND_EXISTS, writer);
}

void render_ids(const muv_query_t *query, muv_writer_t *writer)
{
    muv__query_render_find(query, MUV__FIND_IDS, writer);
}

void render_delete_many(const muv_query_t *query, muv_writer_t *writer)
{
    muv__query_render_delete(query, 0, writer);
}

void render_delete_one(const muv_query_t *query, muv_writer_t *writer)
{
    muv__query_render_delete(query, 1, writer);
}
