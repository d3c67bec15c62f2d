/* SPDX-License-Identifier: Apache-2.0 */
/* The engine against OpenSSL's server: who is let in, how bytes may be cut, how it ends. */
#include "tls/tls_stream.h"

#include <stdlib.h>
#include <string.h>

#include "unit/base/counting_alloc.h"
#include "unit/tls/pair.h"

#define WHOLE (SIZE_MAX / 2)

/* --- who is let in -----------------------------------------------------------------------------*/

static void check_meeting(const tls_server_opts_t *server, const muv__tls_options_t *client,
                          const char *name, const char *reason)
{
    pair_t pair;
    int status;

    pair_init(&pair, server, client);
    status = pair_meet(&pair, name);
    if (reason == NULL) {
        CHECK_CODE(status, 1);
    } else {
        CHECK_CODE(status, MUV_ETLS);
        CHECK_ERROR(&pair.error, MUV_ETLS);
        CHECK_CONTAINS(pair.error.message, reason);
        CHECK_CONTAINS(pair.error.message, name);
    }
    pair_done(&pair);
}

static void the_names_and_addresses_of_the_certificate_are_accepted(void **state)
{
    (void)state;
    check_meeting(NULL, NULL, "db.example.net:27017", NULL);
    check_meeting(NULL, NULL, "DB.Example.NET.:27017", NULL);
    check_meeting(NULL, NULL, "a.wild.example.net:27017", NULL);
    check_meeting(NULL, NULL, "127.0.0.1:27017", NULL);
    check_meeting(NULL, NULL, "[::1]:27017", NULL);
    check_meeting(NULL, NULL, "[0:0:0:0:0:0:0:1]:27017", NULL);
}

static void other_names_and_addresses_are_refused(void **state)
{
    (void)state;
    check_meeting(NULL, NULL, "other.example.net:27017", "hostname mismatch");
    check_meeting(NULL, NULL, "a.b.wild.example.net:27017", "hostname mismatch");
    check_meeting(NULL, NULL, "wild.example.net:27017", "hostname mismatch");
    check_meeting(NULL, NULL, "cn.example.net:27017", "hostname mismatch");
    check_meeting(NULL, NULL, "127.0.0.2:27017", "IP address mismatch");
    check_meeting(NULL, NULL, "[::2]:27017", "IP address mismatch");
}

static void invalid_host_names_can_be_allowed_alone(void **state)
{
    cert_t foreign = cert_make(&(cert_spec_t){.common_name = "x", .issuer = &certs.stranger});
    tls_server_opts_t server = {.cert = &foreign};
    muv__tls_options_t client = {.allow_invalid_hostnames = 1};

    (void)state;
    check_meeting(NULL, &client, "other.example.net:27017", NULL);
    check_meeting(&server, &client, "other.example.net:27017", "unable to get local issuer");
    cert_done(&foreign);
}

static void nothing_is_verified_when_invalid_certificates_are_allowed(void **state)
{
    cert_t foreign = cert_make(&(cert_spec_t){.common_name = "x", .issuer = &certs.stranger});
    tls_server_opts_t server = {.cert = &foreign};
    muv__tls_options_t client = {.allow_invalid_certificates = 1};

    (void)state;
    check_meeting(&server, &client, "db.example.net:27017", NULL);
    cert_done(&foreign);
}

static void check_certificate(const cert_spec_t *spec, const char *reason)
{
    cert_t cert = cert_make(spec);
    tls_server_opts_t server = {.cert = &cert};
    tls_server_opts_t old_server = {.cert = &cert, .max_version = TLS1_2_VERSION};

    check_meeting(&server, NULL, "db.example.net:27017", reason);
    check_meeting(&old_server, NULL, "db.example.net:27017", reason);
    cert_done(&cert);
}

