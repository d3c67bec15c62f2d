/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to a SOCKS5 proxy, and its replies. */
#include "conn/socks5.h"

#include <string.h>

#include "base/assert.h"
#include "base/compiler.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>

enum { VERSION = 5, PASSWORD_VERSION = 1 };
enum { METHOD_NONE = 0, METHOD_PASSWORD = 2, METHOD_NOT_ACCEPTABLE = 0xff };
enum { COMMAND_CONNECT = 1 };
enum { ADDRESS_IPV4 = 1, ADDRESS_NAME = 3, ADDRESS_IPV6 = 4 };

/* Bytes of a reply that tell how it goes on: the code; then the first byte of the address. */
enum { REPLY_CODE_SIZE = 2, REPLY_HEAD_SIZE = 5 };

/* --- out ---------------------------------------------------------------------------------------*/

static void put_byte(muv__socks5_t *socks5, unsigned byte)
{
    MUV__ASSERT(socks5->out_size < sizeof(socks5->out));
    socks5->out[socks5->out_size++] = (uint8_t)byte;
}

static void put_bytes(muv__socks5_t *socks5, const void *bytes, size_t size)
{
    MUV__ASSERT(size <= sizeof(socks5->out) - socks5->out_size);
    memcpy(socks5->out + socks5->out_size, bytes, size);
    socks5->out_size = (uint16_t)(socks5->out_size + size);
}

static void put_text(muv__socks5_t *socks5, const char *text)
{
    size_t size = strlen(text);

    MUV__ASSERT(size <= MUV__SOCKS5_TEXT_MAX);
    put_byte(socks5, (unsigned)size);
    put_bytes(socks5, text, size);
}

/* Begin a message whose reply has so many bytes at least. */
static void begin(muv__socks5_t *socks5, muv__socks5_state_t state, uint16_t in_wanted)
{
    OPENSSL_cleanse(socks5->out, sizeof(socks5->out));
    socks5->state = state;
    socks5->out_size = 0;
    socks5->in_size = 0;
    socks5->in_wanted = in_wanted;
}

static int is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static int has_password(const muv__socks5_proxy_t *proxy)
{
    return is_set(proxy->username) && is_set(proxy->password);
}

static void write_methods(muv__socks5_t *socks5)
{
    begin(socks5, MUV__SOCKS5_CHOOSING, 2);
    put_byte(socks5, VERSION);
    if (has_password(socks5->proxy)) {
        put_byte(socks5, 2);
        put_byte(socks5, METHOD_NONE);
        put_byte(socks5, METHOD_PASSWORD);
    } else {
        put_byte(socks5, 1);
        put_byte(socks5, METHOD_NONE);
    }
}

static muv__socks5_result_t write_password(muv__socks5_t *socks5)
{
    begin(socks5, MUV__SOCKS5_PROVING, 2);
    put_byte(socks5, PASSWORD_VERSION);
    put_text(socks5, socks5->proxy->username);
    put_text(socks5, socks5->proxy->password);
    return MUV__SOCKS5_IS_SENDING;
}

/* An address with a zone has no form of its own, and is a name to the proxy. */
static void put_target(muv__socks5_t *socks5)
{
    uint8_t address[16];

    if (inet_pton(AF_INET, socks5->target->name, address) == 1) {
        put_byte(socks5, ADDRESS_IPV4);
        put_bytes(socks5, address, 4);
    } else if (inet_pton(AF_INET6, socks5->target->name, address) == 1) {
        put_byte(socks5, ADDRESS_IPV6);
        put_bytes(socks5, address, 16);
    } else {
        put_byte(socks5, ADDRESS_NAME);
        put_text(socks5, socks5->target->name);
    }
}

static muv__socks5_result_t write_request(muv__socks5_t *socks5)
{
    begin(socks5, MUV__SOCKS5_ASKING, REPLY_CODE_SIZE);
    put_byte(socks5, VERSION);
    put_byte(socks5, COMMAND_CONNECT);
    put_byte(socks5, 0);
    put_target(socks5);
    put_byte(socks5, socks5->target->port >> 8);
    put_byte(socks5, socks5->target->port & 0xffU);
    return MUV__SOCKS5_IS_SENDING;
}

/* --- in ----------------------------------------------------------------------------------------*/

static muv__socks5_result_t fail(muv__socks5_t *socks5, const char *error)
{
    socks5->state = MUV__SOCKS5_FAILED;
    socks5->error = error;
    return MUV__SOCKS5_HAS_FAILED;
}

