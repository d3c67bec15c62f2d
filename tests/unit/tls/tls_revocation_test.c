/* SPDX-License-Identifier: Apache-2.0 */
/* Staples: good, bad, old, foreign, missing, demanded. Questions to responders: when there is one,
 * what its answer does to this connection and the next ones. In both protocol versions. */
#include <stdlib.h>
#include <string.h>

#include <openssl/ocsp.h>

#include "unit/tls/pair.h"

static cert_t strict; /* It demands a staple. */
static cert_t asking; /* It names a responder. */
static staple_t good;

static const int versions[] = {0, TLS1_2_VERSION};

static int setup(void **state)
{
    (void)certs_setup(state);
    strict = cert_make(&(cert_spec_t){.common_name = "strict",
                                      .issuer = &certs.authority,
                                      .alt_names = "DNS:db.example.net",
                                      .must_staple = 1});
    asking = cert_make(&(cert_spec_t){.common_name = "asking",
                                      .issuer = &certs.authority,
                                      .alt_names = "DNS:db.example.net,DNS:other.example.net",
                                      .access = "OCSP;URI:http://ocsp.example.net/"});
    good = cert_staple(&certs.server, &certs.authority, &certs.authority, V_OCSP_CERTSTATUS_GOOD,
                       CERTS_NOW_S - 60);
    return 0;
}

static int teardown(void **state)
{
    cert_done(&strict);
    cert_done(&asking);
    free(good.bytes);
    return certs_teardown(state);
}

static void check_version(const cert_t *cert, const staple_t *staple, int version,
                          const muv__tls_options_t *options, const char *reason)
{
    tls_server_opts_t server = {.cert = cert, .staple = staple, .max_version = version};
    pair_t pair;
    int status;

    pair_init(&pair, &server, options);
    status = pair_meet(&pair, "db.example.net:27017");
    if (reason == NULL) {
        CHECK_CODE(status, 1);
    } else {
        CHECK_CODE(status, MUV_ETLS);
        CHECK_CONTAINS(pair.error.message, reason);
    }
    pair_done(&pair);
}

static void check_staple(const cert_t *cert, const staple_t *staple, const char *reason)
{
    check_version(cert, staple, 0, NULL, reason);
    check_version(cert, staple, TLS1_2_VERSION, NULL, reason);
}

static void check_status(const cert_t *cert, const cert_t *signer, int status, int64_t from_s,
                         const char *reason)
{
    staple_t staple = cert_staple(cert, &certs.authority, signer, status, from_s);

    check_staple(cert, &staple, reason);
    free(staple.bytes);
}

static void a_staple_is_welcome_but_not_needed(void **state)
{
    (void)state;
    check_staple(&certs.server, &good, NULL);
    check_staple(&certs.server, NULL, NULL);
    check_status(&certs.server, &certs.authority, V_OCSP_CERTSTATUS_UNKNOWN, CERTS_NOW_S, NULL);
}

static void a_revoked_certificate_is_refused(void **state)
{
    (void)state;
    check_status(&certs.server, &certs.authority, V_OCSP_CERTSTATUS_REVOKED, CERTS_NOW_S,
                 "the certificate is revoked");
}

static void a_staple_must_be_of_this_time_give_or_take_five_minutes(void **state)
{
    const struct {
        int64_t from_s;
        const char *reason;
    } rows[] = {
        {CERTS_NOW_S + 300, NULL},
        {CERTS_NOW_S + 301, "not yet valid"},
        {CERTS_NOW_S - 3600 - 300, NULL},
        {CERTS_NOW_S - 3600 - 301, "has expired"},
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        check_status(&certs.server, &certs.authority, V_OCSP_CERTSTATUS_GOOD, rows[i].from_s,
                     rows[i].reason);
    }
}

static void a_staple_must_be_signed_by_the_authority_and_be_about_the_certificate(void **state)
{
    staple_t other = cert_staple(&certs.client, &certs.authority, &certs.authority,
                                 V_OCSP_CERTSTATUS_GOOD, CERTS_NOW_S);

    (void)state;
    check_status(&certs.server, &certs.stranger, V_OCSP_CERTSTATUS_GOOD, CERTS_NOW_S,
                 "not signed as it should be");
    check_status(&certs.server, &certs.server, V_OCSP_CERTSTATUS_GOOD, CERTS_NOW_S,
                 "not signed as it should be");
    check_staple(&certs.server, &other, "about another certificate");
    free(other.bytes);
}

