/* SPDX-License-Identifier: Apache-2.0 */
/* What the system says of itself, against libuv and the C library. */
#include "net/net.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void the_system_is_told_as_uname_tells_it(void **state)
{
    muv__net_system_t system;
    uv_utsname_t name;

    (void)state;
    assert_int_equal(uv_os_uname(&name), 0);
    muv__net_system(&system);
    assert_string_equal(system.os_type, name.sysname);
    assert_memory_equal(system.os_version, name.release,
                        strnlen(name.release, MUV__NET_SYSTEM_TEXT_SIZE - 1));
    assert_string_equal(system.architecture, name.machine);
    assert_string_equal(system.loop_library, text_of("libuv %s", uv_version_string()));
    assert_int_equal(system.in_docker, access("/.dockerenv", F_OK) == 0);
}

static void the_environment_is_that_of_the_process(void **state)
{
    (void)state;
    assert_int_equal(setenv("MUV_TEST_VARIABLE", "x", 1), 0);
    assert_string_equal(muv__net_environment("MUV_TEST_VARIABLE", NULL), "x");
    assert_int_equal(unsetenv("MUV_TEST_VARIABLE"), 0);
    assert_null(muv__net_environment("MUV_TEST_VARIABLE", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_is_told_as_uname_tells_it),
        cmocka_unit_test(the_environment_is_that_of_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
