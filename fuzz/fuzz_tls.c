/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign bytes as the answer of a TLS server. Input: a byte of options, then what the server
 * sends.
 *
 * Options: the low four bits say in pieces of how many bytes it comes (0: all at once); 16: nothing
 * is verified; 32: the host is an address. The engine never says more than it was told to say, uses
 * up all that it is fed or fails, and keeps to its failure. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tls/tls_stream.h"

#define NOW_S INT64_C(1800000000)

/* The root certificates of nobody: an authority is needed, and no server has its key. */
static const char authority[] = "-----BEGIN CERTIFICATE-----\n"
                                "MIIBejCCAR+gAwIBAgIUCt19qNBNZKk47OjNNHrq+5OgsLEwCgYIKoZIzj0EAwIw\n"
                                "ETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyMzA3MjcxOVoYDzIxMjYxMDMwMDcy\n"
                                "NzE5WjARMQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
                                "AAS2cfJLwNbxcxLuVeaJmiCTBrkDmAA8LBvMBN4AdzI/I/Isy9T+4fDQZm0srcwR\n"
                                "IYxEOikbG9v8uLcxIzDDbSYPo1MwUTAdBgNVHQ4EFgQUpQRryZah0ZBh5UdMuIwp\n"
                                "v3GJqHwwHwYDVR0jBBgwFoAUpQRryZah0ZBh5UdMuIwpv3GJqHwwDwYDVR0TAQH/\n"
                                "BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA4PWQS7BBKI1nwDIRUgssJ4MWxQh9\n"
                                "PmX3PR3X7tFqSOgCIQCW567oLXdEKXjhUN7qxy8ElVdpruk6PvlP0DGEgZZ9fA==\n"
                                "-----END CERTIFICATE-----\n";

static muv__tls_context_t *context_of(int verifying)
{
    static muv__tls_context_t *contexts[2];

    if (contexts[verifying] == NULL) {
        const muv__tls_options_t options = {.authorities =
                                                muv__span(authority, sizeof(authority) - 1),
                                            .allow_invalid_certificates = !verifying};

        MUV__ASSERT(muv__tls_context_new(&options, NULL, &contexts[verifying]) == 0);
    }
    return contexts[verifying];
}

/* Returns 0 while the connection lives. */
static int read_all(muv__tls_t *tls)
{
    uint8_t plain[64];
    int64_t count;

    do {
        count = muv__tls_read(tls, plain, sizeof(plain), NULL);
    } while (count == (int64_t)sizeof(plain));
    return count < 0 ? (int)count : 0;
}

static int take(muv__tls_t *tls, muv__span_t piece, int *ready)
{
    int status = 0;

    muv__tls_feed(tls, piece);
    if (!*ready) {
        status = muv__tls_handshake(tls, NULL);
        *ready = status == 1;
    }
    if (*ready) {
        status = read_all(tls);
    }
    MUV__ASSERT(status < 0 || muv__tls_unread(tls) == 0);
    muv__buf_reset(muv__tls_out(tls), 0);
    return status;
}

static void talk(muv__tls_t *tls, const uint8_t *data, size_t size, size_t step)
{
    muv_error_t error;
    int ready = 0;
    int status = muv__tls_handshake(tls, NULL);

    MUV__ASSERT(status == 0 && muv__tls_out(tls)->size != 0);
    muv__buf_reset(muv__tls_out(tls), 0);
    for (size_t at = 0; status == 0 && at < size; at += step) {
        status = take(tls, muv__span(data + at, size - at < step ? size - at : step), &ready);
    }
    if (status < 0 && !ready) {
        MUV__ASSERT(muv__tls_handshake(tls, &error) == status && error.code == status);
    }
    muv__tls_shutdown(tls);
    MUV__ASSERT(muv__tls_ended(tls, &error) == MUV_ENETWORK || status < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const muv__host_t name = {.kind = MUV__HOST_NAME, .port = 27017, .name = "db.example.net"};
    const muv__host_t address = {.kind = MUV__HOST_IPV4, .port = 27017, .name = "127.0.0.1"};
    muv__tls_t *tls = NULL;
    size_t step;

    if (size == 0) {
        return 0;
    }
    step = (data[0] & 15) == 0 ? size : (size_t)(data[0] & 15);
    MUV__ASSERT(muv__tls_new(context_of((data[0] & 16) == 0),
                             (data[0] & 32) != 0 ? &address : &name, NOW_S, &tls) == 0);
    talk(tls, data + 1, size - 1, step);
    muv__tls_free(tls);
    return 0;
}
