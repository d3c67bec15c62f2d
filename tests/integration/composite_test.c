/* SPDX-License-Identifier: Apache-2.0 */
/* Composite operations: none or several commands under one deadline, one cancel and one callback.
 */
#include "integration/client_fixture.h"

#include <string.h>

#define CHILDREN 3

/* A composite of three finds, which end before it. */
struct family {
    outcome_t parent;
    outcome_t child[CHILDREN];
};

static void start_family(client_fixture_t *f, struct family *family, int64_t timeout_ms)
{
    memset(family, 0, sizeof *family);
    start_composite(f, &family->parent, &(muv_op_opts_t){.timeout_ms = timeout_ms});
    for (int i = 0; i < CHILDREN; i++) {
        start_find(f, &family->child[i], i, &(muv_find_one_opts_t){.parent = family->parent.op});
    }
    muv_op_finish(family->parent.op, NULL);
}

static void clear_family(struct family *family)
{
    outcome_clear(&family->parent);
    for (int i = 0; i < CHILDREN; i++) {
        outcome_clear(&family->child[i]);
    }
}

static void check_family_ended_with(struct family *family, int code)
{
    await(&family->parent);
    assert_int_equal(family->parent.error.code, code);
    for (int i = 0; i < CHILDREN; i++) {
        assert_true(family->child[i].done);
        assert_int_equal(family->child[i].error.code, code);
        assert_true(family->child[i].order < family->parent.order);
    }
    clear_family(family);
}

static void without_children_it_ends_when_it_is_finished(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client(f, NULL, NULL);
    start_composite(f, &o, NULL);
    run_for(&f->loop, 20);
    assert_false(o.done);
    muv_op_finish(o.op, NULL);
    assert_false(o.done);
    await_success(&o);
    assert_int_equal(mock_accepted(f->mock), 0);
    outcome_clear(&o);
}

static void it_ends_after_its_three_children(void **state)
{
    client_fixture_t *f = *state;
    struct family family;

    open_client(f, NULL, NULL);
    start_family(f, &family, 0);
    check_family_ended_with(&family, 0);
}

static void its_cancel_goes_down(void **state)
{
    client_fixture_t *f = *state;
    struct family family;

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_script(f->mock, "find", &(mock_step_t){.hold = true});
    start_family(f, &family, 0);
    await_held(f, 1);
    cancel(&family.parent);
    check_family_ended_with(&family, MUV_ECANCELED);
    mock_release(f->mock, 1);
    warm_up(f);
    assert_int_equal(mock_request_count(f->mock, "find"), 1);
}

static void its_timeout_goes_down(void **state)
{
    client_fixture_t *f = *state;
    struct family family;

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_script(f->mock, "find", &(mock_step_t){.hold = true});
    start_family(f, &family, 30);
    check_family_ended_with(&family, MUV_ETIMEOUT);
}

static void its_end_by_abort_goes_down(void **state)
{
    client_fixture_t *f = *state;
    struct family family;

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_script(f->mock, "find", &(mock_step_t){.hold = true});
    start_family(f, &family, 0);
    await_held(f, 1);
    close_client(f, MUV_CLOSE_ABORT);
    check_family_ended_with(&family, MUV_ECLOSED);
}

static void draining_waits_for_it(void **state)
{
    client_fixture_t *f = *state;
    struct family family;

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_script(f->mock, "find", &(mock_step_t){.hold = true});
    start_family(f, &family, 0);
    begin_close(f, MUV_CLOSE_DRAIN);
    await_held(f, 1);
    assert_false(f->closed);
    mock_release(f->mock, 1);
    check_family_ended_with(&family, 0);
    run_until(&f->loop, &f->closed, WAIT_MS);
}

static void an_open_composite_is_ended_by_cancel_timeout_and_abort(void **state)
{
    client_fixture_t *f = *state;
    outcome_t cancelled = {0};
    outcome_t timed_out = {0};
    outcome_t aborted = {0};

    open_client(f, NULL, NULL);
    start_composite(f, &cancelled, NULL);
    cancel(&cancelled);
    muv_op_finish(cancelled.op, NULL);
    await_error(&cancelled, MUV_ECANCELED);
    start_composite(f, &timed_out, &(muv_op_opts_t){.timeout_ms = 20});
    run_for(&f->loop, 60);
    muv_op_finish(timed_out.op, NULL);
    await_error(&timed_out, MUV_ETIMEOUT);
    start_composite(f, &aborted, NULL);
    begin_close(f, MUV_CLOSE_ABORT);
    muv_op_finish(aborted.op, NULL);
    run_until(&f->loop, &f->closed, WAIT_MS);
    CHECK_ERROR(&aborted.error, MUV_ECLOSED);
    outcome_clear(&cancelled);
    outcome_clear(&timed_out);
    outcome_clear(&aborted);
}

