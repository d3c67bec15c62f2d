/* SPDX-License-Identifier: Apache-2.0 */
/* Many handshakes at once: one step of one of them in a turn of the loop, so that the others get
 * their turns in between. Steps are counted where they are taken. */
#include "secure_rig.h"

#include <string.h>

#include "tls/tls_stream.h"

static secure_rig_t rig;

static struct {
    unsigned steps;
    unsigned crowded;   /* Steps in a turn that had seen one before. */
    uint64_t last_turn; /* With a step. */
    unsigned went_on;   /* The same of connections that begin to say hello. */
    unsigned crowded_on;
    uint64_t last_turn_on;
} seen;

int __real_muv__tls_handshake(muv__tls_t *tls, muv_error_t *reterr);
int __wrap_muv__tls_handshake(muv__tls_t *tls, muv_error_t *reterr);

int __wrap_muv__tls_handshake(muv__tls_t *tls, muv_error_t *reterr)
{
    uint64_t turn = sim_turns(rig.world);

    seen.steps++;
    seen.crowded += turn == seen.last_turn;
    seen.last_turn = turn;
    return __real_muv__tls_handshake(tls, reterr);
}

void __real_muv__conn_secured(muv__conn_t *conn);
void __wrap_muv__conn_secured(muv__conn_t *conn);

void __wrap_muv__conn_secured(muv__conn_t *conn)
{
    uint64_t turn = sim_turns(rig.world);

    seen.went_on++;
    seen.crowded_on += turn == seen.last_turn_on;
    seen.last_turn_on = turn;
    __real_muv__conn_secured(conn);
}

static void open_rig(int max_version)
{
    memset(&seen, 0, sizeof seen);
    secure_rig_open(
        &rig, &(tls_server_opts_t){.cert = &secure_certs.plain, .max_version = max_version}, NULL);
}

static void open_connections(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)secure_rig_connect(&rig);
    }
}

static void check_all_ready(unsigned count, int64_t at_us)
{
    assert_int_equal(rig.ready, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(rig.members[i].ready_us, at_us);
    }
}

static void a_hundred_handshakes_take_a_turn_for_each_step(void **state)
{
    (void)state;
    open_rig(0);
    open_connections(100);
    sim_run_for(rig.world, SIM_SECOND);
    check_all_ready(100, 3 * SIM_MS);
    assert_int_equal(seen.steps, 200);
    assert_int_equal(seen.crowded, 0);
    secure_rig_end(&rig);
}

static void old_handshakes_have_a_step_more(void **state)
{
    (void)state;
    open_rig(TLS1_2_VERSION);
    open_connections(20);
    sim_run_for(rig.world, SIM_SECOND);
    check_all_ready(20, 4 * SIM_MS);
    assert_int_equal(seen.steps, 60);
    assert_int_equal(seen.crowded, 0);
    secure_rig_end(&rig);
}

/* All are told the same answer in one event; what each does then has a turn of its own, too. */
static void connections_that_waited_for_a_responder_go_on_one_by_one(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    secure_rig_open(&rig, NULL, NULL);
    open_connections(50);
    sim_run_for(rig.world, SIM_SECOND);
    check_all_ready(50, 5 * SIM_MS);
    assert_int_equal(rig.responders[0].asked, 1);
    assert_int_equal(seen.crowded, 0);
    assert_int_equal(seen.went_on, 50);
    assert_int_equal(seen.crowded_on, 0);
    secure_rig_end(&rig);
}

/* The last one of the line. */
static void close_each_third(member_t *member)
{
    if (member == &rig.members[29]) {
        assert_int_equal(seen.steps, 0);
        for (unsigned i = 0; i < 29; i += 3) {
            muv__conn_close(&rig.members[i].conn);
        }
    }
}

static void who_closes_leaves_the_line(void **state)
{
    (void)state;
    open_rig(0);
    open_connections(30);
    rig.on_connected = close_each_third;
    sim_run_for(rig.world, SIM_SECOND);
    assert_int_equal(rig.ready, 20);
    assert_int_equal(rig.failed, 0);
    assert_int_equal(seen.steps, 40);
    secure_rig_end(&rig);
}

static void what_the_socket_does_not_take_at_once_leaves_later(void **state)
{
    (void)state;
    open_rig(0);
    sim_window(rig.server, 100, 50); /* What we say goes out in pieces. */
    open_connections(10);
    sim_run_for(rig.world, SIM_SECOND);
    assert_int_equal(rig.ready, 10);
    assert_int_equal(seen.crowded, 0);
    secure_rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_handshakes_take_a_turn_for_each_step),
        cmocka_unit_test(old_handshakes_have_a_step_more),
        cmocka_unit_test(connections_that_waited_for_a_responder_go_on_one_by_one),
        cmocka_unit_test(who_closes_leaves_the_line),
        cmocka_unit_test(what_the_socket_does_not_take_at_once_leaves_later),
    };

    return cmocka_run_group_tests(tests, secure_certs_setup, secure_certs_teardown);
}
