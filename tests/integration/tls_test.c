/* SPDX-License-Identifier: Apache-2.0 */
/* TLS of a whole client: a real server with it, and a front with certificates of the test's own
 * before the mock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "integration/client_fixture.h"
#include "support/mock_compress.h"
#include "support/process.h"
#include "support/tls_front.h"

#define LARGE_BYTES (12 * 1024 * 1024)
#define SHORT "serverSelectionTimeoutMS=400&connectTimeoutMS=300&heartbeatFrequencyMS=500"

/* Files of one test program, of certificates that are valid for the next hours. */
static struct {
    cert_t authority;
    cert_t server; /* Of 127.0.0.1. */
    cert_t other;  /* Of a name nobody uses. */
    cert_t client;
    char folder[32];
    char ca[64];
    char wrong_ca[64];
    char key[64];
    char locked_key[64];
    char revoked[64];
} files;

static server_process_t *real;

static void write_file(char path[64], const char *name, pem_t pem)
{
    FILE *file;

    (void)snprintf(path, 64, "%s/%s", files.folder, name);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(pem.text, 1, pem.size, file), pem.size);
    assert_int_equal(fclose(file), 0);
    free(pem.text);
}

static cert_t make(const char *name, const cert_t *issuer, const char *alt_names)
{
    int64_t now_s = (int64_t)time(NULL);

    return cert_make(&(cert_spec_t){.common_name = name,
                                    .issuer = issuer,
                                    .alt_names = alt_names,
                                    .from_s = now_s - 3600,
                                    .until_s = now_s + 36000,
                                    .is_authority = issuer == NULL});
}

static int setup(void **state)
{
    cert_t stranger = make("stranger", NULL, NULL);

    (void)state;
    (void)snprintf(files.folder, sizeof files.folder, "/tmp/muv-tls-XXXXXX");
    assert_non_null(mkdtemp(files.folder));
    files.authority = make("authority", NULL, NULL);
    files.server = make("server", &files.authority, "IP:127.0.0.1");
    files.other = make("other", &files.authority, "DNS:other.example.net");
    files.client = make("client", &files.authority, NULL);
    write_file(files.ca, "ca.pem", cert_pem(&files.authority, NULL, NULL));
    write_file(files.wrong_ca, "wrong.pem", cert_pem(&stranger, NULL, NULL));
    write_file(files.key, "client.pem", cert_pem(&files.client, NULL, ""));
    write_file(files.locked_key, "locked.pem", cert_pem(&files.client, NULL, "open sesame"));
    cert_done(&stranger);
    return 0;
}

static int teardown(void **state)
{
    const char *const paths[] = {files.ca, files.wrong_ca, files.key, files.locked_key};

    (void)state;
    server_stop(real);
    for (size_t i = 0; i < MUV__COUNT_OF(paths); i++) {
        (void)unlink(paths[i]);
    }
    cert_done(&files.authority);
    cert_done(&files.server);
    cert_done(&files.other);
    cert_done(&files.client);
    return rmdir(files.folder);
}

/* --- a front before the mock -------------------------------------------------------------------*/

static tls_front_t *open_front(client_fixture_t *f, const tls_front_opts_t *opts)
{
    tls_front_opts_t full = *opts;

    if (full.tls.cert == NULL) {
        full.tls.cert = &files.server;
    }
    full.tls.wall_s = (int64_t)time(NULL);
    full.target_port = mock_port(f->mock, 0);
    return tls_front_new(&f->loop, &full);
}

static void open_at_front(client_fixture_t *f, const tls_front_t *front, const char *options)
{
    open_client_at(f, text_of("mongodb://127.0.0.1:%d/?%s", tls_front_port(front), options), NULL);
}

/* A ping fails because no server can be used, and says why. */
static void check_no_server(client_fixture_t *f, const char *reason)
{
    outcome_t o = {0};

    start_ping(f, &o, 0);
    await_error(&o, MUV_ESELECTION);
    CHECK_CONTAINS(o.error.message, reason);
    outcome_clear(&o);
}

