/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign bytes as the replies of a SOCKS5 proxy. Input: a byte of options, then what it sends.
 *
 * Options: the low four bits say in pieces of how many bytes it comes (0: all at once); 16: there
 * is a password; 32, 64: the server is an IPv4 or an IPv6 address. The machine ends or waits, takes
 * nothing behind its end, says a message only after a whole reply, and an error has a text. */
#include <stdlib.h>
#include <string.h>

#include "conn/socks5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x) ((x) ? (void)0 : abort())

enum { PIECE = 15, WITH_PASSWORD = 16, IPV4 = 32, IPV6 = 64 };

static void set_target(muv__host_t *host, uint8_t options)
{
    const char *text = (options & IPV4) != 0   ? "10.1.2.3:27017"
                       : (options & IPV6) != 0 ? "[2001:db8::1]"
                                               : "db.example.net:1";

    REQUIRE(muv__host_parse(text, strlen(text), host) == 0);
}

static void check_out(const muv__socks5_t *socks5)
{
    muv__span_t out = muv__socks5_out(socks5);

    REQUIRE(out.size >= 3 && out.size <= MUV__SOCKS5_OUT_SIZE);
    REQUIRE(out.data[0] == (socks5->state == MUV__SOCKS5_PROVING ? 1 : 5));
}

/* Give one piece as far as it is wanted. Returns how much was. */
static size_t give(muv__socks5_t *socks5, const uint8_t *data, size_t size,
                   muv__socks5_result_t *ret_result)
{
    size_t room;
    uint8_t *space = muv__socks5_space(socks5, &room);

    REQUIRE(room > 0 && room <= MUV__SOCKS5_IN_SIZE);
    size = size < room ? size : room;
    memcpy(space, data, size);
    *ret_result = muv__socks5_received(socks5, size);
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    muv__socks5_proxy_t proxy = {.host = "proxy", .port = 1080};
    muv__socks5_result_t result = MUV__SOCKS5_IS_SENDING;
    unsigned said = 1;
    muv__socks5_t socks5;
    muv__host_t target;
    size_t piece;
    size_t at = 1;

    if (size == 0) {
        return -1;
    }
    piece = (data[0] & PIECE) != 0 ? (size_t)(data[0] & PIECE) : SIZE_MAX;
    if ((data[0] & WITH_PASSWORD) != 0) {
        proxy.username = "user";
        proxy.password = "s3cret";
    }
    set_target(&target, data[0]);
    muv__socks5_init(&socks5, &proxy, &target);
    check_out(&socks5);
    while (at < size && result != MUV__SOCKS5_IS_DONE && result != MUV__SOCKS5_HAS_FAILED) {
        at += give(&socks5, data + at, size - at < piece ? size - at : piece, &result);
        if (result == MUV__SOCKS5_IS_SENDING) {
            check_out(&socks5);
            said++;
        }
    }
    REQUIRE(said <= 3);
    REQUIRE((result == MUV__SOCKS5_HAS_FAILED) == (muv__socks5_error(&socks5) != NULL));
    REQUIRE(result != MUV__SOCKS5_IS_DONE || said >= 2);
    muv__socks5_done(&socks5);
    return 0;
}
