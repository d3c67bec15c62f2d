/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that may be answered many times (OP_MSG: exhaustAllowed, moreToCome), on one connection
 * in virtual time. */
#include "conn_rig.h"

#include "net_handler.h"

#include <string.h>

#define MORE MUV__MSG_MORE_TO_COME
#define EXHAUST MUV__MSG_EXHAUST_ALLOWED

/* The server's side, which the tests write by hand; and what the client's side was told. */
typedef struct stage {
    rig_t rig;
    sim_link_t *link;
    int32_t request_id;
    uint32_t request_flags;
    char heard[64];    /* One letter each: m a reply with more to come, r the last one, F. */
    bool close_at_one; /* The owner closes in the first reply's call. */
    muv_error_t error;
} stage_t;

static stage_t stage;

/* --- the server --------------------------------------------------------------------------------*/

static sim_connect_t on_connect(void *data)
{
    (void)data;
    return SIM_ACCEPT;
}

static int64_t on_packet(void *data, sim_link_t *link, bool to_client)
{
    (void)data;
    (void)link;
    (void)to_client;
    return 0;
}

static void on_message(void *data, sim_link_t *link, const sim_message_t *message)
{
    (void)data;
    stage.link = link;
    stage.request_id = message->id;
    stage.request_flags = message->flags;
}

static void on_link_closed(void *data, sim_link_t *link)
{
    (void)data;
    (void)link;
}

/* Returns the id of the reply. */
static int32_t answer(int32_t response_to, uint32_t flags)
{
    static const uint8_t body[] = {12, 0, 0, 0, 0x10, 0x61, 0, 1, 0, 0, 0, 0};

    return sim_send(stage.link, body, sizeof body, response_to, flags);
}

/* --- the client --------------------------------------------------------------------------------*/

static void hear(char letter)
{
    size_t length = strlen(stage.heard);

    assert_true(length + 1 < sizeof stage.heard);
    stage.heard[length] = letter;
}

static void on_reply(muv__conn_t *conn, const muv__msg_t *msg, muv__chunk_t *chunk)
{
    int more = (msg->flags & MORE) != 0;

    assert_non_null(chunk);
    assert_int_equal(conn->state, more ? MUV__CONN_WAITING : MUV__CONN_IDLE);
    hear(more ? 'm' : 'r');
    if (stage.close_at_one) {
        muv__conn_close(conn);
    }
}

static void on_idle(muv__conn_t *conn)
{
    (void)conn;
    hear('i');
}

static void on_failed(muv__conn_t *conn, const muv_error_t *error)
{
    (void)conn;
    stage.error = *error;
    hear('F');
}

static void on_closed(muv__conn_t *conn)
{
    (void)conn;
    stage.rig.closed = true;
}

static const muv__conn_ops_t ops = {
    .on_reply = on_reply, .on_idle = on_idle, .on_failed = on_failed, .on_closed = on_closed};

static void pass(int64_t duration_us)
{
    sim_run_for(stage.rig.world, duration_us);
}

/* The request is with the server. */
static void open_stage(uint32_t flags)
{
    static const sim_handler_t handler = {.on_connect = on_connect,
                                          .on_packet = on_packet,
                                          .on_message = on_message,
                                          .on_closed = on_link_closed};

    memset(&stage, 0, sizeof stage);
    rig_open_usual(&stage.rig);
    rig_ready(&stage.rig);
    stage.rig.conn.ops = &ops;
    sim_handle(stage.rig.server, &handler, NULL);
    assert_int_equal(rig_send(&stage.rig, 0, flags), 0);
    pass(10 * SIM_MS);
    assert_non_null(stage.link);
    assert_int_equal(stage.request_flags, flags);
}

static void end_stage(void)
{
    rig_end(&stage.rig);
}

/* --- cases -------------------------------------------------------------------------------------*/

static void each_reply_answers_the_one_before(void **state)
{
    int32_t id;

    (void)state;
    open_stage(EXHAUST);
    id = answer(stage.request_id, MORE);
    pass(10 * SIM_MS);
    assert_string_equal(stage.heard, "m");
    id = answer(id, MORE);
    id = answer(id, MORE);
    pass(10 * SIM_MS);
    assert_string_equal(stage.heard, "mmm");
    (void)answer(id, 0);
    pass(10 * SIM_MS);
    assert_string_equal(stage.heard, "mmmr");
    assert_int_equal(rig_send(&stage.rig, 0, 0), 0);
    pass(10 * SIM_MS);
    (void)answer(stage.request_id, 0);
    pass(10 * SIM_MS);
    assert_string_equal(stage.heard, "mmmrr");
    end_stage();
}

