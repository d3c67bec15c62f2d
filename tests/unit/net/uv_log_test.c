/* SPDX-License-Identifier: Apache-2.0 */
/* Where lines of the log end up: files that are appended to, streams, and paths that cannot be. */
#include "net/net.h"

#include "support/alloc.h"
#include "support/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct place {
    char folder[32];
    char file[48];
} place_t;

static int open_place(void **state)
{
    place_t *place = calloc(1, sizeof(*place));

    if (place == NULL) {
        return -1;
    }
    (void)snprintf(place->folder, sizeof(place->folder), "/tmp/muv-log-XXXXXX");
    if (mkdtemp(place->folder) == NULL) {
        return -1;
    }
    (void)snprintf(place->file, sizeof(place->file), "%s/a.log", place->folder);
    *state = place;
    return 0;
}

static int close_place(void **state)
{
    place_t *place = *state;

    (void)unlink(place->file);
    assert_int_equal(rmdir(place->folder), 0);
    free(place);
    return alloc_teardown(state);
}

static void check_file(const char *path, const char *expected)
{
    char text[64] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof(text) - 1, file), strlen(expected));
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, expected);
}

static void write_line(const char *path, const char *line)
{
    muv__net_log_t *log = muv__net_log_open(path);

    assert_non_null(log);
    muv__net_log_write(log, line, strlen(line));
    muv__net_log_close(log);
}

static void a_file_is_appended_to(void **state)
{
    place_t *place = *state;

    write_line(place->file, "one\n");
    write_line(place->file, "two\n");
    check_file(place->file, "one\ntwo\n");
}

static void lines_are_there_when_they_are_flushed(void **state)
{
    place_t *place = *state;
    muv__net_log_t *log = muv__net_log_open(place->file);

    muv__net_log_write(log, "one\n", 4);
    check_file(place->file, "");
    muv__net_log_flush(log);
    check_file(place->file, "one\n");
    muv__net_log_close(log);
}

/* Run with a stream of the process going to the file. */
static void check_stream(place_t *place, int descriptor, FILE *stream, const char *path)
{
    int kept = dup(descriptor);
    int file = open(place->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(kept >= 0 && file >= 0);
    assert_int_equal(fflush(stream), 0);
    assert_int_equal(dup2(file, descriptor), descriptor);
    write_line(path, "told\n");
    assert_int_equal(dup2(kept, descriptor), descriptor);
    (void)close(file);
    (void)close(kept);
    check_file(place->file, "told\n");
}

static void the_standard_streams_stay_open(void **state)
{
    place_t *place = *state;

    check_stream(place, STDOUT_FILENO, stdout, "stdout");
    check_stream(place, STDERR_FILENO, stderr, "stderr");
    check_stream(place, STDOUT_FILENO, stdout, "stdout");
}

/* (Logging: a path that does not work counts as not given.) */
static void what_cannot_be_opened_becomes_stderr(void **state)
{
    place_t *place = *state;

    check_stream(place, STDERR_FILENO, stderr, place->folder);
    check_stream(place, STDERR_FILENO, stderr, "/dev/null/none");
}

/* More than is gathered, in one line and in many; and lines that there is no memory for. */
static void nothing_is_lost_of_long_lines(void **state)
{
    enum { LONG = 200000, SHORT = 1000 };
    place_t *place = *state;
    muv__net_log_t *log = muv__net_log_open(place->file);
    char *line = calloc(1, LONG);
    int file;

    assert_non_null(line);
    memset(line, 'x', LONG);
    for (int i = 0; i < 100; i++) {
        muv__net_log_write(log, line, SHORT);
    }
    muv__net_log_write(log, line, LONG);
    muv__net_log_write(log, line, SHORT);
    muv__net_log_flush(log);
    muv__net_log_close(log);
    log = muv__net_log_open(place->file);
    alloc_fail_at(1, true);
    muv__net_log_write(log, line, SHORT);
    muv__net_log_close(log);
    file = open(place->file, O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(file, 0, SEEK_END), 100 * SHORT + LONG + 2 * SHORT);
    assert_int_equal(close(file), 0);
    free(line);
}

static void without_memory_there_is_no_log(void **state)
{
    (void)state;
    alloc_fail_at(1, false);
    assert_null(muv__net_log_open("stderr"));
    muv__net_log_close(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_file_is_appended_to),          CASE(lines_are_there_when_they_are_flushed),
        CASE(the_standard_streams_stay_open), CASE(what_cannot_be_opened_becomes_stderr),
        CASE(nothing_is_lost_of_long_lines),  CASE(without_memory_there_is_no_log),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
