/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as they go over the wire, and what must not get into one. */
#include "http/request.h"

#include <string.h>

#include "muv/error.h"
#include "support/alloc.h"
#include "support/check.h"

static muv__http_request_t request_to(const char *method, const char *url)
{
    muv__http_request_t request = {.method = method};

    assert_int_equal(muv__url_parse(url, strlen(url), &request.url), 0);
    return request;
}

static void check_written(const muv__http_request_t *request, const char *expected)
{
    muv__buf_t buf;

    muv__buf_init(&buf, 100000);
    CHECK_CODE(muv__http_request_write(request, &buf), 0);
    assert_int_equal(buf.size, strlen(expected));
    assert_memory_equal(buf.data, expected, buf.size);
    muv__buf_done(&buf);
}

static void check_refused(const muv__http_request_t *request)
{
    muv__buf_t buf;

    muv__buf_init(&buf, 100000);
    CHECK_CODE(muv__http_request_write(request, &buf), MUV_EINVAL);
    assert_int_equal(buf.size, 0);
    muv__buf_done(&buf);
}

static void a_get_has_no_length(void **state)
{
    muv__http_request_t request = request_to("GET", "http://example.net/a?b=c");

    (void)state;
    check_written(&request, "GET /a?b=c HTTP/1.1\r\n"
                            "Host: example.net\r\n"
                            "User-Agent: libmuv/0.1.0\r\n"
                            "Connection: close\r\n"
                            "\r\n");
}

static void headers_come_in_their_order(void **state)
{
    muv__http_request_t request = request_to("GET", "http://10.0.0.1:8080/");

    (void)state;
    request.header_count = 2;
    request.headers[0] = (muv__http_header_t){"Metadata", "true"};
    request.headers[1] = (muv__http_header_t){"Authorization", "Bearer a b"};
    check_written(&request, "GET / HTTP/1.1\r\n"
                            "Host: 10.0.0.1:8080\r\n"
                            "User-Agent: libmuv/0.1.0\r\n"
                            "Connection: close\r\n"
                            "Metadata: true\r\n"
                            "Authorization: Bearer a b\r\n"
                            "\r\n");
}

static void a_body_is_announced_and_may_hold_any_byte(void **state)
{
    muv__http_request_t request = request_to("POST", "https://o.example/ocsp");
    static const char head[] = "POST /ocsp HTTP/1.1\r\n"
                               "Host: o.example\r\n"
                               "User-Agent: libmuv/0.1.0\r\n"
                               "Connection: close\r\n"
                               "Content-Length: 5\r\n"
                               "\r\n";
    muv__buf_t buf;

    (void)state;
    request.body = muv__span("a\0\r\nb", 5);
    muv__buf_init(&buf, 100000);
    CHECK_CODE(muv__http_request_write(&request, &buf), 0);
    assert_int_equal(buf.size, sizeof head - 1 + 5);
    assert_memory_equal(buf.data, head, sizeof head - 1);
    assert_memory_equal(buf.data + sizeof head - 1, "a\0\r\nb", 5);
    muv__buf_done(&buf);
}

static void a_put_without_body_says_so(void **state)
{
    muv__http_request_t request = request_to("PUT", "http://[fd00:ec2::254]/latest/api/token");

    (void)state;
    check_written(&request, "PUT /latest/api/token HTTP/1.1\r\n"
                            "Host: [fd00:ec2::254]\r\n"
                            "User-Agent: libmuv/0.1.0\r\n"
                            "Connection: close\r\n"
                            "Content-Length: 0\r\n"
                            "\r\n");
}

static void check_host(const char *url, const char *line)
{
    muv__http_request_t request = request_to("GET", url);
    muv__buf_t buf;

    muv__buf_init(&buf, 100000);
    CHECK_CODE(muv__http_request_write(&request, &buf), 0);
    muv__buf_append(&buf, "", 1);
    CHECK_CONTAINS((const char *)buf.data, line);
    muv__buf_done(&buf);
}

static void only_a_port_that_is_not_the_schemes_is_told(void **state)
{
    (void)state;
    check_host("http://h:80/", "\r\nHost: h\r\n");
    check_host("http://h:443/", "\r\nHost: h:443\r\n");
    check_host("https://h:443/", "\r\nHost: h\r\n");
    check_host("https://h:80/", "\r\nHost: h:80\r\n");
    check_host("http://[::1]:8080/", "\r\nHost: [::1]:8080\r\n");
    check_host("https://[::1]/", "\r\nHost: [::1]\r\n");
}

