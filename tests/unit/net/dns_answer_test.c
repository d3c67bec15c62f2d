/* SPDX-License-Identifier: Apache-2.0 */
/* Times to live in answers byte by byte: what counts, and that nothing is read behind the end. */
#include "net/dns_answer.h"

#include "muv/error.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

enum { TXT = 16, SRV = 33 };

/* One question for a.b, type SRV; `answers` records follow. */
#define HEADER(answers) "\x12\x34\x81\x80\x00\x01\x00" answers "\x00\x00\x00\x00"
#define QUESTION                                                                                   \
    "\x01"                                                                                         \
    "a\x01"                                                                                        \
    "b\x00\x00\x21\x00\x01"

/* A record whose name points at the question: type, time to live, data of 3 bytes. */
#define RECORD(type, ttl)                                                                          \
    "\xc0\x0c\x00" type "\x00\x01" ttl "\x00\x03"                                                  \
    "xyz"

/* From an allocation of exactly that size, so that a sanitizer sees the step behind it. */
static int lowest(const char *bytes, size_t size, int type, uint32_t *ret_ttl_s)
{
    uint8_t *copy = malloc(size + (size == 0));
    int count;

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    count = muv__dns_lowest_ttl(copy, size, (uint16_t)type, ret_ttl_s);
    free(copy);
    return count;
}

#define LOWEST(text, type, ret) lowest(text, sizeof text - 1, type, ret)

static void the_lowest_of_several_is_found(void **state)
{
    static const char message[] = HEADER("\x03") QUESTION RECORD("\x21", "\x00\x00\x01\x2c")
        RECORD("\x21", "\x00\x00\x00\x3d") RECORD("\x21", "\x00\x01\x51\x80");
    uint32_t ttl_s = 7;

    (void)state;
    assert_int_equal(LOWEST(message, SRV, &ttl_s), 3);
    assert_int_equal(ttl_s, 61);
}

static void other_types_and_classes_do_not_count(void **state)
{
    static const char message[] = HEADER("\x03") QUESTION
        RECORD("\x10", "\x00\x00\x00\x01") "\x00\x00\x21\x00\x03\x00\x00\x00\x02\x00\x00" RECORD(
            "\x21", "\x00\x00\x00\x05");
    uint32_t ttl_s = 7;

    (void)state;
    assert_int_equal(LOWEST(message, SRV, &ttl_s), 1);
    assert_int_equal(ttl_s, 5);
    assert_int_equal(LOWEST(message, TXT, &ttl_s), 1);
    assert_int_equal(ttl_s, 1);
}

static void nothing_is_written_without_a_record(void **state)
{
    static const char message[] = HEADER("\x00") QUESTION;
    uint32_t ttl_s = 7;

    (void)state;
    assert_int_equal(LOWEST(message, SRV, &ttl_s), 0);
    assert_int_equal(ttl_s, 7);
}

/* (RFC 2181, part 8.) */
static void a_negative_time_to_live_is_0(void **state)
{
    static const char message[] = HEADER("\x02") QUESTION RECORD("\x21", "\x80\x00\x00\x09")
        RECORD("\x21", "\x00\x00\x00\x3d");
    static const char highest[] = HEADER("\x01") QUESTION RECORD("\x21", "\x7f\xff\xff\xff");
    uint32_t ttl_s = 7;

    (void)state;
    assert_int_equal(LOWEST(message, SRV, &ttl_s), 2);
    assert_int_equal(ttl_s, 0);
    assert_int_equal(LOWEST(highest, SRV, &ttl_s), 1);
    assert_int_equal(ttl_s, 0x7fffffff);
}

static void every_shorter_message_is_refused(void **state)
{
    static const char message[] = HEADER("\x02") QUESTION RECORD(
        "\x21", "\x00\x00\x01\x2c") "\x01"
                                    "a\xc0\x0e\x00\x21\x00\x01\x00\x00\x00\x05\x00\x00";
    uint32_t ttl_s = 7;

    (void)state;
    assert_int_equal(LOWEST(message, SRV, &ttl_s), 2);
    assert_int_equal(ttl_s, 5);
    for (size_t size = 0; size < sizeof message - 1; size++) {
        ttl_s = 7;
        CHECK_CODE(lowest(message, size, SRV, &ttl_s), MUV_EPROTOCOL);
        assert_int_equal(ttl_s, 7);
    }
}

/* Labels of more than 63 bytes have a meaning of their own that nobody uses. */
static void unknown_kinds_of_labels_are_refused(void **state)
{
    static const char message[] = HEADER("\x01") "\x41"
                                                 "a\x00\x00\x21\x00\x01";
    static const char other[] = HEADER("\x01") "\x81"
                                               "a\x00\x00\x21\x00\x01";
    uint32_t ttl_s;

    (void)state;
    CHECK_CODE(LOWEST(message, SRV, &ttl_s), MUV_EPROTOCOL);
    CHECK_CODE(LOWEST(other, SRV, &ttl_s), MUV_EPROTOCOL);
}

/* A pointer is not followed, so one that points at itself ends the name like any other. */
static void a_loop_of_pointers_is_no_loop(void **state)
{
    static const char message[] =
        HEADER("\x01") QUESTION "\xc0\x15\x00\x21\x00\x01\x00\x00\x00\x05\x00\x00";
    uint32_t ttl_s;

    (void)state;
    assert_int_equal(LOWEST(message, SRV, &ttl_s), 1);
}

/* 65535 questions and answers announced, none there. */
static void counts_that_cannot_be_are_refused(void **state)
{
    static const char message[] = "\x12\x34\x81\x80\xff\xff\xff\xff\x00\x00\x00\x00";
    uint32_t ttl_s;

    (void)state;
    CHECK_CODE(LOWEST(message, SRV, &ttl_s), MUV_EPROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_of_several_is_found),
        cmocka_unit_test(other_types_and_classes_do_not_count),
        cmocka_unit_test(nothing_is_written_without_a_record),
        cmocka_unit_test(a_negative_time_to_live_is_0),
        cmocka_unit_test(every_shorter_message_is_refused),
        cmocka_unit_test(unknown_kinds_of_labels_are_refused),
        cmocka_unit_test(a_loop_of_pointers_is_no_loop),
        cmocka_unit_test(counts_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