static void check_ping(client_fixture_t *f)
{
    outcome_t o = {0};

    start_ping(f, &o, 0);
    await_success(&o);
    outcome_clear(&o);
}

static void check_refused_by_front(client_fixture_t *f, const tls_front_opts_t *opts,
                                   const char *options, const char *reason)
{
    tls_front_t *front = open_front(f, opts);

    open_at_front(f, front, options);
    check_no_server(f, reason);
    close_client(f, MUV_CLOSE_ABORT);
    tls_front_close(front);
}

static void check_accepted_by_front(client_fixture_t *f, const tls_front_opts_t *opts,
                                    const char *options)
{
    tls_front_t *front = open_front(f, opts);

    open_at_front(f, front, options);
    check_ping(f);
    close_client(f, MUV_CLOSE_DRAIN);
    tls_front_close(front);
}

static void the_right_authority_is_needed(void **state)
{
    tls_front_opts_t front = {.silent = false};

    check_accepted_by_front(*state, &front, text_of("tls=true&tlsCAFile=%s", files.ca));
    check_refused_by_front(*state, &front, text_of(SHORT "&tls=true&tlsCAFile=%s", files.wrong_ca),
                           "unable to get local issuer certificate");
    check_refused_by_front(*state, &front, SHORT "&tls=true",
                           "unable to get local issuer certificate");
    check_accepted_by_front(*state, &front, "tls=true&tlsInsecure=true");
    check_accepted_by_front(*state, &front, "tls=true&tlsAllowInvalidCertificates=true");
}

static void the_right_name_is_needed(void **state)
{
    tls_front_opts_t front = {.tls = {.cert = &files.other}};

    check_refused_by_front(*state, &front, text_of(SHORT "&tls=true&tlsCAFile=%s", files.ca),
                           "IP address mismatch");
    check_accepted_by_front(
        *state, &front, text_of("tls=true&tlsAllowInvalidHostnames=true&tlsCAFile=%s", files.ca));
}

static void a_certificate_of_our_own_is_shown_when_it_is_demanded(void **state)
{
    tls_front_opts_t front = {.tls = {.client_issuer = &files.authority}};
    tls_front_opts_t old = {
        .tls = {.client_issuer = &files.authority, .max_version = TLS1_2_VERSION}};

    check_refused_by_front(*state, &front, text_of(SHORT "&tls=true&tlsCAFile=%s", files.ca),
                           "the server refused: ");
    check_refused_by_front(*state, &old, text_of(SHORT "&tls=true&tlsCAFile=%s", files.ca),
                           "the server refused: ");
    check_accepted_by_front(*state, &front,
                            text_of("tlsCertificateKeyFile=%s&tlsCAFile=%s", files.key, files.ca));
    check_accepted_by_front(*state, &old,
                            text_of("tlsCertificateKeyFile=%s&tlsCertificateKeyFilePassword="
                                    "open%%20sesame&tlsCAFile=%s",
                                    files.locked_key, files.ca));
}

static void options_of_the_struct_are_options(void **state)
{
    client_fixture_t *f = *state;
    tls_front_t *front =
        open_front(f, &(tls_front_opts_t){.tls = {.client_issuer = &files.authority}});
    muv_client_opts_t opts = {.tls = MUV_YES,
                              .tls_ca_file = files.ca,
                              .tls_certificate_key_file = files.locked_key,
                              .tls_certificate_key_file_password = "open sesame"};

    open_client_at(f, text_of("mongodb://127.0.0.1:%d", tls_front_port(front)), &opts);
    check_ping(f);
    close_client(f, MUV_CLOSE_DRAIN);
    tls_front_close(front);
}

static void check_accepted_with(client_fixture_t *f, const tls_front_opts_t *front_opts,
                                const muv_client_opts_t *opts)
{
    tls_front_t *front = open_front(f, front_opts);

    open_client_at(f, text_of("mongodb://127.0.0.1:%d/?tls=true", tls_front_port(front)), opts);
    check_ping(f);
    close_client(f, MUV_CLOSE_DRAIN);
    tls_front_close(front);
}

