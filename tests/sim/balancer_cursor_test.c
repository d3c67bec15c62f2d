/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors behind a load balancer: all their commands go over the connection that find was sent on.
 * The first section has the cases of the official file load-balancers/tests/cursors.json. */
#include "balancer.h"

/* --- cursors.json ------------------------------------------------------------------------------*/

static void no_connection_is_pinned_if_all_documents_are_in_the_first_batch(void **state)
{
    balancer_t b;
    finding_t f;

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script(&b, "find", BATCH("0", "firstBatch"));
    finding_open(&b, &f);
    assert_int_equal(balancer_checked_out(&b), 0);
    CHECK_POOL(&b, "Created 1\nReady 1\nCheckedOut 1\nCheckedIn 1\n");
    finding_close(&f);
    CHECK_POOL(&b, "");
    balancer_end(&b);
}

static void a_pinned_connection_is_returned_when_the_cursor_is_drained(void **state)
{
    balancer_t b;
    finding_t f;

    (void)state;
    balancer_open(&b, NULL, "AB");
    balancer_script_cursor(&b);
    finding_open(&b, &f);
    assert_int_equal(balancer_checked_out(&b), 1);
    finding_next(&f, 3);
    assert_int_equal(f.documents, 3);
    assert_int_equal(balancer_checked_out(&b), 0);
    finding_close(&f);
    CHECK_POOL(&b, "Created 1\nReady 1\nCheckedOut 1\nCheckedIn 1\n");
    CHECK_LOG(b.scene.world, "[   2.500] c1 > find\n[  30.500] c1 > getMore\n");
    balancer_end(&b);
}

/* With other connections idle: getMore and killCursors still go where find went. */
static void every_command_of_a_cursor_goes_over_its_connection(void **state)
{
    balancer_t b;
    finding_t first;
    finding_t second;
    call_t call = {0};

    (void)state;
    balancer_open(&b, NULL, "AB");
    balancer_script_cursor(&b);
    finding_open(&b, &first);
    finding_open(&b, &second);
    CHECK_CODE(call_start(&b.scene, &call, 1, 0), 0);
    balancer_run(&b, 10 * SIM_MS);
    sim_log_clear(b.scene.world);
    finding_next(&first, 3);
    finding_close(&second);
    CHECK_LOG(b.scene.world, "[  20.500] c1 > getMore\n[  30.500] c2 > killCursors\n");
    finding_close(&first);
    assert_int_equal(balancer_checked_out(&b), 0);
    balancer_end(&b);
}

static void a_pinned_connection_is_returned_when_the_cursor_is_closed(void **state)
{
    balancer_t b;
    finding_t f;

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script_cursor(&b);
    finding_open(&b, &f);
    assert_int_equal(balancer_checked_out(&b), 1);
    finding_close(&f);
    assert_int_equal(balancer_checked_out(&b), 0);
    CHECK_POOL(&b, "Created 1\nReady 1\nCheckedOut 1\nCheckedIn 1\n");
    CHECK_LOG(b.scene.world, "[   2.500] c1 > find\n[  10.500] c1 > killCursors\n");
    balancer_end(&b);
}

static void a_pinned_connection_is_not_returned_after_a_network_error_of_getmore(void **state)
{
    balancer_t b;
    finding_t f;

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script_cursor(&b);
    balancer_script_step(&b, "getMore", (sim_step_t){.act = SIM_RESET});
    finding_open(&b, &f);
    finding_next(&f, 3);
    CHECK_ERROR(&f.error, MUV_ENETWORK);
    assert_int_equal(balancer_checked_out(&b), 1);
    assert_false(muv_cursor_is_alive(f.cursor));
    CHECK_POOL(&b, "Created 1\nReady 1\nCheckedOut 1\nPoolCleared aa\n");
    finding_close(&f);
    assert_int_equal(balancer_checked_out(&b), 0);
    CHECK_POOL(&b, "CheckedIn 1\nClosed 1 error\n");
    balancer_end(&b);
}

static void a_pinned_connection_is_returned_after_a_network_error_of_killcursors(void **state)
{
    balancer_t b;
    finding_t f;

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script_cursor(&b);
    balancer_script_step(&b, "killCursors", (sim_step_t){.act = SIM_RESET});
    finding_open(&b, &f);
    b.text[0] = '\0';
    finding_close(&f);
    assert_int_equal(balancer_checked_out(&b), 0);
    CHECK_POOL(&b, "PoolCleared aa\nCheckedIn 1\nClosed 1 error\n");
    balancer_end(&b);
}