/* Tokens come from files and from the user: none can begin a second header. */
static void values_with_controls_are_refused(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        muv__http_request_t request = request_to("GET", "http://h/");
        char value[] = "a?b";
        muv__buf_t buf;

        value[1] = (char)c;
        request.header_count = 1;
        request.headers[0] = (muv__http_header_t){"X", value};
        muv__buf_init(&buf, 10000);
        CHECK_CODE(muv__http_request_write(&request, &buf), c < 0x20 || c == 0x7f ? MUV_EINVAL : 0);
        muv__buf_done(&buf);
    }
}

static void names_that_are_none_or_ours_are_refused(void **state)
{
    static const char *const names[] = {"",
                                        "a b",
                                        "a:",
                                        "a\r\n",
                                        "\xc3\xa4",
                                        "a(b)",
                                        "host",
                                        "Content-LENGTH",
                                        "Connection",
                                        "User-Agent",
                                        "Transfer-Encoding"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        muv__http_request_t request = request_to("GET", "http://h/");

        request.header_count = 1;
        request.headers[0] = (muv__http_header_t){names[i], "v"};
        check_refused(&request);
    }
}

/* A URL may also have been put together by hand. */
static void bad_methods_and_targets_are_refused(void **state)
{
    static const char *const methods[] = {"", "GE T", "GET\r\n", "GET /"};
    static const char *const targets[] = {"", "a", "/a b", "/a\r\nX: y", "/\x7f", "/#a", "/\xc3"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(methods); i++) {
        muv__http_request_t request = request_to(methods[i], "http://h/");

        check_refused(&request);
    }
    for (size_t i = 0; i < MUV__COUNT_OF(targets); i++) {
        muv__http_request_t request = request_to("GET", "http://h/");

        memcpy(request.url.target, targets[i], strlen(targets[i]) + 1);
        check_refused(&request);
    }
}

static void a_request_to_nowhere_is_refused(void **state)
{
    muv__http_request_t request = {.method = "GET", .url = {.target = "/"}};

    (void)state;
    check_refused(&request);
    request.url.host = (muv__host_t){.kind = MUV__HOST_UNIX, .name = "/tmp/a.sock"};
    check_refused(&request);
}

static void too_many_headers_are_refused(void **state)
{
    muv__http_request_t request = request_to("GET", "http://h/");

    (void)state;
    for (size_t i = 0; i < MUV__HTTP_HEADERS_MAX; i++) {
        request.headers[i] = (muv__http_header_t){"X", "v"};
    }
    request.header_count = MUV__HTTP_HEADERS_MAX + 1;
    check_refused(&request);
}

static void what_does_not_fit_is_too_large(void **state)
{
    muv__http_request_t request = request_to("POST", "http://h/");
    muv__buf_t buf;

    (void)state;
    request.body = muv__span("", SIZE_MAX);
    muv__buf_init(&buf, 1000);
    CHECK_CODE(muv__http_request_write(&request, &buf), MUV_ETOOLARGE);
    request.body = muv__span("", 1000);
    CHECK_CODE(muv__http_request_write(&request, &buf), MUV_ETOOLARGE);
    assert_int_equal(buf.size, 0);
    muv__buf_done(&buf);
}

/* One block: nothing that was written has moved. */
static void memory_is_taken_once(void **state)
{
    muv__http_request_t request = request_to("POST", "http://h/");
    muv__buf_t buf;
    char body[5000];

    (void)state;
    memset(body, 'x', sizeof body);
    request.body = muv__span(body, sizeof body);
    alloc_install();
    alloc_mark_t mark = alloc_mark();
    alloc_fail_at(1, false);
    muv__buf_init(&buf, 100000);
    CHECK_CODE(muv__http_request_write(&request, &buf), MUV_ENOMEM);
    muv__buf_done(&buf);
    alloc_fail_at(0, false);
    muv__buf_init(&buf, 100000);
    CHECK_CODE(muv__http_request_write(&request, &buf), 0);
    assert_int_equal(alloc_count(), 1);
    muv__buf_done(&buf);
    CHECK_NO_LEAK(mark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_has_no_length),
        cmocka_unit_test(headers_come_in_their_order),
        cmocka_unit_test(a_body_is_announced_and_may_hold_any_byte),
        cmocka_unit_test(a_put_without_body_says_so),
        cmocka_unit_test(only_a_port_that_is_not_the_schemes_is_told),
        cmocka_unit_test(values_with_controls_are_refused),
        cmocka_unit_test(names_that_are_none_or_ours_are_refused),
        cmocka_unit_test(bad_methods_and_targets_are_refused),
        cmocka_unit_test(a_request_to_nowhere_is_refused),
        cmocka_unit_test(too_many_headers_are_refused),
        cmocka_unit_test(what_does_not_fit_is_too_large),
        cmocka_unit_test_teardown(memory_is_taken_once, alloc_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
