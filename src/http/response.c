/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of responses (RFC 9112), line by line and run by run.
 *
 *   STATUS --> FIELDS --+--> LENGTH ---------------------------+--> DONE
 *     ^          |      +--> CHUNK_SIZE <--> CHUNK/CHUNK_END   |
 *     +---1xx----+      |         +--0--> TRAILER -------------+
 *                       +--> UNTIL_END --(connection ends)-----+
 *
 * It is strict where two readers might read differently: lines end with CR LF and nothing else (to
 * take a bare LF is allowed, not asked for: RFC 9112, 2.2), folded headers, two lengths, a length
 * beside chunks, and codings that nobody asked for are refused. */
#include "http/response.h"

#include <string.h>

#include "muv/error.h"

#include "base/assert.h"
#include "http/text.h"

/* Interim responses in front of the one that counts. */
#define MAX_INTERIM 8

/* A chunk's size and its extension; extensions together are no longer than a head. */
#define MAX_CHUNK_LINE 512
#define MAX_CHUNK_DIGITS 16

enum state { STATUS, FIELDS, LENGTH, UNTIL_END, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, DONE, BAD };

/* --- memory ------------------------------------------------------------------------------------*/

/* Append without leaving an old copy behind. Returns 1, or 0 when there is no memory or the
 * buffer's maximum is reached. */
static int append(muv__buf_t *buf, const uint8_t *bytes, size_t size)
{
    if (size > buf->capacity - buf->size) {
        muv__buf_t larger;

        if (size > buf->max_size - buf->size) {
            return 0;
        }
        muv__buf_init(&larger, buf->max_size);
        if (!muv__buf_reserve(&larger, buf->size + size)) {
            return 0;
        }
        muv__buf_append(&larger, buf->data, buf->size);
        muv__buf_wipe(buf);
        *buf = larger;
    }
    muv__buf_append(buf, bytes, size);
    return 1;
}

void muv__http_response_init(muv__http_response_t *response, size_t max_body)
{
    memset(response, 0, sizeof(*response));
    response->max_body = max_body;
    muv__buf_init(&response->body, max_body == 0 ? 1 : max_body);
    muv__buf_init(&response->line, MUV__HTTP_HEAD_MAX);
}

void muv__http_response_done(muv__http_response_t *response)
{
    muv__buf_wipe(&response->body);
    muv__buf_wipe(&response->line);
    memset(response, 0, sizeof(*response));
}

/* --- the two ends ------------------------------------------------------------------------------*/

/* Returns 0, so that readers of lines can end with it. */
static int fail(muv__http_response_t *response, int code, const char *why)
{
    response->state = BAD;
    response->code = code;
    response->why = why;
    muv__buf_wipe(&response->body);
    return 0;
}

static int fail_form(muv__http_response_t *response, const char *why)
{
    return fail(response, MUV_EPROTOCOL, why);
}

static int fail_size(muv__http_response_t *response, const char *why)
{
    return fail(response, MUV_ETOOLARGE, why);
}

static void finish(muv__http_response_t *response)
{
    response->state = DONE;
}

/* --- heads -------------------------------------------------------------------------------------*/

static int is_field_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!muv__http_is_text(bytes[i]) && bytes[i] != '\t') {
            return 0;
        }
    }
    return 1;
}

/* "HTTP/1.1 200 reason". Some servers leave out the reason with the space before it. */
static int read_status(muv__http_response_t *response, const uint8_t *line, size_t size)
{
    static const char name[] = "HTTP/1.";
    size_t at = sizeof(name) - 1;
    int status = 0;

    if (size < at + 5 || memcmp(line, name, at) != 0 || !muv__http_is_digit(line[at]) ||
        line[at + 1] != ' ') {
        return fail_form(response, "the answer is not HTTP/1");
    }
    response->is_old = line[at] == '0';
    for (size_t i = at + 2; i < at + 5; i++) {
        if (!muv__http_is_digit(line[i])) {
            return fail_form(response, "a status that is no number");
        }
        status = status * 10 + (line[i] - '0');
    }
    if (status < 100 || status > 599) {
        return fail_form(response, "a status that does not exist");
    }
    if ((size > at + 5 && line[at + 5] != ' ') || !is_field_text(line + at + 5, size - at - 5)) {
        return fail_form(response, "a bad status line");
    }
    response->status = status;
    response->state = FIELDS;
    return 1;
}

static int read_length(muv__http_response_t *response, const uint8_t *value, size_t size)
{
    uint64_t length = 0;

    if (response->has_length) {
        return fail_form(response, "Content-Length twice");
    }
    if (size == 0) {
        return fail_form(response, "a Content-Length that is no number");
    }
    for (size_t i = 0; i < size; i++) {
        if (!muv__http_is_digit(value[i])) {
            return fail_form(response, "a Content-Length that is no number");
        }
        if (length > (UINT64_MAX - 9) / 10) {
            return fail_size(response, "a body larger than is accepted");
        }
        length = length * 10 + (uint64_t)(value[i] - '0');
    }
    response->has_length = 1;
    response->rest = length;
    return 1;
}