static void a_pinned_connection_is_not_returned_after_another_error_of_getmore(void **state)
{
    balancer_t b;
    finding_t f;

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script_cursor(&b);
    balancer_script(&b, "getMore", "{'ok': 0, 'code': 7, 'errmsg': 'no'}");
    finding_open(&b, &f);
    finding_next(&f, 3);
    CHECK_ERROR(&f.error, MUV_ESERVER);
    assert_int_equal(balancer_checked_out(&b), 1);
    finding_next(&f, 1); /* It says the same again, and asks nothing. */
    CHECK_ERROR(&f.error, MUV_ESERVER);
    assert_false(muv_cursor_is_alive(f.cursor));
    finding_close(&f);
    assert_int_equal(balancer_checked_out(&b), 0);
    CHECK_POOL(&b, "Created 1\nReady 1\nCheckedOut 1\nCheckedIn 1\n");
    CHECK_LOG(b.scene.world, "[   2.500] c1 > find\n[  30.500] c1 > getMore\n"
                             "[  50.500] c1 > killCursors\n");
    balancer_end(&b);
}

/* (cursors.json: aggregate, listCollections, listIndexes; a cursor command of the program's own.)
 */
static void all_commands_with_cursors_pin(void **state)
{
    balancer_t b;
    finding_t f = {.b = &b};
    muv_database_t *database;
    bson_t *pipeline = bson_from("{}");
    bson_t *command = bson_from("{\"listIndexes\": \"docs\"}");

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script_cursor(&b);
    balancer_script(&b, "aggregate", BATCH("8", "firstBatch"));
    balancer_script(&b, "listCollections", BATCH("9", "firstBatch"));
    balancer_script(&b, "listIndexes", BATCH("10", "firstBatch"));
    CHECK_CODE(muv_database_new(b.scene.client, "sim", NULL, &database), 0);
    for (unsigned i = 0; i < 3; i++) {
        int status;

        if (i == 0) {
            status = muv_database_aggregate(database, pipeline, NULL, finding_on_cursor, &f, NULL);
        } else if (i == 1) {
            status = muv_database_list_collections(database, NULL, finding_on_cursor, &f, NULL);
        } else {
            status = muv_database_run_cursor_command(database, command, NULL, finding_on_cursor, &f,
                                                     NULL);
        }
        CHECK_CODE(status, 0);
        balancer_run(&b, 10 * SIM_MS);
        assert_int_equal(balancer_checked_out(&b), 1);
        finding_next(&f, 3);
        assert_int_equal(balancer_checked_out(&b), 0);
        finding_close(&f);
    }
    assert_int_equal(f.documents, 9);
    bson_destroy(pipeline);
    bson_destroy(command);
    muv_database_free(database);
    balancer_end(&b);
}

/* --- beyond the official cases -----------------------------------------------------------------*/

/* Nobody notices until the cursor is used, or closed: there is nothing to kill any more. */
static void a_pinned_connection_that_breaks_between_two_commands(void **state)
{
    balancer_t b;
    finding_t first;
    finding_t second;

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script_cursor(&b);
    finding_open(&b, &first);
    finding_open(&b, &second);
    b.text[0] = '\0';
    sim_reset_all(b.scene.server);
    balancer_run(&b, SIM_SECOND);
    CHECK_POOL(&b, "");
    finding_close(&second);
    CHECK_POOL(&b, "CheckedIn 2\nClosed 2 error\n");
    finding_next(&first, 3);
    CHECK_ERROR(&first.error, MUV_ENETWORK);
    assert_string_equal(first.error.host, "10.0.0.1:27017");
    assert_int_equal(first.documents, 2);
    CHECK_POOL(&b, "PoolCleared aa\n");
    finding_close(&first);
    CHECK_POOL(&b, "CheckedIn 1\nClosed 1 error\n");
    assert_int_equal(sim_counts(b.scene.server).requests, 2);
    balancer_end(&b);
}

