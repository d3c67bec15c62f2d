/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that ask OCSP responders before they say hello, in virtual time: what the responders
 * say, what they do not say, who waits for whom, and what closing and missing memory do to it.
 * Without a question a connection is ready after 3 ms, with one after 5. */
#include "secure_rig.h"

#include <openssl/ocsp.h>
#include <string.h>

static void check_ready(const member_t *member, int64_t at_us)
{
    if (member->ready_us != at_us) {
        print_error("ready after %lld us, failed after %lld: %s\n", (long long)member->ready_us,
                    (long long)member->failed_us, member->error.message);
    }
    assert_int_equal(member->ready_us, at_us);
}

static void check_revoked(const member_t *member, int64_t at_us)
{
    assert_int_equal(member->failed_us, at_us);
    CHECK_ERROR(&member->error, MUV_ETLS);
    CHECK_CONTAINS(member->error.message, "TLS handshake with 10.0.0.1:27017: the certificate is "
                                          "revoked");
    assert_int_equal(member->error.labels, 0);
}

static void check_asked(const secure_rig_t *rig, unsigned first, unsigned second)
{
    assert_int_equal(rig->responders[0].asked, first);
    assert_int_equal(rig->responders[1].asked, second);
}

/* One connection, responders that do this. */
static member_t *meet(secure_rig_t *rig, const responder_plan_t *first,
                      const responder_plan_t *second)
{
    member_t *member;

    secure_rig_open(rig, NULL, NULL);
    if (first != NULL) {
        secure_rig_plan(rig, 0, first);
    }
    if (second != NULL) {
        secure_rig_plan(rig, 1, second);
    }
    member = secure_rig_connect(rig);
    sim_run_for(rig->world, 15 * SIM_SECOND);
    return member;
}

/* --- what they say -----------------------------------------------------------------------------*/

static void a_good_answer_lets_the_connection_go_on(void **state)
{
    secure_rig_t rig;

    (void)state;
    check_ready(meet(&rig, NULL, NULL), 5 * SIM_MS);
    check_asked(&rig, 1, 0);
    secure_rig_end(&rig);
}

static void a_revocation_ends_it(void **state)
{
    secure_rig_t rig;
    member_t *member = meet(&rig, &(responder_plan_t){.status = V_OCSP_CERTSTATUS_REVOKED}, NULL);

    (void)state;
    check_revoked(member, 4 * SIM_MS);
    CHECK_CONTAINS(member->error.message, "says its OCSP responder");
    assert_int_equal(sim_counts(rig.server).hellos, 0);
    secure_rig_end(&rig);
}