static void
a_certificate_must_be_valid_at_the_time_given_and_signed_by_a_known_authority(void **state)
{
    const cert_spec_t good = {
        .common_name = "x", .issuer = &certs.authority, .alt_names = "DNS:db.example.net"};
    cert_spec_t spec = good;

    (void)state;
    check_certificate(&spec, NULL);
    spec.until_s = CERTS_NOW_S - 1;
    check_certificate(&spec, "certificate has expired");
    spec.until_s = CERTS_NOW_S + 1;
    check_certificate(&spec, NULL);
    spec = good;
    spec.from_s = CERTS_NOW_S + 1;
    check_certificate(&spec, "certificate is not yet valid");
    spec = good;
    spec.issuer = &certs.stranger;
    check_certificate(&spec, "unable to get local issuer certificate");
    spec.issuer = NULL;
    check_certificate(&spec, "self-signed certificate");
    spec.issuer = &certs.server;
    check_certificate(&spec, "unable to get local issuer certificate");
}

static void an_intermediate_authority_must_come_along(void **state)
{
    cert_t middle = cert_make(
        &(cert_spec_t){.common_name = "middle", .issuer = &certs.authority, .is_authority = 1});
    cert_t cert = cert_make(
        &(cert_spec_t){.common_name = "x", .issuer = &middle, .alt_names = "DNS:db.example.net"});
    tls_server_opts_t with = {.cert = &cert, .chain = &middle};
    tls_server_opts_t without = {.cert = &cert};

    (void)state;
    check_meeting(&with, NULL, "db.example.net:27017", NULL);
    check_meeting(&without, NULL, "db.example.net:27017", "unable to get local issuer");
    cert_done(&cert);
    cert_done(&middle);
}

static void a_socket_of_this_machine_has_no_name_to_verify(void **state)
{
    cert_t foreign = cert_make(&(cert_spec_t){.common_name = "x", .issuer = &certs.stranger});
    tls_server_opts_t server = {.cert = &foreign};

    (void)state;
    check_meeting(NULL, NULL, "/tmp/mongodb-27017.sock", NULL);
    check_meeting(&server, NULL, "/tmp/mongodb-27017.sock", "unable to get local issuer");
    cert_done(&foreign);
}

static void only_names_are_told_to_the_server(void **state)
{
    pair_t pair;

    (void)state;
    pair_init(&pair, NULL, NULL);
    CHECK_CODE(pair_meet(&pair, "db.example.net.:27017"), 1);
    assert_string_equal(SSL_get_servername(pair.peer.ssl, TLSEXT_NAMETYPE_host_name),
                        "db.example.net");
    CHECK_CODE(pair_meet(&pair, "127.0.0.1:27017"), 1);
    assert_null(SSL_get_servername(pair.peer.ssl, TLSEXT_NAMETYPE_host_name));
    pair_done(&pair);
}

static void a_server_below_tls_1_2_is_refused(void **state)
{
    tls_server_opts_t server = {.max_version = TLS1_1_VERSION};

    (void)state;
    check_meeting(&server, NULL, "db.example.net:27017", "the server refused: ");
}

/* --- client certificates -----------------------------------------------------------------------*/

static int meet_and_read(pair_t *pair)
{
    uint8_t bytes[4096];
    uint8_t plain[16];
    int status = pair_meet(pair, "db.example.net:27017");
    size_t count;

    if (status != 1) {
        return status;
    }
    /* In TLS 1.3 the server judges us when we are through. */
    count = pair_from_peer(pair, bytes, sizeof(bytes));
    if (muv__tls_unread(pair->client) == 0) {
        muv__tls_feed(pair->client, muv__span(bytes, count));
    }
    return (int)muv__tls_read(pair->client, plain, sizeof(plain), &pair->error);
}

static void a_server_that_wants_a_certificate_gets_it_or_says_so(void **state)
{
    const int versions[] = {0, TLS1_2_VERSION};
    muv__tls_options_t known = {.certificate_key =
                                    muv__span(certs.identity.text, certs.identity.size)};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(versions); i++) {
        tls_server_opts_t server = {.client_issuer = &certs.authority, .max_version = versions[i]};
        pair_t pair;

        pair_init(&pair, &server, NULL);
        CHECK_CODE(meet_and_read(&pair), MUV_ETLS);
        CHECK_CONTAINS(pair.error.message, "the server refused: ");
        pair_done(&pair);
        pair_init(&pair, &server, &known);
        CHECK_CODE(meet_and_read(&pair), 0);
        assert_int_equal(pair.peer_status, 1);
        pair_done(&pair);
    }
}

/* --- how bytes may be cut ----------------------------------------------------------------------*/

