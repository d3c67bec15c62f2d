/* SPDX-License-Identifier: Apache-2.0 */
/* Which texts are URLs that we fetch from, and what is in them. */
#include "http/url.h"

#include <stdio.h>
#include <string.h>

#include "muv/error.h"
#include "support/check.h"

static void check_url(const char *text, int secure, int kind, const char *name, uint16_t port,
                      const char *target)
{
    muv__url_t url;

    assert_int_equal(muv__url_parse(text, strlen(text), &url), 0);
    assert_int_equal(url.secure, secure);
    assert_int_equal(url.host.kind, kind);
    assert_string_equal(url.host.name, name);
    assert_int_equal(url.host.port, port);
    assert_string_equal(url.target, target);
}

static void check_no_url(const char *text)
{
    muv__url_t url;

    memset(&url, 0x5a, sizeof url);
    if (muv__url_parse(text, strlen(text), &url) != MUV_EINVAL) {
        fail_msg("this was taken for a URL: %s", text);
    }
    assert_int_equal(url.secure, 0x5a); /* Untouched. */
}

static void a_url_is_taken_apart(void **state)
{
    (void)state;
    check_url("http://169.254.169.254/latest/api/token", 0, MUV__HOST_IPV4, "169.254.169.254", 80,
              "/latest/api/token");
    check_url("https://sts.amazonaws.com/?Action=Assume&Version=2011-06-15", 1, MUV__HOST_NAME,
              "sts.amazonaws.com", 443, "/?Action=Assume&Version=2011-06-15");
    check_url("http://my_host-1.internal.:8080/a%20b", 0, MUV__HOST_NAME, "my_host-1.internal.",
              8080, "/a%20b");
}

static void the_port_is_that_of_the_scheme_or_the_given_one(void **state)
{
    (void)state;
    check_url("http://h/", 0, MUV__HOST_NAME, "h", 80, "/");
    check_url("https://h/", 1, MUV__HOST_NAME, "h", 443, "/");
    check_url("http://h:443/", 0, MUV__HOST_NAME, "h", 443, "/");
    check_url("https://h:65535/", 1, MUV__HOST_NAME, "h", 65535, "/");
    check_url("http://h:27017/", 0, MUV__HOST_NAME, "h", 27017, "/");
}

static void an_address_of_ipv6_stands_in_brackets(void **state)
{
    (void)state;
    check_url("http://[::1]:8080/x", 0, MUV__HOST_IPV6, "::1", 8080, "/x");
    check_url("http://[FD00:EC2::254]", 0, MUV__HOST_IPV6, "fd00:ec2::254", 80, "/");
    check_no_url("http://::1/");
    check_no_url("http://[::1/");
    check_no_url("http://[::1]8080/");
    check_no_url("http://[1.2.3.4]/");
    check_no_url("http://[fe80::1%eth0]/");
    check_no_url("http://[fe80::1%25eth0]/");
}

static void scheme_and_host_have_no_case_and_the_target_has(void **state)
{
    (void)state;
    check_url("HttpS://EXAMPLE.Net/Path?Q", 1, MUV__HOST_NAME, "example.net", 443, "/Path?Q");
}

static void an_empty_path_is_the_root(void **state)
{
    (void)state;
    check_url("http://h", 0, MUV__HOST_NAME, "h", 80, "/");
    check_url("http://h:81", 0, MUV__HOST_NAME, "h", 81, "/");
    check_url("http://h?a=b", 0, MUV__HOST_NAME, "h", 80, "/?a=b");
}

static void what_is_no_absolute_http_url_is_refused(void **state)
{
    static const char *const texts[] = {
        "",          "h",        "//h/",      "/path",   "http:/h/",      "http:h",
        "http//h/",  "ftp://h/", "file:///a", "ws://h/", "httpss://h/",   "http://",
        "http:///a", "http://?", " http://h", "https:/", "unix://a.sock", "http:///tmp/a.sock"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(texts); i++) {
        check_no_url(texts[i]);
    }
}

