/* SPDX-License-Identifier: Apache-2.0 */
/* The mapper behind a load balancer: all commands of a cursor go over one connection, with the
 * low-level door's pins (muv/command.h). */
#include "balancer.h"

#include "muv/odm.h"

#include <string.h>

#define NOTE_FIELDS(F, M) F(M, int32, id, "_id")
MUV_DECLARE_DOCUMENT(note, NOTE_FIELDS);
MUV_DEFINE_DOCUMENT(note, NOTE_FIELDS, "Note", .collection = "docs");

/* Notes are read through one connection for everybody, so that whoever wants it next waits. */
typedef struct reading {
    balancer_t b;
    muv_registry_t *registry;
    muv_mapper_t *mapper;
    muv_query_t *query;
    unsigned documents;
    unsigned stop_at; /* 0: never. */
    unsigned ended;
    int code;
} reading_t;

static int on_note(muv_op_t *op, void *document, void *data)
{
    reading_t *r = data;

    (void)op;
    (void)document;
    return ++r->documents == r->stop_at ? MUV_ITERATE_STOP : MUV_ITERATE_CONTINUE;
}

static void on_end(muv_op_t *op, const muv_error_t *error, void *data)
{
    reading_t *r = data;

    (void)op;
    r->ended++;
    r->code = error == NULL ? 0 : error->code;
}

static void reading_open(reading_t *r)
{
    static const muv_model_t *const models[] = {&note_model};
    muv_error_t error;

    memset(r, 0, sizeof *r);
    balancer_open(&r->b, &(muv_client_opts_t){.max_pool_size = 1}, "A");
    balancer_script_cursor(&r->b);
    CHECK_CODE(muv_models(models, 1, NULL, &error, &r->registry), 0);
    CHECK_CODE(muv_mapper_new(r->b.scene.client, r->registry, "sim", &error, &r->mapper), 0);
    r->query = muv_query_new(r->registry, &note_model);
    assert_non_null(r->query);
}

static void reading_end(reading_t *r)
{
    muv_query_free(r->query);
    muv_mapper_free(r->mapper);
    muv_registry_free(r->registry);
    balancer_end(&r->b);
}

/* Read, with somebody else behind who wants the connection. */
static void read_all(reading_t *r)
{
    static call_t call;

    memset(&call, 0, sizeof call);
    CHECK_CODE(muv_query_each(r->mapper, r->query, NULL, on_note, on_end, r, NULL), 0);
    CHECK_CODE(call_start(&r->b.scene, &call, 1, 0), 0);
    balancer_run(&r->b, SIM_SECOND);
    CHECK_ENDED(&call, 0);
    assert_int_equal(r->ended, 1);
    assert_int_equal(balancer_checked_out(&r->b), 0);
}

static void the_next_batch_comes_over_the_same_connection(void **state)
{
    reading_t r;

    (void)state;
    reading_open(&r);
    read_all(&r);
    CHECK_CODE(r.code, 0);
    assert_int_equal(r.documents, 4);
    CHECK_LOG(r.b.scene.world, "[   2.500] c1 > find\n[   3.500] c1 > getMore\n"
                               "[   4.500] c1 > ping\n");
    reading_end(&r);
}

static void a_cursor_is_killed_over_its_connection(void **state)
{
    reading_t r;

    (void)state;
    reading_open(&r);
    balancer_script(&r.b, "getMore", BATCH("7", "nextBatch"));
    r.stop_at = 3;
    read_all(&r);
    CHECK_CODE(r.code, 0);
    assert_non_null(strstr(sim_log(r.b.scene.world), "c1 > killCursors\n"));
    assert_null(strstr(sim_log(r.b.scene.world), "c2"));
    assert_true(strstr(sim_log(r.b.scene.world), "ping") >
                strstr(sim_log(r.b.scene.world), "killCursors"));
    reading_end(&r);
}

static void a_connection_that_breaks_is_given_back(void **state)
{
    reading_t r;

    (void)state;
    reading_open(&r);
    balancer_script_step(&r.b, "getMore", (sim_step_t){.act = SIM_RESET});
    read_all(&r);
    CHECK_CODE(r.code, MUV_ENETWORK);
    assert_int_equal(r.documents, 2);
    reading_end(&r);
}

/* --- the low-level door ------------------------------------------------------------------------*/

static int render(muv_writer_t *writer, void *data)
{
    muv_writer_int32(writer, data, 1);
    return 0;
}

static void take_pin(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)reply;
    CHECK_NO_ERROR(error);
    *(muv_pin_t **)data = muv_op_take_pin(op);
    assert_null(muv_op_take_pin(op));
}

static void closing_waits_for_a_pin(void **state)
{
    static char name[] = "find";
    reading_t r;
    muv_command_t find = {.database = "sim", .kind = MUV_COMMAND_READ};
    muv_pin_t *pin = NULL;

    (void)state;
    reading_open(&r);
    CHECK_CODE(muv_command_start(r.b.scene.client, &find, render, name, take_pin, &pin, NULL), 0);
    balancer_run(&r.b, SIM_SECOND);
    assert_non_null(pin);
    assert_int_equal(balancer_checked_out(&r.b), 1);
    CHECK_CODE(scene_close(&r.b.scene, MUV_CLOSE_DRAIN), 0);
    balancer_run(&r.b, SIM_SECOND);
    assert_int_equal(r.b.scene.closed, 0);
    muv_pin_release(pin);
    balancer_run(&r.b, SIM_SECOND);
    assert_int_equal(r.b.scene.closed, 1);
    reading_end(&r);
}

static void nobody_has_to_take_a_pin(void **state)
{
    static char name[] = "find";
    reading_t r;
    muv_command_t find = {.database = "sim", .kind = MUV_COMMAND_READ};

    (void)state;
    reading_open(&r);
    CHECK_CODE(muv_command_start(r.b.scene.client, &find, render, name, NULL, NULL, NULL), 0);
    balancer_run(&r.b, SIM_SECOND);
    assert_int_equal(balancer_checked_out(&r.b), 0);
    reading_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_batch_comes_over_the_same_connection),
        cmocka_unit_test(a_cursor_is_killed_over_its_connection),
        cmocka_unit_test(a_connection_that_breaks_is_given_back),
        cmocka_unit_test(closing_waits_for_a_pin),
        cmocka_unit_test(nobody_has_to_take_a_pin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
