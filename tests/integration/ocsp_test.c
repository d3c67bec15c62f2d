/* SPDX-License-Identifier: Apache-2.0 */
/* OCSP responders and a whole client: a front with TLS before the mock shows a certificate that
 * names a responder, and the responder says this and that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "integration/client_fixture.h"
#include "support/ocsp_responder.h"
#include "support/tls_front.h"

#define SHORT "&serverSelectionTimeoutMS=400&heartbeatFrequencyMS=500"

static cert_t authority;
static char ca[] = "/tmp/muv-ocsp-XXXXXX";

/* Of 127.0.0.1, and asking at `access`. */
static cert_t make(const char *access, int8_t must_staple)
{
    int64_t now_s = (int64_t)time(NULL);

    return cert_make(&(cert_spec_t){.common_name = "server",
                                    .issuer = &authority,
                                    .alt_names = "IP:127.0.0.1",
                                    .access = access,
                                    .from_s = now_s - 7200,
                                    .until_s = now_s + 36000,
                                    .must_staple = must_staple});
}

static int setup(void **state)
{
    int64_t now_s = (int64_t)time(NULL);
    pem_t pem;
    int fd = mkstemp(ca);

    (void)state;
    authority = cert_make(&(cert_spec_t){.common_name = "authority",
                                         .from_s = now_s - 7200,
                                         .until_s = now_s + 36000,
                                         .is_authority = 1});
    pem = cert_pem(&authority, NULL, NULL);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, pem.text, pem.size), pem.size);
    assert_int_equal(close(fd), 0);
    free(pem.text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cert_done(&authority);
    return unlink(ca);
}

/* --- the scene ---------------------------------------------------------------------------------*/

typedef struct stage {
    client_fixture_t *f;
    ocsp_responder_t *responder;
    tls_front_t *front;
    cert_t cert;
} stage_t;

static void open_stage_at(stage_t *s, client_fixture_t *f, const char *access, int8_t must_staple)
{
    s->f = f;
    s->cert = make(access, must_staple);
    s->front = tls_front_new(&f->loop, &(tls_front_opts_t){.tls = {.cert = &s->cert},
                                                           .target_port = mock_port(f->mock, 0)});
}

static void open_stage(stage_t *s, client_fixture_t *f, ocsp_act_t act)
{
    s->responder = ocsp_responder_new(&f->loop, &authority);
    ocsp_responder_act(s->responder, act);
    open_stage_at(s, f, ocsp_responder_access(s->responder), 0);
}

static void open_at_stage(stage_t *s, const char *options)
{
    open_client_at(s->f,
                   text_of("mongodb://127.0.0.1:%d/?tls=true&tlsCAFile=%s%s",
                           tls_front_port(s->front), ca, options),
                   NULL);
}

static void close_stage(stage_t *s, int mode)
{
    if (s->f->client != NULL) {
        close_client(s->f, mode);
    }
    tls_front_close(s->front);
    if (s->responder != NULL) {
        ocsp_responder_close(s->responder);
    }
    run_for(&s->f->loop, 10);
    cert_done(&s->cert);
}

static void check_ping(stage_t *s)
{
    outcome_t o = {0};

    start_ping(s->f, &o, 0);
    await_success(&o);
    outcome_clear(&o);
}

static void check_no_server(stage_t *s, const char *reason)
{
    outcome_t o = {0};

    start_ping(s->f, &o, 0);
    await_error(&o, MUV_ESELECTION);
    CHECK_CONTAINS(o.error.message, reason);
    outcome_clear(&o);
}

/* --- what a responder says ---------------------------------------------------------------------*/

static void a_certificate_that_is_good_is_asked_about_once(void **state)
{
    stage_t s = {0};

    open_stage(&s, *state, OCSP_ACT_GOOD);
    open_at_stage(&s, "");
    check_ping(&s);
    tls_front_cut(s.front);
    await_recovery(s.f);
    assert_true(tls_front_handshakes(s.front) >= 3);
    assert_int_equal(ocsp_responder_asked(s.responder), 1);
    CHECK_ONE_THREAD();
    close_stage(&s, MUV_CLOSE_DRAIN);
}

static void a_revoked_certificate_is_refused(void **state)
{
    const ocsp_act_t acts[] = {OCSP_ACT_REVOKED, OCSP_ACT_DELEGATED};

    for (size_t i = 0; i < MUV__COUNT_OF(acts); i++) {
        stage_t s = {0};

        open_stage(&s, *state, acts[i]);
        open_at_stage(&s, SHORT);
        check_no_server(&s, "TLS handshake with 127.0.0.1:");
        check_no_server(&s, "the certificate is revoked, sa");
        assert_int_equal(ocsp_responder_asked(s.responder), 1);
        close_stage(&s, MUV_CLOSE_ABORT);
    }
}

static void what_says_nothing_is_no_obstacle(void **state)
{
    const ocsp_act_t acts[] = {OCSP_ACT_UNKNOWN,    OCSP_ACT_EXPIRED, OCSP_ACT_WRONG_SIGNER,
                               OCSP_ACT_TRY_LATER,  OCSP_ACT_GARBAGE, OCSP_ACT_TOO_LARGE,
                               OCSP_ACT_HTTP_ERROR, OCSP_ACT_CLOSE};

    for (size_t i = 0; i < MUV__COUNT_OF(acts); i++) {
        stage_t s = {0};

        open_stage(&s, *state, acts[i]);
        open_at_stage(&s, "");
        check_ping(&s);
        assert_int_equal(ocsp_responder_asked(s.responder), 1);
        close_stage(&s, MUV_CLOSE_DRAIN);
    }
}

