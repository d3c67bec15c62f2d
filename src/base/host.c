/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting, classification and formatting of server addresses. */
#include "base/host.h"

#include "base/ascii.h"
#include "base/assert.h"

#include "muv/error.h"

#include <stdio.h>
#include <string.h>

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int fail(const char **ret_reason, const char *reason)
{
    *ret_reason = reason;
    return MUV_EINVAL;
}

/* Four decimal numbers up to 255 without leading zeros; everything else is a name. */
static int is_ipv4(const char *text, size_t length)
{
    size_t at = 0;

    for (int part = 0; part < 4; part++) {
        size_t start = at;
        unsigned value = 0;

        while (at < length && is_digit(text[at]) && at - start < 3) {
            value = value * 10 + (unsigned)(text[at] - '0');
            at++;
        }
        if (at == start || value > 255 || (text[start] == '0' && at - start > 1)) {
            return 0;
        }
        if (part < 3 && (at == length || text[at++] != '.')) {
            return 0;
        }
    }
    return at == length;
}

/* RFC 4291, 2.2: groups of one to four hex digits, at most one "::", an IPv4 tail as two groups. */
static int is_ipv6(const char *text, size_t length)
{
    size_t at = 0;
    int groups = 0;
    int elided = 0;

    if (length >= 2 && text[0] == ':' && text[1] == ':') {
        elided = 1;
        at = 2;
    }
    while (at < length) {
        size_t start = at;

        while (at < length && is_hex(text[at])) {
            at++;
        }
        if (at < length && text[at] == '.') {
            groups += 2;
            return is_ipv4(text + start, length - start) && (elided ? groups < 8 : groups == 8);
        }
        if (at == start || at - start > 4 || ++groups > 8) {
            return 0;
        }
        if (at == length) {
            break;
        }
        if (text[at++] != ':' || at == length) {
            return 0;
        }
        if (text[at] == ':') {
            if (elided) {
                return 0;
            }
            elided = 1;
            at++;
        }
    }
    return elided ? groups < 8 : groups == 8;
}

/* Visible bytes, and none that has a meaning in an address or a connection string. */
static int is_name_byte(char c)
{
    unsigned char byte = (unsigned char)c;

    return byte > 0x20 && byte != 0x7f && strchr("/\\:@[]?#%,\"<>", c) == NULL;
}

static int are_name_bytes(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!is_name_byte(text[i])) {
            return 0;
        }
    }
    return length > 0;
}

static int parse_port(const char *text, size_t length, uint16_t *ret)
{
    unsigned value = 0;

    if (length == 0 || length > 5) {
        return MUV_EINVAL;
    }
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i])) {
            return MUV_EINVAL;
        }
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    if (value == 0 || value > UINT16_MAX) {
        return MUV_EINVAL;
    }
    *ret = (uint16_t)value;
    return 0;
}

int muv__host_split(const char *text, size_t length, muv__host_parts_t *ret,
                    const char **ret_reason)
{
    muv__host_parts_t parts = {text, length, MUV__HOST_DEFAULT_PORT, 0, 0};
    const char *end = text + length;
    const char *rest;

    if (length > 0 && text[0] == '[') {
        rest = memchr(text, ']', length);
        if (rest == NULL) {
            return fail(ret_reason, "'[' without ']'");
        }
        parts.bracketed = 1;
        parts.name = text + 1;
        parts.name_length = (size_t)(rest - parts.name);
        rest++;
        if (rest != end && *rest != ':') {
            return fail(ret_reason, "text between ']' and ':'");
        }
    } else {
        rest = length == 0 ? NULL : memchr(text, ':', length);
        rest = rest == NULL ? end : rest;
        parts.name_length = (size_t)(rest - text);
        if (rest != end && memchr(rest + 1, ':', (size_t)(end - rest) - 1) != NULL) {
            return fail(ret_reason, "more than one ':' (an IPv6 address stands in brackets)");
        }
    }
    if (rest != end) {
        if (parse_port(rest + 1, (size_t)(end - rest) - 1, &parts.port) != 0) {
            return fail(ret_reason, "the port is not a number from 1 to 65535");
        }
        parts.has_port = 1;
    }
    *ret = parts;
    return 0;
}