/* What the_right_authority_is_needed and the_right_name_is_needed refuse. */
static void verification_can_be_loosened_in_the_struct(void **state)
{
    tls_front_opts_t other = {.tls = {.cert = &files.other}};

    check_accepted_with(*state, &other, &(muv_client_opts_t){.tls_insecure = MUV_YES});
    check_accepted_with(*state, &other,
                        &(muv_client_opts_t){.tls_allow_invalid_certificates = MUV_YES});
    check_accepted_with(
        *state, &other,
        &(muv_client_opts_t){.tls_ca_file = files.ca, .tls_allow_invalid_hostnames = MUV_YES});
    check_accepted_with(
        *state, &(tls_front_opts_t){.silent = false},
        &(muv_client_opts_t){.tls_ca_file = files.ca, .tls_disable_ocsp_endpoint_check = MUV_YES});
}

static void check_opts(const muv_client_opts_t *opts, const char *reason)
{
    muv_client_t *client = NULL;
    muv_error_t error;

    CHECK_CODE(muv_client_new(uv_default_loop(), "mongodb://h", opts, &error, &client), MUV_EINVAL);
    CHECK_CONTAINS(error.message, reason);
}

/* (URI options: some pairs are errors; each field is the option of its name.) */
static void options_of_the_struct_exclude_each_other_like_those_of_the_string(void **state)
{
    (void)state;
    check_opts(
        &(muv_client_opts_t){.tls_insecure = MUV_YES, .tls_allow_invalid_certificates = MUV_YES},
        "tlsAllowInvalidCertificates");
    check_opts(
        &(muv_client_opts_t){.tls_insecure = MUV_YES, .tls_allow_invalid_hostnames = MUV_YES},
        "tlsAllowInvalidHostnames");
    check_opts(
        &(muv_client_opts_t){.tls_insecure = MUV_YES, .tls_disable_ocsp_endpoint_check = MUV_YES},
        "tlsDisableOCSPEndpointCheck");
    check_opts(&(muv_client_opts_t){.tls_insecure = MUV_YES,
                                    .tls_disable_certificate_revocation_check = MUV_YES},
               "tlsDisableCertificateRevocationCheck");
}

static void a_revoked_server_is_refused(void **state)
{
    client_fixture_t *f = *state;
    tls_front_t *front = open_front(f, &(tls_front_opts_t){.silent = false});
    muv_client_opts_t opts = {
        .tls = MUV_YES, .tls_ca_file = files.ca, .tls_crl_file = files.revoked};

    write_file(files.revoked, "revoked.pem",
               cert_crl(&files.authority, &files.server, (int64_t)time(NULL) - 60));
    open_client_at(f, text_of("mongodb://127.0.0.1:%d/?" SHORT, tls_front_port(front)), &opts);
    check_no_server(f, "certificate revoked");
    close_client(f, MUV_CLOSE_ABORT);
    opts.tls_disable_certificate_revocation_check = MUV_YES;
    open_client_at(f, text_of("mongodb://127.0.0.1:%d", tls_front_port(front)), &opts);
    (void)unlink(files.revoked); /* It was read already. */
    check_ping(f);
    close_client(f, MUV_CLOSE_DRAIN);
    tls_front_close(front);
}

static void check_option(const char *options, const char *reason)
{
    uv_loop_t *loop = uv_default_loop();
    muv_client_t *client = NULL;
    muv_error_t error;

    CHECK_CODE(muv_client_new(loop, text_of("mongodb://h/?%s", options), NULL, &error, &client),
               MUV_EINVAL);
    CHECK_CONTAINS(error.message, reason);
    assert_null(strstr(error.message, "sesame"));
}

