/* SPDX-License-Identifier: Apache-2.0 */
/* The check of one message on input that ends where its memory ends: each step gets an allocation
 * of exactly the bytes that have arrived, so that a sanitizer sees a read behind them. */
#include "wire/msg.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "unit/wire/messages.h"

/* One step with a copy of the first `avail` bytes. */
static int step_on_copy(muv__msg_check_t *check, const message_t *message, size_t avail)
{
    uint8_t *copy = malloc(avail == 0 ? 1 : avail);
    uint32_t length = muv__load_u32(message->bytes);
    int result;

    assert_non_null(copy);
    memcpy(copy, message->bytes, avail);
    result = muv__msg_check_step(check, copy, length, (uint32_t)avail);
    free(copy);
    return result;
}

/* In two steps, or, with a split beyond the message, byte by byte. */
static int check_split(muv__msg_check_t *check, const message_t *message, size_t split)
{
    int result = MUV__MSG_CHECK_MORE;

    muv__msg_check_init(check);
    if (split <= message->size) {
        (void)step_on_copy(check, message, split);
        return step_on_copy(check, message, message->size);
    }
    for (size_t avail = 0; avail <= message->size && result == MUV__MSG_CHECK_MORE; avail++) {
        result = step_on_copy(check, message, avail);
    }
    return result;
}

static void a_good_message_is_accepted_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < message_good_count; i++) {
        message_t message = message_of(&message_good_rows[i]);
        muv__msg_check_t check;

        for (size_t split = 0; split <= message.size + 1; split++) {
            if (check_split(&check, &message, split) != MUV__MSG_CHECK_DONE) {
                fail_msg("%s at %zu: %s", message_good_rows[i].name, split,
                         muv__wire_error_text(check.error));
            }
        }
        free(message.bytes);
    }
}

static void a_good_message_is_unfinished_until_its_last_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < message_good_count; i++) {
        message_t message = message_of(&message_good_rows[i]);
        muv__msg_check_t check;

        muv__msg_check_init(&check);
        for (size_t avail = 0; avail < message.size; avail++) {
            assert_int_equal(step_on_copy(&check, &message, avail), MUV__MSG_CHECK_MORE);
        }
        free(message.bytes);
    }
}

static int is_error_of_length(muv__wire_error_t error)
{
    return error == MUV__WIRE_LENGTH_NEGATIVE || error == MUV__WIRE_LENGTH_SMALL ||
           error == MUV__WIRE_LENGTH_LARGE;
}

static void a_bad_message_gives_its_error_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < message_bad_count; i++) {
        message_t message = message_of(&message_bad_rows[i]);
        muv__msg_check_t check;

        /* Lengths are the reader's. */
        for (size_t split = 0;
             split <= message.size + 1 && !is_error_of_length(message_bad_rows[i].error); split++) {
            int result = check_split(&check, &message, split);

            if (result != MUV__MSG_CHECK_BAD || check.error != message_bad_rows[i].error) {
                fail_msg("%s at %zu: %s", message_bad_rows[i].name, split,
                         muv__wire_error_text(check.error));
            }
            assert_int_equal(step_on_copy(&check, &message, message.size), MUV__MSG_CHECK_BAD);
        }
        free(message.bytes);
    }
}

static void a_view_gives_header_flags_and_body(void **state)
{
    message_t message = message_of(&(message_row_t){
        .sections = "01 0e000000 646f63756d656e747300 00 05000000 00", .flags = 0x10003});
    muv__msg_check_t check;
    muv__msg_t msg;

    (void)state;
    assert_int_equal(check_split(&check, &message, 0), MUV__MSG_CHECK_DONE);
    msg = muv__msg_view(&check, message.bytes, (uint32_t)message.size);
    assert_int_equal(msg.header.length, 45);
    assert_int_equal(msg.header.request_id, 0x01020304);
    assert_int_equal(msg.header.response_to, 0x05060708);
    assert_int_equal(msg.header.opcode, 2013);
    assert_int_equal(msg.flags, 0x10003);
    assert_ptr_equal(msg.body.data, message.bytes + 36);
    assert_int_equal(msg.body.size, 5);
    assert_ptr_equal(msg.sections.data, message.bytes + 20);
    assert_int_equal(msg.sections.size, 21);
    free(message.bytes);
}

static void sequences_come_in_order_around_the_body(void **state)
{
    message_t message = message_of(&(message_row_t){
        .sections = "01 0b000000 6100 05000000 00 00 05000000 00 01 06000000 6200"});
    muv__msg_sequence_t sequence;
    muv__msg_check_t check;
    size_t position = 0;
    muv__msg_t msg;

    (void)state;
    assert_int_equal(check_split(&check, &message, 0), MUV__MSG_CHECK_DONE);
    msg = muv__msg_view(&check, message.bytes, (uint32_t)message.size);
    assert_int_equal(muv__msg_next_sequence(&msg, &position, &sequence), 1);
    assert_string_equal(sequence.id, "a");
    CHECK_BYTES_EQUAL(sequence.documents.data, sequence.documents.size, "0500000000");
    assert_int_equal(muv__msg_next_sequence(&msg, &position, &sequence), 1);
    assert_string_equal(sequence.id, "b");
    assert_int_equal(sequence.documents.size, 0);
    assert_int_equal(muv__msg_next_sequence(&msg, &position, &sequence), 0);
    assert_int_equal(muv__msg_next_sequence(&msg, &position, &sequence), 0);
    free(message.bytes);
}

static void every_changed_bit_is_found_by_the_checksum_or_before(void **state)
{
    message_t message = message_of(&message_good_rows[8]);
    muv__msg_check_t check;

    (void)state;
    /* The length is not judged here, and the bit that announces the checksum cannot be. */
    for (size_t bit = 32; bit < message.size * 8; bit++) {
        if (bit == 16 * 8) {
            continue;
        }
        message.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(check_split(&check, &message, message.size / 2), MUV__MSG_CHECK_BAD);
        message.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(check_split(&check, &message, 0), MUV__MSG_CHECK_DONE);
    free(message.bytes);
}

/* A hostile identifier of many bytes, one byte a read: what was looked through stays so. */
static void an_endless_identifier_is_searched_once(void **state)
{
    message_t message = message_of(&(message_row_t){.sections = "01 00000000"});
    uint8_t *bytes = realloc(message.bytes, 1000000);
    muv__msg_check_t check;

    (void)state;
    assert_non_null(bytes);
    memset(bytes + 25, 'x', 1000000 - 25);
    muv__store_u32(bytes, 1000000);
    muv__store_u32(bytes + 21, 1000000 - 21);
    muv__msg_check_init(&check);
    for (uint32_t avail = 20; avail < 1000000; avail++) {
        assert_int_equal(muv__msg_check_step(&check, bytes, 1000000, avail), MUV__MSG_CHECK_MORE);
        assert_true(avail < 25 || check.id_at == avail);
    }
    assert_int_equal(muv__msg_check_step(&check, bytes, 1000000, 1000000), MUV__MSG_CHECK_BAD);
    assert_int_equal(check.error, MUV__WIRE_SEQUENCE_ID);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_message_is_accepted_at_every_split),
        cmocka_unit_test(a_good_message_is_unfinished_until_its_last_byte),
        cmocka_unit_test(a_bad_message_gives_its_error_at_every_split),
        cmocka_unit_test(a_view_gives_header_flags_and_body),
        cmocka_unit_test(sequences_come_in_order_around_the_body),
        cmocka_unit_test(every_changed_bit_is_found_by_the_checksum_or_before),
        cmocka_unit_test(an_endless_identifier_is_searched_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
