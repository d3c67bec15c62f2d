/* SPDX-License-Identifier: Apache-2.0 */
/* Responses read byte by byte: what is accepted, what is refused and why. Each text is given whole,
 * cut in two at every byte, and in single bytes, and must mean the same each time. */
#include "http/response.h"

#include <stdio.h>
#include <string.h>

#include "muv/error.h"
#include "support/alloc.h"
#include "support/check.h"

enum { MAX_BODY = 100 };

typedef struct reading {
    muv__http_response_t response;
    muv__http_result_t result;
} reading_t;

static void feed(reading_t *r, const void *bytes, size_t size)
{
    if (size != 0) {
        r->result = muv__http_response_feed(&r->response, muv__span(bytes, size));
    }
}

typedef void (*check_t)(const reading_t *r, const void *data);

static void check_pieces(const char *text, size_t size, size_t first, size_t piece, bool ended,
                         check_t check, const void *data)
{
    reading_t r = {.result = MUV__HTTP_MORE};

    muv__http_response_init(&r.response, MAX_BODY);
    feed(&r, text, first);
    for (size_t at = first; at < size; at += piece) {
        feed(&r, text + at, size - at < piece ? size - at : piece);
    }
    if (ended) {
        r.result = muv__http_response_ended(&r.response);
    }
    check(&r, data);
    muv__http_response_done(&r.response);
}

static void check_all(const char *text, size_t size, bool ended, check_t check, const void *data)
{
    for (size_t first = 0; first <= size; first++) {
        check_pieces(text, size, first, SIZE_MAX / 2, ended, check, data);
    }
    check_pieces(text, size, 0, 1, ended, check, data);
}

typedef struct expected {
    int status;
    const char *body;
} expected_t;

static void is_done(const reading_t *r, const void *data)
{
    const expected_t *expected = data;

    if (r->result == MUV__HTTP_BAD) {
        fail_msg("refused: %s", r->response.why);
    }
    assert_int_equal(r->result, MUV__HTTP_DONE);
    assert_int_equal(r->response.status, expected->status);
    assert_int_equal(r->response.body.size, strlen(expected->body));
    if (expected->body[0] != '\0') {
        assert_memory_equal(r->response.body.data, expected->body, strlen(expected->body));
    }
}

/* The end of the connection changes nothing any more. */
static void check_done(const char *text, int status, const char *body)
{
    check_all(text, strlen(text), false, is_done, &(expected_t){status, body});
    check_all(text, strlen(text), true, is_done, &(expected_t){status, body});
}

/* It is complete only with the end of the connection. */
static void check_done_by_end(const char *text, int status, const char *body)
{
    check_all(text, strlen(text), true, is_done, &(expected_t){status, body});
}

typedef struct refusal {
    int code;
    const char *why;
} refusal_t;

static void is_bad(const reading_t *r, const void *data)
{
    const refusal_t *refusal = data;

    assert_int_equal(r->result, MUV__HTTP_BAD);
    assert_string_equal(r->response.why, refusal->why);
    CHECK_CODE(r->response.code, refusal->code);
    assert_int_equal(r->response.body.size, 0);
    assert_null(r->response.body.data);
}

static void check_bad_bytes(const char *text, size_t size, int code, const char *why)
{
    check_all(text, size, false, is_bad, &(refusal_t){code, why});
    check_all(text, size, true, is_bad, &(refusal_t){code, why});
}

static void check_bad(const char *text, const char *why)
{
    check_bad_bytes(text, strlen(text), MUV_EPROTOCOL, why);
}

static void check_too_large(const char *text, const char *why)
{
    check_bad_bytes(text, strlen(text), MUV_ETOOLARGE, why);
}

static void check_cut_off(const char *text)
{
    check_all(text, strlen(text), true, is_bad,
              &(refusal_t){MUV_ENETWORK, "the connection ended within the answer"});
}

/* --- what is accepted --------------------------------------------------------------------------*/

