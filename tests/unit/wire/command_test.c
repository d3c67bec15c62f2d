/* SPDX-License-Identifier: Apache-2.0 */
/* Requests, byte by byte; prefix, tail, sequence, limits. */
#include "wire/command.h"

#include <string.h>
#include <sys/mman.h>

#include "support/check.h"
#include "unit/base/counting_alloc.h"
#include "wire/msg.h"

static void begin_ping(muv__command_t *command)
{
    muv__command_begin(command);
    muv__bson_int32(&command->buf, MUV__KEY("ping"), 1);
}

static void write_tail(muv__command_t *command, const char *db)
{
    muv__bson_utf8(&command->buf, MUV__KEY("$db"), db, strlen(db));
}

/* The parts as one run of bytes. */
static size_t joined(const muv__message_t *message, uint8_t *bytes)
{
    size_t size = 0;

    for (uint32_t i = 0; i < message->count; i++) {
        memcpy(bytes + size, message->parts[i].data, message->parts[i].size);
        size += message->parts[i].size;
    }
    return size;
}

static void a_command_is_written_as_one_part(void **state)
{
    muv__command_t command;
    muv__message_t message;

    (void)state;
    muv__command_init(&command, 1000);
    begin_ping(&command);
    CHECK_CODE(muv__command_seal(&command), 0);
    write_tail(&command, "a");
    CHECK_CODE(muv__command_finish(&command, 0x11223344, 0x10002, NULL, &message), 0);
    assert_int_equal(message.count, 1);
    CHECK_BYTES_EQUAL(message.parts[0].data, message.parts[0].size,
                      "2f000000 44332211 00000000 dd070000 02000100 00"
                      "1a000000 10 70696e6700 01000000 02 24646200 02000000 6100 00");
    CHECK_BYTES_BSON_EQUAL(muv__command_body(&command).data, muv__command_body(&command).size,
                           "{\"ping\": 1, \"$db\": \"a\"}");
    muv__command_done(&command);
}

static void a_new_tail_takes_the_place_of_the_old_one(void **state)
{
    muv__command_t command;
    muv__message_t message;

    (void)state;
    muv__command_init(&command, 1000);
    begin_ping(&command);
    CHECK_CODE(muv__command_seal(&command), 0);
    write_tail(&command, "a long name of a database");
    CHECK_CODE(muv__command_finish(&command, 1, 0, NULL, &message), 0);
    muv__command_rewind(&command);
    write_tail(&command, "b");
    CHECK_CODE(muv__command_finish(&command, 2, 0, NULL, &message), 0);
    CHECK_BYTES_EQUAL(message.parts[0].data, message.parts[0].size,
                      "2f000000 02000000 00000000 dd070000 00000000 00"
                      "1a000000 10 70696e6700 01000000 02 24646200 02000000 6200 00");
    muv__command_rewind(&command);
    CHECK_CODE(muv__command_finish(&command, 3, 0, NULL, &message), 0);
    CHECK_BYTES_EQUAL(message.parts[0].data, message.parts[0].size,
                      "24000000 03000000 00000000 dd070000 00000000 00"
                      "0f000000 10 70696e6700 01000000 00");
    muv__command_done(&command);
}

static void a_sequence_leaves_as_a_second_part_without_a_copy(void **state)
{
    static const uint8_t documents[10] = {5, 0, 0, 0, 0, 5, 0, 0, 0, 0};
    muv__sequence_t sequence = {"docs", muv__span(documents, sizeof(documents))};
    muv__command_t command;
    muv__message_t message;
    uint8_t bytes[200];

    (void)state;
    muv__command_init(&command, 1000);
    begin_ping(&command);
    CHECK_CODE(muv__command_seal(&command), 0);
    CHECK_CODE(muv__command_finish(&command, 1, 0, &sequence, &message), 0);
    assert_int_equal(message.count, 2);
    assert_ptr_equal(message.parts[1].data, documents);
    CHECK_BYTES_EQUAL(bytes, joined(&message, bytes),
                      "38000000 01000000 00000000 dd070000 00000000 00"
                      "0f000000 10 70696e6700 01000000 00"
                      "01 13000000 646f637300 0500000000 0500000000");
    CHECK_BYTES_BSON_EQUAL(muv__command_body(&command).data, muv__command_body(&command).size,
                           "{\"ping\": 1}");
    muv__command_done(&command);
}

