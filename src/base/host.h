/* SPDX-License-Identifier: Apache-2.0 */
/* The address of one server as a value: kind, name, port. Hosts come from connection strings and
 * from what servers say of each other, and both must give equal values for the same server.
 *
 * Names and the address part of IPv6 are kept in lower case (SDAM: host names compare without
 * case); other spellings are not unified, so "::1" and "0:0:0:0:0:0:0:1" are different hosts.
 * Nothing is resolved here. */
#ifndef MUV__HOST_H
#define MUV__HOST_H

#include <stddef.h>
#include <stdint.h>

#define MUV__HOST_DEFAULT_PORT 27017

/* Bytes of a name without its NUL, and of a path that fits into a socket address everywhere. */
#define MUV__HOST_NAME_MAX 255
#define MUV__HOST_UNIX_MAX 107

/* Room for "[name]:65535" and its NUL. */
#define MUV__HOST_TEXT_SIZE (MUV__HOST_NAME_MAX + 9)

enum {
    MUV__HOST_NONE = 0,
    MUV__HOST_NAME, /* A name to be resolved; UTF-8 is passed through. */
    MUV__HOST_IPV4,
    MUV__HOST_IPV6, /* Without brackets, with its zone ("fe80::1%eth0"). */
    MUV__HOST_UNIX  /* A path that ends in ".sock", in its own case; `port` is 0. */
};

typedef struct muv__host {
    uint8_t kind; /* MUV__HOST_*. */
    uint16_t port;
    char name[MUV__HOST_NAME_MAX + 1];
} muv__host_t;

/* The parts of "name:port" and "[address]:port", borrowed from the text. */
typedef struct muv__host_parts {
    const char *name;
    size_t name_length;
    uint16_t port;
    int8_t has_port;
    int8_t bracketed;
} muv__host_parts_t;

/* Read "host:port", "host", "[v6]:port", "[v6]" or a socket path, as servers report them: nothing
 * is percent-decoded. Returns 0 or MUV_EINVAL. */
int muv__host_parse(const char *text, size_t length, muv__host_t *ret);

/* The two halves of muv__host_parse(), for texts whose name must be decoded in between. On failure
 * they return MUV_EINVAL and give a phrase (static memory) that does not quote the text. */
int muv__host_split(const char *text, size_t length, muv__host_parts_t *ret,
                    const char **ret_reason);
int muv__host_set(const muv__host_parts_t *parts, muv__host_t *ret, const char **ret_reason);

/* 1 or 0. */
int muv__host_equal(const muv__host_t *a, const muv__host_t *b);

/* "name:port", "[v6]:port", or the path. Returns the length without the NUL. */
size_t muv__host_format(const muv__host_t *host, char text[MUV__HOST_TEXT_SIZE]);

#endif