/* (RFC 9112, 6.1: with it HTTP/1.0 is framed in a way that cannot be trusted.) */
static int read_coding(muv__http_response_t *response, const uint8_t *value, size_t size)
{
    if (response->chunked || response->is_old || !muv__http_equal(value, size, "chunked")) {
        return fail_form(response, "a Transfer-Encoding that was not asked for");
    }
    response->chunked = 1;
    return 1;
}

static int read_field(muv__http_response_t *response, const uint8_t *line, size_t size)
{
    size_t name_size = 0;
    size_t at;

    if (line[0] == ' ' || line[0] == '\t') {
        return fail_form(response, "a header in more than one line");
    }
    while (name_size < size && muv__http_is_token(line[name_size])) {
        name_size++;
    }
    if (name_size == 0 || name_size == size || line[name_size] != ':' ||
        !is_field_text(line, size)) {
        return fail_form(response, "a bad header");
    }
    at = name_size + 1;
    while (at < size && (line[at] == ' ' || line[at] == '\t')) {
        at++;
    }
    while (size > at && (line[size - 1] == ' ' || line[size - 1] == '\t')) {
        size--;
    }
    if (response->state == TRAILER) {
        return 1; /* Nothing in a trailer says how the message is framed (RFC 9110, 6.5.1). */
    }
    if (muv__http_equal(line, name_size, "content-length")) {
        return read_length(response, line + at, size - at);
    }
    if (muv__http_equal(line, name_size, "transfer-encoding")) {
        return read_coding(response, line + at, size - at);
    }
    return 1;
}

/* --- what follows a head -----------------------------------------------------------------------*/

static int skip_interim(muv__http_response_t *response)
{
    if (response->status == 101 || ++response->interim_count > MAX_INTERIM) {
        return fail_form(response, response->status == 101 ? "another protocol, not asked for"
                                                           : "too many interim responses");
    }
    response->status = 0;
    response->has_length = 0;
    response->chunked = 0;
    response->head_size = 0;
    response->state = STATUS;
    return 1;
}

/* The room for all of it is taken now, so that it never moves. */
static int begin_length(muv__http_response_t *response)
{
    if (response->rest > response->max_body) {
        return fail_size(response, "a body larger than is accepted");
    }
    if (response->rest == 0) {
        finish(response);
        return 1;
    }
    if (!muv__buf_reserve(&response->body, (size_t)response->rest)) {
        return fail(response, MUV_ENOMEM, "out of memory");
    }
    response->state = LENGTH;
    return 1;
}

/* (RFC 9112, 6.3: the length of a message's body.) */
static int end_head(muv__http_response_t *response)
{
    if (response->has_length && response->chunked) {
        return fail_form(response, "Content-Length beside Transfer-Encoding");
    }
    if (response->status < 200) {
        return skip_interim(response);
    }
    if (response->is_head || response->status == 204 || response->status == 304) {
        finish(response);
        return 1;
    }
    response->head_size = 0;
    if (response->has_length) {
        return begin_length(response);
    }
    response->state = response->chunked ? CHUNK_SIZE : UNTIL_END;
    return 1;
}

/* --- chunks ------------------------------------------------------------------------------------*/

