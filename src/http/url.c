/* SPDX-License-Identifier: Apache-2.0 */
/* URLs taken apart (RFC 3986, in the narrow form of url.h). */
#include "http/url.h"

#include "muv/error.h"

#include "http/text.h"

#define HTTP_PORT 80
#define HTTPS_PORT 443

/* Returns the length of the scheme with its "://", or 0. */
static size_t read_scheme(const char *text, size_t length, uint8_t *ret_secure)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (uint8_t secure = 0; secure < 2; secure++) {
        size_t size = strlen(schemes[secure]);

        if (length >= size && muv__http_equal((const unsigned char *)text, size, schemes[secure])) {
            *ret_secure = secure;
            return size;
        }
    }
    return 0;
}

/* Of the part up to the path: neither user info nor a zone, which both end up as an error here. */
static int are_host_bytes(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (!muv__http_is_alnum(c) && (c == '\0' || strchr("-._:[]", c) == NULL)) {
            return 0;
        }
    }
    return 1;
}

static int read_host(const char *text, size_t length, int secure, muv__host_t *ret)
{
    muv__host_parts_t parts;
    const char *reason;

    if (!are_host_bytes(text, length) || muv__host_split(text, length, &parts, &reason) != 0) {
        return MUV_EINVAL;
    }
    if (!parts.has_port) {
        parts.port = secure ? HTTPS_PORT : HTTP_PORT;
    }
    return muv__host_set(&parts, ret, &reason);
}

/* An empty path is "/" (RFC 9112, 3.2.1). */
static int read_target(const char *text, size_t length, char *ret)
{
    size_t at = 0;

    if (length == 0 || text[0] != '/') {
        ret[at++] = '/';
    }
    if (length > MUV__URL_TARGET_MAX - at) {
        return MUV_EINVAL;
    }
    for (size_t i = 0; i < length; i++) {
        if (!muv__http_is_visible((unsigned char)text[i]) || text[i] == '#') {
            return MUV_EINVAL;
        }
        ret[at++] = text[i];
    }
    ret[at] = '\0';
    return 0;
}

int muv__url_parse(const char *text, size_t length, muv__url_t *ret)
{
    muv__url_t url = {.secure = 0};
    size_t start = read_scheme(text, length, &url.secure);
    size_t end = start;

    while (end < length && text[end] != '/' && text[end] != '?' && text[end] != '#') {
        end++;
    }
    if (start == 0 || read_host(text + start, end - start, url.secure, &url.host) != 0 ||
        read_target(text + end, length - end, url.target) != 0) {
        return MUV_EINVAL;
    }
    *ret = url;
    return 0;
}
