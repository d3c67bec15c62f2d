/* SPDX-License-Identifier: Apache-2.0 */
/* Names of hosts by the system's resolver, which blocks: c-ares belongs to the loop's thread, and
 * the Kerberos library asks in this way, too. */
#include "gssapi/host.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

muv__gssapi_canonicalize_t muv__gssapi_canonicalize_of(const char *value)
{
    if (value == NULL || strcmp(value, "none") == 0 || strcmp(value, "false") == 0) {
        return MUV__GSSAPI_AS_IS;
    }
    return strcmp(value, "forward") == 0 ? MUV__GSSAPI_FORWARD : MUV__GSSAPI_FORWARD_AND_REVERSE;
}

static void copy_lower(char ret[MUV__HOST_NAME_MAX + 1], const char *name)
{
    size_t length = strnlen(name, MUV__HOST_NAME_MAX + 1);

    if (length == 0 || length > MUV__HOST_NAME_MAX) {
        return;
    }
    for (size_t i = 0; i < length; i++) {
        ret[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    }
    ret[length] = '\0';
}

void muv__gssapi_canonical_host(const char *host, muv__gssapi_canonicalize_t canonicalize,
                                char ret[MUV__HOST_NAME_MAX + 1])
{
    static const struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char reversed[MUV__HOST_NAME_MAX + 1];

    ret[0] = '\0';
    copy_lower(ret, host);
    if (canonicalize == MUV__GSSAPI_AS_IS || getaddrinfo(host, NULL, &hints, &found) != 0) {
        return;
    }
    if (found->ai_canonname != NULL) {
        copy_lower(ret, found->ai_canonname);
    }
    if (canonicalize == MUV__GSSAPI_FORWARD_AND_REVERSE &&
        getnameinfo(found->ai_addr, found->ai_addrlen, reversed, sizeof(reversed), NULL, 0,
                    NI_NAMEREQD) == 0) {
        copy_lower(ret, reversed);
    }
    freeaddrinfo(found);
}

/* Returns the new length, or `size` when there is no room. */
static size_t put_escaped(char *ret, size_t size, size_t length, const char *text)
{
    for (; *text != '\0' && length < size; text++) {
        if (strchr("/@\\\t\n\b", *text) != NULL) {
            ret[length++] = '\\';
        }
        if (length < size) {
            ret[length++] = *text == '\t' ? 't' : *text == '\n' ? 'n' : *text == '\b' ? 'b' : *text;
        }
    }
    return length;
}

static size_t put(char *ret, size_t size, size_t length, char character)
{
    if (length < size) {
        ret[length++] = character;
    }
    return length;
}

size_t muv__gssapi_principal(const char *service, const char *host, const char *realm, char *ret,
                             size_t size)
{
    size_t length = put_escaped(ret, size, 0, service);

    length = put(ret, size, length, '/');
    length = put_escaped(ret, size, length, host);
    length = put(ret, size, length, '@');
    length = put_escaped(ret, size, length, realm);
    if (length == size) {
        return 0;
    }
    ret[length] = '\0';
    return length;
}