/* The reply to getMore is still to come: killCursors waits for it, on the same connection. */
static void killcursors_waits_for_the_late_reply_of_an_abandoned_getmore(void **state)
{
    balancer_t b;
    finding_t f;

    (void)state;
    balancer_open(&b, NULL, "AB");
    balancer_script_cursor(&b);
    balancer_script_step(&b, "getMore",
                         (sim_step_t){.json = BATCH("7", "nextBatch"), .delay_us = 500 * SIM_MS});
    finding_open(&b, &f);
    finding_next(&f, 2);
    sim_log_clear(b.scene.world);
    CHECK_CODE(finding_start_next(&f), 0);
    balancer_run(&b, 100 * SIM_MS);
    muv_op_cancel(f.op);
    balancer_run(&b, 10 * SIM_MS);
    CHECK_ERROR(&f.error, MUV_ECANCELED);
    finding_close(&f);
    assert_int_equal(balancer_checked_out(&b), 1);
    balancer_run(&b, SIM_SECOND);
    CHECK_LOG(b.scene.world, "[   0.500] c1 > getMore\n[ 501.500] c1 > killCursors\n");
    assert_int_equal(balancer_checked_out(&b), 0);
    CHECK_POOL(&b, "Created 1\nReady 1\nCheckedOut 1\nCheckedIn 1\n");
    balancer_end(&b);
}

/* It never comes: the connection is given up, and killCursors with it. */
static void killcursors_ends_with_the_connection_it_waits_for(void **state)
{
    balancer_t b;
    finding_t f;

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script_cursor(&b);
    balancer_script_step(&b, "getMore", (sim_step_t){.act = SIM_SILENCE});
    finding_open(&b, &f);
    finding_next(&f, 2);
    CHECK_CODE(finding_start_next(&f), 0);
    balancer_run(&b, 100 * SIM_MS);
    finding_close(&f);
    balancer_run(&b, 10 * SIM_SECOND);
    assert_int_equal(f.ended, 3);
    CHECK_POOL(&b, "Created 1\nReady 1\nCheckedOut 1\nCheckedIn 1\nClosed 1 error\n");
    assert_int_equal(scene_stats(&b.scene).operations_live, 0);
    balancer_end(&b);
}

/* The client does not wait longer for killCursors than it does for any. */
static void a_client_that_closes_does_not_wait_for_a_silent_connection(void **state)
{
    balancer_t b;
    finding_t f;

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script_cursor(&b);
    balancer_script_step(&b, "getMore", (sim_step_t){.act = SIM_SILENCE});
    finding_open(&b, &f);
    finding_next(&f, 2);
    CHECK_CODE(finding_start_next(&f), 0);
    balancer_run(&b, 100 * SIM_MS);
    muv_op_cancel(f.op);
    CHECK_CODE(scene_close(&b.scene, MUV_CLOSE_DRAIN), 0);
    balancer_run(&b, 900 * SIM_MS);
    assert_int_equal(b.scene.closed, 0);
    balancer_run(&b, 200 * SIM_MS);
    assert_int_equal(b.scene.closed, 1);
    muv_cursor_close(f.cursor);
    balancer_end(&b);
}

/* Its service was cleared because of another connection: the cursor goes on, as every command in
 * progress does, and the connection is closed afterwards. */
static void a_cursor_goes_on_over_a_connection_that_is_stale(void **state)
{
    balancer_t b;
    finding_t f;
    call_t call = {0};

    (void)state;
    balancer_open(&b, &(muv_client_opts_t){.retry_reads = MUV_NO}, "A");
    balancer_script_cursor(&b);
    sim_on(b.scene.server, "bad", &(sim_step_t){.act = SIM_RESET});
    finding_open(&b, &f);
    CHECK_CODE(call_start_as(&b.scene, &call, 1, &(call_opts_t){.name = "bad"}), 0);
    balancer_run(&b, 10 * SIM_MS);
    b.text[0] = '\0';
    finding_next(&f, 4);
    CHECK_NO_ERROR(&f.error);
    assert_int_equal(f.documents, 4);
    CHECK_POOL(&b, "CheckedIn 1\nClosed 1 stale\n");
    finding_close(&f);
    balancer_end(&b);
}

static void a_client_that_closes_kills_over_the_pinned_connections_first(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        balancer_t b;
        finding_t first;
        finding_t second;

        balancer_open(&b, NULL, "AB");
        balancer_script_cursor(&b);
        finding_open(&b, &first);
        finding_open(&b, &second);
        sim_log_clear(b.scene.world);
        CHECK_CODE(scene_close(&b.scene, mode == 0 ? MUV_CLOSE_DRAIN : MUV_CLOSE_ABORT), 0);
        balancer_run(&b, SIM_SECOND);
        assert_int_equal(b.scene.closed, 1);
        if (mode == 0) {
            CHECK_CONTAINS(sim_log(b.scene.world), "c1 > killCursors\n");
            CHECK_CONTAINS(sim_log(b.scene.world), "c2 > killCursors\n");
        }
        muv_cursor_close(first.cursor);
        muv_cursor_close(second.cursor);
        balancer_end(&b);
    }
}