static void check_talk(pair_t *pair)
{
    static const char question[] = "how are you?";
    static const char answer[] = "fine";
    uint8_t cipher[8192];
    char plain[64];
    size_t count;

    assert_int_equal(muv__tls_write(pair->client, muv__span(question, sizeof(question)), NULL),
                     sizeof(question));
    pair_to_peer(pair);
    assert_int_equal(tls_peer_read(&pair->peer, plain, sizeof(plain)), sizeof(question));
    assert_string_equal(plain, question);
    tls_peer_write(&pair->peer, answer, sizeof(answer));
    count = pair_from_peer(pair, cipher, sizeof(cipher));
    assert_int_equal(muv__tls_read(pair->client, (uint8_t *)plain, 0, NULL), 0);
    while (muv__tls_unread(pair->client) != 0) {
        assert_int_equal(muv__tls_read(pair->client, (uint8_t *)plain, sizeof(plain), NULL), 0);
    }
    muv__tls_feed(pair->client, muv__span(cipher, count));
    assert_int_equal(muv__tls_read(pair->client, (uint8_t *)plain, sizeof(plain), NULL),
                     sizeof(answer));
    assert_string_equal(plain, answer);
}

static void the_handshake_may_be_cut_into_pieces_of_any_size(void **state)
{
    const int versions[] = {0, TLS1_2_VERSION};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(versions); i++) {
        tls_server_opts_t server = {.max_version = versions[i]};
        pair_t pair;

        pair_init(&pair, &server, NULL);
        for (size_t step = 1; step <= 64; step++) {
            pair_connect(&pair, "db.example.net:27017");
            CHECK_CODE(pair_handshake(&pair, step), 1);
            check_talk(&pair);
        }
        pair_done(&pair);
    }
}

/* The server's first flight comes in two pieces. Returns its size. */
static size_t shake_hands_split_at(pair_t *pair, size_t split)
{
    uint8_t flight[8192];
    size_t size;
    int status;

    pair_connect(pair, "db.example.net:27017");
    CHECK_CODE(muv__tls_handshake(pair->client, &pair->error), 0);
    pair_to_peer(pair);
    assert_int_equal(tls_peer_handshake(&pair->peer), 0);
    size = pair_from_peer(pair, flight, sizeof(flight));
    split = split < size ? split : size;
    muv__tls_feed(pair->client, muv__span(flight, split));
    status = muv__tls_handshake(pair->client, &pair->error);
    if (split < size) {
        CHECK_CODE(status, 0);
        muv__tls_feed(pair->client, muv__span(flight + split, size - split));
    }
    CHECK_CODE(pair_handshake(pair, WHOLE), 1);
    return size;
}

static void the_servers_flight_may_be_split_at_every_byte(void **state)
{
    const int versions[] = {0, TLS1_2_VERSION};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(versions); i++) {
        tls_server_opts_t server = {.max_version = versions[i]};

        for (size_t split = 0, size = 1; split <= size; split++) {
            pair_t pair;

            pair_init(&pair, &server, NULL); /* No session to resume. */
            size = shake_hands_split_at(&pair, split);
            check_talk(&pair);
            pair_done(&pair);
        }
    }
}

enum { LARGE_BYTES = 3 * 1024 * 1024 };

static void send_pieces(pair_t *pair, const uint8_t *bytes, uint8_t *received)
{
    for (size_t at = 0; at < LARGE_BYTES;) {
        int64_t count = muv__tls_write(pair->client, muv__span(bytes + at, LARGE_BYTES - at), NULL);

        assert_in_range(count, 1, MUV__TLS_STEP_BYTES);
        pair_to_peer(pair);
        assert_int_equal(tls_peer_read(&pair->peer, received + at, LARGE_BYTES - at), count);
        at += (size_t)count;
    }
}

static void receive_pieces(pair_t *pair, const uint8_t *bytes, uint8_t *received)
{
    tls_peer_write(&pair->peer, bytes, LARGE_BYTES);
    for (size_t done = 0; done < LARGE_BYTES;) {
        uint8_t cipher[65536];
        size_t size = pair_from_peer(pair, cipher, sizeof(cipher));
        int64_t count;

        assert_int_not_equal(size, 0);
        muv__tls_feed(pair->client, muv__span(cipher, size));
        count = muv__tls_read(pair->client, received + done, LARGE_BYTES - done, NULL);
        assert_in_range(count, 0, MUV__TLS_STEP_BYTES);
        done += (size_t)count;
        assert_int_equal(muv__tls_unread(pair->client), 0);
    }
}

