/* SPDX-License-Identifier: Apache-2.0 */
/* References: how many commands, in which order, and where the pointers lead. */
#include "integration/odm_fixture.h"

#include <stdlib.h>

#define ID(byte) "{'$oid': '" byte byte byte byte byte byte byte byte byte byte byte byte "'}"
#define ID1 ID("01")
#define ID2 ID("02")
#define ID3 ID("03")
#define ID4 ID("04")

/* --- models: a chain, and a tree of one collection ---------------------------------------------*/

#define A_FIELDS(F, M)                                                                             \
    F(M, int64, id, "_id")                                                                         \
    F(M, string, name, "n")
MUV_DECLARE_DOCUMENT(chain_a, A_FIELDS);
#define B_FIELDS(F, M)                                                                             \
    F(M, int64, id, "_id")                                                                         \
    F(M, reference(chain_a), a, "a")
MUV_DECLARE_DOCUMENT(chain_b, B_FIELDS);
#define C_FIELDS(F, M)                                                                             \
    F(M, int64, id, "_id")                                                                         \
    F(M, list(reference(chain_b)), b, "b")
MUV_DECLARE_DOCUMENT(chain_c, C_FIELDS);
#define D_FIELDS(F, M)                                                                             \
    F(M, int64, id, "_id")                                                                         \
    F(M, reference(chain_c), c, "c")                                                               \
    F(M, reference(chain_a), a, "a")
MUV_DECLARE_DOCUMENT(chain_d, D_FIELDS);
#define PERSON_FIELDS(F, M)                                                                        \
    F(M, string, id, "_id")                                                                        \
    F(M, reference(person), boss, "b")                                                             \
    F(M, list(reference(person)), friends, "f")
MUV_DECLARE_DOCUMENT(person, PERSON_FIELDS);

MUV_DEFINE_DOCUMENT(chain_a, A_FIELDS, "A", .collection = "a");
MUV_DEFINE_DOCUMENT(chain_b, B_FIELDS, "B", .collection = "b");
MUV_DEFINE_DOCUMENT(chain_c, C_FIELDS, "C", .collection = "c");
MUV_DEFINE_DOCUMENT(chain_d, D_FIELDS, "D", .collection = "d");
MUV_DEFINE_DOCUMENT(person, PERSON_FIELDS, "Person", .collection = "person");

static int open_chain(void **state)
{
    static const muv_model_t *const models[] = {&chain_a_model, &chain_b_model, &chain_c_model,
                                                &chain_d_model, &person_model};

    if (odm_open(state) != 0) {
        return -1;
    }
    odm_use_models(*state, models, MUV__COUNT_OF(models));
    return 0;
}

static muv_query_t *query_of(odm_fixture_t *o, const muv_model_t *model)
{
    return muv_query_new(o->registry, model);
}

static const muv_load_opts_t *related(const char *paths)
{
    static muv_load_opts_t opts;

    opts = (muv_load_opts_t){.related = paths};
    return &opts;
}

/* --- one level ---------------------------------------------------------------------------------*/

static void references_of_one_collection_are_one_command(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    const post_t *post;

    odm_reply_find(o, 0,
                   "{'_id': " ID1 ", 'a': " ID2 ", 'cm': [{'t': 'x', 'a': " ID3
                   "}, {'t': 'y', 'a': " ID2 "}, {'t': 'z'}]}");
    odm_reply_find(o, 0, "{'_id': " ID3 ", 'n': 'Cid'}, {'_id': " ID2 ", 'n': 'Bob'}");
    odm_all(o, &out, query_of(o, &post_model), related("author, comments.author"));
    odm_await_success(&out);

    CHECK_COMMAND(o, "find",
                  "{'find': 'user', 'filter': {'_id': {'$in': [" ID2 ", " ID3 "]}}, 'batchSize': "
                  "3}");
    assert_int_equal(odm_commands(o), 2);
    post = out.documents[0];
    assert_int_equal(post->author.state, MUV_REF_LOADED);
    assert_true(muv_str_equal(((user_t *)post->author.doc)->name, muv_str("Bob")));
    assert_true(muv_str_equal(((user_t *)post->comments.data[0].author.doc)->name, muv_str("Cid")));
    assert_ptr_equal(post->comments.data[1].author.doc, post->author.doc);
    assert_int_equal(post->comments.data[2].author.state, MUV_REF_UNLOADED);
    odm_clear(&out);
}

static void a_dangling_reference_is_missing(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    const post_t *post;

    odm_reply_find(o, 0, "{'_id': " ID1 ", 'a': " ID2 ", 'vo': [" ID3 ", " ID4 "]}");
    odm_reply_find(o, 0, "{'_id': " ID4 ", 'n': 'Dan'}");
    odm_first(o, &out, query_of(o, &post_model), related("author voters"));
    odm_await_success(&out);

    post = out.documents[0];
    assert_int_equal(post->author.state, MUV_REF_MISSING);
    assert_null(post->author.doc);
    assert_int_equal(post->voters.data[0].state, MUV_REF_MISSING);
    assert_int_equal(post->voters.data[1].state, MUV_REF_LOADED);
    odm_clear(&out);
}

