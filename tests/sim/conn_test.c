/* SPDX-License-Identifier: Apache-2.0 */
/* One connection in virtual time, without a client above it: establishment with all its failures,
 * requests, what a server may do wrong, and the end. */
#include "conn_rig.h"

#include <string.h>

/* --- establishment -----------------------------------------------------------------------------*/

static void an_address_is_connected_and_greeted(void **state)
{
    rig_t rig;

    (void)state;
    rig_open_usual(&rig);
    rig_connect(&rig);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_EVENTS(&rig, "[2.000] ready\n");
    assert_int_equal(rig.conn.limits.max_bson_size, 16 * 1024 * 1024);
    assert_int_equal(rig.conn.limits.max_message_size, 48000000);
    assert_int_equal(rig.conn.limits.max_wire_version, 21);
    assert_int_equal(rig.conn.limits.hello_ok, 1);
    rig_end(&rig);
}

static void a_unix_socket_needs_no_name(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig, "/tmp/mongodb-27017.sock");
    rig.server = sim_server(rig.world, "/tmp/mongodb-27017.sock", 0);
    sim_latency(rig.server, 10);
    rig_connect(&rig);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_EVENTS(&rig, "[0.040] ready\n");
    rig_end(&rig);
}

static void an_unknown_name_fails(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig, "nowhere.test:27017");
    sim_name_fails(rig.world, "nowhere.test", "no such name", 5 * SIM_MS);
    rig_connect(&rig);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_EVENTS(&rig, "[5.000] connecting to nowhere.test:27017: no such name\n"
                       "[5.000] closed\n");
    CHECK_ERROR(&rig.error, MUV_EDNS);
    rig_end(&rig);
}

static void a_name_server_that_is_silent_times_out(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig, "slow.test:27017");
    sim_name(rig.world, "slow.test", "10.0.0.1", 3600 * SIM_SECOND);
    rig_connect(&rig);
    sim_run_for(rig.world, 20 * SIM_SECOND);
    CHECK_EVENTS(&rig, "[10000.000] connecting to slow.test:27017: connectTimeoutMS elapsed\n"
                       "[10000.000] closed\n");
    CHECK_ERROR(&rig.error, MUV_ENETTIMEOUT);
    rig_end(&rig);
}

/* hello answered so; the message must contain `text`. */
static void check_greeting_fails(const sim_step_t *step, int code, const char *text)
{
    rig_t rig;

    rig_open_usual(&rig);
    sim_on(rig.server, "hello", step);
    rig_connect(&rig);
    sim_run_for(rig.world, 20 * SIM_SECOND);
    CHECK_CONTAINS(rig.events, "closed\n");
    CHECK_ERROR(&rig.error, code);
    CHECK_CONTAINS(rig.error.message, "10.0.0.1:27017");
    CHECK_CONTAINS(rig.error.message, text);
    rig_end(&rig);
}

static void a_bad_greeting_fails_with_its_own_error(void **state)
{
    (void)state;
    check_greeting_fails(&(sim_step_t){.json = "{'ok': 0, 'errmsg': 'go away', 'code': 13}"},
                         MUV_ESERVER, "");
    check_greeting_fails(&(sim_step_t){.act = SIM_SILENCE}, MUV_ENETTIMEOUT, "connectTimeoutMS");
    check_greeting_fails(&(sim_step_t){.act = SIM_RESET}, MUV_ENETWORK, "reset");
    check_greeting_fails(&(sim_step_t){.act = SIM_FINISH}, MUV_ENETWORK, "closed");
    check_greeting_fails(&(sim_step_t){.act = SIM_GARBAGE, .json = "HTTP/1.1 400 Bad Request"},
                         MUV_EPROTOCOL, "");
    check_greeting_fails(&(sim_step_t){.response_to_add = 1}, MUV_EPROTOCOL, "another request");
    check_greeting_fails(&(sim_step_t){.flags = 2}, MUV_EPROTOCOL, "more replies");
    check_greeting_fails(&(sim_step_t){.cut_bytes = 30, .then = SIM_FINISH}, MUV_ENETWORK, "");
    check_greeting_fails(&(sim_step_t){.cut_bytes = 30, .then = SIM_RESET}, MUV_ENETWORK, "");
}

static void a_greeting_in_pieces_is_put_together(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 60; piece += 7) {
        rig_t rig;

        rig_open_usual(&rig);
        sim_window(rig.server, 7, 100); /* The client's socket takes seven bytes at a time. */
        sim_on(rig.server, "hello", &(sim_step_t){.piece_bytes = piece, .gap_us = 50});
        rig_connect(&rig);
        sim_run_for(rig.world, SIM_SECOND);
        assert_int_equal(rig.conn.state, MUV__CONN_IDLE);
        rig_end(&rig);
    }
}