static void wrong_files_are_told_when_the_client_is_made(void **state)
{
    (void)state;
    check_option("tlsCAFile=/nonexistent/ca.pem", "tlsCAFile: /nonexistent/ca.pem: no such file");
    check_option("tlsCAFile=/tmp", "tlsCAFile: /tmp: illegal operation on a directory");
    check_option(text_of("tlsCAFile=%s&tlsCertificateKeyFile=/nonexistent", files.ca),
                 "tlsCertificateKeyFile: /nonexistent: no such file");
    check_option(text_of("tlsCAFile=%s&tlsCertificateKeyFile=%s", files.ca, files.ca),
                 "tlsCertificateKeyFile: the file holds no private key");
    check_option(text_of("tlsCAFile=%s&tlsCertificateKeyFile=%s", files.ca, files.locked_key),
                 "needs tlsCertificateKeyFilePassword");
    check_option(text_of("tlsCAFile=%s&tlsCertificateKeyFile=%s&tlsCertificateKeyFilePassword="
                         "close%%20sesame",
                         files.ca, files.locked_key),
                 "tlsCertificateKeyFilePassword is wrong");
}

/* --- who does not speak TLS --------------------------------------------------------------------*/

static void a_server_without_tls_is_noticed(void **state)
{
    client_fixture_t *f = *state;

    open_client_at(f,
                   text_of("mongodb://127.0.0.1:%d/?" SHORT "&tls=true&tlsCAFile=%s",
                           mock_port(f->mock, 0), files.ca),
                   NULL);
    check_no_server(f, "127.0.0.1");
}

static void a_server_with_tls_is_no_server_without(void **state)
{
    check_refused_by_front(*state, &(tls_front_opts_t){.silent = false}, SHORT, "127.0.0.1");
}

static void a_handshake_that_is_never_finished_ends_with_its_time(void **state)
{
    check_refused_by_front(*state, &(tls_front_opts_t){.silent = true},
                           text_of(SHORT "&tls=true&tlsCAFile=%s", files.ca),
                           "took longer than connectTimeoutMS");
}

/* --- connections -------------------------------------------------------------------------------*/

static void bytes_that_come_one_by_one_are_understood(void **state)
{
    check_accepted_by_front(*state, &(tls_front_opts_t){.piece_bytes = 1},
                            text_of("tls=true&tlsCAFile=%s", files.ca));
}

static void later_connections_resume_the_session(void **state)
{
    client_fixture_t *f = *state;
    tls_front_t *front = open_front(f, &(tls_front_opts_t){.silent = false});
    outcome_t outcomes[20] = {0};

    open_at_front(f, front, text_of("tls=true&tlsCAFile=%s&maxConnecting=5", files.ca));
    check_ping(f);
    for (size_t i = 0; i < MUV__COUNT_OF(outcomes); i++) {
        start_ping(f, &outcomes[i], 0);
    }
    for (size_t i = 0; i < MUV__COUNT_OF(outcomes); i++) {
        await_success(&outcomes[i]);
        outcome_clear(&outcomes[i]);
    }
    assert_in_range(tls_front_handshakes(front), 3, 30);
    assert_true(tls_front_resumed(front) + 3 >= tls_front_handshakes(front));
    CHECK_ONE_THREAD();
    close_client(f, MUV_CLOSE_DRAIN);
    tls_front_close(front);
}

