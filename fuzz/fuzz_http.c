/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign bytes as the answer of an HTTP server, or as a URL. Input: a byte of options, two sizes,
 * then the bytes.
 *
 * Options: the low four bits times 64 are the largest body; 16: the request was HEAD; 32: then the
 * connection ends; 64: the bytes are a URL and, behind its first line, the value of a header. The
 * answer is read whole, and in pieces whose sizes take turns: both must come to the same end, and
 * no body is larger than agreed. A URL, written out, is the same URL again, and neither it nor a
 * header can add a line to a request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/request.h"
#include "http/response.h"
#include "http/url.h"
#include "muv/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x) ((x) ? (void)0 : abort())

enum { LARGEST = 15, IS_HEAD = 16, ENDS = 32, IS_URL = 64, FRONT = 3 };

/* --- responses ---------------------------------------------------------------------------------*/

static void check(const muv__http_response_t *response, muv__http_result_t result)
{
    REQUIRE(response->body.size <= response->max_body);
    REQUIRE((result == MUV__HTTP_BAD) == (response->why != NULL));
    REQUIRE((result == MUV__HTTP_BAD) == (response->code != 0));
    REQUIRE(result != MUV__HTTP_BAD || response->body.size == 0);
    REQUIRE(result != MUV__HTTP_DONE || (response->status >= 200 && response->status <= 599));
}

/* `sizes` NULL: whole. */
static muv__http_result_t read_all(muv__http_response_t *response, uint8_t options,
                                   const uint8_t *sizes, const uint8_t *data, size_t size)
{
    muv__http_result_t result = MUV__HTTP_MORE;
    size_t at = 0;

    muv__http_response_init(response, (size_t)(options & LARGEST) * 64);
    response->is_head = (options & IS_HEAD) != 0;
    for (unsigned turn = 0; at < size; turn++) {
        size_t piece = sizes == NULL ? size : (size_t)sizes[turn % 2] + 1;

        piece = piece < size - at ? piece : size - at;
        result = muv__http_response_feed(response, muv__span(data + at, piece));
        check(response, result);
        at += piece;
    }
    if ((options & ENDS) != 0) {
        result = muv__http_response_ended(response);
        REQUIRE(result != MUV__HTTP_MORE);
        check(response, result);
    }
    return result;
}

static void try_response(const uint8_t *data, size_t size)
{
    muv__http_response_t whole;
    muv__http_response_t pieces;
    muv__http_result_t result = read_all(&whole, data[0], NULL, data + FRONT, size - FRONT);

    REQUIRE(read_all(&pieces, data[0], data + 1, data + FRONT, size - FRONT) == result);
    REQUIRE(whole.status == pieces.status && whole.code == pieces.code);
    REQUIRE(whole.why == pieces.why || strcmp(whole.why, pieces.why) == 0);
    REQUIRE(whole.body.size == pieces.body.size);
    REQUIRE(whole.body.size == 0 ||
            memcmp(whole.body.data, pieces.body.data, whole.body.size) == 0);
    muv__http_response_done(&whole);
    muv__http_response_done(&pieces);
}

/* --- requests ----------------------------------------------------------------------------------*/

static void check_url(const muv__url_t *url)
{
    char text[MUV__HOST_TEXT_SIZE + MUV__URL_TARGET_MAX + 16];
    char host[MUV__HOST_TEXT_SIZE];
    muv__url_t again;

    REQUIRE(url->host.kind != MUV__HOST_NONE && url->host.kind != MUV__HOST_UNIX);
    REQUIRE(url->host.port != 0 && url->target[0] == '/');
    (void)muv__host_format(&url->host, host);
    (void)snprintf(text, sizeof(text), "http%s://%s%s", url->secure ? "s" : "", host, url->target);
    REQUIRE(muv__url_parse(text, strlen(text), &again) == 0);
    REQUIRE(again.secure == url->secure && muv__host_equal(&again.host, &url->host));
    REQUIRE(strcmp(again.target, url->target) == 0);
}

static void check_lines(const muv__buf_t *buf, unsigned lines)
{
    unsigned count = 0;

    for (size_t i = 0; i < buf->size; i++) {
        count += buf->data[i] == '\n';
        REQUIRE((buf->data[i] == '\n') == (i > 0 && buf->data[i - 1] == '\r'));
        REQUIRE(buf->data[i] >= 0x20 || buf->data[i] == '\r' || buf->data[i] == '\n');
    }
    REQUIRE(count == lines && buf->size > 4 &&
            memcmp(buf->data + buf->size - 4, "\r\n\r\n", 4) == 0);
}

static void check_request(const muv__url_t *url, const char *value)
{
    muv__http_request_t request = {
        .method = "GET", .url = *url, .headers = {{.name = "X-Value", .value = value}}};
    muv__buf_t buf;
    int status;

    muv__buf_init(&buf, 100000);
    REQUIRE(muv__http_request_write(&request, &buf) == 0);
    check_lines(&buf, 5);
    muv__buf_reset(&buf, 0);
    request.header_count = 1;
    status = muv__http_request_write(&request, &buf);
    if (status == 0) {
        check_lines(&buf, 6);
    } else {
        REQUIRE(status == MUV_EINVAL || (status == MUV_ETOOLARGE && strlen(value) > 90000));
        REQUIRE(buf.size == 0);
    }
    muv__buf_done(&buf);
}

static void try_url(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    const char *value;
    size_t length;
    muv__url_t url;

    REQUIRE(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    value = memchr(text, '\n', size);
    length = value == NULL ? size : (size_t)(value - text);
    if (muv__url_parse(text, length, &url) == 0) {
        check_url(&url);
        check_request(&url, value == NULL ? "" : value + 1);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < FRONT) {
        return -1;
    }
    if ((data[0] & IS_URL) != 0) {
        try_url(data + FRONT, size - FRONT);
    } else {
        try_response(data, size);
    }
    return 0;
}
