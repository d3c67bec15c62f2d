/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with a SOCKS5 proxy: what is said to which reply, in whatever pieces it comes.
 * On a network it is in tests/integration/proxy_test.c. */
#include "conn/socks5.h"

#include "support/check.h"

#include <string.h>

/* Give one reply in pieces of `piece` bytes; what is left when it ends early is not taken. Returns
 * the number of bytes that were taken. */
static size_t give(muv__socks5_t *socks5, const void *reply, size_t size, size_t piece,
                   muv__socks5_result_t *ret_result)
{
    size_t at = 0;

    *ret_result = MUV__SOCKS5_IS_WAITING;
    while (at < size && *ret_result == MUV__SOCKS5_IS_WAITING) {
        size_t room;
        uint8_t *space = muv__socks5_space(socks5, &room);
        size_t count = room < piece ? room : piece;

        assert_true(room > 0);
        count = count < size - at ? count : size - at;
        memcpy(space, (const uint8_t *)reply + at, count);
        at += count;
        *ret_result = muv__socks5_received(socks5, count);
    }
    return at;
}

#define GIVE(socks5, text, piece, expected)                                                        \
    do {                                                                                           \
        muv__socks5_result_t result;                                                               \
        assert_int_equal(give(socks5, text, sizeof(text) - 1, piece, &result), sizeof(text) - 1);  \
        assert_int_equal(result, expected);                                                        \
    } while (0)

#define CHECK_OUT(socks5, hex)                                                                     \
    CHECK_BYTES_EQUAL(muv__socks5_out(socks5).data, muv__socks5_out(socks5).size, hex)

#define CHECK_FAILED(socks5, text)                                                                 \
    do {                                                                                           \
        assert_int_equal((socks5)->state, MUV__SOCKS5_FAILED);                                     \
        assert_string_equal(muv__socks5_error(socks5), text);                                      \
    } while (0)

static const muv__socks5_proxy_t open_proxy = {.host = "p", .port = 1080};
static const muv__socks5_proxy_t locked_proxy = {
    .host = "p", .port = 1080, .username = "me", .password = "pw!"};

static muv__host_t host_of(const char *text)
{
    muv__host_t host;

    assert_int_equal(muv__host_parse(text, strlen(text), &host), 0);
    return host;
}

/* A machine that has asked for this host. */
static muv__socks5_t asking(const muv__host_t *host)
{
    muv__socks5_t socks5;

    muv__socks5_init(&socks5, &open_proxy, host);
    GIVE(&socks5, "\5\0", 2, MUV__SOCKS5_IS_SENDING);
    return socks5;
}

static void a_name_goes_to_the_proxy_as_it_is(void **state)
{
    muv__host_t host = host_of("Db.Example.net:27018");
    muv__socks5_t socks5;

    (void)state;
    muv__socks5_init(&socks5, &open_proxy, &host);
    CHECK_OUT(&socks5, "05 01 00");
    GIVE(&socks5, "\5\0", 2, MUV__SOCKS5_IS_SENDING);
    CHECK_OUT(&socks5, "05 01 00 03 0e 64622e6578616d706c652e6e6574 698a");
    GIVE(&socks5, "\5\0\0\1\x7f\0\0\1\x12\x34", 10, MUV__SOCKS5_IS_DONE);
    assert_null(muv__socks5_error(&socks5));
}

static void addresses_go_as_addresses(void **state)
{
    muv__host_t v4 = host_of("10.0.0.255:1");
    muv__host_t v6 = host_of("[2001:db8::a]:65535");
    muv__host_t zone = host_of("[fe80::1%eth0]:80");
    muv__socks5_t socks5 = asking(&v4);

    (void)state;
    CHECK_OUT(&socks5, "05 01 00 01 0a0000ff 0001");
    socks5 = asking(&v6);
    CHECK_OUT(&socks5, "05 01 00 04 20010db8 00000000 00000000 0000000a ffff");
    socks5 = asking(&zone);
    CHECK_OUT(&socks5, "05 01 00 03 0c 666538303a3a312565746830 0050");
}

static void a_name_of_the_greatest_length_fits(void **state)
{
    char text[MUV__HOST_NAME_MAX + 1];
    muv__host_t host;
    muv__socks5_t socks5;

    (void)state;
    memset(text, 'n', sizeof(text));
    assert_int_equal(muv__host_parse(text, MUV__HOST_NAME_MAX, &host), 0);
    socks5 = asking(&host);
    assert_int_equal(muv__socks5_out(&socks5).size, 4 + 1 + 255 + 2);
    assert_int_equal(muv__socks5_out(&socks5).data[4], 255);
}

