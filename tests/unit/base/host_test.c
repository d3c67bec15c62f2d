/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of servers: what is accepted, how it is classified, and that text and value agree. */
#include "base/host.h"

#include "support/check.h"

#include <string.h>

static muv__host_t host_of(const char *text)
{
    muv__host_t host = {.kind = MUV__HOST_NONE};

    CHECK_CODE(muv__host_parse(text, strlen(text), &host), 0);
    return host;
}

static void check_host(const char *text, int kind, const char *name, int port)
{
    muv__host_t host = host_of(text);

    assert_int_equal(host.kind, kind);
    assert_string_equal(host.name, name);
    assert_int_equal(host.port, port);
}

static void check_refused(const char *text)
{
    muv__host_t host = {.kind = MUV__HOST_UNIX, .name = "untouched"};

    CHECK_CODE(muv__host_parse(text, strlen(text), &host), MUV_EINVAL);
    assert_string_equal(host.name, "untouched");
}

static void names_get_the_default_port_and_lower_case(void **state)
{
    (void)state;
    check_host("Example.COM", MUV__HOST_NAME, "example.com", 27017);
    check_host("a_b-c.example.com.:1", MUV__HOST_NAME, "a_b-c.example.com.", 1);
    check_host("b\xc3\xbc"
               "cher.example.com:65535",
               MUV__HOST_NAME,
               "b\xc3\xbc"
               "cher.example.com",
               65535);
    check_host("mongodb-27017.sock", MUV__HOST_NAME, "mongodb-27017.sock", 27017);
}

static void four_numbers_up_to_255_are_an_ipv4_address(void **state)
{
    (void)state;
    check_host("127.0.0.1", MUV__HOST_IPV4, "127.0.0.1", 27017);
    check_host("255.255.255.255:27018", MUV__HOST_IPV4, "255.255.255.255", 27018);
    check_host("256.0.0.1", MUV__HOST_NAME, "256.0.0.1", 27017);
    check_host("01.0.0.1", MUV__HOST_NAME, "01.0.0.1", 27017);
    check_host("1.2.3", MUV__HOST_NAME, "1.2.3", 27017);
    check_host("1.2.3.4.5", MUV__HOST_NAME, "1.2.3.4.5", 27017);
    check_host("1.2.3.", MUV__HOST_NAME, "1.2.3.", 27017);
}

static void brackets_hold_an_ipv6_address(void **state)
{
    (void)state;
    check_host("[::1]", MUV__HOST_IPV6, "::1", 27017);
    check_host("[::]:27019", MUV__HOST_IPV6, "::", 27019);
    check_host("[2001:DB8::A]:1", MUV__HOST_IPV6, "2001:db8::a", 1);
    check_host("[1:2:3:4:5:6:7:8]", MUV__HOST_IPV6, "1:2:3:4:5:6:7:8", 27017);
    check_host("[1::]", MUV__HOST_IPV6, "1::", 27017);
    check_host("[1:2:3:4:5:6:7::]", MUV__HOST_IPV6, "1:2:3:4:5:6:7::", 27017);
    check_host("[::ffff:127.0.0.1]", MUV__HOST_IPV6, "::ffff:127.0.0.1", 27017);
    check_host("[1:2:3:4:5:6:127.0.0.1]", MUV__HOST_IPV6, "1:2:3:4:5:6:127.0.0.1", 27017);
}

static void a_zone_keeps_its_case(void **state)
{
    (void)state;
    check_host("[FE80::1%Eth0]:27018", MUV__HOST_IPV6, "fe80::1%Eth0", 27018);
    check_refused("[fe80::1%]");
    check_refused("[fe80::1%a b]");
    check_refused("[%eth0]");
}

static void what_is_no_ipv6_address_is_refused(void **state)
{
    static const char *const texts[] = {
        "[]",          "[1]",           "[:1]",         "[1:]",      "[1:2:3:4:5:6:7]",
        "[::1",        "[::1]x",        "[::1]x:1",     "[1::2::3]", "[1:2:3:4:5:6:7:8:9]",
        "[12345::]",   "[g::]",         "[:::]",        "[1:::2]",   "[1:2:3:4:5:6:7:8::]",
        "[127.0.0.1]", "[::127.0.0]",   "[a.b]",        "[::1]:",    "[1:2:3:4:5:6:7:127.0.0.1]",
        "[::1]:0",     "[::1.2.3.4:5]", "[::1]::1",     "::1",       "fe80::1:27017",
        "[example]",   "[1:2]",         "[::256.0.0.1]"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        check_refused(texts[i]);
    }
}

