/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs in every kind of end: cancel, timeout, close, parents, a mapper that is gone, and memory
 * that runs out at each allocation. */
#include "integration/odm_fixture.h"

#include "support/alloc.h"

#define ID1 "{'$oid': '010101010101010101010101'}"
#define ID2 "{'$oid': '020202020202020202020202'}"

static muv_query_t *posts(odm_fixture_t *o)
{
    return muv_query_new(o->registry, &post_model);
}

static void cancel_it(odm_fixture_t *o, odm_outcome_t *out)
{
    o->f->starting = true;
    muv_op_cancel(out->op);
    muv_op_cancel(out->op);
    o->f->starting = false;
}

/* --- cancel and close --------------------------------------------------------------------------*/

static void a_job_can_be_cancelled_before_anything_is_sent(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t load = {0};
    odm_outcome_t save = {0};
    user_t *ann = odm_load(o->registry, &user_model, "{'_id': " ID1 ", 'e': 'x'}");

    odm_all(o, &load, posts(o), NULL);
    cancel_it(o, &load);
    ann->age = 1;
    odm_save(o, &save, ann, NULL);
    cancel_it(o, &save);
    odm_await_error(&load, MUV_ECANCELED);
    odm_await_error(&save, MUV_ECANCELED);

    assert_int_equal(save.error.in_doubt, 0);
    assert_int_equal(odm_commands(o), 0);
    odm_clear(&save);
    muv_doc_release(ann);
}

static void a_job_without_commands_can_be_cancelled(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_all(o, &out, muv_query_none(posts(o)), NULL);
    cancel_it(o, &out);
    odm_await(&out);

    /* It had ended already. */
    assert_int_equal(out.error.code, 0);
}

static void a_read_in_flight_is_cancelled(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    mock_script(o->f->mock, "find", &(mock_step_t){.hold = true});
    odm_first(o, &out, posts(o), NULL);
    await_held(o->f, 1);
    cancel_it(o, &out);
    odm_await_error(&out, MUV_ECANCELED);

    assert_int_equal(out.error.in_doubt, 0);
    mock_release(o->f->mock, 1);
}

static void one_deadline_covers_all_round_trips(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 0, "{'_id': " ID1 ", 'a': " ID2 "}");
    mock_script(o->f->mock, "find", &(mock_step_t){.hold = true});
    odm_first(o, &out, posts(o), &(muv_load_opts_t){.related = "author", .timeout_ms = 100});
    odm_await_error(&out, MUV_ETIMEOUT);

    assert_int_equal(out.document_count, 0);
    assert_int_equal(odm_commands(o), 2);
    mock_release(o->f->mock, 1);
}

static void closing_the_client_ends_all_jobs(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out[4] = {{0}};
    user_t *ann = odm_load(o->registry, &user_model, "{'_id': " ID1 ", 'e': 'x'}");

    mock_script(o->f->mock, "*", &(mock_step_t){.hold = true, .times = MOCK_FOREVER});
    odm_all(o, &out[0], posts(o), &(muv_load_opts_t){.related = "author"});
    odm_count(o, &out[1], posts(o));
    ann->age = 1;
    odm_save(o, &out[2], ann, NULL);
    odm_ensure_indexes(o, &out[3], NULL);
    run_for(&o->f->loop, 30);
    close_client(o->f, MUV_CLOSE_ABORT);

    for (unsigned i = 0; i < 4; i++) {
        assert_true(out[i].done);
        CHECK_ERROR(&out[i].error, MUV_ECLOSED);
        odm_clear(&out[i]);
    }
    muv_doc_release(ann);
}

static void a_draining_client_finishes_a_job_of_several_commands(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 0, "{'_id': " ID1 ", 'a': " ID2 "}");
    odm_reply_find(o, 0, "{'_id': " ID2 ", 'n': 'Bob'}");
    odm_first(o, &out, posts(o), &(muv_load_opts_t){.related = "author"});
    close_client(o->f, MUV_CLOSE_DRAIN);

    assert_true(out.done);
    assert_int_equal(out.error.code, 0);
    assert_int_equal(((post_t *)out.documents[0])->author.state, MUV_REF_LOADED);
    odm_clear(&out);
}