static void megabytes_go_both_ways_a_bounded_piece_at_a_time(void **state)
{
    uint8_t *bytes = malloc(LARGE_BYTES);
    uint8_t *received = calloc(1, LARGE_BYTES);
    pair_t pair;

    (void)state;
    for (size_t i = 0; i < LARGE_BYTES; i++) {
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    pair_init(&pair, NULL, NULL);
    CHECK_CODE(pair_meet(&pair, "db.example.net:27017"), 1);
    send_pieces(&pair, bytes, received);
    assert_memory_equal(bytes, received, LARGE_BYTES);
    memset(received, 0, LARGE_BYTES);
    receive_pieces(&pair, bytes, received);
    assert_memory_equal(bytes, received, LARGE_BYTES);
    pair_done(&pair);
    free(bytes);
    free(received);
}

static void what_is_not_asked_for_waits_and_can_be_kept(void **state)
{
    uint8_t cipher[8192];
    uint8_t plain[8];
    size_t size;
    pair_t pair;

    (void)state;
    pair_init(&pair, NULL, NULL);
    CHECK_CODE(pair_meet(&pair, "db.example.net:27017"), 1);
    tls_peer_write(&pair.peer, "first", 5);
    tls_peer_write(&pair.peer, "second", 6);
    size = pair_from_peer(&pair, cipher, sizeof(cipher));
    while (muv__tls_unread(pair.client) != 0) {
        assert_int_equal(muv__tls_read(pair.client, plain, sizeof(plain), NULL), 0);
    }
    muv__tls_feed(pair.client, muv__span(cipher, size));
    assert_int_equal(muv__tls_read(pair.client, plain, 5, NULL), 5);
    assert_int_not_equal(muv__tls_unread(pair.client), 0);
    CHECK_CODE(muv__tls_keep(pair.client), 0);
    memset(cipher, 0xff, sizeof(cipher)); /* The owner's buffer is used for somebody else. */
    assert_int_equal(muv__tls_read(pair.client, plain, 3, NULL), 3);
    CHECK_CODE(muv__tls_keep(pair.client), 0);
    assert_int_equal(muv__tls_read(pair.client, plain + 3, 5, NULL), 3);
    assert_memory_equal(plain, "second", 6);
    assert_int_equal(muv__tls_unread(pair.client), 0);
    pair_done(&pair);
}

/* --- how it ends -------------------------------------------------------------------------------*/

static void the_peers_goodbye_comes_after_its_last_bytes(void **state)
{
    uint8_t cipher[8192];
    uint8_t plain[16];
    pair_t pair;
    size_t size;

    (void)state;
    pair_init(&pair, NULL, NULL);
    CHECK_CODE(meet_and_read(&pair), 0);
    tls_peer_write(&pair.peer, "last", 4);
    (void)SSL_shutdown(pair.peer.ssl);
    size = pair_from_peer(&pair, cipher, sizeof(cipher));
    muv__tls_feed(pair.client, muv__span(cipher, size));
    assert_int_equal(muv__tls_read(pair.client, plain, sizeof(plain), &pair.error), 4);
    CHECK_CODE((int)muv__tls_read(pair.client, plain, sizeof(plain), &pair.error), MUV_ENETWORK);
    CHECK_CONTAINS(pair.error.message, "the server closed the connection");
    CHECK_CODE((int)muv__tls_read(pair.client, plain, sizeof(plain), &pair.error), MUV_ENETWORK);
    CHECK_CODE(muv__tls_ended(pair.client, &pair.error), MUV_ENETWORK);
    CHECK_CONTAINS(pair.error.message, "the server closed the connection");
    pair_done(&pair);
}

static void a_stream_that_ends_without_goodbye_was_truncated(void **state)
{
    pair_t pair;

    (void)state;
    pair_init(&pair, NULL, NULL);
    CHECK_CODE(meet_and_read(&pair), 0);
    CHECK_CODE(muv__tls_ended(pair.client, &pair.error), MUV_ENETWORK);
    CHECK_CONTAINS(pair.error.message, "broke it off without a word");
    pair_connect(&pair, "db.example.net:27017");
    CHECK_CODE(muv__tls_ended(pair.client, &pair.error), MUV_ENETWORK);
    CHECK_CONTAINS(pair.error.message, "TLS handshake with db.example.net:27017");
    pair_done(&pair);
}

static void our_goodbye_reaches_the_peer(void **state)
{
    char plain[4];
    size_t count = 0;
    pair_t pair;

    (void)state;
    pair_init(&pair, NULL, NULL);
    CHECK_CODE(meet_and_read(&pair), 0);
    muv__tls_shutdown(pair.client);
    assert_int_not_equal(pair_to_peer(&pair), 0);
    assert_int_equal(SSL_read_ex(pair.peer.ssl, plain, sizeof(plain), &count), 0);
    assert_int_equal(SSL_get_error(pair.peer.ssl, 0), SSL_ERROR_ZERO_RETURN);
    pair_done(&pair);
}

static void every_flipped_byte_of_a_record_is_noticed(void **state)
{
    (void)state;
    for (size_t at = 0, size = 1; at < size; at++) {
        uint8_t cipher[8192];
        uint8_t plain[16];
        pair_t pair;
        int64_t count;

        pair_init(&pair, NULL, NULL);
        CHECK_CODE(meet_and_read(&pair), 0);
        tls_peer_write(&pair.peer, "data", 4);
        size = pair_from_peer(&pair, cipher, sizeof(cipher));
        cipher[at] ^= 0x10;
        muv__tls_feed(pair.client, muv__span(cipher, size));
        count = muv__tls_read(pair.client, plain, sizeof(plain), &pair.error);
        /* A length that grew waits for more; a different version field is none of our business. */
        assert_true(count == MUV_ETLS || (count == 0 && (at == 3 || at == 4)));
        if (count < 0) {
            CHECK_CODE((int)muv__tls_write(pair.client, muv__span("x", 1), &pair.error), MUV_ETLS);
            CHECK_CODE((int)muv__tls_read(pair.client, plain, 1, &pair.error), MUV_ETLS);
        }
        pair_done(&pair);
    }
}

static void what_is_not_tls_is_refused_in_words(void **state)
{
    static const uint8_t mongo[] =
        "\x2d\x00\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00\xdd\x07\x00\x00";
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    const muv__span_t answers[] = {muv__span(mongo, sizeof(mongo) - 1),
                                   muv__span(http, sizeof(http) - 1)};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(answers); i++) {
        pair_t pair;

        pair_init(&pair, NULL, NULL);
        pair_connect(&pair, "db.example.net:27017");
        CHECK_CODE(muv__tls_handshake(pair.client, &pair.error), 0);
        muv__tls_feed(pair.client, answers[i]);
        CHECK_CODE(muv__tls_handshake(pair.client, &pair.error), MUV_ETLS);
        CHECK_CONTAINS(pair.error.message, "the server's answer is not TLS");
        CHECK_CODE(muv__tls_handshake(pair.client, &pair.error), MUV_ETLS);
        pair_done(&pair);
    }
}

