/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tls/pair.h"

#include <stdlib.h>
#include <string.h>

certs_t certs;

int certs_setup(void **state)
{
    (void)state;
    certs.authority = cert_make(&(cert_spec_t){.common_name = "authority", .is_authority = 1});
    certs.stranger = cert_make(&(cert_spec_t){.common_name = "stranger", .is_authority = 1});
    certs.server = cert_make(&(cert_spec_t){
        .common_name = "cn.example.net",
        .issuer = &certs.authority,
        .alt_names = "DNS:db.example.net,DNS:*.wild.example.net,IP:127.0.0.1,IP:::1"});
    certs.client = cert_make(&(cert_spec_t){.common_name = "client", .issuer = &certs.authority});
    certs.trust = cert_pem(&certs.authority, NULL, NULL);
    certs.identity = cert_pem(&certs.client, NULL, "");
    return 0;
}

int certs_teardown(void **state)
{
    (void)state;
    cert_done(&certs.authority);
    cert_done(&certs.stranger);
    cert_done(&certs.server);
    cert_done(&certs.client);
    free(certs.trust.text);
    free(certs.identity.text);
    return 0;
}

void pair_init(pair_t *pair, const tls_server_opts_t *server, const muv__tls_options_t *client)
{
    tls_server_opts_t server_opts = server != NULL ? *server : (tls_server_opts_t){0};
    muv__tls_options_t options = client != NULL ? *client : (muv__tls_options_t){0};

    memset(pair, 0, sizeof(*pair));
    if (server_opts.cert == NULL) {
        server_opts.cert = &certs.server;
    }
    if (options.authorities.size == 0) {
        options.authorities = muv__span(certs.trust.text, certs.trust.size);
    }
    tls_server_init(&pair->server, &server_opts);
    CHECK_CODE(muv__tls_context_new(&options, &pair->error, &pair->context), 0);
}

static void disconnect(pair_t *pair)
{
    muv__tls_free(pair->client);
    pair->client = NULL;
    tls_peer_done(&pair->peer);
}

void pair_done(pair_t *pair)
{
    disconnect(pair);
    muv__tls_context_free(pair->context);
    tls_server_done(&pair->server);
}

void pair_connect(pair_t *pair, const char *name)
{
    muv__host_t host;

    disconnect(pair);
    assert_int_equal(muv__host_parse(name, strlen(name), &host), 0);
    tls_peer_init(&pair->peer, &pair->server);
    CHECK_CODE(muv__tls_new(pair->context, &host, CERTS_NOW_S + pair->later_s, &pair->client), 0);
    pair->peer_status = 0;
}

size_t pair_to_peer(pair_t *pair)
{
    muv__buf_t *out = muv__tls_out(pair->client);
    size_t size = out->size;

    tls_peer_put(&pair->peer, out->data, size);
    muv__buf_reset(out, 0);
    return size;
}

size_t pair_from_peer(pair_t *pair, uint8_t *bytes, size_t size)
{
    return tls_peer_take(&pair->peer, bytes, size);
}

static void step_peer(pair_t *pair)
{
    if (pair->peer_status == 0) {
        pair->peer_status = (int8_t)tls_peer_handshake(&pair->peer);
    }
}

/* The client's flight, cut into steps. */
static size_t carry_to_peer(pair_t *pair, size_t step)
{
    muv__buf_t *out = muv__tls_out(pair->client);
    size_t size = out->size;

    for (size_t at = 0; at < size; at += step) {
        tls_peer_put(&pair->peer, out->data + at, size - at < step ? size - at : step);
        step_peer(pair);
    }
    muv__buf_reset(out, 0);
    return size;
}

int pair_handshake(pair_t *pair, size_t step)
{
    int status = muv__tls_handshake(pair->client, &pair->error);
    size_t size = carry_to_peer(pair, step);

    while (status == 0) {
        uint8_t bytes[4096];
        size_t count = pair_from_peer(pair, bytes, step < sizeof(bytes) ? step : sizeof(bytes));

        if (count == 0 && size == 0) {
            return 0;
        }
        muv__tls_feed(pair->client, muv__span(bytes, count));
        status = muv__tls_handshake(pair->client, &pair->error);
        CHECK_CODE(muv__tls_keep(pair->client), 0);
        size = carry_to_peer(pair, step);
    }
    return status;
}

int pair_meet(pair_t *pair, const char *name)
{
    pair_connect(pair, name);
    return pair_handshake(pair, SIZE_MAX / 2);
}