static void a_mapper_may_be_freed_while_its_jobs_go_on(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 9, "{'_id': " ID1 "}");
    odm_reply_more(o, 0, "{'_id': " ID2 "}");
    odm_all(o, &out, posts(o), NULL);
    muv_mapper_free(o->mapper);
    muv_registry_free(o->registry);
    o->mapper = NULL;
    o->registry = NULL;
    odm_await_success(&out);

    assert_int_equal(out.document_count, 2);
    odm_clear(&out);
}

/* --- parents -----------------------------------------------------------------------------------*/

static void on_parent(muv_op_t *op, const muv_error_t *error, void *data)
{
    odm_outcome_t *out = data;

    (void)op;
    out->done = true;
    if (error != NULL) {
        out->error = *error;
    }
}

static void what_the_mapper_finds_out_goes_up_to_a_parent(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t parent = {.o = o};
    odm_outcome_t out = {.o = o};
    muv_query_t *query = posts(o);

    odm_reply_find(o, 0, "");
    CHECK_CODE(muv_op_begin(o->f->client, NULL, on_parent, &parent, &parent.op), 0);
    odm_get(o, &out, query, &(muv_load_opts_t){.parent = parent.op});
    muv_op_finish(parent.op, NULL);
    odm_await_error(&parent, MUV_ENOTFOUND);

    assert_true(out.done);
    CHECK_ERROR(&out.error, MUV_ENOTFOUND);
}

static void a_refused_start_leaves_its_parent_alone(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t parent = {.o = o};
    muv_query_t *query = posts(o);

    CHECK_CODE(muv_op_begin(o->f->client, NULL, on_parent, &parent, &parent.op), 0);
    CHECK_CODE(muv_query_first(o->mapper, query,
                               &(muv_load_opts_t){.parent = parent.op, .related = "nothing"}, NULL,
                               NULL, NULL),
               MUV_EINVAL);
    muv_op_finish(parent.op, NULL);
    odm_await_success(&parent);
    muv_query_free(query);
}

static void foreign_operations_have_no_validation_and_no_pause(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t parent = {.o = o};

    CHECK_CODE(muv_op_begin(o->f->client, NULL, on_parent, &parent, &parent.op), 0);
    assert_null(muv_op_validation(parent.op));
    assert_null(muv_op_validation(NULL));
    muv_query_resume(parent.op);
    muv_query_resume(NULL);
    muv_op_finish(parent.op, NULL);
    odm_await_success(&parent);
}

/* --- a mapper ----------------------------------------------------------------------------------*/

static void a_mapper_needs_a_database(void **state)
{
    odm_fixture_t *o = *state;
    muv_mapper_t *mapper = NULL;
    muv_error_t error;

    CHECK_CODE(muv_mapper_new(o->f->client, o->registry, NULL, &error, &mapper), MUV_EINVAL);
    CHECK_CONTAINS(error.message, "database");
    CHECK_CODE(muv_mapper_new(NULL, o->registry, "d", &error, &mapper), MUV_EINVAL);
    assert_null(mapper);
}

/* --- memory ------------------------------------------------------------------------------------*/

static bool is_memory(const odm_outcome_t *out)
{
    return out->error.code == 0 || out->error.code == MUV_ENOMEM ||
           out->error.code == MUV_ETOOLARGE || out->error.code == MUV_EPOOLCLEARED ||
           out->error.code == MUV_ENETWORK || out->error.code == MUV_ESELECTION ||
           out->error.code == MUV_EQUEUEFULL;
}

static void on_loaded(muv_op_t *op, const muv_error_t *error, void **documents, size_t count,
                      void *data)
{
    odm_outcome_t *out = data;

    (void)op;
    (void)documents;
    out->count = (int64_t)count;
    out->error.code = error == NULL ? 0 : error->code;
    out->done = true;
}

static void on_saved(muv_op_t *op, const muv_error_t *error, void *document, void *data)
{
    odm_outcome_t *out = data;

    (void)op;
    (void)document;
    out->error.code = error == NULL ? 0 : error->code;
    out->done = true;
}

