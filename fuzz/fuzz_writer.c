/* SPDX-License-Identifier: Apache-2.0 */
/* The BSON writer and the command writer against libbson. Input: a byte of options, then a script
 * of elements, a tail, and changes of single bytes.
 *
 * The same elements are written by both; the documents must be equal byte by byte, valid for both,
 * and readable through our iterator. The message around them must pass the check of incoming ones.
 * Then bytes of the document are changed: our check and a walk with libbson's iterator must agree.
 * Option 1: the input is no script but a document (its length is made right) for that comparison.
 *
 * Kept out of scripts because libbson writes something else by design: options of regular
 * expressions that are unsorted or unknown (it sorts and drops them; we copy). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bson/bson.h>

#include "base/bson_check.h"
#include "base/bson_view.h"
#include "base/endian.h"
#include "unit/base/strict_walk.h"
#include "wire/command.h"
#include "wire/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x) ((x) ? (void)0 : abort())
#define MAX_DEPTH 40
#define MAX_SIZE 1000000

typedef struct script {
    const uint8_t *at;
    const uint8_t *end;
} script_t;

static uint8_t next_byte(script_t *script)
{
    return script->at == script->end ? 0 : *script->at++;
}

static uint64_t next_number(script_t *script)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++) {
        number = number << 8 | next_byte(script);
    }
    return number;
}

/* ASCII text without NUL; what it lacks in the script is cut. */
static size_t next_text(script_t *script, char text[256])
{
    size_t length = next_byte(script);
    size_t count = 0;

    length = length % 4 == 3 ? length : length % 12;
    while (count < length && script->at != script->end) {
        uint8_t byte = next_byte(script) & 0x7f;

        text[count++] = byte == 0 ? 'x' : (char)byte;
    }
    text[count] = '\0';
    return count;
}

static void write_number(script_t *script, muv__buf_t *buf, bson_t *other, const char *key,
                         size_t length, uint8_t kind)
{
    uint64_t number = next_number(script);
    double real;

    memcpy(&real, &number, sizeof(real));
    switch (kind) {
    case 0:
        muv__bson_double(buf, key, length, real);
        REQUIRE(bson_append_double(other, key, (int)length, real));
        break;
    case 1:
        muv__bson_int32(buf, key, length, (int32_t)number);
        REQUIRE(bson_append_int32(other, key, (int)length, (int32_t)number));
        break;
    case 2:
        muv__bson_int64(buf, key, length, (int64_t)number);
        REQUIRE(bson_append_int64(other, key, (int)length, (int64_t)number));
        break;
    case 3:
        muv__bson_datetime(buf, key, length, (int64_t)number);
        REQUIRE(bson_append_date_time(other, key, (int)length, (int64_t)number));
        break;
    case 4:
        muv__bson_timestamp(buf, key, length, number);
        REQUIRE(bson_append_timestamp(other, key, (int)length, (uint32_t)(number >> 32),
                                      (uint32_t)number));
        break;
    default:
        muv__bson_bool(buf, key, length, (number & 1) != 0);
        REQUIRE(bson_append_bool(other, key, (int)length, (number & 1) != 0));
        break;
    }
}

static void write_bytes(script_t *script, muv__buf_t *buf, bson_t *other, const char *key,
                        size_t length, uint8_t kind)
{
    static const char *const options[] = {"", "i", "im", "ilmsux"};
    char text[256];
    size_t size = next_text(script, text);
    uint8_t extra = next_byte(script);
    bson_oid_t oid;

    switch (kind) {
    case 6:
        muv__bson_utf8(buf, key, length, text, size);
        REQUIRE(bson_append_utf8(other, key, (int)length, text, (int)size));
        break;
    case 7:
        muv__bson_binary(buf, key, length, extra, muv__span(text, size));
        REQUIRE(bson_append_binary(other, key, (int)length, (bson_subtype_t)extra,
                                   (const uint8_t *)text, (uint32_t)size));
        break;
    case 8:
        muv__bson_regex(buf, key, length, text, options[extra % 4]);
        REQUIRE(bson_append_regex(other, key, (int)length, text, options[extra % 4]));
        break;
    default:
        memset(text + size, 'o', size < 12 ? 12 - size : 0);
        bson_oid_init_from_data(&oid, (const uint8_t *)text);
        muv__bson_oid(buf, key, length, (const uint8_t *)text);
        REQUIRE(bson_append_oid(other, key, (int)length, &oid));
        break;
    }
}