static void all_replies_may_answer_the_request(void **state)
{
    (void)state;
    open_stage(EXHAUST);
    (void)answer(stage.request_id, MORE);
    (void)answer(stage.request_id, MORE);
    (void)answer(stage.request_id, 0);
    pass(10 * SIM_MS);
    assert_string_equal(stage.heard, "mmr");
    end_stage();
}

static void a_reply_to_an_older_reply_breaks_the_protocol(void **state)
{
    int32_t id;

    (void)state;
    open_stage(EXHAUST);
    id = answer(stage.request_id, MORE);
    (void)answer(id, MORE);
    (void)answer(id, MORE);
    pass(10 * SIM_MS);
    assert_string_equal(stage.heard, "mmF");
    CHECK_ERROR(&stage.error, MUV_EPROTOCOL);
    end_stage();
}

static void a_reply_to_the_request_before_breaks_the_protocol(void **state)
{
    int32_t id;

    (void)state;
    open_stage(EXHAUST);
    id = answer(stage.request_id, MORE);
    (void)answer(id, 0);
    pass(10 * SIM_MS);
    assert_int_equal(rig_send(&stage.rig, 0, EXHAUST), 0);
    pass(10 * SIM_MS);
    (void)answer(id, 0);
    pass(10 * SIM_MS);
    assert_string_equal(stage.heard, "mrF");
    CHECK_ERROR(&stage.error, MUV_EPROTOCOL);
    end_stage();
}

static void more_to_come_unasked_breaks_the_protocol(void **state)
{
    (void)state;
    open_stage(0);
    (void)answer(stage.request_id, MORE);
    pass(10 * SIM_MS);
    assert_string_equal(stage.heard, "F");
    CHECK_ERROR(&stage.error, MUV_EPROTOCOL);
    end_stage();
}

/* The permission was that of the request before. */
static void more_to_come_to_the_next_request_breaks_the_protocol(void **state)
{
    (void)state;
    open_stage(EXHAUST);
    (void)answer(stage.request_id, 0);
    pass(10 * SIM_MS);
    assert_int_equal(rig_send(&stage.rig, 0, 0), 0);
    pass(10 * SIM_MS);
    (void)answer(stage.request_id, MORE);
    pass(10 * SIM_MS);
    assert_string_equal(stage.heard, "rF");
    end_stage();
}

static void a_reply_behind_the_last_one_breaks_the_protocol(void **state)
{
    int32_t id;

    (void)state;
    open_stage(EXHAUST);
    id = answer(stage.request_id, 0);
    (void)answer(id, 0);
    pass(10 * SIM_MS);
    assert_string_equal(stage.heard, "rF");
    end_stage();
}

/* Its replies need not end, so that there is nothing to drain. */
static void such_a_request_cannot_be_abandoned(void **state)
{
    (void)state;
    open_stage(EXHAUST);
    assert_int_equal(muv__conn_abandon(&stage.rig.conn), 0);
    assert_int_equal(stage.rig.conn.state, MUV__CONN_WAITING);
    end_stage();
}

static void an_owner_that_closes_hears_no_more(void **state)
{
    (void)state;
    open_stage(EXHAUST);
    stage.close_at_one = true;
    (void)answer(stage.request_id, MORE);
    (void)answer(stage.request_id, MORE);
    pass(10 * SIM_MS);
    assert_string_equal(stage.heard, "m");
    assert_true(stage.rig.closed);
    end_stage();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reply_answers_the_one_before),
        cmocka_unit_test(all_replies_may_answer_the_request),
        cmocka_unit_test(a_reply_to_an_older_reply_breaks_the_protocol),
        cmocka_unit_test(a_reply_to_the_request_before_breaks_the_protocol),
        cmocka_unit_test(more_to_come_unasked_breaks_the_protocol),
        cmocka_unit_test(more_to_come_to_the_next_request_breaks_the_protocol),
        cmocka_unit_test(a_reply_behind_the_last_one_breaks_the_protocol),
        cmocka_unit_test(such_a_request_cannot_be_abandoned),
        cmocka_unit_test(an_owner_that_closes_hears_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