static void closing_at_any_moment_of_establishment(void **state)
{
    (void)state;
    for (int64_t at_us = 0; at_us < 9 * SIM_MS; at_us += 250) {
        rig_t rig;

        rig_open(&rig, "db.test:27017");
        sim_name(rig.world, "db.test", "10.0.0.1 10.0.0.2", 2 * SIM_MS);
        sim_on_connect(sim_server(rig.world, "10.0.0.1", 27017), SIM_REFUSE, 0);
        rig.server = sim_server(rig.world, "10.0.0.2", 27017);
        rig_connect(&rig);
        sim_run_for(rig.world, at_us);
        rig.events[0] = '\0';
        muv__conn_close(&rig.conn);
        rig_arm(&rig);
        assert_string_equal(rig.events, "");
        sim_run_for(rig.world, SIM_SECOND);
        CHECK_CONTAINS(rig.events, "closed\n");
        rig_end(&rig);
    }
}

/* --- requests ----------------------------------------------------------------------------------*/

static void requests_follow_each_other(void **state)
{
    rig_t rig;

    (void)state;
    rig_open_usual(&rig);
    rig_ready(&rig);
    assert_int_equal(rig_send(&rig, 0, 0), 0);
    assert_int_equal(rig.conn.state, MUV__CONN_WAITING);
    sim_run_for(rig.world, 5 * SIM_MS);
    assert_int_equal(rig_send(&rig, 0, 0), 0);
    sim_run_for(rig.world, 5 * SIM_MS);
    CHECK_EVENTS(&rig, "[1.000] reply\n[6.000] reply\n");
    rig_end(&rig);
}

static void a_request_without_reply_is_idle_at_once_or_when_it_was_written(void **state)
{
    rig_t rig;

    (void)state;
    rig_open_usual(&rig);
    sim_window(rig.server, 1000, 10 * SIM_MS);
    rig_ready(&rig);
    assert_int_equal(rig_send(&rig, 0, MUV__MSG_MORE_TO_COME), 1);
    assert_int_equal(rig.conn.state, MUV__CONN_IDLE);
    sim_run_for(rig.world, 10 * SIM_MS);
    assert_int_equal(rig_send(&rig, 2500, MUV__MSG_MORE_TO_COME), 0);
    assert_int_equal(rig.conn.state, MUV__CONN_WRITING);
    sim_run_for(rig.world, 90 * SIM_MS);
    CHECK_EVENTS(&rig, "[30.000] idle\n");
    assert_int_equal(sim_counts(rig.server).requests, 2);
    rig_end(&rig);
}

/* The server answers early, and before the socket has taken all bytes. */
static void a_reply_before_the_last_byte_has_left_waits_for_it(void **state)
{
    rig_t rig;

    (void)state;
    rig_open_usual(&rig);
    sim_window(rig.server, 1000, 10 * SIM_MS);
    sim_on(rig.server, "ping", &(sim_step_t){.act = SIM_SILENCE});
    rig_ready(&rig);
    assert_int_equal(rig_send(&rig, 1500, 0), 0);
    rig.conn.request_id = 0; /* sim_push() answers request 0. */
    sim_on(rig.server, "hello", &(sim_step_t){.act = SIM_SILENCE});
    sim_run_for(rig.world, 2 * SIM_MS);
    assert_int_equal(rig.conn.writing, 1);
    sim_push_early(rig.server, "{'ok': 1}");
    sim_run_for(rig.world, 5 * SIM_MS);
    CHECK_EVENTS(&rig, "");
    sim_run_for(rig.world, 10 * SIM_MS);
    CHECK_EVENTS(&rig, "[10.000] reply\n");
    rig_end(&rig);
}

static void check_broken(const sim_step_t *step, const char *text, int code)
{
    rig_t rig;

    rig_open_usual(&rig);
    sim_on(rig.server, "ping", step);
    rig_ready(&rig);
    assert_int_equal(rig_send(&rig, 0, 0), 0);
    sim_run_for(rig.world, SIM_SECOND);
    assert_true(rig.closed);
    CHECK_ERROR(&rig.error, code);
    CHECK_CONTAINS(rig.error.message, text);
    rig_end(&rig);
}