/* Each of the two hundred has its own connection; the finds come through between the handshakes. */
static void two_hundred_handshakes_do_not_hold_up_the_others(void **state)
{
    client_fixture_t *f = *state;
    tls_front_t *front = open_front(f, &(tls_front_opts_t){.silent = false});
    static outcome_t pings[200];
    static outcome_t finds[20];

    memset(pings, 0, sizeof pings);
    memset(finds, 0, sizeof finds);
    mock_script(f->mock, "ping", &(mock_step_t){.times = 1});
    mock_script(f->mock, "ping", &(mock_step_t){.hold = true, .times = MUV__COUNT_OF(pings)});
    open_at_front(f, front,
                  text_of("tls=true&tlsCAFile=%s&maxPoolSize=210&maxConnecting=200", files.ca));
    check_ping(f);
    for (size_t i = 0; i < MUV__COUNT_OF(pings); i++) {
        start_ping(f, &pings[i], 0);
    }
    for (size_t i = 0; i < MUV__COUNT_OF(finds); i++) {
        start_find(f, &finds[i], (int64_t)i, NULL);
    }
    for (size_t i = 0; i < MUV__COUNT_OF(finds); i++) {
        await_success(&finds[i]);
        outcome_clear(&finds[i]);
    }
    await_held(f, MUV__COUNT_OF(pings));
    assert_true(tls_front_handshakes(front) >= MUV__COUNT_OF(pings));
    (void)mock_release(f->mock, MUV__COUNT_OF(pings));
    for (size_t i = 0; i < MUV__COUNT_OF(pings); i++) {
        await_success(&pings[i]);
        outcome_clear(&pings[i]);
    }
    close_client(f, MUV_CLOSE_DRAIN);
    tls_front_close(front);
}

static void a_connection_that_breaks_is_replaced(void **state)
{
    client_fixture_t *f = *state;
    tls_front_t *front = open_front(f, &(tls_front_opts_t){.silent = false});

    open_at_front(f, front, text_of("tls=true&tlsCAFile=%s", files.ca));
    for (int i = 0; i < 3; i++) {
        check_ping(f);
        tls_front_cut(front);
        await_recovery(f);
    }
    close_client(f, MUV_CLOSE_DRAIN);
    tls_front_close(front);
}

static void a_large_request_and_its_cancelling_leave_a_good_connection(void **state)
{
    client_fixture_t *f = *state;
    tls_front_t *front = open_front(f, &(tls_front_opts_t){.piece_bytes = 1000});
    char *text = malloc(LARGE_BYTES + 64);
    outcome_t cancelled = {0};
    outcome_t o = {0};
    int at = snprintf(text, 64, "{\"insert\": \"c\", \"x\": \"");

    memset(text + at, 'x', LARGE_BYTES);
    memcpy(text + at + LARGE_BYTES, "\"}", 3);
    open_at_front(f, front, text_of("tls=true&tlsCAFile=%s&maxPoolSize=1", files.ca));
    check_ping(f);
    start_write(f, &o, text, 0);
    await_success(&o);
    outcome_clear(&o);
    start_write(f, &cancelled, text, 0);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    cancel(&cancelled);
    await_error(&cancelled, MUV_ECANCELED);
    outcome_clear(&cancelled);
    check_ping(f);
    close_client(f, MUV_CLOSE_DRAIN);
    tls_front_close(front);
    free(text);
}

/* --- compression -------------------------------------------------------------------------------*/

static void echo_text(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    (void)step;
    (void)data;
    BSON_APPEND_UTF8(reply, "x", mock_request_text(request, "x"));
    BSON_APPEND_INT32(reply, "ok", 1);
}

/* A command of `size` bytes is compressed, then encrypted, and its reply decrypted, then
 * decompressed. */
static void check_echo(client_fixture_t *f, size_t size, int compressor)
{
    char *text = malloc(size + 64);
    outcome_t o = {0};
    int at = snprintf(text, 64, "{\"echo\": 1, \"x\": \"");

    for (size_t i = 0; i < size; i++) {
        text[(size_t)at + i] = (char)('a' + i * i % 23);
    }
    memcpy(text + at + size, "\"}", 3);
    start_command(f, &o, text, NULL);
    await_success(&o);
    text[(size_t)at + size] = '\0';
    assert_non_null(strstr(o.text, text + at));
    assert_int_equal(mock_request_of(f->mock, "echo", -1)->compressor, compressor);
    outcome_clear(&o);
    free(text);
}

