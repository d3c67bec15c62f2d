/* SPDX-License-Identifier: Apache-2.0 */
/* What tests check and wait with, on top of cmocka. The macros carry the place of the call, so that
 * a failure names the line of the test and not one in here. */
#ifndef MUV_TESTS_SUPPORT_CHECK_H
#define MUV_TESTS_SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bson/bson.h>
#include <uv.h>

#include "base/compiler.h"
#include "muv/error.h"

/* Equal as relaxed extended JSON: 5 as int32 and as int64 are the same. `json` may be written in
 * any form of extended JSON. */
#define CHECK_BSON_EQUAL(actual, json) check_bson_equal(actual, json, false, __FILE__, __LINE__)

/* Equal byte by byte, so also in the types of numbers: write {"$numberLong": "5"}. */
#define CHECK_BSON_IDENTICAL(actual, json) check_bson_equal(actual, json, true, __FILE__, __LINE__)

/* The same for bytes: views of the library, slices of messages. */
#define CHECK_BYTES_BSON_EQUAL(bytes, size, json)                                                  \
    check_bytes_bson_equal(bytes, size, json, __FILE__, __LINE__)

/* Bytes against hexadecimal digits; blanks between them do not count. */
#define CHECK_BYTES_EQUAL(bytes, size, hex) check_bytes_equal(bytes, size, hex, __FILE__, __LINE__)

/* `error` (const muv_error_t *) has this MUV_E* code; its name and message are printed if not. */
#define CHECK_ERROR(error, expected_code) check_error(error, expected_code, __FILE__, __LINE__)
#define CHECK_NO_ERROR(error) check_error(error, 0, __FILE__, __LINE__)

/* A returned code, printed by name. */
#define CHECK_CODE(actual, expected) check_code(actual, expected, __FILE__, __LINE__)

/* The text contains a part. */
#define CHECK_CONTAINS(text, part) check_contains(text, part, __FILE__, __LINE__)

/* This process has exactly one thread. */
#define CHECK_ONE_THREAD() check_thread_count_is(1, __FILE__, __LINE__)

/* Run the loop until the flag is true; fail and print the state when `timeout_ms` have passed. */
#define run_until(loop, flag, timeout_ms)                                                          \
    check_run_until(loop, flag, timeout_ms, __FILE__, __LINE__)

/* The same until a counter (unsigned) has reached a number. */
#define run_until_count(loop, counter, wanted, timeout_ms)                                         \
    check_run_until_count(loop, counter, wanted, timeout_ms, __FILE__, __LINE__)

/* The same until `condition(data)` holds, which is looked at after each turn and every 5 ms. */
#define run_until_true(loop, condition, data, timeout_ms)                                          \
    check_run_until_true(loop, condition, data, timeout_ms, __FILE__, __LINE__)

/* Run the loop for a time, whatever happens: to show that something does not happen. */
void run_for(uv_loop_t *loop, unsigned duration_ms);

/* Last line of every test with a loop: no handle is left open, all close callbacks have run, and
 * uv_loop_close() gives 0. Else fails with the list of what is left. */
#define close_loop(loop) check_close_loop(loop, __FILE__, __LINE__)

typedef bool (*check_condition_t)(void *data);

/* Called when a wait fails, to print what a subject knows of itself. At most 16 at a time. */
typedef void (*check_dump_t)(void *subject);
void check_add_dump(check_dump_t dump, void *subject);
void check_remove_dump(void *subject);

/* Threads and open file descriptors of this process. */
int check_thread_count(void);
int check_fd_count(void);

/* A document from extended JSON. [own] bson_destroy() it. Fails the test when it does not parse. */
bson_t *bson_from(const char *json);

/* printf into static memory; four results live at a time. */
const char *text_of(const char *format, ...) MUV__PRINTF(1, 2);

/* End the test with a failure at this place. (cmocka does not declare that _fail() never returns.)
 */
MUV__NORETURN void check_fail_at(const char *file, int line);

void check_bson_equal(const bson_t *actual, const char *json, bool identical, const char *file,
                      int line);
void check_bytes_bson_equal(const void *bytes, size_t size, const char *json, const char *file,
                            int line);
void check_bytes_equal(const void *bytes, size_t size, const char *hex, const char *file, int line);
void check_error(const muv_error_t *error, int expected_code, const char *file, int line);
void check_code(int actual, int expected, const char *file, int line);
void check_contains(const char *text, const char *part, const char *file, int line);
void check_thread_count_is(int expected, const char *file, int line);
void check_run_until(uv_loop_t *loop, const bool *flag, unsigned timeout_ms, const char *file,
                     int line);
void check_run_until_count(uv_loop_t *loop, const unsigned *counter, unsigned wanted,
                           unsigned timeout_ms, const char *file, int line);
void check_run_until_true(uv_loop_t *loop, check_condition_t condition, void *data,
                          unsigned timeout_ms, const char *file, int line);
void check_close_loop(uv_loop_t *loop, const char *file, int line);

#endif