static void what_was_written_passes_the_check_of_incoming_messages(void **state)
{
    static const uint8_t documents[5] = {5, 0, 0, 0, 0};
    muv__sequence_t sequence = {"documents", muv__span(documents, sizeof(documents))};
    muv__command_t command;
    muv__message_t message;
    muv__msg_check_t check;
    uint8_t bytes[200];
    size_t size;

    (void)state;
    muv__command_init(&command, 1000);
    begin_ping(&command);
    CHECK_CODE(muv__command_seal(&command), 0);
    write_tail(&command, "a");
    CHECK_CODE(muv__command_finish(&command, 1, MUV__MSG_EXHAUST_ALLOWED, &sequence, &message), 0);
    size = joined(&message, bytes);
    muv__msg_check_init(&check);
    assert_int_equal(muv__msg_check_step(&check, bytes, (uint32_t)size, (uint32_t)size),
                     MUV__MSG_CHECK_DONE);
    muv__command_done(&command);
}

static void a_prefix_above_the_limit_is_refused_and_the_next_begins_anew(void **state)
{
    muv__command_t command;
    muv__message_t message;

    (void)state;
    muv__command_init(&command, 40);
    begin_ping(&command);
    write_tail(&command, "too long");
    CHECK_CODE(muv__command_seal(&command), MUV_ETOOLARGE);
    begin_ping(&command);
    CHECK_CODE(muv__command_seal(&command), 0);
    CHECK_CODE(muv__command_finish(&command, 1, 0, NULL, &message), 0);
    assert_int_equal(message.parts[0].size, 36);
    muv__command_done(&command);
}

static void a_tail_above_the_limit_is_refused_and_a_shorter_one_goes(void **state)
{
    muv__sequence_t sequence = {"documents", muv__span(NULL, 0)};
    muv__command_t command;
    muv__message_t message;

    (void)state;
    muv__command_init(&command, 47);
    begin_ping(&command);
    CHECK_CODE(muv__command_seal(&command), 0);
    write_tail(&command, "ab");
    CHECK_CODE(muv__command_finish(&command, 1, 0, NULL, &message), MUV_ETOOLARGE);
    muv__command_rewind(&command);
    CHECK_CODE(muv__command_finish(&command, 1, 0, &sequence, &message), MUV_ETOOLARGE);
    muv__command_rewind(&command);
    write_tail(&command, "a");
    CHECK_CODE(muv__command_finish(&command, 1, 0, NULL, &message), 0);
    assert_int_equal(message.parts[0].size, 47);
    muv__command_done(&command);
}

static void a_sequence_beyond_the_range_of_lengths_is_refused(void **state)
{
    /* The bytes are not touched. */
    muv__sequence_t sequence = {"d", muv__span("", INT32_MAX)};
    muv__command_t command;
    muv__message_t message;

    (void)state;
    muv__command_init(&command, 1000);
    begin_ping(&command);
    CHECK_CODE(muv__command_seal(&command), 0);
    CHECK_CODE(muv__command_finish(&command, 1, 0, &sequence, &message), MUV_ETOOLARGE);
    muv__command_rewind(&command);
    sequence.documents.size = SIZE_MAX;
    CHECK_CODE(muv__command_finish(&command, 1, 0, &sequence, &message), MUV_ETOOLARGE);
    muv__command_rewind(&command);
    /* 21 of head, 15 of body, 7 of section head. */
    sequence.documents.size = INT32_MAX - 43;
    CHECK_CODE(muv__command_finish(&command, 1, 0, &sequence, &message), 0);
    assert_int_equal(muv__load_i32(message.parts[0].data), INT32_MAX);
    muv__command_done(&command);
}

static void *map_once(void *memory, size_t size, void *data)
{
    (void)size;
    return memory != NULL ? memory : *(void **)data;
}