/* Types that the writer knows only as raw values: libbson makes one, our iterator finds it. */
static void make_value(script_t *script, bson_t *one, uint8_t kind)
{
    char text[256];
    size_t size = next_text(script, text);
    bson_decimal128_t decimal = {next_number(script), size};
    bson_oid_t oid = {{1, 2, 3}};
    bson_t scope = BSON_INITIALIZER;

    switch (kind) {
    case 0: REQUIRE(BSON_APPEND_UNDEFINED(one, "v")); break;
    case 1: REQUIRE(BSON_APPEND_MINKEY(one, "v")); break;
    case 2: REQUIRE(BSON_APPEND_MAXKEY(one, "v")); break;
    case 3: REQUIRE(BSON_APPEND_CODE(one, "v", text)); break;
    case 4: REQUIRE(BSON_APPEND_SYMBOL(one, "v", text)); break;
    case 5: REQUIRE(BSON_APPEND_DECIMAL128(one, "v", &decimal)); break;
    case 6: REQUIRE(BSON_APPEND_DBPOINTER(one, "v", text, &oid)); break;
    default:
        REQUIRE(BSON_APPEND_INT32(&scope, text, 1));
        REQUIRE(BSON_APPEND_CODE_WITH_SCOPE(one, "v", text, &scope));
        break;
    }
    bson_destroy(&scope);
}

static void write_value(script_t *script, muv__buf_t *buf, bson_t *other, const char *key,
                        size_t length)
{
    bson_t one = BSON_INITIALIZER;
    muv__bson_iter_t iter;
    bson_iter_t source;

    make_value(script, &one, next_byte(script) % 8);
    REQUIRE(muv__bson_find(bson_get_data(&one), one.len, "v", &iter) == 1);
    REQUIRE(bson_iter_init_find(&source, &one, "v"));
    muv__bson_value(buf, key, length, iter.type, muv__span(iter.value, iter.value_size));
    REQUIRE(bson_append_iter(other, key, (int)length, &source));
    bson_destroy(&one);
}

static void write_elements(script_t *script, muv__buf_t *buf, bson_t *other, int depth);

static void write_inner(script_t *script, muv__buf_t *buf, bson_t *other, const char *key,
                        uint8_t kind, int depth)
{
    size_t length = strlen(key);
    muv__bson_mark_t mark;
    bson_t child;

    if (kind == 10) {
        mark = muv__bson_begin_document(buf, key, length);
        REQUIRE(bson_append_document_begin(other, key, (int)length, &child));
    } else {
        mark = muv__bson_begin_array(buf, key, length);
        REQUIRE(bson_append_array_begin(other, key, (int)length, &child));
    }
    write_elements(script, buf, &child, depth + 1);
    muv__bson_end(buf, mark);
    if (kind == 10) {
        REQUIRE(bson_append_document_end(other, &child));
    } else {
        REQUIRE(bson_append_array_end(other, &child));
    }
}

/* A document that libbson made, copied as a whole. */
static void write_whole(script_t *script, muv__buf_t *buf, bson_t *other, const char *key,
                        size_t length, uint8_t kind)
{
    bson_t whole = BSON_INITIALIZER;
    muv__span_t bytes = muv__span(NULL, 0);

    if ((next_byte(script) & 1) != 0) {
        REQUIRE(BSON_APPEND_INT64(&whole, "0", (int64_t)next_number(script)));
        bytes = muv__span(bson_get_data(&whole), whole.len);
    }
    if (kind == 12) {
        muv__bson_document(buf, key, length, bytes);
        REQUIRE(bson_append_document(other, key, (int)length, &whole));
    } else {
        muv__bson_array(buf, key, length, bytes);
        REQUIRE(bson_append_array(other, key, (int)length, &whole));
    }
    bson_destroy(&whole);
}

/* Until the script says "end" or ends. */
static void write_elements(script_t *script, muv__buf_t *buf, bson_t *other, int depth)
{
    char key[256];

    while (script->at != script->end) {
        uint8_t kind = next_byte(script) % 17;
        size_t length;

        if (kind == 16) {
            return;
        }
        length = next_text(script, key);
        if (kind < 6) {
            write_number(script, buf, other, key, length, kind);
        } else if (kind < 10) {
            write_bytes(script, buf, other, key, length, kind);
        } else if (kind < 12 && depth < MAX_DEPTH) {
            write_inner(script, buf, other, key, kind, depth);
        } else if (kind < 14) {
            write_whole(script, buf, other, key, length, kind);
        } else if (kind == 14) {
            muv__bson_null(buf, key, length);
            REQUIRE(bson_append_null(other, key, (int)length));
        } else {
            write_value(script, buf, other, key, length);
        }
    }
}