static void no_reference_no_command(void **state)
{
    odm_fixture_t *o = *state;

    odm_reply_find(o, 0, "{'_id': " ID1 "}");
    ODM_OK(odm_first(o, &out_, query_of(o, &post_model), related("author")));
    odm_reply_find(o, 0, "");
    ODM_OK(odm_all(o, &out_, query_of(o, &post_model), related("author")));

    assert_int_equal(odm_commands(o), 2);
}

/* --- levels ------------------------------------------------------------------------------------*/

static void a_chain_is_one_command_a_level(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    const chain_d_t *d;
    const chain_c_t *c;

    odm_reply_find(o, 0, "{'_id': 1, 'c': 10}, {'_id': 2, 'c': 11}, {'_id': 3, 'c': 10}");
    odm_reply_find(o, 0, "{'_id': 11, 'b': [101]}, {'_id': 10, 'b': [100, 101]}");
    odm_reply_find(o, 0, "{'_id': 100, 'a': 1000}, {'_id': 101, 'a': 1000}");
    odm_reply_find(o, 0, "{'_id': 1000, 'n': 'end'}");
    odm_all(o, &out, query_of(o, &chain_d_model), related("c.b.a"));
    odm_await_success(&out);

    assert_int_equal(odm_commands(o), 4);
    d = out.documents[2];
    c = d->c.doc;
    assert_true(
        muv_str_equal(((chain_a_t *)((chain_b_t *)c->b.data[1].doc)->a.doc)->name, muv_str("end")));
    odm_clear(&out);
}

static void collections_of_a_level_are_asked_in_parallel(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 0, "{'_id': 1, 'c': 10, 'a': 1000}");
    mock_script(o->f->mock, "find",
                &(mock_step_t){.hold = true,
                               .json = "{\"ok\": 1, \"cursor\": {\"id\": 0, \"ns\": \"d.x\", "
                                       "\"firstBatch\": []}}",
                               .times = 2});
    odm_first(o, &out, query_of(o, &chain_d_model), related("c, a"));
    await_held(o->f, 2);
    mock_release(o->f->mock, 2);
    odm_await_success(&out);

    assert_int_equal(odm_commands(o), 3);
    odm_clear(&out);
}

static void documents_that_are_there_are_not_asked_for_again(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    const person_t *ann;
    const person_t *bob;

    /* Ann's boss is Bob, Bob's boss is Cid, Cid's boss is Ann; all are friends. */
    odm_reply_find(o, 0, "{'_id': 'ann', 'b': 'bob', 'f': ['bob', 'cid']}");
    odm_reply_find(o, 0,
                   "{'_id': 'bob', 'b': 'cid', 'f': ['ann']}, {'_id': 'cid', 'b': 'ann', 'f': []}");
    odm_get(o, &out, query_of(o, &person_model), related("boss.boss.boss, friends"));
    odm_await_success(&out);

    assert_int_equal(odm_commands(o), 2);
    ann = out.documents[0];
    bob = ann->boss.doc;
    assert_ptr_equal(((person_t *)bob->boss.doc)->boss.doc, ann);
    assert_ptr_equal(ann->friends.data[0].doc, bob);
    odm_clear(&out);
}

/* [Scenario 33] However many documents have bosses and friends: one more command. */
static void a_list_takes_as_many_commands_as_one_document(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 0,
                   "{'_id': 'a', 'b': 'x'}, {'_id': 'b', 'b': 'a', 'f': ['y']}, {'_id': 'c', 'f': "
                   "['x', 'y', 'z']}, {'_id': 'd', 'b': 'y'}");
    odm_reply_find(o, 0, "{'_id': 'x'}, {'_id': 'y'}, {'_id': 'z'}");
    odm_all(o, &out, query_of(o, &person_model), related("boss, friends"));
    odm_await_success(&out);

    CHECK_COMMAND(o, "find",
                  "{'find': 'person', 'filter': {'_id': {'$in': ['x', 'y', 'z']}}, 'batchSize': "
                  "4}");
    assert_int_equal(odm_commands(o), 2);
    assert_ptr_equal(((person_t *)out.documents[1])->boss.doc, out.documents[0]);
    odm_clear(&out);
}

/* --- size --------------------------------------------------------------------------------------*/

