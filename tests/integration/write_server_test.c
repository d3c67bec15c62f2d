/* SPDX-License-Identifier: Apache-2.0 */
/* Writes on the real server: what it does with our commands. */
#include "integration/write_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "support/process.h"

static int drop_and_open(void **state)
{
    client_fixture_t *f;

    if (open_fixture_without_mock(state) != 0) {
        return -1;
    }
    f = *state;
    open_client_at(f, test_uri(), NULL);
    muv_collection_free(f->collection);
    CHECK_CODE(muv_collection_new(f->client, "muv_write_test", "c", NULL, &f->collection), 0);
    return 0;
}

static void on_dropped(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    CHECK_NO_ERROR(error);
    *(bool *)data = true;
}

static void drop(client_fixture_t *f)
{
    bool done = false;

    CHECK_CODE(muv_collection_drop(f->collection, NULL, on_dropped, &done, NULL), 0);
    run_until(&f->loop, &done, WAIT_MS);
}

static void on_counted(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    bson_iter_t iter;
    bson_t view;

    (void)op;
    CHECK_NO_ERROR(error);
    muv_reply_bson(reply, &view);
    assert_true(bson_iter_init_find(&iter, &view, "n"));
    *(int64_t *)data = bson_iter_as_int64(&iter);
}

static bool is_counted(void *data)
{
    return *(int64_t *)data >= 0;
}

static int64_t count_documents(client_fixture_t *f)
{
    bson_t *command = bson_from("{\"count\": \"c\"}");
    int64_t count = -1;

    CHECK_CODE(
        muv_run_command(f->client, "muv_write_test", command, NULL, on_counted, &count, NULL), 0);
    run_until_true(&f->loop, is_counted, &count, WAIT_MS);
    bson_destroy(command);
    return count;
}

static void await_prefix(written_t *w, const char *text)
{
    run_until(&w->f->loop, &w->done, WAIT_MS);
    if (strncmp(w->text, text, strlen(text)) != 0) {
        fail_msg("outcome is  %s\nand not    %s...\nmessage: %s", w->text, text, w->error.message);
    }
}

static void insert(client_fixture_t *f, const char *json, const muv_insert_many_opts_t *opts,
                   const char *prefix)
{
    size_t count;
    bson_t **documents = documents_from(json, &count);
    written_t w;

    begin_write(f, &w);
    end_write(f, muv_collection_insert_many(f->collection, (const bson_t *const *)documents, count,
                                            opts, on_written, &w, NULL));
    free_documents(documents, count);
    await_prefix(&w, prefix);
}

static void duplicates_stop_an_ordered_insert_and_not_an_unordered_one(void **state)
{
    static const char *const documents = "[{\"_id\": 1}, {\"_id\": 1}, {\"_id\": 2}, {\"_id\": 2}]";
    client_fixture_t *f = *state;

    drop(f);
    insert(f, documents, NULL, "EWRITE 11000; inserted 1; [1] 11000 ");
    assert_int_equal(count_documents(f), 1);
    drop(f);
    insert(f, documents, &(muv_insert_many_opts_t){.ordered = MUV_NO},
           "EWRITE 11000; inserted 2; [1] 11000 ");
    assert_int_equal(count_documents(f), 2);
}

/* Three messages: 100 documents of 1 MiB in pieces of at most 48,000,000 bytes. */
static void a_hundred_mebibytes_are_inserted(void **state)
{
    client_fixture_t *f = *state;
    bson_t **documents = numbered_documents(100, 1024 * 1024);
    written_t w;

    drop(f);
    begin_write(f, &w);
    end_write(f,
              muv_collection_insert_many(f->collection, (const bson_t *const *)documents, 100,
                                         &(muv_insert_many_opts_t){.borrow_until_done = MUV_YES,
                                                                   .batch_bytes = 32 * 1024 * 1024},
                                         on_written, &w, NULL));
    await_written(&w, "ok; inserted 100");
    assert_int_equal(count_documents(f), 100);
    free_documents(documents, 100);
    drop(f);
}

static int next_small(void *data, muv_writer_t *writer)
{
    int *left = data;

    if (*left == 0) {
        return 0;
    }
    muv_writer_int32(writer, "a", (*left)--);
    return 1;
}

static void a_source_of_many_small_documents_is_inserted(void **state)
{
    client_fixture_t *f = *state;
    int left = 20000;
    written_t w;

    drop(f);
    begin_write(f, &w);
    end_write(f, muv_collection_insert_many(f->collection, NULL, 0,
                                            &(muv_insert_many_opts_t){.next = next_small,
                                                                      .next_data = &left,
                                                                      .batch_bytes = 200000},
                                            on_written, &w, NULL));
    await_written(&w, "ok; inserted 20000");
    assert_int_equal(count_documents(f), 20000);
    drop(f);
}