static void what_says_nothing_lets_it_go_on(void **state)
{
    static const responder_plan_t rows[] = {
        {.status = V_OCSP_CERTSTATUS_UNKNOWN},
        {.about = &secure_certs.plain},
        {.raw = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"},
        {.raw = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"},
        {.raw = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x30\x03\x0a\x01\x03"},
        {.raw = "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n"},
        {.raw = "SSH-2.0-OpenSSH\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        secure_rig_t rig;

        check_ready(meet(&rig, &rows[i], NULL), 5 * SIM_MS);
        check_asked(&rig, 1, 0);
        secure_rig_end(&rig);
    }
}

static void a_responder_that_cannot_be_reached_lets_it_go_on(void **state)
{
    secure_rig_t rig;

    (void)state;
    check_ready(meet(&rig, &(responder_plan_t){.refuses = true}, NULL), 4 * SIM_MS);
    check_asked(&rig, 0, 0);
    secure_rig_end(&rig);
}

/* --- two responders ----------------------------------------------------------------------------*/

static void both_responders_are_asked_and_the_first_that_says_something_counts(void **state)
{
    const responder_plan_t hangs = {.raw = ""};
    const responder_plan_t unsure = {.status = V_OCSP_CERTSTATUS_UNKNOWN};
    const responder_plan_t revoked = {.status = V_OCSP_CERTSTATUS_REVOKED,
                                      .delay_us = 100 * SIM_MS};
    secure_rig_t rig;

    (void)state;
    check_revoked(meet(&rig, &hangs, &revoked), 104 * SIM_MS);
    check_asked(&rig, 1, 1);
    secure_rig_end(&rig);
    check_revoked(meet(&rig, &unsure, &revoked), 104 * SIM_MS);
    secure_rig_end(&rig);
    check_ready(meet(&rig, &(responder_plan_t){.status = V_OCSP_CERTSTATUS_GOOD}, &revoked),
                5 * SIM_MS);
    secure_rig_end(&rig);
}

/* --- time --------------------------------------------------------------------------------------*/

static void a_responder_that_hangs_costs_five_seconds(void **state)
{
    secure_rig_t rig;

    (void)state;
    check_ready(meet(&rig, &(responder_plan_t){.raw = ""}, NULL), 5003 * SIM_MS);
    secure_rig_end(&rig);
}

static void a_connection_waits_no_longer_than_half_a_stage(void **state)
{
    secure_rig_t rig;
    member_t *member;

    (void)state;
    secure_rig_open(&rig, NULL, NULL);
    secure_rig_plan(&rig, 0, &(responder_plan_t){.raw = ""});
    rig.context.connect_timeout_us = 2 * SIM_SECOND; /* The stage begins anew with the wait. */
    member = secure_rig_connect(&rig);
    sim_run_for(rig.world, 3 * SIM_SECOND);
    check_ready(member, 1003 * SIM_MS + 1);
    secure_rig_end(&rig);
}

static void without_a_time_for_connecting_a_question_still_ends(void **state)
{
    secure_rig_t rig;
    member_t *member;

    (void)state;
    secure_rig_open(&rig, NULL, NULL);
    secure_rig_plan(&rig, 0, &(responder_plan_t){.raw = ""});
    rig.context.connect_timeout_us = INT64_MAX;
    member = secure_rig_connect(&rig);
    sim_run_for(rig.world, 6 * SIM_SECOND);
    check_ready(member, 5003 * SIM_MS);
    secure_rig_end(&rig);
}

/* --- who is not asked --------------------------------------------------------------------------*/

static void check_not_asked(const tls_server_opts_t *server, const muv__tls_options_t *options)
{
    secure_rig_t rig;
    member_t *member;

    secure_rig_open(&rig, server, options);
    member = secure_rig_connect(&rig);
    sim_run_for(rig.world, SIM_SECOND);
    check_ready(member, 3 * SIM_MS);
    check_asked(&rig, 0, 0);
    assert_int_equal(sim_counts(rig.responders[0].server).accepted, 0);
    secure_rig_end(&rig);
}

static void each_of_the_options_forbids_the_question(void **state)
{
    (void)state;
    check_not_asked(NULL, &(muv__tls_options_t){.no_responder_check = 1});
    check_not_asked(NULL, &(muv__tls_options_t){.no_revocation_check = 1});
    check_not_asked(NULL, &(muv__tls_options_t){.allow_invalid_certificates = 1});
}

static void a_staple_answers_the_question(void **state)
{
    staple_t staple =
        cert_staple(&secure_certs.asking, &secure_certs.authority, &secure_certs.authority,
                    V_OCSP_CERTSTATUS_GOOD, SECURE_RIG_WALL_S);

    (void)state;
    check_not_asked(&(tls_server_opts_t){.cert = &secure_certs.asking, .staple = &staple}, NULL);
    check_not_asked(&(tls_server_opts_t){.cert = &secure_certs.plain}, NULL);
    free(staple.bytes);
}

static void without_fetches_nobody_is_asked(void **state)
{
    secure_rig_t rig;
    member_t *member;

    (void)state;
    secure_rig_open(&rig, NULL, NULL);
    rig.context.fetches = NULL;
    member = secure_rig_connect(&rig);
    sim_run_for(rig.world, SIM_SECOND);
    check_ready(member, 3 * SIM_MS);
    secure_rig_end(&rig);
}

/* --- the next connections ----------------------------------------------------------------------*/

static void the_next_connection_asks_nothing(void **state)
{
    const int versions[] = {0, TLS1_2_VERSION};
    secure_rig_t rig;

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(versions); i++) {
        int64_t more_us = i == 0 ? 0 : SIM_MS; /* TLS 1.2 shakes hands twice. */
        member_t *member;

        secure_rig_open(
            &rig, &(tls_server_opts_t){.cert = &secure_certs.asking, .max_version = versions[i]},
            NULL);
        member = secure_rig_connect(&rig);
        sim_run_for(rig.world, SIM_SECOND);
        check_ready(member, 5 * SIM_MS + more_us);
        member = secure_rig_connect(&rig);
        sim_run_for(rig.world, SIM_SECOND);
        check_ready(member, 3 * SIM_MS);
        assert_int_equal(SSL_session_reused(rig.peers[1].ssl), 1);
        check_asked(&rig, 1, 0);
        secure_rig_end(&rig);
    }
}

static void a_revocation_is_remembered(void **state)
{
    secure_rig_t rig;
    member_t *member = meet(&rig, &(responder_plan_t){.status = V_OCSP_CERTSTATUS_REVOKED}, NULL);

    (void)state;
    secure_rig_plan(&rig, 0, &(responder_plan_t){.status = V_OCSP_CERTSTATUS_GOOD});
    member = secure_rig_connect(&rig);
    sim_run_for(rig.world, SIM_SECOND);
    check_revoked(member, 2 * SIM_MS);
    CHECK_CONTAINS(member->error.message, "said an earlier OCSP response");
    check_asked(&rig, 1, 0);
    secure_rig_end(&rig);
}

static void silence_is_remembered_for_a_minute(void **state)
{
    secure_rig_t rig;
    member_t *member = meet(&rig, &(responder_plan_t){.raw = ""}, NULL);

    (void)state;
    tls_server_done(&rig.tls_server); /* Another one: it knows none of our sessions. */
    tls_server_init(&rig.tls_server, &(tls_server_opts_t){.cert = &secure_certs.asking});
    member = secure_rig_connect(&rig);
    sim_run_for(rig.world, 60 * SIM_SECOND);
    check_ready(member, 3 * SIM_MS);
    check_asked(&rig, 1, 0);
    tls_server_done(&rig.tls_server);
    tls_server_init(&rig.tls_server, &(tls_server_opts_t){.cert = &secure_certs.asking});
    secure_rig_plan(&rig, 0, &(responder_plan_t){.status = V_OCSP_CERTSTATUS_REVOKED});
    member = secure_rig_connect(&rig);
    sim_run_for(rig.world, SIM_SECOND);
    check_revoked(member, 4 * SIM_MS);
    check_asked(&rig, 2, 0);
    secure_rig_end(&rig);
}

/* --- many at once ------------------------------------------------------------------------------*/

enum { MANY = 50 };

static void open_many(secure_rig_t *rig, const responder_plan_t *plan)
{
    secure_rig_open(rig, NULL, NULL);
    secure_rig_plan(rig, 0, plan);
    for (int i = 0; i < MANY; i++) {
        (void)secure_rig_connect(rig);
    }
}

static void fifty_connections_at_once_ask_once(void **state)
{
    secure_rig_t rig;

    (void)state;
    open_many(&rig, &(responder_plan_t){.delay_us = 100 * SIM_MS});
    sim_run_for(rig.world, SIM_SECOND);
    assert_int_equal(rig.ready, MANY);
    for (int i = 0; i < MANY; i++) {
        check_ready(&rig.members[i], 105 * SIM_MS);
    }
    check_asked(&rig, 1, 0);
    secure_rig_end(&rig);
}

static void fifty_connections_at_once_are_refused_together(void **state)
{
    secure_rig_t rig;

    (void)state;
    open_many(&rig,
              &(responder_plan_t){.status = V_OCSP_CERTSTATUS_REVOKED, .delay_us = 100 * SIM_MS});
    sim_run_for(rig.world, SIM_SECOND);
    assert_int_equal(rig.failed, MANY);
    for (int i = 0; i < MANY; i++) {
        check_revoked(&rig.members[i], 104 * SIM_MS);
    }
    check_asked(&rig, 1, 0);
    secure_rig_end(&rig);
}

static void each_certificate_has_a_question_of_its_own(void **state)
{
    cert_t other = cert_make(&(cert_spec_t){.common_name = "other",
                                            .issuer = &secure_certs.authority,
                                            .alt_names = "IP:10.0.0.1",
                                            .access = "OCSP;URI:http://10.0.0.9:8080/ocsp",
                                            .from_s = SECURE_RIG_WALL_S - 60});
    secure_rig_t rig;

    (void)state;
    secure_rig_open(&rig, NULL, NULL);
    secure_rig_plan(&rig, 0, &(responder_plan_t){.delay_us = 100 * SIM_MS});
    secure_rig_plan(&rig, 1, &(responder_plan_t){.raw = ""});
    (void)secure_rig_connect(&rig);
    sim_run_for(rig.world, 10 * SIM_MS);
    tls_server_done(&rig.tls_server);
    tls_server_init(&rig.tls_server, &(tls_server_opts_t){.cert = &other});
    secure_rig_plan(&rig, 1,
                    &(responder_plan_t){.about = &other, .status = V_OCSP_CERTSTATUS_REVOKED});
    (void)secure_rig_connect(&rig);
    sim_run_for(rig.world, SIM_SECOND);
    check_ready(&rig.members[0], 105 * SIM_MS);
    check_revoked(&rig.members[1], 4 * SIM_MS);
    check_asked(&rig, 1, 2);
    secure_rig_end(&rig);
    cert_done(&other);
}

/* As a pool does that is cleared. */
static void close_all(member_t *member)
{
    secure_rig_t *rig = member->rig;

    for (unsigned i = 0; i < rig->conn_count; i++) {
        muv__conn_close(&rig->members[i].conn);
    }
}

static void the_first_refusal_may_close_all_the_others(void **state)
{
    secure_rig_t rig;

    (void)state;
    open_many(&rig, &(responder_plan_t){.status = V_OCSP_CERTSTATUS_REVOKED});
    rig.on_failed = close_all;
    sim_run_for(rig.world, SIM_SECOND);
    assert_int_equal(rig.failed, 1);
    assert_int_equal(rig.ready, 0);
    secure_rig_end(&rig);
}

/* --- closing -----------------------------------------------------------------------------------*/

static void a_question_ends_when_nobody_waits_for_it(void **state)
{
    secure_rig_t rig;

    (void)state;
    secure_rig_open(&rig, NULL, NULL);
    secure_rig_plan(&rig, 0, &(responder_plan_t){.raw = ""});
    (void)secure_rig_connect(&rig);
    (void)secure_rig_connect(&rig);
    sim_run_for(rig.world, 10 * SIM_MS);
    muv__conn_close(&rig.members[0].conn);
    sim_run_for(rig.world, 10 * SIM_MS);
    assert_int_equal(sim_counts(rig.responders[0].server).closed_by_client, 0);
    muv__conn_close(&rig.members[1].conn);
    sim_run_for(rig.world, 10 * SIM_MS);
    assert_int_equal(sim_counts(rig.responders[0].server).closed_by_client, 1);
    assert_int_equal(rig.fetches.open_count, 0);
    secure_rig_end(&rig);
}

/* It is asked again: that nobody waited says nothing of the responder. */
static void a_question_that_was_given_up_is_no_silence(void **state)
{
    secure_rig_t rig;
    member_t *member;

    (void)state;
    secure_rig_open(&rig, NULL, NULL);
    secure_rig_plan(&rig, 0, &(responder_plan_t){.raw = ""});
    member = secure_rig_connect(&rig);
    sim_run_for(rig.world, 10 * SIM_MS);
    muv__conn_close(&member->conn);
    secure_rig_plan(&rig, 0, &(responder_plan_t){.status = V_OCSP_CERTSTATUS_REVOKED});
    member = secure_rig_connect(&rig);
    sim_run_for(rig.world, SIM_SECOND);
    check_revoked(member, 4 * SIM_MS);
    check_asked(&rig, 2, 0);
    secure_rig_end(&rig);
}

static void closing_is_possible_at_any_moment(void **state)
{
    (void)state;
    for (int64_t at_us = 0; at_us < 7 * SIM_MS; at_us += 250) {
        secure_rig_t rig;

        secure_rig_open(&rig, NULL, NULL);
        (void)secure_rig_connect(&rig);
        (void)secure_rig_connect(&rig);
        sim_run_for(rig.world, at_us);
        muv__conn_close(&rig.members[0].conn);
        sim_run_for(rig.world, at_us);
        secure_rig_end(&rig);
    }
}

static void the_server_may_end_while_the_responder_is_asked(void **state)
{
    secure_rig_t rig;
    member_t *member;

    (void)state;
    secure_rig_open(&rig, NULL, NULL);
    secure_rig_plan(&rig, 0, &(responder_plan_t){.delay_us = 100 * SIM_MS});
    member = secure_rig_connect(&rig);
    sim_run_for(rig.world, 50 * SIM_MS);
    sim_reset_all(rig.server);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_ERROR(&member->error, MUV_ENETWORK);
    assert_int_equal(member->ready_us, -1);
    secure_rig_end(&rig);
}

/* --- memory ------------------------------------------------------------------------------------*/

static void each_missing_block_leaves_it_ready_or_failed_and_nothing_behind(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned k = 1; failed; k++) {
        secure_rig_t rig;

        secure_rig_open(&rig, NULL, NULL);
        alloc_fail_at(k, false);
        (void)secure_rig_connect(&rig);
        sim_run_for(rig.world, 10 * SIM_SECOND);
        failed = alloc_has_failed();
        alloc_fail_at(0, false);
        assert_int_equal(rig.ready + rig.failed, 1);
        assert_true(failed || rig.ready == 1);
        secure_rig_end(&rig);
        assert_true(k < 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_answer_lets_the_connection_go_on),
        cmocka_unit_test(a_revocation_ends_it),
        cmocka_unit_test(what_says_nothing_lets_it_go_on),
        cmocka_unit_test(a_responder_that_cannot_be_reached_lets_it_go_on),
        cmocka_unit_test(both_responders_are_asked_and_the_first_that_says_something_counts),
        cmocka_unit_test(a_responder_that_hangs_costs_five_seconds),
        cmocka_unit_test(a_connection_waits_no_longer_than_half_a_stage),
        cmocka_unit_test(without_a_time_for_connecting_a_question_still_ends),
        cmocka_unit_test(each_of_the_options_forbids_the_question),
        cmocka_unit_test(a_staple_answers_the_question),
        cmocka_unit_test(without_fetches_nobody_is_asked),
        cmocka_unit_test(the_next_connection_asks_nothing),
        cmocka_unit_test(a_revocation_is_remembered),
        cmocka_unit_test(silence_is_remembered_for_a_minute),
        cmocka_unit_test(fifty_connections_at_once_ask_once),
        cmocka_unit_test(fifty_connections_at_once_are_refused_together),
        cmocka_unit_test(each_certificate_has_a_question_of_its_own),
        cmocka_unit_test(the_first_refusal_may_close_all_the_others),
        cmocka_unit_test(a_question_ends_when_nobody_waits_for_it),
        cmocka_unit_test(a_question_that_was_given_up_is_no_silence),
        cmocka_unit_test(closing_is_possible_at_any_moment),
        cmocka_unit_test(the_server_may_end_while_the_responder_is_asked),
        cmocka_unit_test(each_missing_block_leaves_it_ready_or_failed_and_nothing_behind),
    };

    return cmocka_run_group_tests(tests, secure_certs_setup, secure_certs_teardown);
}
