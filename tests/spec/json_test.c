/* SPDX-License-Identifier: Apache-2.0 */
/* Adapter of the specification bson-corpus for what the log does with documents: the relaxed
 * extended JSON of each valid document is the file's (libbson's where the file has none) but for
 * blanks, and for the digits of doubles: where the texts differ, they read back as the same
 * document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "spec/json_spec.h"

#define FAIL(...) json_spec_fail(spec_case, __VA_ARGS__)

/* [own] */
static uint8_t *from_hex(const char *hex, size_t *ret_size)
{
    size_t size = strlen(hex) / 2;
    uint8_t *bytes = malloc(size + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};

        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    *ret_size = size;
    return bytes;
}

static bool is_same_document(const char *a, const char *b)
{
    bson_t *left = bson_new_from_json((const uint8_t *)a, -1, NULL);
    bson_t *right = bson_new_from_json((const uint8_t *)b, -1, NULL);
    bool same = left != NULL && right != NULL && bson_equal(left, right);

    if (left != NULL) {
        bson_destroy(left);
    }
    if (right != NULL) {
        bson_destroy(right);
    }
    return same;
}

/* Without the blanks between tokens. */
static void squeeze(char *text)
{
    char *to = text;
    bool quoted = false;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' && (at == text || at[-1] != '\\')) {
            quoted = !quoted;
        }
        if (quoted || *at != ' ') {
            *to++ = *at;
        }
    }
    *to = '\0';
}

static bool is_same_text(const char *a, const char *b)
{
    char *left = strdup(a);
    char *right = strdup(b);
    bool same;

    assert_non_null(left);
    assert_non_null(right);
    squeeze(left);
    squeeze(right);
    same = strcmp(left, right) == 0;
    free(left);
    free(right);
    return same;
}

/* Where the file has the canonical text only. [own] bson_free() it. */
static char *relaxed_of(const uint8_t *bytes, size_t size)
{
    bson_t document;

    assert_true(bson_init_static(&document, bytes, size));
    return bson_as_relaxed_extended_json(&document, NULL);
}

static json_spec_result_t check_valid(const json_spec_case_t *spec_case, const bson_t *valid)
{
    const char *given = json_spec_text(valid, "relaxed_extjson");
    json_spec_result_t result = JSON_SPEC_PASS;
    muv__buf_t buf;
    size_t size;
    uint8_t *bytes = from_hex(json_spec_text(valid, "canonical_bson"), &size);
    char *expected = given == NULL ? relaxed_of(bytes, size) : bson_strdup(given);

    muv__buf_init(&buf, 1 << 24);
    muv__json_append(&buf, muv__span(bytes, size), SIZE_MAX);
    muv__buf_append(&buf, "", 1);
    if (buf.error != 0) {
        result = FAIL("%s: error %d", json_spec_text(valid, "description"), buf.error);
    } else if (!is_same_text((const char *)buf.data, expected) &&
               !is_same_document((const char *)buf.data, expected)) {
        result = FAIL("%s: %s instead of %s", json_spec_text(valid, "description"),
                      (const char *)buf.data, expected);
    }
    muv__buf_done(&buf);
    bson_free(expected);
    free(bytes);
    return result;
}

static json_spec_result_t run_file(const json_spec_case_t *spec_case, void *data)
{
    json_spec_result_t result = JSON_SPEC_PASS;
    bson_iter_t iter;
    bson_iter_t valid;

    (void)data;
    if (!json_spec_find(spec_case->doc, "valid", &iter)) {
        return JSON_SPEC_PASS; /* Only documents that cannot be parsed (top.json of old). */
    }
    assert_true(bson_iter_recurse(&iter, &valid));
    while (bson_iter_next(&valid)) {
        bson_t document;

        assert_true(json_spec_child(&valid, &document));
        if (check_valid(spec_case, &document) != JSON_SPEC_PASS) {
            result = JSON_SPEC_FAIL;
        }
    }
    return result;
}

static void the_log_shows_documents_as_relaxed_extended_json(void **state)
{
    json_spec_tally_t tally = {0};

    (void)state;
    json_spec_run_files("bson-corpus/tests", run_file, NULL, &tally);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.passed > 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_shows_documents_as_relaxed_extended_json),
    };

    if (!json_spec_available("bson-corpus/tests")) {
        return JSON_SPEC_EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