static void what_a_server_must_not_do_closes_the_connection(void **state)
{
    (void)state;
    check_broken(&(sim_step_t){.response_to_add = 1}, "answers another request", MUV_EPROTOCOL);
    check_broken(&(sim_step_t){.response_to_add = -1}, "answers another request", MUV_EPROTOCOL);
    check_broken(&(sim_step_t){.flags = 2}, "more replies", MUV_EPROTOCOL);
    check_broken(&(sim_step_t){.flags = 4}, "required flag", MUV_EPROTOCOL);
    check_broken(&(sim_step_t){.act = SIM_GARBAGE, .json = "\377\377\377\377 and so on, and on"},
                 "negative", MUV_EPROTOCOL);
    check_broken(&(sim_step_t){.act = SIM_RESET}, "reset", MUV_ENETWORK);
    check_broken(&(sim_step_t){.cut_bytes = 17, .then = SIM_FINISH}, "closed", MUV_ENETWORK);
}

static void a_message_on_an_idle_connection_closes_it(void **state)
{
    rig_t rig;

    (void)state;
    rig_open_usual(&rig);
    rig_ready(&rig);
    assert_int_equal(rig_send(&rig, 0, 0), 0);
    sim_run_for(rig.world, 5 * SIM_MS);
    sim_push(rig.server, "{'ok': 1}");
    sim_run_for(rig.world, 5 * SIM_MS);
    CHECK_EVENTS(&rig, "[1.000] reply\n"
                       "[5.500] protocol error from 10.0.0.1:27017: a message came that nobody "
                       "asked for\n"
                       "[5.500] closed\n");
    rig_end(&rig);
}

static void a_second_reply_closes_it(void **state)
{
    rig_t rig;

    (void)state;
    rig_open_usual(&rig);
    rig_ready(&rig);
    assert_int_equal(rig_send(&rig, 0, 0), 0);
    sim_run_for(rig.world, 400);
    sim_run_for(rig.world, 100);
    sim_push(rig.server, "{'ok': 1}");
    sim_run_for(rig.world, 5 * SIM_MS);
    CHECK_EVENTS(&rig, "[1.000] reply\n"
                       "[1.000] protocol error from 10.0.0.1:27017: a message came that nobody "
                       "asked for\n"
                       "[1.000] closed\n");
    rig_end(&rig);
}

static void an_end_while_idle_is_told(void **state)
{
    rig_t rig;

    (void)state;
    rig_open_usual(&rig);
    rig_ready(&rig);
    sim_reset_all(rig.server);
    sim_run_for(rig.world, 5 * SIM_MS);
    CHECK_EVENTS(&rig, "[0.000] connection to 10.0.0.1:27017: connection reset by peer\n"
                       "[0.000] closed\n");
    rig_end(&rig);
}

static void a_failed_write_is_told_at_once_or_later(void **state)
{
    rig_t rig;

    (void)state;
    rig_open_usual(&rig);
    sim_window(rig.server, 1000, INT64_MAX);
    rig_ready(&rig);
    assert_int_equal(rig_send(&rig, 5000, 0), 0);
    sim_break_writes(rig.server, SIM_EPIPE);
    sim_run_for(rig.world, 5 * SIM_MS);
    CHECK_EVENTS(&rig, "[0.000] writing to 10.0.0.1:27017: broken pipe\n[0.000] closed\n");
    rig_end(&rig);

    rig_open_usual(&rig);
    rig_ready(&rig);
    sim_break_writes(rig.server, SIM_EPIPE);
    assert_int_equal(rig_send(&rig, 0, 0), SIM_EPIPE);
    CHECK_EVENTS(&rig, "");
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_connected_and_greeted),
        cmocka_unit_test(a_unix_socket_needs_no_name),
        cmocka_unit_test(an_unknown_name_fails),
        cmocka_unit_test(a_name_server_that_is_silent_times_out),
        cmocka_unit_test(a_bad_greeting_fails_with_its_own_error),
        cmocka_unit_test(a_greeting_in_pieces_is_put_together),
        cmocka_unit_test(closing_at_any_moment_of_establishment),
        cmocka_unit_test(requests_follow_each_other),
        cmocka_unit_test(a_request_without_reply_is_idle_at_once_or_when_it_was_written),
        cmocka_unit_test(a_reply_before_the_last_byte_has_left_waits_for_it),
        cmocka_unit_test(what_a_server_must_not_do_closes_the_connection),
        cmocka_unit_test(a_message_on_an_idle_connection_closes_it),
        cmocka_unit_test(a_second_reply_closes_it),
        cmocka_unit_test(an_end_while_idle_is_told),
        cmocka_unit_test(a_failed_write_is_told_at_once_or_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