static void wait_for(odm_fixture_t *o, odm_outcome_t *out, int code)
{
    out->o = o;
    if (code != 0) {
        CHECK_CODE(code, MUV_ENOMEM);
        assert_true(alloc_has_failed());
        return;
    }
    odm_await(out);
    if (!is_memory(out)) {
        fail_msg("%s: %s", muv_error_name(out->error.code), out->error.message);
    }
    assert_true(out->error.code == 0 || alloc_has_failed());
}

static void load_with_references(odm_fixture_t *o)
{
    odm_outcome_t out = {0};
    muv_query_t *query = muv_query_only(posts(o), "author, title");
    muv_load_opts_t opts = {.related = "author, comments.author"};

    odm_reply_find(o, 9, "{'_id': " ID1 ", 't': 'a', 'a': " ID2 "}");
    odm_reply_more(o, 0, "{'_id': " ID2 ", 't': 'b', 'a': " ID1 "}");
    odm_reply_find(o, 0, "{'_id': " ID1 "}, {'_id': " ID2 "}");
    wait_for(o, &out, muv_query_all(o->mapper, query, &opts, on_loaded, &out, NULL));
    muv_query_free(query);
}

static void save_and_reload(odm_fixture_t *o)
{
    odm_outcome_t out = {0};
    odm_outcome_t again = {0};
    user_t *ann = muv_doc_new(o->registry, &user_model);

    if (ann == NULL) {
        assert_true(alloc_has_failed());
        return;
    }
    ann->email = muv_str("ann@x.org");
    ann->id = odm_oid(1);
    odm_reply_find(o, 0, "{'_id': " ID1 ", 'e': 'new@x.org'}");
    wait_for(o, &out, muv_save(o->mapper, ann, NULL, on_saved, &out, NULL));
    wait_for(o, &again, muv_reload(o->mapper, ann, NULL, on_saved, &again, NULL));
    muv_doc_release(ann);
}

typedef void (*scene_t)(odm_fixture_t *o);

static int on_document(muv_op_t *op, void *document, void *data)
{
    (void)op;
    (void)document;
    (void)data;
    return MUV_ITERATE_CONTINUE;
}

static void on_done(muv_op_t *op, const muv_error_t *error, void *data)
{
    on_saved(op, error, NULL, data);
}

static void stream(odm_fixture_t *o)
{
    odm_outcome_t out = {0};
    muv_query_t *query = posts(o);
    muv_load_opts_t opts = {.related = "author"};

    odm_reply_find(o, 9, "{'_id': " ID1 ", 'a': " ID2 "}");
    odm_reply_more(o, 0, "{'_id': " ID2 ", 't': 'b'}");
    odm_reply_find(o, 0, "{'_id': " ID2 "}");
    wait_for(o, &out, muv_query_each(o->mapper, query, &opts, on_document, on_done, &out, NULL));
    muv_query_free(query);
}

static void on_inserted(muv_op_t *op, const muv_error_t *error, size_t inserted, void *data)
{
    (void)inserted;
    on_saved(op, error, NULL, data);
}

static void insert_two(odm_fixture_t *o)
{
    odm_outcome_t out = {0};
    user_t *users[2];
    void *documents[2];

    for (unsigned i = 0; i < 2; i++) {
        users[i] = muv_doc_new(o->registry, &user_model);
        documents[i] = users[i];
        if (users[i] != NULL) {
            users[i]->email = muv_str("ann@x.org");
        }
    }
    if (users[0] != NULL && users[1] != NULL) {
        wait_for(o, &out, muv_insert(o->mapper, documents, 2, NULL, on_inserted, &out, NULL));
    }
    muv_doc_release(users[0]);
    muv_doc_release(users[1]);
}

static void on_update(muv_op_t *op, const muv_error_t *error, const muv_update_result_t *result,
                      void *data)
{
    (void)result;
    on_saved(op, error, NULL, data);
}