static void answer_find(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    unsigned *finds = data;
    bson_iter_t iter;
    bson_t cursor;
    bson_t batch;

    (void)step;
    (*finds)++;
    bson_append_document_begin(reply, "cursor", -1, &cursor);
    BSON_APPEND_INT64(&cursor, "id", 0);
    BSON_APPEND_UTF8(&cursor, "ns", "d.c");
    bson_append_array_begin(&cursor, "firstBatch", -1, &batch);
    if (*finds == 1) {
        bson_t document;
        bson_t list;

        bson_append_document_begin(&batch, "0", -1, &document);
        BSON_APPEND_INT64(&document, "_id", 1);
        bson_append_array_begin(&document, "b", -1, &list);
        for (int i = 0; i < 25000; i++) {
            BSON_APPEND_INT64(&list, text_of("%d", i), i % 20001);
        }
        bson_append_array_end(&document, &list);
        bson_append_document_end(&batch, &document);
    } else if (bson_iter_init(&iter, request->body) &&
               bson_iter_find_descendant(&iter, "filter._id.$in", &iter)) {
        bson_iter_t id;
        unsigned i = 0;

        assert_true(bson_iter_recurse(&iter, &id));
        while (bson_iter_next(&id)) {
            bson_t document;

            bson_append_document_begin(&batch, text_of("%u", i++), -1, &document);
            bson_append_iter(&document, "_id", -1, &id);
            bson_append_document_end(&batch, &document);
        }
    }
    bson_append_array_end(&cursor, &batch);
    bson_append_document_end(reply, &cursor);
    BSON_APPEND_INT32(reply, "ok", 1);
}

static void very_many_keys_are_cut_into_finds(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    const chain_c_t *c;
    unsigned finds = 0;

    mock_on(o->f->mock, "find", answer_find, &finds);
    odm_first(o, &out, query_of(o, &chain_c_model), related("b"));
    odm_await_success(&out);

    assert_int_equal(finds, 1 + 3);
    c = out.documents[0];
    for (unsigned i = 0; i < 25000; i++) {
        assert_int_equal(c->b.data[i].state, MUV_REF_LOADED);
        assert_int_equal(((chain_b_t *)c->b.data[i].doc)->id, i % 20001);
    }
    odm_clear(&out);
}

static void a_result_is_bounded_with_its_references(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 0, "{'_id': 1, 'a': 2}");
    odm_reply_find(o, 0, "{'_id': 2, 'n': 'a name that is too long for the limit'}");
    odm_first(o, &out, query_of(o, &chain_b_model),
              &(muv_load_opts_t){.related = "a", .max_bytes = 60});
    odm_await_error(&out, MUV_ETOOLARGE);
}

static void references_follow_their_cursor(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    const chain_c_t *c;

    odm_reply_find(o, 0, "{'_id': 1, 'b': [2, 3]}");
    odm_reply_find(o, 5, "{'_id': 2}");
    odm_reply_more(o, 0, "{'_id': 3}");
    odm_first(o, &out, query_of(o, &chain_c_model), related("b"));
    odm_await_success(&out);

    c = out.documents[0];
    assert_int_equal(c->b.data[1].state, MUV_REF_LOADED);
    assert_int_equal(odm_commands(o), 3);
    odm_clear(&out);
}

/* --- failures ----------------------------------------------------------------------------------*/

static void an_error_of_a_level_ends_the_load(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 0, "{'_id': 1, 'c': 10, 'a': 1000}");
    mock_script(
        o->f->mock, "find",
        &(mock_step_t){.json = "{\"ok\": 0, \"code\": 13, \"errmsg\": \"no\"}", .times = 2});
    odm_first(o, &out, query_of(o, &chain_d_model), related("c.b.a, a"));
    odm_await_error(&out, MUV_ESERVER);

    assert_int_equal(out.document_count, 0);
    /* The other one of the level may not even have been sent. */
    assert_in_range(odm_commands(o), 2, 3);
}

static void a_cancel_between_levels_ends_it(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 0, "{'_id': 1, 'c': 10, 'a': 1000}");
    mock_script(o->f->mock, "find", &(mock_step_t){.hold = true, .times = 2});
    odm_first(o, &out, query_of(o, &chain_d_model), related("c.b, a"));
    await_held(o->f, 2);
    o->f->starting = true;
    muv_op_cancel(out.op);
    o->f->starting = false;
    odm_await_error(&out, MUV_ECANCELED);

    mock_release(o->f->mock, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, odm_open, odm_close)
#define TC(name) cmocka_unit_test_setup_teardown(name, open_chain, odm_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(references_of_one_collection_are_one_command),
        T(a_dangling_reference_is_missing),
        T(no_reference_no_command),
        TC(a_chain_is_one_command_a_level),
        TC(collections_of_a_level_are_asked_in_parallel),
        TC(documents_that_are_there_are_not_asked_for_again),
        TC(a_list_takes_as_many_commands_as_one_document),
        TC(very_many_keys_are_cut_into_finds),
        TC(a_result_is_bounded_with_its_references),
        TC(references_follow_their_cursor),
        TC(an_error_of_a_level_ends_the_load),
        TC(a_cancel_between_levels_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
