/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons that print what differs. Nothing here needs libuv: tests in virtual time link it. */
#include "support/check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void check_fail_at(const char *file, int line)
{
    _fail(file, line);
    abort();
}

/* --- BSON and bytes --------------------------------------------------------------------------- */

static bson_t *parse_json(const char *json, const char *file, int line)
{
    bson_error_t error;
    bson_t *document = bson_new_from_json((const uint8_t *)json, -1, &error);

    if (document == NULL) {
        print_error("not extended JSON: %s\n%s\n", error.message, json);
        check_fail_at(file, line);
    }
    return document;
}

static char *text_of_bson(const bson_t *document, bool canonical)
{
    if (canonical) {
        return bson_as_canonical_extended_json(document, NULL);
    }
    return bson_as_relaxed_extended_json(document, NULL);
}

bson_t *bson_from(const char *json)
{
    return parse_json(json, __FILE__, __LINE__);
}

void check_bson_equal(const bson_t *actual, const char *json, bool identical, const char *file,
                      int line)
{
    bson_t *expected = parse_json(json, file, line);

    if (actual == NULL) {
        bson_destroy(expected);
        print_error("there is no document; expected %s\n", json);
        check_fail_at(file, line);
    }
    char *actual_text = text_of_bson(actual, identical);
    char *expected_text = text_of_bson(expected, identical);
    bool same = actual_text != NULL && expected_text != NULL &&
                strcmp(actual_text, expected_text) == 0 &&
                (!identical || bson_equal(actual, expected));

    if (!same) {
        print_error("documents differ\n  actual:   %s\n  expected: %s\n",
                    actual_text != NULL ? actual_text : "(invalid BSON)", expected_text);
    }
    bson_free(actual_text);
    bson_free(expected_text);
    bson_destroy(expected);
    if (!same) {
        check_fail_at(file, line);
    }
}

void check_bytes_bson_equal(const void *bytes, size_t size, const char *json, const char *file,
                            int line)
{
    bson_t *document = bson_new_from_data(bytes, size);

    if (document == NULL || !bson_validate(document, BSON_VALIDATE_NONE, NULL)) {
        print_error("%zu bytes are no document; expected %s\n", size, json);
        check_fail_at(file, line);
    }
    check_bson_equal(document, json, false, file, line);
    bson_destroy(document);
}

static int hex_digit(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *found = strchr(digits, digit >= 'A' && digit <= 'F' ? digit - 'A' + 'a' : digit);

    return digit != '\0' && found != NULL ? (int)(found - digits) : -1;
}

void check_bytes_equal(const void *bytes, size_t size, const char *hex, const char *file, int line)
{
    const uint8_t *actual = bytes;
    size_t at = 0;

    for (const char *digit = hex; *digit != '\0'; digit++) {
        if (*digit == ' ' || *digit == '\n') {
            continue;
        }
        int high = hex_digit(digit[0]);
        int low = hex_digit(digit[1]);
        if (high < 0 || low < 0) {
            print_error("not hexadecimal: %s\n", digit);
            check_fail_at(file, line);
        }
        if (at >= size || actual[at] != (uint8_t)(high * 16 + low)) {
            print_error("byte %zu of %zu differs: actual ", at, size);
            print_error(at < size ? "%02x, expected %02x\n" : "(end) %02x, expected %02x\n",
                        at < size ? (unsigned)actual[at] : 0u, (unsigned)(high * 16 + low));
            check_fail_at(file, line);
        }
        at++;
        digit++;
    }
    if (at != size) {
        print_error("%zu bytes, expected %zu\n", size, at);
        check_fail_at(file, line);
    }
}

/* --- Codes, text, process --------------------------------------------------------------------- */

void check_code(int actual, int expected, const char *file, int line)
{
    if (actual != expected) {
        print_error("code %s (%d), expected %s (%d)\n", muv_error_name(actual), actual,
                    muv_error_name(expected), expected);
        check_fail_at(file, line);
    }
}

void check_error(const muv_error_t *error, int expected_code, const char *file, int line)
{
    int code = error != NULL ? (int)error->code : 0;

    if (code != expected_code) {
        print_error("error %s (%d), expected %s (%d)\n  message: %s\n",
                    code != 0 ? muv_error_name(code) : "none", code,
                    expected_code != 0 ? muv_error_name(expected_code) : "none", expected_code,
                    error != NULL ? error->message : "");
        check_fail_at(file, line);
    }
}

void check_contains(const char *text, const char *part, const char *file, int line)
{
    if (text == NULL || strstr(text, part) == NULL) {
        print_error("\"%s\"\n  does not contain \"%s\"\n", text != NULL ? text : "(null)", part);
        check_fail_at(file, line);
    }
}

int check_thread_count(void)
{
    char text[256];
    int count = -1;
    FILE *file = fopen("/proc/self/status", "r");

    while (file != NULL && fgets(text, sizeof text, file) != NULL) {
        if (strncmp(text, "Threads:", 8) == 0) {
            count = (int)strtol(text + 8, NULL, 10);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return count;
}

int check_fd_count(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");

    if (directory == NULL) {
        return -1;
    }
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    /* Without ".", ".." and the descriptor of the directory itself. */
    return count - 3;
}

void check_thread_count_is(int expected, const char *file, int line)
{
    int actual = check_thread_count();

    if (actual != expected) {
        print_error("the process has %d threads, expected %d\n", actual, expected);
        check_fail_at(file, line);
    }
}

const char *text_of(const char *format, ...)
{
    static char texts[4][4096];
    static unsigned next;
    char *text = texts[next++ % 4];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof texts[0], format, arguments);
    va_end(arguments);
    return text;
}
