/* SPDX-License-Identifier: Apache-2.0 */
/* Files that can be read, and what is said of the others. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net.h"
#include "support/check.h"

static char folder[] = "/tmp/muv-file-XXXXXX";
static char path[64];

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void check_content(size_t max_size, const char *expected)
{
    uint8_t *bytes = NULL;
    size_t size = 99;

    assert_int_equal(muv__net_read_file(path, max_size, &bytes, &size), 0);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(bytes, expected, size);
    muv__mem_free(bytes);
}

static void a_file_is_read_whole_up_to_its_limit(void **state)
{
    uint8_t *bytes = NULL;
    size_t size;

    (void)state;
    write_file("certificate");
    check_content(11, "certificate");
    check_content(SIZE_MAX, "certificate");
    assert_int_equal(muv__net_read_file(path, 10, &bytes, &size), -EFBIG);
    write_file("");
    check_content(0, "");
    assert_null(bytes);
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
    uint8_t *bytes = NULL;
    size_t size;

    (void)state;
    (void)unlink(path);
    assert_int_equal(muv__net_read_file(path, 10, &bytes, &size), -ENOENT);
    assert_int_equal(muv__net_read_file(folder, 10, &bytes, &size), -EISDIR);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(muv__net_read_file(path, 10, &bytes, &size), -EINVAL);
    assert_null(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole_up_to_its_limit),
        cmocka_unit_test(what_is_no_file_is_refused_without_waiting),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