static void the_first_error_of_a_child_goes_up(void **state)
{
    client_fixture_t *f = *state;
    struct family family;

    mock_script(f->mock, "find", &(mock_step_t){0});
    mock_reply(f->mock, "find", "{\"ok\": 0, \"code\": 11, \"errmsg\": \"second\"}");
    mock_reply(f->mock, "find", "{\"ok\": 0, \"code\": 12, \"errmsg\": \"third\"}");
    open_client(f, "maxPoolSize=1", NULL);
    start_family(f, &family, 0);
    await_error(&family.parent, MUV_ESERVER);
    assert_int_equal(family.parent.error.server_code, 11);
    assert_string_equal(family.parent.error.host, mock_address(f->mock, 0));
    assert_int_equal(family.child[2].error.server_code, 12);
    clear_family(&family);
}

static void absorb(outcome_t *o)
{
    muv_op_absorb_error(o->op);
}

static void an_absorbed_error_stays_with_the_child(void **state)
{
    client_fixture_t *f = *state;
    outcome_t parent = {0};
    outcome_t child = {.then = absorb};

    mock_reply(f->mock, "find", "{\"ok\": 0, \"code\": 11, \"errmsg\": \"lost\"}");
    open_client(f, NULL, NULL);
    start_composite(f, &parent, NULL);
    start_find(f, &child, 1, &(muv_find_one_opts_t){.parent = parent.op});
    muv_op_finish(parent.op, NULL);
    await_success(&parent);
    CHECK_ERROR(&child.error, MUV_ESERVER);
    outcome_clear(&parent);
    outcome_clear(&child);
}

static outcome_t grandparent;
static outcome_t second;

/* The next command is started in the callback of the one before, as the mapper does. */
static void chain(outcome_t *o)
{
    client_fixture_t *f = o->f;

    start_find(f, &second, 2, &(muv_find_one_opts_t){.parent = grandparent.op});
    muv_op_finish(grandparent.op, NULL);
}

static void commands_can_be_chained_in_callbacks(void **state)
{
    client_fixture_t *f = *state;
    outcome_t first = {.then = chain};

    open_client(f, NULL, NULL);
    start_composite(f, &grandparent, NULL);
    start_find(f, &first, 1, &(muv_find_one_opts_t){.parent = grandparent.op});
    await_success(&grandparent);
    assert_string_equal(second.text, "{ \"_id\" : 2 }");
    outcome_clear(&first);
    outcome_clear(&second);
    outcome_clear(&grandparent);
}

static void composites_nest(void **state)
{
    client_fixture_t *f = *state;
    outcome_t outer = {0};
    outcome_t inner = {0};
    outcome_t command = {0};

    open_client(f, NULL, NULL);
    warm_up(f);
    mock_script(f->mock, "find", &(mock_step_t){.hold = true});
    start_composite(f, &outer, NULL);
    start_composite(f, &inner, &(muv_op_opts_t){.parent = outer.op});
    start_find(f, &command, 1, &(muv_find_one_opts_t){.parent = inner.op});
    muv_op_finish(inner.op, NULL);
    muv_op_finish(outer.op, NULL);
    cancel(&outer);
    await_error(&outer, MUV_ECANCELED);
    CHECK_ERROR(&command.error, MUV_ECANCELED);
    CHECK_ERROR(&inner.error, MUV_ECANCELED);
    assert_true(command.order < inner.order && inner.order < outer.order);
    outcome_clear(&outer);
    outcome_clear(&inner);
    outcome_clear(&command);
}

static void nothing_starts_under_an_ended_composite(void **state)
{
    client_fixture_t *f = *state;
    bson_t *ping = bson_from("{\"ping\": 1}");
    outcome_t o = {0};

    open_client(f, NULL, NULL);
    start_composite(f, &o, NULL);
    cancel(&o);
    CHECK_CODE(muv_run_command(f->client, "d", ping, &(muv_run_command_opts_t){.parent = o.op},
                               NULL, NULL, NULL),
               MUV_ECLOSED);
    muv_op_finish(o.op, NULL);
    await_error(&o, MUV_ECANCELED);
    bson_destroy(ping);
    outcome_clear(&o);
}

static void an_error_of_its_own_can_be_given_at_the_end(void **state)
{
    client_fixture_t *f = *state;
    muv_error_t mine = {.domain = MUV_DOMAIN_MODEL, .code = MUV_ENOTFOUND, .message = "none"};
    outcome_t o = {0};

    open_client(f, NULL, NULL);
    start_composite(f, &o, NULL);
    muv_op_finish(o.op, &mine);
    await_error(&o, MUV_ENOTFOUND);
    assert_string_equal(o.error.message, "none");
    outcome_clear(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_children_it_ends_when_it_is_finished),
        TEST(it_ends_after_its_three_children),
        TEST(its_cancel_goes_down),
        TEST(its_timeout_goes_down),
        TEST(its_end_by_abort_goes_down),
        TEST(draining_waits_for_it),
        TEST(an_open_composite_is_ended_by_cancel_timeout_and_abort),
        TEST(the_first_error_of_a_child_goes_up),
        TEST(an_absorbed_error_stays_with_the_child),
        TEST(commands_can_be_chained_in_callbacks),
        TEST(composites_nest),
        TEST(nothing_starts_under_an_ended_composite),
        TEST(an_error_of_its_own_can_be_given_at_the_end),
    };

    return cmocka_run_group_tests_name("composite", tests, NULL, NULL);
}