static void a_body_with_its_length(void **state)
{
    (void)state;
    check_done("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
    check_done("HTTP/1.1 404 Not Found\r\ncontent-LENGTH:\t 5 \t\r\nX: y\r\n\r\nhello", 404,
               "hello");
    check_done("HTTP/1.0 200 OK\r\nContent-Length: 005\r\n\r\nhello", 200, "hello");
    check_done("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "");
}

static void what_follows_the_body_is_dropped(void **state)
{
    (void)state;
    check_done("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n", 200, "ok");
    check_done("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n\xff", 200,
               "ok");
}

static void a_body_in_chunks(void **state)
{
    (void)state;
    check_done("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "5\r\nhello\r\n1\r\n \r\n0005\r\nworld\r\n0\r\n\r\n",
               200, "hello world");
    check_done("HTTP/1.1 200 OK\r\nTRANSFER-encoding: Chunked\r\n\r\n"
               "A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n\r\n",
               200, "01234567890123456789a");
    check_done("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "");
}

static void extensions_and_trailers_mean_nothing(void **state)
{
    (void)state;
    check_done("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "2;a=b;c=\"d\"\r\nok\r\n0 ;x\r\nContent-Length: 77\r\nDigest: z\r\n\r\n",
               200, "ok");
}

static void a_body_until_the_connection_ends(void **state)
{
    (void)state;
    check_done_by_end("HTTP/1.0 200 OK\r\n\r\nhello\r\n", 200, "hello\r\n");
    check_done_by_end("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 200, "");
}

static void some_statuses_have_no_body(void **state)
{
    (void)state;
    check_done("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
    check_done("HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\nhello", 304, "");
    check_done("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", 204, "");
}

static void the_answer_to_head_has_no_body(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n";
    muv__http_response_t response;

    (void)state;
    muv__http_response_init(&response, 0);
    response.is_head = 1;
    assert_int_equal(muv__http_response_feed(&response, muv__span(text, sizeof text - 1)),
                     MUV__HTTP_DONE);
    assert_int_equal(response.status, 200);
    muv__http_response_done(&response);
}

static void interim_responses_are_skipped(void **state)
{
    (void)state;
    check_done("HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\n"
               "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
               "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
               200, "ok");
}

static void a_reason_may_be_missing_or_foreign(void **state)
{
    (void)state;
    check_done("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, "");
    check_done("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "");
    check_done("HTTP/1.9 299 \xc3\xa4\t!\r\nContent-Length: 0\r\n\r\n", 299, "");
}

static void a_header_may_be_empty(void **state)
{
    (void)state;
    check_done("HTTP/1.1 200 OK\r\nA:\r\nB:  \r\nContent-Length: 0\r\n\r\n", 200, "");
}

/* --- what is refused ---------------------------------------------------------------------------*/

static void what_is_not_http_1(void **state)
{
    static const char why[] = "the answer is not HTTP/1";

    (void)state;
    check_bad("\r\nHTTP/1.1 200 OK\r\n\r\n", why);
    check_bad("HTTP/2.0 200 OK\r\n\r\n", why);
    check_bad("HTTP/1.10 200 OK\r\n\r\n", why);
    check_bad("http/1.1 200 OK\r\n\r\n", why);
    check_bad("HTTP/1.1\r\n\r\n", why);
    check_bad("SSH-2.0-OpenSSH_9.2\r\n", why);
}

static void statuses_that_are_none(void **state)
{
    (void)state;
    check_bad("HTTP/1.1 20x OK\r\n\r\n", "a status that is no number");
    check_bad("HTTP/1.1  200 OK\r\n\r\n", "a status that is no number");
    check_bad("HTTP/1.1 099 OK\r\n\r\n", "a status that does not exist");
    check_bad("HTTP/1.1 600 OK\r\n\r\n", "a status that does not exist");
    check_bad("HTTP/1.1 2000 OK\r\n\r\n", "a bad status line");
    check_bad("HTTP/1.1 200 O\x01K\r\n\r\n", "a bad status line");
    check_bad("HTTP/1.1 101 Switching\r\n\r\n", "another protocol, not asked for");
}

static void lines_that_end_with_less_than_cr_lf(void **state)
{
    static const char why[] = "a line that does not end with CR LF";

    (void)state;
    check_bad("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", why);
    check_bad("HTTP/1.1 200 OK\r\nA: b\nContent-Length: 2\r\n\r\nok", why);
    check_bad("HTTP/1.1 200 OK\r\nA: b\r\n\nok", why);
    check_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", why);
    check_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\n0\r\n\r\n", why);
    check_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n", why);
    check_bad("\n", why);
}

static void a_cr_within_a_line(void **state)
{
    (void)state;
    check_bad("HTTP/1.1 200 OK\r\nA: b\rContent-Length: 2\r\n\r\nok", "a bad header");
    check_bad("HTTP/1.1 200 O\rK\r\n\r\n", "a bad status line");
    check_bad("HTTP/1.1 200 OK\r\r\n\r\n", "a bad status line");
}

static void a_nul_anywhere_in_the_head(void **state)
{
    static const char in_status[] = "HTTP/1.1 200 O\0K\r\n\r\n";
    static const char in_value[] = "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n";
    static const char in_name[] = "HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n";
    static const char in_length[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\0\r\n\r\nhello";

    (void)state;
    check_bad_bytes(in_status, sizeof in_status - 1, MUV_EPROTOCOL, "a bad status line");
    check_bad_bytes(in_value, sizeof in_value - 1, MUV_EPROTOCOL, "a bad header");
    check_bad_bytes(in_name, sizeof in_name - 1, MUV_EPROTOCOL, "a bad header");
    check_bad_bytes(in_length, sizeof in_length - 1, MUV_EPROTOCOL, "a bad header");
}

static void a_nul_in_a_body_is_a_byte_as_any(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b";
    muv__http_response_t response;

    (void)state;
    muv__http_response_init(&response, MAX_BODY);
    assert_int_equal(muv__http_response_feed(&response, muv__span(text, sizeof text - 1)),
                     MUV__HTTP_DONE);
    CHECK_BYTES_EQUAL(response.body.data, response.body.size, "610062");
    muv__http_response_done(&response);
}

static void headers_that_are_none(void **state)
{
    (void)state;
    check_bad("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "a bad header");
    check_bad("HTTP/1.1 200 OK\r\nname : value\r\n\r\n", "a bad header");
    check_bad("HTTP/1.1 200 OK\r\n: value\r\n\r\n", "a bad header");
    check_bad("HTTP/1.1 200 OK\r\nname\r\n\r\n", "a bad header");
    check_bad("HTTP/1.1 200 OK\r\nn\xc3\xa4me: value\r\n\r\n", "a bad header");
}

static void headers_in_more_than_one_line(void **state)
{
    static const char why[] = "a header in more than one line";

    (void)state;
    check_bad("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", why);
    check_bad("HTTP/1.1 200 OK\r\nA: b\r\n\tContent-Length: 5\r\n\r\n", why);
    check_bad("HTTP/1.1 200 OK\r\n A: b\r\n\r\n", why);
    check_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n A: b\r\n\r\n", why);
}

static void lengths_that_are_none(void **state)
{
    static const char *const values[] = {"",    "-1",   "+5",  "0x5", "5 5",
                                         "5,5", "5, 5", "5.0", "five"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(values); i++) {
        char text[100];

        (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\nhello",
                       values[i]);
        check_bad(text, "a Content-Length that is no number");
    }
}

/* Two readers might take different ones. */
static void more_than_one_length(void **state)
{
    (void)state;
    check_bad("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
              "Content-Length twice");
    check_bad("HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello",
              "Content-Length twice");
    check_bad("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
              "Content-Length beside Transfer-Encoding");
    check_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
              "Content-Length beside Transfer-Encoding");
}

static void codings_that_nobody_asked_for(void **state)
{
    static const char *const values[] = {"gzip",     "gzip, chunked", "chunked, chunked",
                                         "identity", "xchunked",      ""};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(values); i++) {
        char text[100];

        (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
                       values[i]);
        check_bad(text, "a Transfer-Encoding that was not asked for");
    }
    check_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
              "Transfer-Encoding: chunked\r\n\r\n",
              "a Transfer-Encoding that was not asked for");
    check_bad("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
              "a Transfer-Encoding that was not asked for");
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void chunk_sizes_that_are_none(void **state)
{
    static const char why[] = "a bad chunk size";

    (void)state;
    check_bad(CHUNKED "\r\n", why);
    check_bad(CHUNKED "g\r\n", why);
    check_bad(CHUNKED "-1\r\n", why);
    check_bad(CHUNKED " 2\r\nok\r\n", why);
    check_bad(CHUNKED "2 \r\nok\r\n", why);
    check_bad(CHUNKED "0x2\r\nok\r\n", why);
    check_bad(CHUNKED "2;a\x01\r\nok\r\n", why);
    check_bad(CHUNKED "2 2\r\nok\r\n", why);
    check_bad(CHUNKED ";a=b\r\nok\r\n", why);
    check_bad(CHUNKED "2\r\nokay\r\n0\r\n\r\n", "no line end behind a chunk");
}

/* --- limits ------------------------------------------------------------------------------------*/

static void bodies_larger_than_agreed_are_refused_when_announced(void **state)
{
    static const char why[] = "a body larger than is accepted";

    (void)state;
    check_too_large("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", why);
    check_too_large("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n", why);
    check_too_large("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\n", why);
    check_too_large("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n", why);
    check_too_large(CHUNKED "65\r\n", why);
    check_too_large(CHUNKED "1\r\na\r\n64\r\n", why);
    check_too_large(CHUNKED "ffffffffffffffff\r\n", why);
    check_too_large(CHUNKED "1\r\na\r\nffffffffffffffff\r\n", why);
    check_too_large(CHUNKED "10000000000000001\r\n", why);
    check_too_large(CHUNKED "00000000000000001\r\n", why);
}

static void a_body_of_the_agreed_size_is_accepted(void **state)
{
    char body[MAX_BODY + 2] = "";
    char text[300];

    (void)state;
    memset(body, 'x', MAX_BODY);
    (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n%s", body);
    check_done(text, 200, body);
    (void)snprintf(text, sizeof text, CHUNKED "64\r\n%s\r\n0\r\n\r\n", body);
    check_done(text, 200, body);
    (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n\r\n%s", body);
    check_done_by_end(text, 200, body);
    body[MAX_BODY] = 'x';
    (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n\r\n%s", body);
    check_too_large(text, "a body larger than is accepted");
}

static void nothing_may_be_agreed(void **state)
{
    static const char empty[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    static const char endless[] = "HTTP/1.1 200 OK\r\n\r\na";
    muv__http_response_t response;

    (void)state;
    muv__http_response_init(&response, 0);
    assert_int_equal(muv__http_response_feed(&response, muv__span(empty, sizeof empty - 1)),
                     MUV__HTTP_DONE);
    muv__http_response_done(&response);
    muv__http_response_init(&response, 0);
    assert_int_equal(muv__http_response_feed(&response, muv__span(endless, sizeof endless - 1)),
                     MUV__HTTP_BAD);
    muv__http_response_done(&response);
}

/* Feed `text`, then `filler` until something is said. Returns how many bytes of filler were taken.
 */
static size_t flood(const char *text, const char *filler, const char *why)
{
    muv__http_response_t response;
    size_t size = 0;

    muv__http_response_init(&response, MAX_BODY);
    muv__http_result_t result = muv__http_response_feed(&response, muv__span(text, strlen(text)));
    while (result == MUV__HTTP_MORE) {
        size += strlen(filler);
        assert_true(size < 1000000);
        result = muv__http_response_feed(&response, muv__span(filler, strlen(filler)));
    }
    assert_int_equal(result, MUV__HTTP_BAD);
    assert_string_equal(response.why, why);
    muv__http_response_done(&response);
    return size;
}

static void heads_trailers_and_extensions_end_at_their_limits(void **state)
{
    static const char why[] = "a head or a line larger than is accepted";

    (void)state;
    assert_int_equal(flood("", "x", why), MUV__HTTP_HEAD_MAX);
    assert_int_equal(flood("HTTP/1.1 200 OK\r\n", "x", why), MUV__HTTP_HEAD_MAX - 17);
    assert_in_range(flood("HTTP/1.1 200 OK\r\n", "a: b\r\n", why), MUV__HTTP_HEAD_MAX - 17 - 6,
                    MUV__HTTP_HEAD_MAX - 17 + 6);
    assert_int_equal(flood(CHUNKED, "0", why), 512);
    assert_int_equal(flood(CHUNKED "1;", "a", why), 510);
    assert_in_range(flood(CHUNKED "0\r\n", "a: b\r\n", why), MUV__HTTP_HEAD_MAX - 6,
                    MUV__HTTP_HEAD_MAX + 6);
}

static void many_extensions_end_at_a_limit(void **state)
{
    char line[400] = "1;";
    muv__http_response_t response;
    muv__http_result_t result;
    unsigned count = 0;

    (void)state;
    memset(line + 2, 'e', 300);
    memcpy(line + 302, "\r\nx\r\n", 6);
    muv__http_response_init(&response, MAX_BODY);
    result = muv__http_response_feed(&response, muv__span(CHUNKED, sizeof CHUNKED - 1));
    while (result == MUV__HTTP_MORE) {
        count++;
        result = muv__http_response_feed(&response, muv__span(line, strlen(line)));
    }
    assert_string_equal(response.why, "chunk extensions larger than is accepted");
    assert_int_equal(count, MUV__HTTP_HEAD_MAX / 301 + 1);
    muv__http_response_done(&response);
}

static void interim_responses_end_at_a_limit(void **state)
{
    (void)state;
    assert_int_equal(flood("", "HTTP/1.1 100 Continue\r\n\r\n", "too many interim responses"),
                     9 * 25);
}

/* --- the end -----------------------------------------------------------------------------------*/

static void an_answer_that_is_cut_off(void **state)
{
    (void)state;
    check_cut_off("H");
    check_cut_off("HTTP/1.1 200 OK\r\n");
    check_cut_off("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r");
    check_cut_off("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
    check_cut_off("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    check_cut_off(CHUNKED);
    check_cut_off(CHUNKED "5\r\nhell");
    check_cut_off(CHUNKED "5\r\nhello");
    check_cut_off(CHUNKED "5\r\nhello\r\n");
    check_cut_off(CHUNKED "5\r\nhello\r\n0\r\n");
    check_cut_off(CHUNKED "5\r\nhello\r\n0\r\na: b\r\n");
}

static void no_answer_at_all(void **state)
{
    static const refusal_t refusal = {MUV_ENETWORK, "the connection ended without an answer"};

    (void)state;
    check_all("", 0, true, is_bad, &refusal);
    check_all("HTTP/1.1 100 Continue\r\n\r\n", 25, true, is_bad, &refusal);
}

static void a_zeroed_one_can_be_ended(void **state)
{
    muv__http_response_t response = {0};

    (void)state;
    muv__http_response_done(&response);
    muv__http_response_done(&response);
}

/* --- memory ------------------------------------------------------------------------------------*/

static void read_with_little_memory(void *data)
{
    const char *text = data;
    muv__http_response_t response;
    muv__http_result_t result = MUV__HTTP_MORE;

    muv__http_response_init(&response, 5000);
    for (size_t i = 0; text[i] != '\0'; i++) {
        result = muv__http_response_feed(&response, muv__span(text + i, 1));
    }
    if (result == MUV__HTTP_MORE) {
        result = muv__http_response_ended(&response);
    }
    if (alloc_has_failed()) {
        assert_int_equal(result, MUV__HTTP_BAD);
        CHECK_CODE(response.code, MUV_ENOMEM);
        assert_string_equal(response.why, "out of memory");
    } else {
        assert_int_equal(result, MUV__HTTP_DONE);
    }
    muv__http_response_done(&response);
}

static void each_missing_block_is_told(void **state)
{
    char text[3000];

    (void)state;
    alloc_install();
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    memcpy(text, "HTTP/1.1 200 OK\r\n\r\n", 19);
    assert_true(alloc_sweep(read_with_little_memory, text) > 4);
    memcpy(text, "HTTP/1.1 200 OK\r\nContent-Length: 2958\r\n\r\n", 41);
    assert_int_equal(alloc_sweep(read_with_little_memory, text), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_with_its_length),
        cmocka_unit_test(what_follows_the_body_is_dropped),
        cmocka_unit_test(a_body_in_chunks),
        cmocka_unit_test(extensions_and_trailers_mean_nothing),
        cmocka_unit_test(a_body_until_the_connection_ends),
        cmocka_unit_test(some_statuses_have_no_body),
        cmocka_unit_test(the_answer_to_head_has_no_body),
        cmocka_unit_test(interim_responses_are_skipped),
        cmocka_unit_test(a_reason_may_be_missing_or_foreign),
        cmocka_unit_test(a_header_may_be_empty),
        cmocka_unit_test(what_is_not_http_1),
        cmocka_unit_test(statuses_that_are_none),
        cmocka_unit_test(lines_that_end_with_less_than_cr_lf),
        cmocka_unit_test(a_cr_within_a_line),
        cmocka_unit_test(a_nul_anywhere_in_the_head),
        cmocka_unit_test(a_nul_in_a_body_is_a_byte_as_any),
        cmocka_unit_test(headers_that_are_none),
        cmocka_unit_test(headers_in_more_than_one_line),
        cmocka_unit_test(lengths_that_are_none),
        cmocka_unit_test(more_than_one_length),
        cmocka_unit_test(codings_that_nobody_asked_for),
        cmocka_unit_test(chunk_sizes_that_are_none),
        cmocka_unit_test(bodies_larger_than_agreed_are_refused_when_announced),
        cmocka_unit_test(a_body_of_the_agreed_size_is_accepted),
        cmocka_unit_test(nothing_may_be_agreed),
        cmocka_unit_test(heads_trailers_and_extensions_end_at_their_limits),
        cmocka_unit_test(many_extensions_end_at_a_limit),
        cmocka_unit_test(interim_responses_end_at_a_limit),
        cmocka_unit_test(an_answer_that_is_cut_off),
        cmocka_unit_test(no_answer_at_all),
        cmocka_unit_test(a_zeroed_one_can_be_ended),
        cmocka_unit_test_teardown(each_missing_block_is_told, alloc_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