static void a_broken_staple_is_refused(void **state)
{
    static uint8_t try_later[] = {0x30, 0x03, 0x0a, 0x01, 0x03};
    const staple_t cut = {.bytes = good.bytes, .size = good.size - 1};
    const staple_t error = {.bytes = try_later, .size = sizeof(try_later)};

    (void)state;
    check_staple(&certs.server, &cut, "the OCSP response is broken");
    check_staple(&certs.server, &error, "the OCSP response is an error");
}

static void a_certificate_that_demands_a_staple_gets_a_good_one(void **state)
{
    (void)state;
    check_staple(&strict, NULL, "demands a stapled OCSP response");
    check_status(&strict, &certs.authority, V_OCSP_CERTSTATUS_GOOD, CERTS_NOW_S, NULL);
    check_status(&strict, &certs.authority, V_OCSP_CERTSTATUS_UNKNOWN, CERTS_NOW_S,
                 "demands a stapled OCSP response");
}

static void nothing_is_checked_when_revocation_or_certificates_are_not(void **state)
{
    const muv__tls_options_t rows[] = {{.no_revocation_check = 1},
                                       {.allow_invalid_certificates = 1}};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        check_version(&strict, NULL, 0, &rows[i], NULL);
        check_version(&strict, NULL, TLS1_2_VERSION, &rows[i], NULL);
    }
}

/* --- questions ---------------------------------------------------------------------------------*/

#define NAME "db.example.net:27017"
#define OTHER "other.example.net:27017"

static void open_asking(pair_t *pair, int version, const muv__tls_options_t *options)
{
    pair_init(pair, &(tls_server_opts_t){.cert = &asking, .max_version = version}, options);
}

static int is_asked(pair_t *pair)
{
    muv__ocsp_query_t query;

    return muv__tls_question(pair->client, &query);
}

static int has_question(const cert_t *cert, const staple_t *staple,
                        const muv__tls_options_t *options)
{
    pair_t pair;
    int asked;

    pair_init(&pair, &(tls_server_opts_t){.cert = cert, .staple = staple}, options);
    CHECK_CODE(pair_meet(&pair, NAME), 1);
    asked = is_asked(&pair);
    pair_done(&pair);
    return asked;
}

static void a_certificate_that_names_a_responder_and_has_no_staple_raises_a_question(void **state)
{
    staple_t vouches = cert_staple(&asking, &certs.authority, &certs.authority,
                                   V_OCSP_CERTSTATUS_GOOD, CERTS_NOW_S);
    staple_t unsure = cert_staple(&asking, &certs.authority, &certs.authority,
                                  V_OCSP_CERTSTATUS_UNKNOWN, CERTS_NOW_S);

    (void)state;
    assert_int_equal(has_question(&asking, NULL, NULL), 1);
    assert_int_equal(has_question(&asking, &unsure, NULL), 1);
    assert_int_equal(has_question(&asking, &vouches, NULL), 0);
    assert_int_equal(has_question(&certs.server, NULL, NULL), 0);
    free(vouches.bytes);
    free(unsure.bytes);
}

static void each_of_the_options_forbids_the_question(void **state)
{
    const muv__tls_options_t names = {.allow_invalid_hostnames = 1};
    const muv__tls_options_t rows[] = {
        {.no_responder_check = 1}, {.no_revocation_check = 1}, {.allow_invalid_certificates = 1}};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        assert_int_equal(has_question(&asking, NULL, &rows[i]), 0);
    }
    assert_int_equal(has_question(&asking, NULL, &names), 1);
}

static void staples_are_checked_also_when_no_responder_is_asked(void **state)
{
    const muv__tls_options_t options = {.no_responder_check = 1};
    staple_t revoked = cert_staple(&asking, &certs.authority, &certs.authority,
                                   V_OCSP_CERTSTATUS_REVOKED, CERTS_NOW_S);

    (void)state;
    check_version(&asking, &revoked, 0, &options, "the certificate is revoked, says its stapled");
    check_version(&strict, NULL, 0, &options, "demands a stapled OCSP response");
    free(revoked.bytes);
}