static void a_responder_that_is_not_there_is_no_obstacle(void **state)
{
    const char *const places[] = {"OCSP;URI:http://127.0.0.1:1/ocsp",
                                  "OCSP;URI:http://nobody.invalid/ocsp"};

    for (size_t i = 0; i < MUV__COUNT_OF(places); i++) {
        stage_t s = {0};

        open_stage_at(&s, *state, places[i], 0);
        open_at_stage(&s, "");
        check_ping(&s);
        close_stage(&s, MUV_CLOSE_DRAIN);
    }
}

/* Half a second of the one that TLS has; and once, not for each connection. */
static void a_responder_that_hangs_holds_up_the_first_connection_for_a_while(void **state)
{
    stage_t s = {0};
    uint64_t began_ns = uv_hrtime();
    uint64_t took_ms;

    open_stage(&s, *state, OCSP_ACT_HANG);
    open_at_stage(&s, "&connectTimeoutMS=1000");
    check_ping(&s);
    took_ms = (uv_hrtime() - began_ns) / 1000000;
    assert_in_range(took_ms, 400, 4000);
    assert_int_equal(ocsp_responder_asked(s.responder), 1);
    close_stage(&s, MUV_CLOSE_DRAIN);
}

/* --- who is not asked --------------------------------------------------------------------------*/

static void each_of_the_options_forbids_the_question(void **state)
{
    const char *const options[] = {"&tlsDisableOCSPEndpointCheck=true",
                                   "&tlsDisableCertificateRevocationCheck=true",
                                   "&tlsAllowInvalidCertificates=true", "&tlsInsecure=true"};

    for (size_t i = 0; i < MUV__COUNT_OF(options); i++) {
        stage_t s = {0};

        open_stage(&s, *state, OCSP_ACT_REVOKED);
        open_at_stage(&s, options[i]);
        check_ping(&s);
        assert_int_equal(ocsp_responder_asked(s.responder), 0);
        close_stage(&s, MUV_CLOSE_DRAIN);
    }
}

static void the_option_of_the_struct_forbids_it_too(void **state)
{
    const muv_client_opts_t opts = {
        .tls = MUV_YES, .tls_ca_file = ca, .tls_disable_ocsp_endpoint_check = MUV_YES};
    stage_t s = {0};

    open_stage(&s, *state, OCSP_ACT_REVOKED);
    open_client_at(s.f, text_of("mongodb://127.0.0.1:%d", tls_front_port(s.front)), &opts);
    check_ping(&s);
    assert_int_equal(ocsp_responder_asked(s.responder), 0);
    close_stage(&s, MUV_CLOSE_DRAIN);
}

/* No responder can replace a staple that the certificate demands. */
static void a_staple_that_is_demanded_and_missing_is_not_asked_for(void **state)
{
    stage_t s = {.responder = NULL};

    s.responder = ocsp_responder_new(&((client_fixture_t *)*state)->loop, &authority);
    open_stage_at(&s, *state, ocsp_responder_access(s.responder), 1);
    open_at_stage(&s, SHORT);
    check_no_server(&s, "demands a stapled OCSP response");
    assert_int_equal(ocsp_responder_asked(s.responder), 0);
    close_stage(&s, MUV_CLOSE_ABORT);
}

/* --- many, and the end -------------------------------------------------------------------------*/

static void fifty_connections_at_once_ask_once(void **state)
{
    client_fixture_t *f = *state;
    stage_t s = {0};
    static outcome_t pings[50];

    memset(pings, 0, sizeof pings);
    open_stage(&s, f, OCSP_ACT_GOOD);
    mock_script(f->mock, "ping", &(mock_step_t){.hold = true, .times = MUV__COUNT_OF(pings)});
    open_at_stage(&s, "&maxPoolSize=60&maxConnecting=50");
    for (size_t i = 0; i < MUV__COUNT_OF(pings); i++) {
        start_ping(f, &pings[i], 0);
    }
    await_held(f, MUV__COUNT_OF(pings));
    assert_true(tls_front_handshakes(s.front) >= MUV__COUNT_OF(pings));
    assert_int_equal(ocsp_responder_asked(s.responder), 1);
    (void)mock_release(f->mock, MUV__COUNT_OF(pings));
    for (size_t i = 0; i < MUV__COUNT_OF(pings); i++) {
        await_success(&pings[i]);
        outcome_clear(&pings[i]);
    }
    close_stage(&s, MUV_CLOSE_DRAIN);
}

static void a_client_can_be_closed_while_a_responder_is_asked(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    stage_t s = {0};

    open_stage(&s, f, OCSP_ACT_HANG);
    open_at_stage(&s, "");
    start_ping(f, &o, 0);
    run_until_count(&f->loop, ocsp_responder_counter(s.responder), 1, WAIT_MS);
    begin_close(f, MUV_CLOSE_ABORT);
    await_error(&o, MUV_ECLOSED);
    outcome_clear(&o);
    run_until(&f->loop, &f->closed, WAIT_MS);
    close_stage(&s, MUV_CLOSE_ABORT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_certificate_that_is_good_is_asked_about_once),
        CASE(a_revoked_certificate_is_refused),
        CASE(what_says_nothing_is_no_obstacle),
        CASE(a_responder_that_is_not_there_is_no_obstacle),
        CASE(a_responder_that_hangs_holds_up_the_first_connection_for_a_while),
        CASE(each_of_the_options_forbids_the_question),
        CASE(the_option_of_the_struct_forbids_it_too),
        CASE(a_staple_that_is_demanded_and_missing_is_not_asked_for),
        CASE(fifty_connections_at_once_ask_once),
        CASE(a_client_can_be_closed_while_a_responder_is_asked),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