static void renegotiation_is_refused_and_the_connection_lives_on(void **state)
{
    tls_server_opts_t server = {.max_version = TLS1_2_VERSION};
    uint8_t cipher[8192];
    uint8_t plain[16];
    size_t size;
    pair_t pair;

    (void)state;
    pair_init(&pair, &server, NULL);
    CHECK_CODE(meet_and_read(&pair), 0);
    assert_int_equal(SSL_renegotiate(pair.peer.ssl), 1);
    assert_int_equal(SSL_do_handshake(pair.peer.ssl), 1); /* Sends HelloRequest. */
    size = pair_from_peer(&pair, cipher, sizeof(cipher));
    assert_int_not_equal(size, 0);
    muv__tls_feed(pair.client, muv__span(cipher, size));
    assert_int_equal(muv__tls_read(pair.client, plain, sizeof(plain), &pair.error), 0);
    assert_int_not_equal(muv__tls_out(pair.client)->size, 0);
    assert_int_equal(muv__tls_out(pair.client)->data[0], 0x15); /* An alert, no ClientHello. */
    assert_int_equal(muv__tls_write(pair.client, muv__span("still", 5), &pair.error), 5);
    pair_done(&pair);
}

static void new_keys_of_the_peer_are_taken_and_answered(void **state)
{
    pair_t pair;
    uint8_t cipher[8192];
    uint8_t plain[16];
    size_t size;

    (void)state;
    pair_init(&pair, NULL, NULL);
    CHECK_CODE(meet_and_read(&pair), 0);
    assert_int_equal(SSL_key_update(pair.peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    tls_peer_write(&pair.peer, "new", 3);
    size = pair_from_peer(&pair, cipher, sizeof(cipher));
    muv__tls_feed(pair.client, muv__span(cipher, size));
    assert_int_equal(muv__tls_read(pair.client, plain, sizeof(plain), NULL), 3);
    check_talk(&pair);
    pair_done(&pair);
}

/* --- resumption --------------------------------------------------------------------------------*/

static void the_second_connection_of_a_server_resumes_the_first_ones_session(void **state)
{
    const int versions[] = {0, TLS1_2_VERSION};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(versions); i++) {
        tls_server_opts_t server = {.max_version = versions[i]};
        pair_t pair;

        pair_init(&pair, &server, NULL);
        CHECK_CODE(meet_and_read(&pair), 0);
        assert_int_equal(muv__tls_resumed(pair.client), 0);
        for (int again = 0; again < 3; again++) {
            CHECK_CODE(meet_and_read(&pair), 0);
            assert_int_equal(muv__tls_resumed(pair.client), 1);
            check_talk(&pair);
        }
        CHECK_CODE(pair_meet(&pair, "a.wild.example.net:27017"), 1);
        assert_int_equal(muv__tls_resumed(pair.client), 0);
        pair_done(&pair);
    }
}

static void a_session_the_server_does_not_know_leads_to_a_full_handshake(void **state)
{
    tls_server_opts_t opts = {.cert = &certs.server};
    pair_t pair;

    (void)state;
    pair_init(&pair, NULL, NULL);
    CHECK_CODE(meet_and_read(&pair), 0);
    tls_peer_done(&pair.peer);
    tls_server_done(&pair.server);
    tls_server_init(&pair.server, &opts); /* It was started anew: other keys for its tickets. */
    CHECK_CODE(meet_and_read(&pair), 0);
    assert_int_equal(muv__tls_resumed(pair.client), 0);
    CHECK_CODE(meet_and_read(&pair), 0);
    assert_int_equal(muv__tls_resumed(pair.client), 1);
    pair_done(&pair);
}

/* --- memory ------------------------------------------------------------------------------------*/

/* Returns 1 when all went well; each step may fail for want of memory, and nothing else. */
static int live_a_life(pair_t *pair)
{
    uint8_t cipher[8192];
    uint8_t plain[4];
    size_t size;
    int status = pair_handshake(pair, 100);

    if (status == 1) {
        tls_peer_write(&pair->peer, "reply", 5);
        size = pair_from_peer(pair, cipher, sizeof(cipher));
        do {
            status = (int)muv__tls_read(pair->client, plain, sizeof(plain), &pair->error);
        } while (status >= 0 && muv__tls_unread(pair->client) != 0);
        muv__tls_feed(pair->client, muv__span(cipher, status < 0 ? 0 : size));
    }
    if (status >= 0) {
        status = (int)muv__tls_read(pair->client, plain, sizeof(plain), &pair->error);
    }
    if (status >= 0) {
        status = muv__tls_keep(pair->client);
    }
    if (status >= 0) {
        status = (int)muv__tls_write(pair->client, muv__span("question", 8), &pair->error);
    }
    assert_true(status >= 0 || status == MUV_ENOMEM);
    return status >= 0;
}

static void every_failed_allocation_of_ours_is_told_and_leaks_nothing(void **state)
{
    int succeeded = 0;

    (void)state;
    for (size_t k = 1; !succeeded; k++) {
        muv__host_t host = {.kind = MUV__HOST_IPV4, .name = "127.0.0.1", .port = 1};
        pair_t pair;
        int status;

        pair_init(&pair, NULL, NULL);
        tls_peer_init(&pair.peer, &pair.server);
        assert_int_equal(counting_start(k, 1), 0);
        status = muv__tls_new(pair.context, &host, CERTS_NOW_S, &pair.client);
        succeeded = status == 0 && live_a_life(&pair) && counting.calls < k;
        assert_true(status == 0 || status == MUV_ENOMEM);
        muv__tls_free(pair.client);
        pair.client = NULL;
        assert_int_equal(counting.live, 0);
        assert_int_equal(counting_stop(), 0);
        pair_done(&pair);
        assert_true(k < 100);
    }
}

/* Records that OpenSSL skips (HelloRequest) would keep it busy until the stage's time is up. */
static void a_handshake_without_an_end_is_refused(void **state)
{
    static const uint8_t record[] = {22, 3, 3, 0, 4, 0, 0, 0, 0};
    static uint8_t bytes[1024 * sizeof(record)];
    pair_t pair;
    size_t total = 0;
    int status;

    (void)state;
    for (size_t i = 0; i < 1024; i++) {
        memcpy(bytes + i * sizeof(record), record, sizeof(record));
    }
    pair_init(&pair, &(tls_server_opts_t){.cert = &certs.server}, NULL);
    pair_connect(&pair, "db.example.net:27017");
    status = muv__tls_handshake(pair.client, &pair.error);
    while (status == 0 && total < (size_t)4 * MUV__TLS_MAX_HANDSHAKE_BYTES) {
        muv__tls_feed(pair.client, muv__span(bytes, sizeof(bytes)));
        total += sizeof(bytes);
        status = muv__tls_handshake(pair.client, &pair.error);
    }
    CHECK_CODE(status, MUV_ETLS);
    assert_non_null(strstr(pair.error.message, "does not come to the end of its handshake"));
    assert_in_range(total, MUV__TLS_MAX_HANDSHAKE_BYTES,
                    MUV__TLS_MAX_HANDSHAKE_BYTES + sizeof(bytes));
    pair_done(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_without_an_end_is_refused),
        cmocka_unit_test(the_names_and_addresses_of_the_certificate_are_accepted),
        cmocka_unit_test(other_names_and_addresses_are_refused),
        cmocka_unit_test(invalid_host_names_can_be_allowed_alone),
        cmocka_unit_test(nothing_is_verified_when_invalid_certificates_are_allowed),
        cmocka_unit_test(
            a_certificate_must_be_valid_at_the_time_given_and_signed_by_a_known_authority),
        cmocka_unit_test(an_intermediate_authority_must_come_along),
        cmocka_unit_test(a_socket_of_this_machine_has_no_name_to_verify),
        cmocka_unit_test(only_names_are_told_to_the_server),
        cmocka_unit_test(a_server_below_tls_1_2_is_refused),
        cmocka_unit_test(a_server_that_wants_a_certificate_gets_it_or_says_so),
        cmocka_unit_test(the_handshake_may_be_cut_into_pieces_of_any_size),
        cmocka_unit_test(the_servers_flight_may_be_split_at_every_byte),
        cmocka_unit_test(megabytes_go_both_ways_a_bounded_piece_at_a_time),
        cmocka_unit_test(what_is_not_asked_for_waits_and_can_be_kept),
        cmocka_unit_test(the_peers_goodbye_comes_after_its_last_bytes),
        cmocka_unit_test(a_stream_that_ends_without_goodbye_was_truncated),
        cmocka_unit_test(our_goodbye_reaches_the_peer),
        cmocka_unit_test(every_flipped_byte_of_a_record_is_noticed),
        cmocka_unit_test(what_is_not_tls_is_refused_in_words),
        cmocka_unit_test(renegotiation_is_refused_and_the_connection_lives_on),
        cmocka_unit_test(new_keys_of_the_peer_are_taken_and_answered),
        cmocka_unit_test(the_second_connection_of_a_server_resumes_the_first_ones_session),
        cmocka_unit_test(a_session_the_server_does_not_know_leads_to_a_full_handshake),
        cmocka_unit_test(every_failed_allocation_of_ours_is_told_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, certs_setup, certs_teardown);
}
