/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as bytes. The size is counted before anything is written: the buffer must not move, as
 * that would leave a copy of a secret behind. */
#include "http/request.h"

#include <stdio.h>

#include "muv/error.h"
#include "muv/version.h"

#include "base/assert.h"
#include "http/text.h"

/* Room for "Content-Length: " and its number, and the fixed lines. */
#define FIXED_SIZE 192

static int is_token(const char *text)
{
    const char *at = text;

    while (muv__http_is_token((unsigned char)*at)) {
        at++;
    }
    return *at == '\0' && at != text;
}

/* How a message is framed, and to whom it goes, is written here and nowhere else. */
static int is_ours(const char *name)
{
    static const char *const names[] = {"host", "content-length", "connection", "user-agent",
                                        "transfer-encoding"};

    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        if (muv__http_equal((const unsigned char *)name, strlen(name), names[i])) {
            return 1;
        }
    }
    return 0;
}

static int is_header(const muv__http_header_t *header)
{
    const char *at = header->value;

    while (*at != '\0' && muv__http_is_text((unsigned char)*at)) {
        at++;
    }
    return *at == '\0' && is_token(header->name) && !is_ours(header->name);
}

static int is_target(const char *text)
{
    const char *at = text;

    while (*at != '\0' && muv__http_is_visible((unsigned char)*at) && *at != '#') {
        at++;
    }
    return text[0] == '/' && *at == '\0';
}

static int is_good(const muv__http_request_t *request)
{
    uint8_t kind = request->url.host.kind;

    if (!is_token(request->method) || !is_target(request->url.target) || kind == MUV__HOST_NONE ||
        kind == MUV__HOST_UNIX || request->header_count > MUV__HTTP_HEADERS_MAX) {
        return 0;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        if (!is_header(&request->headers[i])) {
            return 0;
        }
    }
    return 1;
}

static size_t size_of(const muv__http_request_t *request)
{
    size_t size = FIXED_SIZE + MUV__HOST_TEXT_SIZE + strlen(request->method) +
                  strlen(request->url.target) + request->body.size;

    for (size_t i = 0; i < request->header_count; i++) {
        size += strlen(request->headers[i].name) + strlen(request->headers[i].value) + 4;
    }
    return size;
}

static void put(muv__buf_t *buf, const char *text)
{
    muv__buf_append(buf, text, strlen(text));
}

/* The port of the scheme is left out (RFC 9110, 4.2.3): some servers compare the text. */
static void put_host(muv__buf_t *buf, const muv__url_t *url)
{
    char text[MUV__HOST_TEXT_SIZE];
    size_t length = muv__host_format(&url->host, text);

    if (url->host.port == (url->secure ? 443 : 80)) {
        while (text[--length] != ':') {
        }
    }
    muv__buf_append(buf, text, length);
}

/* A request whose method may have a body says that it has none (RFC 9110, 8.6). */
static void put_length(muv__buf_t *buf, const muv__http_request_t *request)
{
    char line[64];

    if (request->body.size != 0 || strcmp(request->method, "POST") == 0 ||
        strcmp(request->method, "PUT") == 0) {
        (void)snprintf(line, sizeof(line), "Content-Length: %zu\r\n", request->body.size);
        put(buf, line);
    }
}

int muv__http_request_write(const muv__http_request_t *request, muv__buf_t *ret)
{
    size_t capacity;

    if (!is_good(request)) {
        return MUV_EINVAL;
    }
    if (request->body.size > ret->max_size) {
        return MUV_ETOOLARGE; /* Before it is added to anything. */
    }
    if (!muv__buf_reserve(ret, size_of(request))) {
        return ret->error;
    }
    capacity = ret->capacity;
    put(ret, request->method);
    put(ret, " ");
    put(ret, request->url.target);
    put(ret, " HTTP/1.1\r\nHost: ");
    put_host(ret, &request->url);
    put(ret, "\r\nUser-Agent: libmuv/" MUV_VERSION_STRING "\r\nConnection: close\r\n");
    for (size_t i = 0; i < request->header_count; i++) {
        put(ret, request->headers[i].name);
        put(ret, ": ");
        put(ret, request->headers[i].value);
        put(ret, "\r\n");
    }
    put_length(ret, request);
    put(ret, "\r\n");
    muv__buf_append(ret, request->body.data, request->body.size);
    MUV__ASSERT(ret->error == 0 && ret->capacity == capacity);
    return 0;
}