static void keep_mapping(void *memory, void *data)
{
    (void)memory;
    (void)data;
}

static void *no_malloc(size_t size, void *data)
{
    (void)size;
    (void)data;
    return NULL;
}

static void *no_calloc(size_t count, size_t size, void *data)
{
    (void)count;
    return no_malloc(size, data);
}

/* Address space without memory behind it carries a command of 2 GiB. */
static void a_command_beyond_the_range_of_lengths_is_refused(void **state)
{
    const size_t space = (size_t)3 << 30;
    void *mapping = mmap(NULL, space, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    muv_allocator_t allocator = {no_malloc, no_calloc, map_once, keep_mapping, &mapping};
    muv__command_t command;
    muv__message_t message;

    (void)state;
    if (mapping == MAP_FAILED) {
        skip();
    }
    CHECK_CODE(muv_set_allocator(&allocator), 0);
    muv__command_init(&command, space);
    muv__command_begin(&command);
    assert_non_null(muv__buf_extend(&command.buf, INT32_MAX - 26));
    CHECK_CODE(muv__command_seal(&command), 0);
    CHECK_CODE(muv__command_finish(&command, 1, 0, NULL, &message), 0);
    assert_int_equal(muv__load_i32(message.parts[0].data), INT32_MAX);
    muv__command_rewind(&command);
    (void)muv__buf_extend(&command.buf, 1);
    CHECK_CODE(muv__command_finish(&command, 1, 0, NULL, &message), MUV_ETOOLARGE);
    muv__command_rewind(&command);
    (void)muv__buf_extend(&command.buf, 1000);
    CHECK_CODE(muv__command_finish(&command, 1, 0, NULL, &message), MUV_ETOOLARGE);
    CHECK_CODE(command.buf.error, MUV_ETOOLARGE); /* Already the body is too long. */
    muv__command_done(&command);
    CHECK_CODE(muv_set_allocator(NULL), 0);
    assert_int_equal(munmap(mapping, space), 0);
}

static int write_command(muv__command_t *command, muv__message_t *message)
{
    int code;

    muv__command_begin(command);
    for (int i = 0; i < 100; i++) {
        muv__bson_int64(&command->buf, MUV__KEY("some key"), i);
    }
    code = muv__command_seal(command);
    if (code != 0) {
        return code;
    }
    for (int i = 0; i < 100; i++) {
        write_tail(command, "a");
    }
    return muv__command_finish(command, 1, 0, NULL, message);
}

static void a_failing_allocation_is_an_error_and_the_next_try_goes(void **state)
{
    uint8_t expected[8192];
    size_t size = 0;
    size_t fail_from = 0;

    (void)state;
    do {
        muv__command_t command;
        muv__message_t message;

        CHECK_CODE(counting_start(fail_from, 1), 0);
        muv__command_init(&command, 100000);
        if (write_command(&command, &message) != 0) {
            CHECK_CODE(write_command(&command, &message), 0);
        }
        size = fail_from == 0 ? joined(&message, expected) : size;
        assert_int_equal(message.parts[0].size, size);
        assert_memory_equal(message.parts[0].data, expected, size);
        muv__command_done(&command);
        assert_int_equal(counting.live, 0);
        fail_from++;
    } while (counting.calls >= counting.fail_from);
    assert_true(fail_from > 4);
    CHECK_CODE(counting_stop(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_written_as_one_part),
        cmocka_unit_test(a_new_tail_takes_the_place_of_the_old_one),
        cmocka_unit_test(a_sequence_leaves_as_a_second_part_without_a_copy),
        cmocka_unit_test(what_was_written_passes_the_check_of_incoming_messages),
        cmocka_unit_test(a_prefix_above_the_limit_is_refused_and_the_next_begins_anew),
        cmocka_unit_test(a_tail_above_the_limit_is_refused_and_a_shorter_one_goes),
        cmocka_unit_test(a_sequence_beyond_the_range_of_lengths_is_refused),
        cmocka_unit_test(a_command_beyond_the_range_of_lengths_is_refused),
        cmocka_unit_test(a_failing_allocation_is_an_error_and_the_next_try_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