/* Outside of the loop, where the connection's end leads straight on to the client's. */
static void a_lost_connection_is_let_go_while_the_client_closes(void **state)
{
    balancer_t b;
    finding_t first;
    finding_t second;

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script_cursor(&b);
    finding_open(&b, &first);
    finding_open(&b, &second);
    sim_reset_all(b.scene.server);
    balancer_run(&b, SIM_SECOND);
    CHECK_CODE(scene_close(&b.scene, MUV_CLOSE_DRAIN), 0);
    muv_cursor_close(first.cursor);
    muv_cursor_close(second.cursor);
    balancer_run(&b, SIM_SECOND);
    assert_int_equal(b.scene.closed, 1);
    balancer_end(&b);
}

/* --- memory ------------------------------------------------------------------------------------*/

typedef enum plan { DRAINED, BROKEN, CANCELLED, KILLED, PLANS } plan_t;

static void on_cursor_or_error(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor,
                               void *data)
{
    finding_t *f = data;

    (void)op;
    assert_true((error == NULL) == (cursor != NULL));
    assert_true(error == NULL || alloc_has_failed());
    f->cursor = cursor;
}

static void use_cursor(finding_t *f, plan_t plan)
{
    for (unsigned i = 0; i < 3; i++) {
        int status = finding_start_next(f);

        assert_true(status == 0 || alloc_has_failed());
        if (i == 2 && plan == CANCELLED && f->op != NULL) {
            balancer_run(f->b, 600);
            muv_op_cancel(f->op);
        }
        balancer_run(f->b, plan == KILLED ? 100 : 10 * SIM_MS);
    }
}

static void live_once(void *data)
{
    plan_t plan = *(plan_t *)data;
    finding_t f = {0};
    balancer_t b;

    balancer_open(&b, &(muv_client_opts_t){.max_pool_size = 2}, "AB");
    f.b = &b;
    if (b.docs != NULL) {
        balancer_script_cursor(&b);
        balancer_script_step(
            &b, "getMore",
            plan == BROKEN ? (sim_step_t){.act = SIM_RESET}
                           : (sim_step_t){.json = BATCH("0", "nextBatch"), .delay_us = SIM_MS});
        if (muv_collection_find(b.docs, NULL, NULL, on_cursor_or_error, &f, NULL) == 0) {
            balancer_run(&b, 10 * SIM_MS);
        }
    }
    if (f.cursor != NULL) {
        use_cursor(&f, plan);
        muv_cursor_close(f.cursor);
        balancer_run(&b, SIM_SECOND);
        assert_int_equal(balancer_checked_out(&b), 0);
    }
    if (b.scene.client != NULL) {
        muv_collection_free(b.docs);
        scene_end(&b.scene);
    } else {
        sim_run(b.scene.world);
        sim_free(b.scene.world);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (plan_t plan = DRAINED; plan < PLANS; plan++) {
        assert_true(alloc_sweep(live_once, &plan) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_connection_is_pinned_if_all_documents_are_in_the_first_batch),
        cmocka_unit_test(a_pinned_connection_is_returned_when_the_cursor_is_drained),
        cmocka_unit_test(every_command_of_a_cursor_goes_over_its_connection),
        cmocka_unit_test(a_pinned_connection_is_returned_when_the_cursor_is_closed),
        cmocka_unit_test(a_pinned_connection_is_not_returned_after_a_network_error_of_getmore),
        cmocka_unit_test(a_pinned_connection_is_returned_after_a_network_error_of_killcursors),
        cmocka_unit_test(a_pinned_connection_is_not_returned_after_another_error_of_getmore),
        cmocka_unit_test(all_commands_with_cursors_pin),
        cmocka_unit_test(a_pinned_connection_that_breaks_between_two_commands),
        cmocka_unit_test(killcursors_waits_for_the_late_reply_of_an_abandoned_getmore),
        cmocka_unit_test(killcursors_ends_with_the_connection_it_waits_for),
        cmocka_unit_test(a_client_that_closes_does_not_wait_for_a_silent_connection),
        cmocka_unit_test(a_cursor_goes_on_over_a_connection_that_is_stale),
        cmocka_unit_test(a_client_that_closes_kills_over_the_pinned_connections_first),
        cmocka_unit_test(a_lost_connection_is_let_go_while_the_client_closes),
        cmocka_unit_test_teardown(every_allocation_may_fail, alloc_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