static void a_password_is_said_when_the_proxy_wants_it(void **state)
{
    muv__host_t host = host_of("h");
    muv__socks5_t socks5;

    (void)state;
    muv__socks5_init(&socks5, &locked_proxy, &host);
    CHECK_OUT(&socks5, "05 02 00 02");
    GIVE(&socks5, "\5\2", 2, MUV__SOCKS5_IS_SENDING);
    CHECK_OUT(&socks5, "01 02 6d65 03 707721");
    GIVE(&socks5, "\1\0", 2, MUV__SOCKS5_IS_SENDING);
    CHECK_OUT(&socks5, "05 01 00 03 01 68 6989");
    assert_null(memchr(socks5.out, '!', sizeof(socks5.out)));
    GIVE(&socks5, "\5\0\0\1\0\0\0\0\0\0", 10, MUV__SOCKS5_IS_DONE);
}

static void a_password_is_not_said_to_a_proxy_without_need(void **state)
{
    muv__host_t host = host_of("h");
    muv__socks5_t socks5;

    (void)state;
    muv__socks5_init(&socks5, &locked_proxy, &host);
    GIVE(&socks5, "\5\0", 2, MUV__SOCKS5_IS_SENDING);
    CHECK_OUT(&socks5, "05 01 00 03 01 68 6989");
}

static void a_password_is_offered_only_with_a_user(void **state)
{
    const muv__socks5_proxy_t proxies[] = {
        {.host = "p", .username = "u"},
        {.host = "p", .password = "p"},
        {.host = "p", .username = "", .password = "p"},
        {.host = "p", .username = "u", .password = ""},
    };
    muv__host_t host = host_of("h");

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(proxies); i++) {
        muv__socks5_t socks5;

        muv__socks5_init(&socks5, &proxies[i], &host);
        CHECK_OUT(&socks5, "05 01 00");
        GIVE(&socks5, "\5\2", 2, MUV__SOCKS5_HAS_FAILED);
        CHECK_FAILED(&socks5, "the proxy chose a method of authentication that was not offered");
    }
}

static void user_and_password_of_the_greatest_length_fit(void **state)
{
    char text[MUV__SOCKS5_TEXT_MAX + 1];
    const muv__socks5_proxy_t proxy = {.host = "p", .username = text, .password = text};
    muv__host_t host = host_of("h");
    muv__socks5_t socks5;

    (void)state;
    memset(text, 'x', MUV__SOCKS5_TEXT_MAX);
    text[MUV__SOCKS5_TEXT_MAX] = '\0';
    muv__socks5_init(&socks5, &proxy, &host);
    GIVE(&socks5, "\5\2", 2, MUV__SOCKS5_IS_SENDING);
    assert_int_equal(muv__socks5_out(&socks5).size, MUV__SOCKS5_OUT_SIZE);
    muv__socks5_done(&socks5);
    assert_null(memchr(socks5.out, 'x', sizeof(socks5.out)));
}

static void replies_may_come_in_any_pieces(void **state)
{
    muv__host_t host = host_of("h");

    (void)state;
    for (size_t piece = 1; piece <= 32; piece++) {
        muv__socks5_t socks5;

        muv__socks5_init(&socks5, &locked_proxy, &host);
        GIVE(&socks5, "\5\2", piece, MUV__SOCKS5_IS_SENDING);
        GIVE(&socks5, "\1\0", piece, MUV__SOCKS5_IS_SENDING);
        GIVE(&socks5,
             "\5\0\0\4"
             "0123456789abcdef"
             "pp",
             piece, MUV__SOCKS5_IS_DONE);
        socks5 = asking(&host);
        GIVE(&socks5,
             "\5\0\0\3\5"
             "proxy"
             "pp",
             piece, MUV__SOCKS5_IS_DONE);
        socks5 = asking(&host);
        GIVE(&socks5, "\5\0\0\1\0\0\0\0\0\0", piece, MUV__SOCKS5_IS_DONE);
    }
}

static void what_follows_the_reply_is_left_to_the_server(void **state)
{
    static const char reply[] = "\5\0\0\1\0\0\0\0\0\0server";
    muv__host_t host = host_of("h");
    muv__socks5_t socks5 = asking(&host);
    muv__socks5_result_t result;

    (void)state;
    assert_int_equal(give(&socks5, reply, sizeof(reply) - 1, SIZE_MAX, &result), 10);
    assert_int_equal(result, MUV__SOCKS5_IS_DONE);
}

static void names_in_a_reply_may_have_any_length(void **state)
{
    muv__host_t host = host_of("h");

    (void)state;
    for (unsigned length = 0; length <= 255; length++) {
        muv__socks5_t socks5 = asking(&host);
        uint8_t reply[MUV__SOCKS5_IN_SIZE] = {5, 0, 0, 3, (uint8_t)length};
        muv__socks5_result_t result;
        size_t size = 5 + length + 2;

        assert_int_equal(give(&socks5, reply, size - 1, SIZE_MAX, &result), size - 1);
        assert_int_equal(result, MUV__SOCKS5_IS_WAITING);
        assert_int_equal(give(&socks5, reply + size - 1, 1, 1, &result), 1);
        assert_int_equal(result, MUV__SOCKS5_IS_DONE);
    }
}