/* Give the client an answer that came `later_s` after the handshake began. */
static muv__ocsp_status_t answer(pair_t *pair, int status, int64_t later_s)
{
    staple_t bytes =
        cert_staple(&asking, &certs.authority, &certs.authority, status, CERTS_NOW_S + later_s);
    muv__ocsp_verdict_t verdict =
        muv__tls_judge(pair->client, muv__span(bytes.bytes, bytes.size), CERTS_NOW_S + later_s);

    free(bytes.bytes);
    return verdict.status;
}

static void a_good_answer_serves_the_next_connections_until_it_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(versions); i++) {
        pair_t pair;

        open_asking(&pair, versions[i], NULL);
        CHECK_CODE(pair_meet(&pair, NAME), 1);
        assert_int_equal(is_asked(&pair), 1);
        assert_int_equal(answer(&pair, V_OCSP_CERTSTATUS_GOOD, 3), MUV__OCSP_GOOD);
        CHECK_CODE(muv__tls_settle(pair.client, MUV__OCSP_GOOD, &pair.error), 0);
        assert_int_equal(is_asked(&pair), 0);
        CHECK_CODE(pair_meet(&pair, OTHER), 1);
        assert_int_equal(is_asked(&pair), 0);
        pair.later_s = 3 + 3600;
        CHECK_CODE(pair_meet(&pair, OTHER), 1);
        assert_int_equal(muv__tls_resumed(pair.client), 0);
        assert_int_equal(is_asked(&pair), 1);
        pair_done(&pair);
    }
}

static void check_revoked(pair_t *pair, int status, const char *text)
{
    CHECK_CODE(status, MUV_ETLS);
    CHECK_ERROR(&pair->error, MUV_ETLS);
    CHECK_CONTAINS(pair->error.message, text);
    CHECK_CONTAINS(pair->error.message, "TLS handshake with ");
    CHECK_CONTAINS(pair->error.message, ".example.net:27017: ");
    assert_int_equal(muv__tls_failed(pair->client), 1);
}

static void a_revocation_ends_this_connection_and_refuses_the_next_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(versions); i++) {
        pair_t pair;

        open_asking(&pair, versions[i], NULL);
        CHECK_CODE(pair_meet(&pair, NAME), 1);
        assert_int_equal(answer(&pair, V_OCSP_CERTSTATUS_REVOKED, 0), MUV__OCSP_REVOKED);
        check_revoked(&pair, muv__tls_settle(pair.client, MUV__OCSP_REVOKED, &pair.error),
                      "the certificate is revoked, says its OCSP responder");
        check_revoked(&pair, pair_meet(&pair, NAME),
                      "the certificate is revoked, said an earlier OCSP response");
        check_revoked(&pair, pair_meet(&pair, OTHER), "the certificate is revoked");
        pair_done(&pair);
    }
}

/* A server that has been revoked can still show what it was given before. */
static void an_older_good_staple_does_not_take_a_revocation_back(void **state)
{
    staple_t old = cert_staple(&asking, &certs.authority, &certs.authority, V_OCSP_CERTSTATUS_GOOD,
                               CERTS_NOW_S - 600);
    pair_t pair;

    (void)state;
    open_asking(&pair, 0, NULL);
    CHECK_CODE(pair_meet(&pair, NAME), 1);
    (void)answer(&pair, V_OCSP_CERTSTATUS_REVOKED, 0);
    pair.server.staple = &old;
    check_revoked(&pair, pair_meet(&pair, NAME), "said an earlier OCSP response");
    pair_done(&pair);
    free(old.bytes);
}

static void silence_and_answers_that_say_nothing_let_it_go_on_and_are_remembered(void **state)
{
    pair_t pair;

    (void)state;
    open_asking(&pair, 0, NULL);
    CHECK_CODE(pair_meet(&pair, NAME), 1);
    assert_int_equal(answer(&pair, V_OCSP_CERTSTATUS_UNKNOWN, 0), MUV__OCSP_UNKNOWN);
    assert_int_equal(muv__tls_judge(pair.client, muv__span("x", 1), CERTS_NOW_S).status,
                     MUV__OCSP_UNUSABLE);
    assert_int_equal(is_asked(&pair), 1);
    muv__tls_unanswered(pair.client, CERTS_NOW_S);
    CHECK_CODE(muv__tls_settle(pair.client, MUV__OCSP_UNKNOWN, &pair.error), 0);
    pair.later_s = 59;
    CHECK_CODE(pair_meet(&pair, OTHER), 1);
    assert_int_equal(is_asked(&pair), 0);
    pair.later_s = 60;
    CHECK_CODE(pair_meet(&pair, OTHER), 1);
    assert_int_equal(is_asked(&pair), 1);
    pair_done(&pair);
}