static void a_path_that_ends_in_sock_is_a_socket(void **state)
{
    (void)state;
    check_host("/tmp/MongoDB-27017.sock", MUV__HOST_UNIX, "/tmp/MongoDB-27017.sock", 0);
    check_host("rel/ a:b.sock", MUV__HOST_UNIX, "rel/ a:b.sock", 0);
    check_refused("/tmp/mongodb");
    check_refused("/tmp/.sock/x");
    check_refused("/tmp/mongodb.sock:27017");
}

static void lengths_are_limited(void **state)
{
    char text[300];
    muv__host_t host;

    (void)state;
    memset(text, 'a', sizeof(text));
    CHECK_CODE(muv__host_parse(text, 255, &host), 0);
    CHECK_CODE(muv__host_parse(text, 256, &host), MUV_EINVAL);
    text[0] = '/';
    memcpy(text + 102, ".sock", 5);
    CHECK_CODE(muv__host_parse(text, 107, &host), 0);
    text[102] = 'a';
    memcpy(text + 103, ".sock", 5);
    CHECK_CODE(muv__host_parse(text, 108, &host), MUV_EINVAL);
}

static void bad_ports_and_names_are_refused(void **state)
{
    static const char *const texts[] = {
        "",     ":",    ":1",   "a:",   "a:0",     "a:65536", "a:000001", "a:-1", "a:+1",
        "a: 1", "a:1x", "a::1", "a b",  "a\tb",    "a\x7f",   "a@b",      "a%b",  "a,b",
        "a]",   "a?b",  "a#b",  "a\\b", "a:99999", "a\"b:1",  "a<b"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        check_refused(texts[i]);
    }
}

static void a_nul_is_refused_wherever_it_stands(void **state)
{
    muv__host_t host;

    (void)state;
    CHECK_CODE(muv__host_parse("a\0b", 3, &host), MUV_EINVAL);
    CHECK_CODE(muv__host_parse("/a\0.sock", 8, &host), MUV_EINVAL);
    CHECK_CODE(muv__host_parse("[::1\0]", 6, &host), MUV_EINVAL);
    CHECK_CODE(muv__host_parse("[::1%\0]", 7, &host), MUV_EINVAL);
    CHECK_CODE(muv__host_parse("", 0, &host), MUV_EINVAL);
}

static void formatted_text_parses_to_an_equal_host(void **state)
{
    static const char *const texts[] = {"example.com:27018", "127.0.0.1:1", "[fe80::1%eth0]:65535",
                                        "/tmp/Mongo.sock"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        muv__host_t host = host_of(texts[i]);
        muv__host_t again;
        char text[MUV__HOST_TEXT_SIZE];

        assert_int_equal(muv__host_format(&host, text), strlen(texts[i]));
        assert_string_equal(text, texts[i]);
        again = host_of(text);
        assert_true(muv__host_equal(&host, &again));
    }
}

static void the_longest_name_fits_into_the_text(void **state)
{
    muv__host_t host = {.kind = MUV__HOST_IPV6, .port = 65535};
    char text[MUV__HOST_TEXT_SIZE];

    (void)state;
    memset(host.name, 'a', MUV__HOST_NAME_MAX);
    assert_int_equal(muv__host_format(&host, text), MUV__HOST_NAME_MAX + 8);
}

static void hosts_differ_by_kind_name_and_port(void **state)
{
    muv__host_t one = host_of("a:1");
    muv__host_t same = host_of("A:1");
    muv__host_t other_port = host_of("a:2");
    muv__host_t other_name = host_of("b:1");

    (void)state;
    assert_true(muv__host_equal(&one, &same));
    assert_false(muv__host_equal(&one, &other_port));
    assert_false(muv__host_equal(&one, &other_name));
    same.kind = MUV__HOST_UNIX;
    assert_false(muv__host_equal(&one, &same));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_get_the_default_port_and_lower_case),
        cmocka_unit_test(four_numbers_up_to_255_are_an_ipv4_address),
        cmocka_unit_test(brackets_hold_an_ipv6_address),
        cmocka_unit_test(a_zone_keeps_its_case),
        cmocka_unit_test(what_is_no_ipv6_address_is_refused),
        cmocka_unit_test(a_path_that_ends_in_sock_is_a_socket),
        cmocka_unit_test(lengths_are_limited),
        cmocka_unit_test(bad_ports_and_names_are_refused),
        cmocka_unit_test(a_nul_is_refused_wherever_it_stands),
        cmocka_unit_test(formatted_text_parses_to_an_equal_host),
        cmocka_unit_test(the_longest_name_fits_into_the_text),
        cmocka_unit_test(hosts_differ_by_kind_name_and_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
