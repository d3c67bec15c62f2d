/* SPDX-License-Identifier: Apache-2.0 */
/* How a SOCKS5 proxy is asked for a way to a server (RFC 1928, user and password: RFC 1929).
 * Sans-I/O: what must be sent lies in `out`, what was received is put into the given space.
 *
 *   CHOOSING --method "none"-----------> ASKING --granted--> DONE
 *      |                                  ^ |
 *      +--method "password"--> PROVING ---+ +-- refused ---> FAILED
 *
 * The space is never larger than the rest of the reply in progress, so what the server sends behind
 * it stays in the socket. Nothing is allocated: the protocol bounds all sizes. Names go to the
 * proxy as they are; addresses as addresses.
 *
 * Suspended in: CHOOSING, PROVING and ASKING, for the proxy's reply. */
#ifndef MUV__SOCKS5_H
#define MUV__SOCKS5_H

#include <stddef.h>
#include <stdint.h>

#include "base/host.h"
#include "base/span.h"

#define MUV__SOCKS5_TEXT_MAX 255

/* Version, user and password, each with its length; and a reply with a name of any length. */
#define MUV__SOCKS5_OUT_SIZE (3 + 2 * MUV__SOCKS5_TEXT_MAX)
#define MUV__SOCKS5_IN_SIZE (4 + 1 + 255 + 2)

/* [borrow] Texts. */
typedef struct muv__socks5_proxy {
    const char *host; /* A name or an address; NULL: there is no proxy. */
    uint16_t port;
    const char *username; /* NULL or empty: none. At most MUV__SOCKS5_TEXT_MAX bytes. */
    const char *password; /* Offered only together with the name of a user. */
} muv__socks5_proxy_t;

typedef enum muv__socks5_state {
    MUV__SOCKS5_CHOOSING,
    MUV__SOCKS5_PROVING,
    MUV__SOCKS5_ASKING,
    MUV__SOCKS5_DONE,
    MUV__SOCKS5_FAILED
} muv__socks5_state_t;

typedef enum muv__socks5_result {
    MUV__SOCKS5_IS_WAITING, /* For more of the reply. */
    MUV__SOCKS5_IS_SENDING, /* `out` must be sent. */
    MUV__SOCKS5_IS_DONE,    /* From here on the stream is the server's. */
    MUV__SOCKS5_HAS_FAILED  /* muv__socks5_error() says why. */
} muv__socks5_result_t;

typedef struct muv__socks5 {
    muv__socks5_state_t state;
    const muv__socks5_proxy_t *proxy;
    const muv__host_t *target;
    const char *error; /* Static memory. */
    uint16_t in_size;
    uint16_t in_wanted; /* Of the reply, as far as its size is known. */
    uint16_t out_size;
    uint8_t in[MUV__SOCKS5_IN_SIZE];
    uint8_t out[MUV__SOCKS5_OUT_SIZE];
} muv__socks5_t;

/* Begin; `out` holds the first message. Both are borrowed until the end. `target` is no path. */
void muv__socks5_init(muv__socks5_t *socks5, const muv__socks5_proxy_t *proxy,
                      const muv__host_t *target);

/* Wipe what was sent. */
void muv__socks5_done(muv__socks5_t *socks5);

/* What must be sent after init and whenever a step says so. */
muv__span_t muv__socks5_out(const muv__socks5_t *socks5);

/* Where to put the next bytes, at least one, while it is neither done nor failed. */
uint8_t *muv__socks5_space(muv__socks5_t *socks5, size_t *ret_size);

/* So many bytes were put there. */
muv__socks5_result_t muv__socks5_received(muv__socks5_t *socks5, size_t size);

/* [borrow] Static memory; NULL unless it has failed. Never quotes anything. */
const char *muv__socks5_error(const muv__socks5_t *socks5);

#endif