static void every_code_of_a_refusal_has_its_text(void **state)
{
    static const char *const texts[] = {
        NULL,
        "the proxy has failed",
        "the proxy's rules do not allow this connection",
        "the proxy found the network unreachable",
        "the proxy found the host unreachable",
        "the proxy's connection was refused",
        "the proxy's connection has expired (TTL)",
        "the proxy does not support CONNECT",
        "the proxy does not support this type of address",
    };
    muv__host_t host = host_of("h");

    (void)state;
    for (unsigned code = 1; code <= 255; code++) {
        const uint8_t reply[] = {5, (uint8_t)code};
        muv__socks5_t socks5 = asking(&host);
        muv__socks5_result_t result;

        (void)give(&socks5, reply, sizeof(reply), 2, &result);
        assert_int_equal(result, MUV__SOCKS5_HAS_FAILED);
        CHECK_FAILED(&socks5, code < MUV__COUNT_OF(texts)
                                  ? texts[code]
                                  : "the proxy refused with an unknown code");
    }
}

static void methods_that_were_not_offered_are_refused(void **state)
{
    muv__host_t host = host_of("h");

    (void)state;
    for (unsigned method = 1; method <= 254; method++) {
        const uint8_t reply[] = {5, (uint8_t)method};
        muv__socks5_result_t result;
        muv__socks5_t socks5;

        muv__socks5_init(&socks5, method == 2 ? &open_proxy : &locked_proxy, &host);
        (void)give(&socks5, reply, sizeof(reply), 2, &result);
        assert_int_equal(result, MUV__SOCKS5_HAS_FAILED);
        CHECK_FAILED(&socks5, "the proxy chose a method of authentication that was not offered");
    }
}

static void a_proxy_may_refuse_before_it_is_asked(void **state)
{
    muv__host_t host = host_of("h");
    muv__socks5_t socks5;

    (void)state;
    muv__socks5_init(&socks5, &open_proxy, &host);
    GIVE(&socks5, "\5\xff", 2, MUV__SOCKS5_HAS_FAILED);
    CHECK_FAILED(&socks5, "the proxy wants authentication");
    muv__socks5_init(&socks5, &locked_proxy, &host);
    GIVE(&socks5, "\5\xff", 2, MUV__SOCKS5_HAS_FAILED);
    CHECK_FAILED(&socks5, "the proxy accepts neither a password nor none");
    muv__socks5_init(&socks5, &locked_proxy, &host);
    GIVE(&socks5, "\5\2", 2, MUV__SOCKS5_IS_SENDING);
    GIVE(&socks5, "\1\1", 2, MUV__SOCKS5_HAS_FAILED);
    CHECK_FAILED(&socks5, "the proxy refused user and password");
}

static void replies_of_something_else_are_malformed(void **state)
{
    muv__host_t host = host_of("h");
    muv__socks5_t socks5;

    (void)state;
    muv__socks5_init(&socks5, &open_proxy, &host);
    GIVE(&socks5, "HT", 2, MUV__SOCKS5_HAS_FAILED);
    CHECK_FAILED(&socks5, "the proxy does not speak SOCKS5");
    muv__socks5_init(&socks5, &locked_proxy, &host);
    GIVE(&socks5, "\5\2", 2, MUV__SOCKS5_IS_SENDING);
    GIVE(&socks5, "\5\0", 2, MUV__SOCKS5_HAS_FAILED);
    CHECK_FAILED(&socks5, "the proxy's reply to the password is malformed");
    socks5 = asking(&host);
    GIVE(&socks5, "\4\0", 2, MUV__SOCKS5_HAS_FAILED);
    CHECK_FAILED(&socks5, "the proxy's reply is malformed");
    socks5 = asking(&host);
    GIVE(&socks5, "\5\0\0\2\0", 5, MUV__SOCKS5_HAS_FAILED);
    CHECK_FAILED(&socks5, "the proxy's reply is malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_goes_to_the_proxy_as_it_is),
        cmocka_unit_test(addresses_go_as_addresses),
        cmocka_unit_test(a_name_of_the_greatest_length_fits),
        cmocka_unit_test(a_password_is_said_when_the_proxy_wants_it),
        cmocka_unit_test(a_password_is_not_said_to_a_proxy_without_need),
        cmocka_unit_test(a_password_is_offered_only_with_a_user),
        cmocka_unit_test(user_and_password_of_the_greatest_length_fit),
        cmocka_unit_test(replies_may_come_in_any_pieces),
        cmocka_unit_test(what_follows_the_reply_is_left_to_the_server),
        cmocka_unit_test(names_in_a_reply_may_have_any_length),
        cmocka_unit_test(every_code_of_a_refusal_has_its_text),
        cmocka_unit_test(methods_that_were_not_offered_are_refused),
        cmocka_unit_test(a_proxy_may_refuse_before_it_is_asked),
        cmocka_unit_test(replies_of_something_else_are_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