static muv__socks5_result_t on_method(muv__socks5_t *socks5)
{
    if (socks5->in[0] != VERSION) {
        return fail(socks5, "the proxy does not speak SOCKS5");
    }
    switch (socks5->in[1]) {
    case METHOD_NONE: return write_request(socks5);
    case METHOD_PASSWORD:
        if (has_password(socks5->proxy)) {
            return write_password(socks5);
        }
        return fail(socks5, "the proxy chose a method of authentication that was not offered");
    case METHOD_NOT_ACCEPTABLE:
        return fail(socks5, has_password(socks5->proxy)
                                ? "the proxy accepts neither a password nor none"
                                : "the proxy wants authentication");
    default: return fail(socks5, "the proxy chose a method of authentication that was not offered");
    }
}

static muv__socks5_result_t on_proof(muv__socks5_t *socks5)
{
    if (socks5->in[0] != PASSWORD_VERSION) {
        return fail(socks5, "the proxy's reply to the password is malformed");
    }
    if (socks5->in[1] != 0) {
        return fail(socks5, "the proxy refused user and password");
    }
    return write_request(socks5);
}

/* (RFC 1928, section 6.) */
static const char *refusal_text(uint8_t code)
{
    static const char *const texts[] = {
        "the proxy has failed",
        "the proxy's rules do not allow this connection",
        "the proxy found the network unreachable",
        "the proxy found the host unreachable",
        "the proxy's connection was refused",
        "the proxy's connection has expired (TTL)",
        "the proxy does not support CONNECT",
        "the proxy does not support this type of address",
    };

    return code <= MUV__COUNT_OF(texts) ? texts[code - 1]
                                        : "the proxy refused with an unknown code";
}

/* The reply ends with an address and a port, which are of no use. */
static muv__socks5_result_t on_reply(muv__socks5_t *socks5)
{
    const uint8_t *in = socks5->in;

    if (in[0] != VERSION) {
        return fail(socks5, "the proxy's reply is malformed");
    }
    if (in[1] != 0) {
        return fail(socks5, refusal_text(in[1]));
    }
    if (socks5->in_size == REPLY_CODE_SIZE) {
        socks5->in_wanted = REPLY_HEAD_SIZE;
        return MUV__SOCKS5_IS_WAITING;
    }
    if (socks5->in_size > REPLY_HEAD_SIZE) {
        socks5->state = MUV__SOCKS5_DONE;
        return MUV__SOCKS5_IS_DONE;
    }
    switch (in[3]) {
    case ADDRESS_IPV4: socks5->in_wanted = 4 + 4 + 2; break;
    case ADDRESS_IPV6: socks5->in_wanted = 4 + 16 + 2; break;
    case ADDRESS_NAME: socks5->in_wanted = (uint16_t)(4 + 1 + in[4] + 2); break;
    default: return fail(socks5, "the proxy's reply is malformed");
    }
    return MUV__SOCKS5_IS_WAITING;
}

muv__socks5_result_t muv__socks5_received(muv__socks5_t *socks5, size_t size)
{
    MUV__ASSERT(socks5->state < MUV__SOCKS5_DONE);
    MUV__ASSERT(size <= (size_t)(socks5->in_wanted - socks5->in_size));
    socks5->in_size = (uint16_t)(socks5->in_size + size);
    if (socks5->in_size < socks5->in_wanted) {
        return MUV__SOCKS5_IS_WAITING;
    }
    switch (socks5->state) {
    case MUV__SOCKS5_CHOOSING: return on_method(socks5);
    case MUV__SOCKS5_PROVING: return on_proof(socks5);
    case MUV__SOCKS5_ASKING:
    case MUV__SOCKS5_DONE:
    case MUV__SOCKS5_FAILED:
    default: return on_reply(socks5);
    }
}

uint8_t *muv__socks5_space(muv__socks5_t *socks5, size_t *ret_size)
{
    MUV__ASSERT(socks5->state < MUV__SOCKS5_DONE && socks5->in_size < socks5->in_wanted);
    *ret_size = (size_t)(socks5->in_wanted - socks5->in_size);
    return socks5->in + socks5->in_size;
}

/* --- life --------------------------------------------------------------------------------------*/

void muv__socks5_init(muv__socks5_t *socks5, const muv__socks5_proxy_t *proxy,
                      const muv__host_t *target)
{
    MUV__ASSERT(target->kind != MUV__HOST_UNIX);
    *socks5 = (muv__socks5_t){.proxy = proxy, .target = target};
    write_methods(socks5);
}

void muv__socks5_done(muv__socks5_t *socks5)
{
    OPENSSL_cleanse(socks5->out, sizeof(socks5->out));
}

muv__span_t muv__socks5_out(const muv__socks5_t *socks5)
{
    return muv__span(socks5->out, socks5->out_size);
}

const char *muv__socks5_error(const muv__socks5_t *socks5)
{
    return socks5->error;
}