static void write_all(odm_fixture_t *o)
{
    odm_outcome_t valid = {0};
    odm_outcome_t invalid = {0};
    odm_outcome_t indexes = {0};
    muv_query_t *query = posts(o);
    muv_update_t *good = muv_update_new(o->registry, &post_model);
    muv_update_t *bad = muv_update_new(o->registry, &post_model);

    muv_update_inc(good, post_fields.votes, 1);
    muv_update_set(bad, post_fields.title, muv_str(""));
    wait_for(o, &valid, muv_query_update(o->mapper, query, good, NULL, on_update, &valid, NULL));
    invalid.o = o;
    if (muv_query_update(o->mapper, query, bad, NULL, on_update, &invalid, NULL) == 0) {
        odm_await(&invalid);
        assert_true(invalid.error.code == MUV_EVALIDATION || alloc_has_failed());
    }
    wait_for(o, &indexes, muv_ensure_indexes(o->mapper, NULL, NULL, on_done, &indexes, NULL));
    muv_query_free(query);
    muv_update_free(good);
    muv_update_free(bad);
}

/* One scene on a warm client, with the k-th allocation of the scene failing. Returns false when it
 * has fewer. */
static bool play(scene_t scene, unsigned k, bool persistent)
{
    odm_fixture_t o = {0};
    client_fixture_t f = {0};
    alloc_mark_t mark = alloc_mark();
    muv_error_t error;
    bool failed;

    o.f = &f;
    assert_int_equal(uv_loop_init(&f.loop), 0);
    f.mock = mock_new(&f.loop);
    open_client(&f, NULL, NULL);
    warm_up(&f);
    o.registry = odm_registry();
    CHECK_CODE(muv_mapper_new(f.client, o.registry, "d", &error, &o.mapper), 0);
    alloc_fail_at(k, persistent);
    scene(&o);
    failed = alloc_has_failed();
    alloc_fail_at(0, false);
    muv_mapper_free(o.mapper);
    muv_registry_free(o.registry);
    close_client(&f, MUV_CLOSE_ABORT);
    mock_close(f.mock);
    close_loop(&f.loop);
    CHECK_NO_LEAK(mark);
    return failed;
}

static void sweep(scene_t scene)
{
    unsigned k = 1;

    while (play(scene, k, false)) {
        (void)play(scene, k, true);
        k++;
    }
    assert_true(k > 5);
}

static void a_load_survives_every_failed_allocation(void **state)
{
    (void)state;
    sweep(load_with_references);
}

static void a_save_survives_every_failed_allocation(void **state)
{
    (void)state;
    sweep(save_and_reload);
}

static void a_stream_survives_every_failed_allocation(void **state)
{
    (void)state;
    sweep(stream);
}

static void an_insert_survives_every_failed_allocation(void **state)
{
    (void)state;
    sweep(insert_two);
}

static void writes_survive_every_failed_allocation(void **state)
{
    (void)state;
    sweep(write_all);
}

#define T(name) cmocka_unit_test_setup_teardown(name, odm_open, odm_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_job_can_be_cancelled_before_anything_is_sent),
        T(a_job_without_commands_can_be_cancelled),
        T(a_read_in_flight_is_cancelled),
        T(one_deadline_covers_all_round_trips),
        T(closing_the_client_ends_all_jobs),
        T(a_draining_client_finishes_a_job_of_several_commands),
        T(a_mapper_may_be_freed_while_its_jobs_go_on),
        T(what_the_mapper_finds_out_goes_up_to_a_parent),
        T(a_refused_start_leaves_its_parent_alone),
        T(foreign_operations_have_no_validation_and_no_pause),
        T(a_mapper_needs_a_database),
        cmocka_unit_test_teardown(a_load_survives_every_failed_allocation, alloc_teardown),
        cmocka_unit_test_teardown(a_save_survives_every_failed_allocation, alloc_teardown),
        cmocka_unit_test_teardown(a_stream_survives_every_failed_allocation, alloc_teardown),
        cmocka_unit_test_teardown(an_insert_survives_every_failed_allocation, alloc_teardown),
        cmocka_unit_test_teardown(writes_survive_every_failed_allocation, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