static void ports_that_are_none_are_refused(void **state)
{
    static const char *const texts[] = {
        "http://h:/",     "http://h:0/",  "http://h:65536/", "http://h:100000/", "http://h:+1/",
        "http://h:80 /x", "http://h:8a/", "http://h:-1/",    "http://h:1:2/",    "http://:80/"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(texts); i++) {
        check_no_url(texts[i]);
    }
}

static void user_info_and_fragments_are_refused(void **state)
{
    (void)state;
    check_no_url("http://me@h/");
    check_no_url("http://me:secret@h/");
    check_no_url("http://h/#part");
    check_no_url("http://h#part");
    check_no_url("http://good.example\\@evil.example/");
}

/* Nothing of a URL can end the request's first line. */
static void controls_blanks_and_foreign_bytes_are_refused(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char host[] = "http://a?b/c";
        char path[] = "http://ab/c?d";
        muv__url_t url;
        int good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                   c == '-' || c == '.' || c == '_' || c == '/' || c == '?';

        host[8] = (char)c;
        path[11] = (char)c;
        assert_int_equal(muv__url_parse(host, sizeof host - 1, &url), good ? 0 : MUV_EINVAL);
        good = c > 0x20 && c < 0x7f && c != '#';
        assert_int_equal(muv__url_parse(path, sizeof path - 1, &url), good ? 0 : MUV_EINVAL);
    }
}

static void a_target_and_a_name_have_a_largest_size(void **state)
{
    char text[MUV__URL_TARGET_MAX + 16];
    muv__url_t url;

    (void)state;
    (void)snprintf(text, sizeof text, "http://h/%0*d", MUV__URL_TARGET_MAX, 0);
    assert_int_equal(muv__url_parse(text, 8 + MUV__URL_TARGET_MAX, &url), 0);
    assert_int_equal(strlen(url.target), MUV__URL_TARGET_MAX);
    assert_int_equal(muv__url_parse(text, 9 + MUV__URL_TARGET_MAX, &url), MUV_EINVAL);

    /* The '/' that is put in front of a query counts. */
    text[8] = '?';
    assert_int_equal(muv__url_parse(text, 7 + MUV__URL_TARGET_MAX, &url), 0);
    assert_int_equal(muv__url_parse(text, 8 + MUV__URL_TARGET_MAX, &url), MUV_EINVAL);

    memset(text + 7, 'x', 300);
    assert_int_equal(muv__url_parse(text, 7 + MUV__HOST_NAME_MAX, &url), 0);
    assert_int_equal(muv__url_parse(text, 7 + MUV__HOST_NAME_MAX + 1, &url), MUV_EINVAL);
}

static void only_the_given_length_is_read(void **state)
{
    muv__url_t url;

    (void)state;
    assert_int_equal(muv__url_parse("http://h/ab\r\n", 11, &url), 0);
    assert_string_equal(url.target, "/ab");
    assert_int_equal(muv__url_parse("http://h/", 7, &url), MUV_EINVAL);
    assert_int_equal(muv__url_parse("http://h/", 6, &url), MUV_EINVAL);
    assert_int_equal(muv__url_parse(NULL, 0, &url), MUV_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_taken_apart),
        cmocka_unit_test(the_port_is_that_of_the_scheme_or_the_given_one),
        cmocka_unit_test(an_address_of_ipv6_stands_in_brackets),
        cmocka_unit_test(scheme_and_host_have_no_case_and_the_target_has),
        cmocka_unit_test(an_empty_path_is_the_root),
        cmocka_unit_test(what_is_no_absolute_http_url_is_refused),
        cmocka_unit_test(ports_that_are_none_are_refused),
        cmocka_unit_test(user_info_and_fragments_are_refused),
        cmocka_unit_test(controls_blanks_and_foreign_bytes_are_refused),
        cmocka_unit_test(a_target_and_a_name_have_a_largest_size),
        cmocka_unit_test(only_the_given_length_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