static int set_ipv6(const muv__host_parts_t *parts, muv__host_t *host, const char **ret_reason)
{
    const char *zone = memchr(parts->name, '%', parts->name_length);
    size_t address_length = zone == NULL ? parts->name_length : (size_t)(zone - parts->name);

    if (!is_ipv6(parts->name, address_length)) {
        return fail(ret_reason, "no IPv6 address between '[' and ']'");
    }
    if (zone != NULL && !are_name_bytes(zone + 1, parts->name_length - address_length - 1)) {
        return fail(ret_reason, "a bad zone in an IPv6 address");
    }
    host->kind = MUV__HOST_IPV6;
    for (size_t i = 0; i < address_length; i++) {
        host->name[i] = muv__ascii_lower(host->name[i]);
    }
    return 0;
}

static int set_unix(const muv__host_parts_t *parts, muv__host_t *host, const char **ret_reason)
{
    static const char suffix[] = ".sock";
    size_t suffix_length = sizeof(suffix) - 1;

    if (parts->name_length <= suffix_length ||
        memcmp(parts->name + parts->name_length - suffix_length, suffix, suffix_length) != 0) {
        return fail(ret_reason, "a socket path that does not end in \".sock\"");
    }
    if (parts->has_port) {
        return fail(ret_reason, "a socket path with a port");
    }
    if (parts->name_length > MUV__HOST_UNIX_MAX) {
        return fail(ret_reason, "a socket path longer than 107 bytes");
    }
    host->kind = MUV__HOST_UNIX;
    host->port = 0;
    return 0;
}

int muv__host_set(const muv__host_parts_t *parts, muv__host_t *ret, const char **ret_reason)
{
    muv__host_t host = {.kind = MUV__HOST_NAME, .port = parts->port};
    int rc = 0;

    MUV__ASSERT(parts->port != 0);
    if (parts->name_length == 0) {
        return fail(ret_reason, "the name is empty");
    }
    if (parts->name_length > MUV__HOST_NAME_MAX) {
        return fail(ret_reason, "the name is longer than 255 bytes");
    }
    if (memchr(parts->name, '\0', parts->name_length) != NULL) {
        return fail(ret_reason, "the name contains a NUL");
    }
    memcpy(host.name, parts->name, parts->name_length);
    if (parts->bracketed) {
        rc = set_ipv6(parts, &host, ret_reason);
    } else if (memchr(parts->name, '/', parts->name_length) != NULL) {
        rc = set_unix(parts, &host, ret_reason);
    } else if (is_ipv4(parts->name, parts->name_length)) {
        host.kind = MUV__HOST_IPV4;
    } else if (are_name_bytes(parts->name, parts->name_length)) {
        for (size_t i = 0; i < parts->name_length; i++) {
            host.name[i] = muv__ascii_lower(host.name[i]);
        }
    } else {
        rc = fail(ret_reason, "a character that no host name has");
    }
    if (rc == 0) {
        *ret = host;
    }
    return rc;
}

int muv__host_parse(const char *text, size_t length, muv__host_t *ret)
{
    muv__host_parts_t parts = {text, length, MUV__HOST_DEFAULT_PORT, 0, 0};
    const char *reason;

    /* A path may contain ':' and is not split. */
    if (length == 0 || memchr(text, '/', length) == NULL) {
        if (muv__host_split(text, length, &parts, &reason) != 0) {
            return MUV_EINVAL;
        }
    }
    return muv__host_set(&parts, ret, &reason);
}

int muv__host_equal(const muv__host_t *a, const muv__host_t *b)
{
    return a->kind == b->kind && a->port == b->port && strcmp(a->name, b->name) == 0;
}

size_t muv__host_format(const muv__host_t *host, char text[MUV__HOST_TEXT_SIZE])
{
    int length;

    if (host->kind == MUV__HOST_UNIX) {
        length = snprintf(text, MUV__HOST_TEXT_SIZE, "%s", host->name);
    } else if (host->kind == MUV__HOST_IPV6) {
        length = snprintf(text, MUV__HOST_TEXT_SIZE, "[%s]:%u", host->name, host->port);
    } else {
        length = snprintf(text, MUV__HOST_TEXT_SIZE, "%s:%u", host->name, host->port);
    }
    MUV__ASSERT(length >= 0 && length < MUV__HOST_TEXT_SIZE);
    return (size_t)length;
}