static int hex_value(uint8_t c)
{
    if (muv__http_is_digit(c)) {
        return c - '0';
    }
    c = (uint8_t)muv__ascii_lower((char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Extensions mean nothing to us; (RFC 9112, 7.1.1: their size wants a limit). */
static int skip_extension(muv__http_response_t *response, const uint8_t *bytes, size_t size)
{
    size_t at = 0;

    while (at < size && (bytes[at] == ' ' || bytes[at] == '\t')) {
        at++;
    }
    if ((at < size && bytes[at] != ';') || (at == size && at != 0) || !is_field_text(bytes, size)) {
        return fail_form(response, "a bad chunk size");
    }
    response->head_size += size;
    if (response->head_size > MUV__HTTP_HEAD_MAX) {
        return fail_size(response, "chunk extensions larger than is accepted");
    }
    return 1;
}

static int read_chunk_size(muv__http_response_t *response, const uint8_t *line, size_t size)
{
    uint64_t value = 0;
    size_t digits = 0;

    while (digits < size && digits <= MAX_CHUNK_DIGITS && hex_value(line[digits]) >= 0) {
        value = value << 4 | (uint64_t)hex_value(line[digits]);
        digits++;
    }
    if (digits == 0) {
        return fail_form(response, "a bad chunk size");
    }
    if (digits > MAX_CHUNK_DIGITS || value > response->max_body - response->body.size) {
        return fail_size(response, "a body larger than is accepted");
    }
    if (!skip_extension(response, line + digits, size - digits)) {
        return 0;
    }
    response->rest = value;
    response->state = value == 0 ? TRAILER : CHUNK;
    response->head_size = value == 0 ? 0 : response->head_size;
    return 1;
}

/* --- bytes -------------------------------------------------------------------------------------*/

static size_t line_limit(const muv__http_response_t *response)
{
    switch ((enum state)response->state) {
    case CHUNK_SIZE: return MAX_CHUNK_LINE;
    case CHUNK_END: return 2;
    case STATUS:
    case FIELDS:
    case TRAILER:
    case LENGTH:
    case UNTIL_END:
    case CHUNK:
    case DONE:
    case BAD:
    default: return MUV__HTTP_HEAD_MAX - response->head_size;
    }
}

/* Gather a line. Returns 1 when it is there, without its end, 0 when not yet or never. */
static int take_line(muv__http_response_t *response, muv__span_t *bytes)
{
    muv__buf_t *line = &response->line;
    size_t room = line_limit(response) - line->size;
    size_t count = bytes->size < room ? bytes->size : room;
    const uint8_t *end = count == 0 ? NULL : memchr(bytes->data, '\n', count);

    if (end != NULL) {
        count = (size_t)(end - bytes->data) + 1;
    }
    if (count != 0 && !append(line, bytes->data, count)) {
        return fail(response, MUV_ENOMEM, "out of memory");
    }
    *bytes = muv__span(bytes->data + count, bytes->size - count);
    if (end == NULL) {
        if (count == room) {
            return response->state == CHUNK_END
                       ? fail_form(response, "no line end behind a chunk")
                       : fail_size(response, "a head or a line larger than is accepted");
        }
        return 0;
    }
    if (line->size < 2 || line->data[line->size - 2] != '\r') {
        return fail_form(response, "a line that does not end with CR LF");
    }
    if (response->state == STATUS || response->state == FIELDS || response->state == TRAILER) {
        response->head_size += line->size;
    }
    line->size -= 2;
    return 1;
}

static int read_line(muv__http_response_t *response)
{
    const uint8_t *line = response->line.data;
    size_t size = response->line.size;

    switch ((enum state)response->state) {
    case STATUS: return read_status(response, line, size);
    case FIELDS: return size == 0 ? end_head(response) : read_field(response, line, size);
    case CHUNK_SIZE: return read_chunk_size(response, line, size);
    case CHUNK_END:
        MUV__ASSERT(size == 0);
        response->state = CHUNK_SIZE;
        return 1;
    case TRAILER:
        if (size == 0) {
            finish(response);
            return 1;
        }
        return read_field(response, line, size);
    case LENGTH:
    case UNTIL_END:
    case CHUNK:
    case DONE:
    case BAD:
    default: MUV__ASSERT(0); return 0;
    }
}

static void take_body(muv__http_response_t *response, muv__span_t *bytes)
{
    size_t count = bytes->size;

    if (response->state == UNTIL_END) {
        if (count > response->max_body - response->body.size) {
            (void)fail_size(response, "a body larger than is accepted");
            return;
        }
    } else if (count > response->rest) {
        count = (size_t)response->rest;
    }
    if (!append(&response->body, bytes->data, count)) {
        (void)fail(response, MUV_ENOMEM, "out of memory");
        return;
    }
    *bytes = muv__span(bytes->data + count, bytes->size - count);
    if (response->state == UNTIL_END) {
        return;
    }
    response->rest -= count;
    if (response->rest == 0) {
        response->state = response->state == CHUNK ? CHUNK_END : DONE;
    }
}

static muv__http_result_t result_of(const muv__http_response_t *response)
{
    if (response->state == DONE) {
        return MUV__HTTP_DONE;
    }
    return response->state == BAD ? MUV__HTTP_BAD : MUV__HTTP_MORE;
}

muv__http_result_t muv__http_response_feed(muv__http_response_t *response, muv__span_t bytes)
{
    while (bytes.size != 0 && response->state != DONE && response->state != BAD) {
        if (response->state == LENGTH || response->state == CHUNK || response->state == UNTIL_END) {
            take_body(response, &bytes);
        } else if (take_line(response, &bytes)) {
            (void)read_line(response);
            response->line.size = 0;
        }
    }
    return result_of(response);
}

muv__http_result_t muv__http_response_ended(muv__http_response_t *response)
{
    if (response->state == UNTIL_END) {
        finish(response);
    } else if (response->state != DONE && response->state != BAD) {
        int nothing = response->state == STATUS && response->line.size == 0;

        (void)fail(response, MUV_ENETWORK,
                   nothing ? "the connection ended without an answer"
                           : "the connection ended within the answer");
    }
    return result_of(response);
}