static void updates_and_deletes_count(void **state)
{
    client_fixture_t *f = *state;
    bson_t *all = bson_from("{}");
    bson_t *one = bson_from("{\"_id\": 1}");
    bson_t *new = bson_from("{\"_id\": 9}");
    bson_t *set = bson_from("{\"$set\": {\"b\": 2}}");
    bson_t *whole = bson_from("{\"c\": 3}");
    muv_update_opts_t upsert = {.upsert = MUV_YES};
    written_t w;

    drop(f);
    insert(f, "[{\"_id\": 1}, {\"_id\": 2, \"b\": 2}, {\"_id\": 3}]", NULL, "ok; inserted 3");
    begin_write(f, &w);
    end_write(f, muv_collection_update_many(f->collection, all, set, NULL, on_written, &w, NULL));
    await_written(&w, "ok; matched 3; modified 2");
    begin_write(f, &w);
    end_write(f,
              muv_collection_replace_one(f->collection, new, whole, &upsert, on_written, &w, NULL));
    await_written(&w, "ok; upserted [0] { \"v\" : 9 }");
    begin_write(f, &w);
    end_write(f, muv_collection_update_one(f->collection, one, set, NULL, on_written, &w, NULL));
    await_written(&w, "ok; matched 1");
    begin_write(f, &w);
    end_write(f, muv_collection_delete_one(f->collection, one, NULL, on_written, &w, NULL));
    await_written(&w, "ok; deleted 1");
    begin_write(f, &w);
    end_write(f, muv_collection_delete_many(f->collection, all, NULL, on_written, &w, NULL));
    await_written(&w, "ok; deleted 3");
    bson_destroy(all);
    bson_destroy(one);
    bson_destroy(new);
    bson_destroy(set);
    bson_destroy(whole);
}

static void an_unacknowledged_insert_arrives(void **state)
{
    client_fixture_t *f = *state;
    muv_write_concern_t none = {.w = MUV_ZERO};

    drop(f);
    insert(f, "[{\"_id\": 1}, {\"_id\": 2}]", &(muv_insert_many_opts_t){.write_concern = &none},
           "ok; unacknowledged");
    for (int i = 0; i < 100 && count_documents(f) != 2; i++) {
        run_for(&f->loop, 20);
    }
    assert_int_equal(count_documents(f), 2);
}

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    bson_t view;

    (void)op;
    CHECK_NO_ERROR(error);
    assert_non_null(reply);
    muv_reply_bson(reply, &view);
    *(char **)data = bson_as_relaxed_extended_json(&view, NULL);
}

static bool is_text(void *data)
{
    return *(char **)data != NULL;
}

static void check_reply(client_fixture_t *f, int status, char **text, const char *part)
{
    CHECK_CODE(status, 0);
    run_until_true(&f->loop, is_text, text, WAIT_MS);
    CHECK_CONTAINS(*text, part);
    bson_free(*text);
    *text = NULL;
}

static void indexes_are_made_listed_and_dropped(void **state)
{
    client_fixture_t *f = *state;
    bson_t *a = bson_from("{\"a\": 1}");
    bson_t *b = bson_from("{\"b\": -1, \"c\": 1}");
    muv_index_model_t indexes[] = {{.keys = a, .unique = MUV_YES}, {.keys = b}};
    char *text = NULL;

    drop(f);
    check_reply(
        f, muv_collection_create_indexes(f->collection, indexes, 2, NULL, on_reply, &text, NULL),
        &text, "\"numIndexesAfter\" : 3");
    check_reply(f, muv_collection_list_indexes(f->collection, NULL, on_reply, &text, NULL), &text,
                "b_-1_c_1");
    insert(f, "[{\"a\": 1}, {\"a\": 1}]", NULL, "EWRITE 11000; inserted 1; [1] 11000 ");
    check_reply(f, muv_collection_drop_index(f->collection, "a_1", NULL, on_reply, &text, NULL),
                &text, "\"ok\"");
    insert(f, "[{\"a\": 1}, {\"a\": 1}]", NULL, "ok; inserted 2");
    bson_destroy(a);
    bson_destroy(b);
    drop(f);
}

static void on_found(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    (void)op;
    CHECK_NO_ERROR(error);
    *(char **)data =
        document == NULL ? bson_strdup("nothing") : bson_as_relaxed_extended_json(document, NULL);
}

static void a_counter_is_found_and_increased(void **state)
{
    client_fixture_t *f = *state;
    bson_t *filter = bson_from("{\"_id\": \"n\"}");
    bson_t *increase = bson_from("{\"$inc\": {\"v\": 1}}");
    muv_find_and_modify_opts_t opts = {.upsert = MUV_YES};
    char *text = NULL;

    drop(f);
    check_reply(f,
                muv_collection_find_one_and_update(f->collection, filter, increase, &opts, on_found,
                                                   &text, NULL),
                &text, "nothing");
    opts.return_document = MUV_RETURN_AFTER;
    check_reply(f,
                muv_collection_find_one_and_update(f->collection, filter, increase, &opts, on_found,
                                                   &text, NULL),
                &text, "\"v\" : 2");
    check_reply(
        f, muv_collection_find_one_and_delete(f->collection, filter, NULL, on_found, &text, NULL),
        &text, "\"v\" : 2");
    bson_destroy(filter);
    bson_destroy(increase);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, drop_and_open, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(duplicates_stop_an_ordered_insert_and_not_an_unordered_one),
        CASE(a_hundred_mebibytes_are_inserted),
        CASE(a_source_of_many_small_documents_is_inserted),
        CASE(updates_and_deletes_count),
        CASE(an_unacknowledged_insert_arrives),
        CASE(indexes_are_made_listed_and_dropped),
        CASE(a_counter_is_found_and_increased),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