/* Two handshakes at once: the answer to the first one's question comes before the second one is
 * finished. */
static void an_answer_that_comes_during_a_handshake_counts_at_its_end(void **state)
{
    const muv__ocsp_status_t rows[] = {MUV__OCSP_GOOD, MUV__OCSP_REVOKED};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        uint8_t flight[8192];
        pair_t pair;
        size_t size;

        open_asking(&pair, TLS1_2_VERSION, NULL);
        pair_connect(&pair, NAME);
        CHECK_CODE(muv__tls_handshake(pair.client, &pair.error), 0);
        (void)pair_to_peer(&pair);
        assert_int_equal(tls_peer_handshake(&pair.peer), 0);
        size = pair_from_peer(&pair, flight, sizeof(flight));
        muv__tls_feed(pair.client, muv__span(flight, size));
        CHECK_CODE(muv__tls_handshake(pair.client, &pair.error), 0); /* The chain is verified. */
        (void)answer(&pair,
                     rows[i] == MUV__OCSP_GOOD ? V_OCSP_CERTSTATUS_GOOD : V_OCSP_CERTSTATUS_REVOKED,
                     0);
        if (rows[i] == MUV__OCSP_GOOD) {
            CHECK_CODE(pair_handshake(&pair, SIZE_MAX / 2), 1);
            assert_int_equal(is_asked(&pair), 0);
        } else {
            check_revoked(&pair, pair_handshake(&pair, SIZE_MAX / 2), "revoked");
        }
        pair_done(&pair);
    }
}

/* --- sessions ----------------------------------------------------------------------------------*/

/* Whatever came behind the handshake is taken: tickets. */
static void read_tickets(pair_t *pair)
{
    uint8_t cipher[8192];
    uint8_t plain[16];
    size_t size = pair_from_peer(pair, cipher, sizeof(cipher));

    muv__tls_feed(pair->client, muv__span(cipher, size));
    assert_int_equal(muv__tls_read(pair->client, plain, sizeof(plain), &pair->error), 0);
}

static void no_session_is_resumed_before_the_question_is_settled(void **state)
{
    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(versions); i++) {
        pair_t pair;
        muv__tls_t *first;
        tls_peer_t first_peer;

        open_asking(&pair, versions[i], NULL);
        CHECK_CODE(pair_meet(&pair, NAME), 1);
        read_tickets(&pair);
        first = pair.client;
        first_peer = pair.peer;
        pair.client = NULL;
        pair.peer.ssl = NULL;
        CHECK_CODE(pair_meet(&pair, NAME), 1);
        assert_int_equal(muv__tls_resumed(pair.client), 0);
        CHECK_CODE(muv__tls_settle(first, MUV__OCSP_GOOD, &pair.error), 0);
        CHECK_CODE(pair_meet(&pair, NAME), 1);
        assert_int_equal(muv__tls_resumed(pair.client), 1);
        assert_int_equal(is_asked(&pair), 0);
        muv__tls_free(first);
        tls_peer_done(&first_peer);
        pair_done(&pair);
    }
}

/* Who resumes is not asked about: it would be trusted for as long as its sessions. */
static void a_certificate_nobody_vouched_for_is_not_resumed(void **state)
{
    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(versions); i++) {
        pair_t pair;

        open_asking(&pair, versions[i], NULL);
        CHECK_CODE(pair_meet(&pair, NAME), 1);
        read_tickets(&pair);
        CHECK_CODE(muv__tls_settle(pair.client, MUV__OCSP_UNKNOWN, &pair.error), 0);
        read_tickets(&pair);
        CHECK_CODE(pair_meet(&pair, NAME), 1);
        assert_int_equal(muv__tls_resumed(pair.client), 0);
        assert_int_equal(is_asked(&pair), 1);
        pair_done(&pair);
    }
}