static void compare_checks(const uint8_t *bytes, uint32_t size)
{
    uint8_t *copy = malloc(size);
    int result;
    muv__bson_check_t check;

    REQUIRE(copy != NULL);
    memcpy(copy, bytes, size);
    muv__bson_check_init(&check, size);
    result = muv__bson_check_step(&check, copy, size);
    switch (strict_walk(copy, size, 1, MUV__BSON_MAX_DEPTH)) {
    case STRICT_GOOD: REQUIRE(result == MUV__BSON_CHECK_DONE); break;
    case STRICT_DEEP: REQUIRE(result == MUV__BSON_CHECK_DEEP); break;
    /* libbson looks at a document's last byte first, we at its content: too deep may come before.
     */
    default: REQUIRE(result == MUV__BSON_CHECK_BAD || result == MUV__BSON_CHECK_DEEP); break;
    }
    free(copy);
}

static void walk(const uint8_t *document, size_t size)
{
    muv__bson_iter_t iter;

    REQUIRE(muv__bson_iter_init(&iter, document, size) == 1);
    while (muv__bson_iter_next(&iter)) {
        if (iter.type == MUV__BSON_DOCUMENT || iter.type == MUV__BSON_ARRAY) {
            walk(iter.value, iter.value_size);
        }
    }
    REQUIRE(iter.bad == 0);
}

static void check_message(const muv__message_t *message, const bson_t *expected)
{
    size_t size = 0;
    uint8_t *bytes = malloc(message->parts[0].size + message->parts[1].size);
    muv__msg_check_t check;
    muv__msg_t msg;

    REQUIRE(bytes != NULL && message->count == 2);
    for (uint32_t i = 0; i < message->count; i++) {
        if (message->parts[i].size != 0) {
            memcpy(bytes + size, message->parts[i].data, message->parts[i].size);
        }
        size += message->parts[i].size;
    }
    muv__msg_check_init(&check);
    REQUIRE(muv__msg_check_step(&check, bytes, (uint32_t)size, (uint32_t)size) ==
            MUV__MSG_CHECK_DONE);
    msg = muv__msg_view(&check, bytes, (uint32_t)size);
    REQUIRE(msg.header.length == (int32_t)size);
    REQUIRE(msg.body.size == expected->len);
    REQUIRE(memcmp(msg.body.data, bson_get_data(expected), expected->len) == 0);
    free(bytes);
}

static void check_written(const muv__command_t *command, const bson_t *expected, script_t *script)
{
    muv__span_t body = muv__command_body(command);
    uint8_t *bytes = malloc(body.size);

    REQUIRE(bytes != NULL);
    REQUIRE(body.size == expected->len);
    memcpy(bytes, body.data, body.size);
    REQUIRE(memcmp(bytes, bson_get_data(expected), body.size) == 0);
    REQUIRE(bson_validate(expected, BSON_VALIDATE_NONE, NULL));
    walk(bytes, body.size);
    compare_checks(bytes, (uint32_t)body.size);
    while (script->at != script->end) {
        size_t at = 4 + (size_t)next_byte(script) * 256 + next_byte(script);

        bytes[at < body.size ? at : 4 + at % (body.size - 4)] = next_byte(script);
        compare_checks(bytes, (uint32_t)body.size);
    }
    free(bytes);
}

/* A prefix, a tail that is cut off again, the tail that stays. */
static void run_script(script_t *script)
{
    bson_t expected = BSON_INITIALIZER;
    bson_t dropped = BSON_INITIALIZER;
    muv__sequence_t sequence = {"documents", muv__span("\5\0\0\0\0", 5)};
    muv__command_t command;
    muv__message_t message;

    muv__command_init(&command, MAX_SIZE);
    muv__command_begin(&command);
    write_elements(script, &command.buf, &expected, 0);
    REQUIRE(muv__command_seal(&command) == 0);
    write_elements(script, &command.buf, &dropped, 0);
    muv__command_rewind(&command);
    write_elements(script, &command.buf, &expected, 0);
    sequence.documents.size = (next_byte(script) & 1) != 0 ? 5 : 0;
    REQUIRE(muv__command_finish(&command, 7, 0, &sequence, &message) == 0);
    check_message(&message, &expected);
    check_written(&command, &expected, script);
    muv__command_done(&command);
    bson_destroy(&expected);
    bson_destroy(&dropped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    script_t script = {data + 1, data + size};

    if (size < 1 || size > 50000) {
        return -1;
    }
    if ((data[0] & 1) == 0) {
        run_script(&script);
    } else if (size - 1 >= MUV__BSON_EMPTY_SIZE) {
        uint8_t *document = malloc(size - 1);

        REQUIRE(document != NULL);
        memcpy(document, data + 1, size - 1);
        muv__store_u32(document, (uint32_t)(size - 1));
        compare_checks(document, (uint32_t)(size - 1));
        free(document);
    }
    return 0;
}