static void compressed_messages_are_encrypted(void **state)
{
    static const struct {
        const char *name;
        int id;
    } compressors[] = {{"snappy", MOCK_SNAPPY}, {"zlib", MOCK_ZLIB}, {"zstd", MOCK_ZSTD}};
    client_fixture_t *f = *state;
    tls_front_t *front = open_front(f, &(tls_front_opts_t){.piece_bytes = 5000});

    mock_set_hello(f->mock, 0, "{\"compression\": [\"snappy\", \"zlib\", \"zstd\"]}");
    mock_on(f->mock, "echo", echo_text, NULL);
    for (size_t i = 0; i < MUV__COUNT_OF(compressors); i++) {
        mock_compress_replies(f->mock, compressors[i].id);
        open_at_front(
            f, front,
            text_of("tls=true&tlsCAFile=%s&compressors=%s", files.ca, compressors[i].name));
        check_echo(f, 10, compressors[i].id);
        check_echo(f, 3 * 1024 * 1024, compressors[i].id);
        check_echo(f, 10, compressors[i].id);
        close_client(f, MUV_CLOSE_DRAIN);
    }
    tls_front_close(front);
}

/* --- a real server -----------------------------------------------------------------------------*/

static void open_at_server(client_fixture_t *f)
{
    if (real == NULL) {
        real = server_start(&(server_opts_t){.tls = true});
    }
    open_client_at(f, server_uri(real), NULL);
}

static void a_real_server_is_talked_to_in_small_and_large(void **state)
{
    client_fixture_t *f = *state;
    char *text = malloc(LARGE_BYTES + 128);
    outcome_t o = {0};
    int at = snprintf(text, 128, "{\"insert\": \"c\", \"documents\": [{\"_id\": 1, \"x\": \"");

    memset(text + at, 'x', LARGE_BYTES);
    memcpy(text + at + LARGE_BYTES, "\"}]}", 5);
    open_at_server(f);
    check_ping(f);
    start_command(f, &o, text, NULL);
    await_success(&o);
    outcome_clear(&o);
    start_command(f, &o, "{\"find\": \"c\"}", NULL);
    await_success(&o);
    assert_true(strlen(o.text) > LARGE_BYTES);
    outcome_clear(&o);
    CHECK_ONE_THREAD();
    free(text);
}

static void a_real_server_with_another_authority_is_refused(void **state)
{
    client_fixture_t *f = *state;

    open_at_server(f);
    close_client(f, MUV_CLOSE_DRAIN);
    open_client_at(f,
                   text_of("mongodb://127.0.0.1:%d/?" SHORT "&tls=true&tlsCAFile=%s",
                           server_port(real), files.ca),
                   NULL);
    check_no_server(f, "TLS handshake with 127.0.0.1");
}

static void a_login_through_tls_works(void **state)
{
    server_process_t *server = server_start(&(server_opts_t){.tls = true, .auth = true});
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client_at(f, server_uri(server), NULL);
    start_command(f, &o, "{\"find\": \"c\"}", NULL);
    await_success(&o);
    outcome_clear(&o);
    close_client(f, MUV_CLOSE_DRAIN);
    server_stop(server);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_right_authority_is_needed),
        CASE(the_right_name_is_needed),
        CASE(a_certificate_of_our_own_is_shown_when_it_is_demanded),
        CASE(options_of_the_struct_are_options),
        CASE(verification_can_be_loosened_in_the_struct),
        CASE(options_of_the_struct_exclude_each_other_like_those_of_the_string),
        CASE(a_revoked_server_is_refused),
        CASE(wrong_files_are_told_when_the_client_is_made),
        CASE(a_server_without_tls_is_noticed),
        CASE(a_server_with_tls_is_no_server_without),
        CASE(a_handshake_that_is_never_finished_ends_with_its_time),
        CASE(bytes_that_come_one_by_one_are_understood),
        CASE(later_connections_resume_the_session),
        CASE(two_hundred_handshakes_do_not_hold_up_the_others),
        CASE(a_connection_that_breaks_is_replaced),
        CASE(a_large_request_and_its_cancelling_leave_a_good_connection),
        CASE(compressed_messages_are_encrypted),
        CASE(a_real_server_is_talked_to_in_small_and_large),
        CASE(a_real_server_with_another_authority_is_refused),
        CASE(a_login_through_tls_works),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