/* A judgement has its own time, and leaves none behind for the handshakes to come. */
static void a_judgement_does_not_stop_the_clock_for_others(void **state)
{
    pair_t pair;
    pair_t other;
    cert_t soon = cert_make(&(cert_spec_t){.common_name = "soon",
                                           .issuer = &certs.authority,
                                           .alt_names = "DNS:db.example.net,DNS:other.example.net",
                                           .until_s = CERTS_NOW_S + 86400});
    staple_t staple = cert_staple(&certs.server, &certs.authority, &certs.authority,
                                  V_OCSP_CERTSTATUS_GOOD, CERTS_NOW_S - 60);
    muv__tls_context_t *own;

    (void)state;
    pair_init(&pair, &(tls_server_opts_t){.cert = &certs.server, .staple = &staple}, NULL);
    CHECK_CODE(pair_meet(&pair, NAME), 1);
    pair_init(&other, &(tls_server_opts_t){.cert = &soon}, NULL);
    own = other.context;
    other.context = pair.context;
    other.later_s = 60 * INT64_C(86400);
    CHECK_CODE(pair_meet(&other, OTHER), MUV_ETLS);
    other.context = own;
    pair_done(&other);
    pair_done(&pair);
    cert_done(&soon);
    free(staple.bytes);
}

static void a_revocation_leaves_no_session_behind(void **state)
{
    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(versions); i++) {
        pair_t pair;

        open_asking(&pair, versions[i], NULL);
        CHECK_CODE(pair_meet(&pair, NAME), 1);
        read_tickets(&pair);
        CHECK_CODE(muv__tls_settle(pair.client, MUV__OCSP_REVOKED, &pair.error), MUV_ETLS);
        CHECK_CODE(pair_meet(&pair, NAME), 1); /* Nothing is remembered: it was never judged. */
        assert_int_equal(muv__tls_resumed(pair.client), 0);
        pair_done(&pair);
    }
}

/* Both names have the same certificate; so a session of the one ends when the other hears it. */
static void a_session_is_not_resumed_when_its_certificate_is_revoked_since(void **state)
{
    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(versions); i++) {
        pair_t pair;

        open_asking(&pair, versions[i], NULL);
        CHECK_CODE(pair_meet(&pair, NAME), 1);
        CHECK_CODE(muv__tls_settle(pair.client, MUV__OCSP_GOOD, &pair.error), 0);
        read_tickets(&pair);
        CHECK_CODE(pair_meet(&pair, NAME), 1);
        assert_int_equal(muv__tls_resumed(pair.client), 1);
        read_tickets(&pair); /* A session of a session belongs to the same certificate. */
        CHECK_CODE(pair_meet(&pair, OTHER), 1);
        assert_int_equal(answer(&pair, V_OCSP_CERTSTATUS_REVOKED, 0), MUV__OCSP_REVOKED);
        check_revoked(&pair, pair_meet(&pair, NAME), "said an earlier OCSP response");
        pair_done(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_staple_is_welcome_but_not_needed),
        cmocka_unit_test(a_revoked_certificate_is_refused),
        cmocka_unit_test(a_staple_must_be_of_this_time_give_or_take_five_minutes),
        cmocka_unit_test(a_staple_must_be_signed_by_the_authority_and_be_about_the_certificate),
        cmocka_unit_test(a_broken_staple_is_refused),
        cmocka_unit_test(a_certificate_that_demands_a_staple_gets_a_good_one),
        cmocka_unit_test(nothing_is_checked_when_revocation_or_certificates_are_not),
        cmocka_unit_test(a_certificate_that_names_a_responder_and_has_no_staple_raises_a_question),
        cmocka_unit_test(each_of_the_options_forbids_the_question),
        cmocka_unit_test(staples_are_checked_also_when_no_responder_is_asked),
        cmocka_unit_test(a_good_answer_serves_the_next_connections_until_it_ends),
        cmocka_unit_test(a_revocation_ends_this_connection_and_refuses_the_next_ones),
        cmocka_unit_test(an_older_good_staple_does_not_take_a_revocation_back),
        cmocka_unit_test(silence_and_answers_that_say_nothing_let_it_go_on_and_are_remembered),
        cmocka_unit_test(an_answer_that_comes_during_a_handshake_counts_at_its_end),
        cmocka_unit_test(no_session_is_resumed_before_the_question_is_settled),
        cmocka_unit_test(a_certificate_nobody_vouched_for_is_not_resumed),
        cmocka_unit_test(a_judgement_does_not_stop_the_clock_for_others),
        cmocka_unit_test(a_revocation_leaves_no_session_behind),
        cmocka_unit_test(a_session_is_not_resumed_when_its_certificate_is_revoked_since),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
