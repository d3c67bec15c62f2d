/* SPDX-License-Identifier: Apache-2.0 */
/* Levels and options of the log, as the Logging specification reads them. */
#include "base/log.h"

#include <stdint.h>
#include <string.h>

#include "support/check.h"

typedef struct variable {
    const char *name;
    const char *value;
} variable_t;

static const char *get(const char *name, void *data)
{
    for (const variable_t *at = data; at->name != NULL; at++) {
        if (strcmp(at->name, name) == 0) {
            return at->value;
        }
    }
    return NULL;
}

#define READ(config, ...)                                                                          \
    do {                                                                                           \
        variable_t variables[] = {__VA_ARGS__, {NULL, NULL}};                                      \
        muv__log_config_read(config, get, variables);                                              \
    } while (0)

#define CHECK_LEVELS(config, command, topology, selection, connection)                             \
    do {                                                                                           \
        assert_int_equal((config)->levels[MUV_LOG_COMMAND], command);                              \
        assert_int_equal((config)->levels[MUV_LOG_TOPOLOGY], topology);                            \
        assert_int_equal((config)->levels[MUV_LOG_SERVER_SELECTION], selection);                   \
        assert_int_equal((config)->levels[MUV_LOG_CONNECTION], connection);                        \
    } while (0)

static void by_default_nothing_is_logged(void **state)
{
    muv__log_config_t config;

    (void)state;
    READ(&config, {"MONGODB_LOG_OTHER", "debug"});
    CHECK_LEVELS(&config, 0, 0, 0, 0);
    assert_false(muv__log_config_is_on(&config));
    assert_int_equal(config.max_document_length, 1000);
    assert_string_equal(config.path, "stderr");
}

static void a_component_beats_all(void **state)
{
    muv__log_config_t config;

    (void)state;
    READ(&config, {"MONGODB_LOG_ALL", "info"}, {"MONGODB_LOG_SERVER_SELECTION", "DeBuG"},
         {"MONGODB_LOG_TOPOLOGY", "off"});
    CHECK_LEVELS(&config, MUV_LOG_INFO, 0, MUV_LOG_DEBUG, MUV_LOG_INFO);
    assert_true(muv__log_config_is_on(&config));
    assert_true(muv__log_wants(&config, MUV_LOG_COMMAND, MUV_LOG_INFO));
    assert_true(muv__log_wants(&config, MUV_LOG_COMMAND, MUV_LOG_EMERGENCY));
    assert_false(muv__log_wants(&config, MUV_LOG_COMMAND, MUV_LOG_DEBUG));
    assert_false(muv__log_wants(&config, MUV_LOG_TOPOLOGY, MUV_LOG_EMERGENCY));
}

static void each_component_has_its_variable(void **state)
{
    muv__log_config_t config;

    (void)state;
    READ(&config, {"MONGODB_LOG_COMMAND", "emergency"}, {"MONGODB_LOG_TOPOLOGY", "alert"},
         {"MONGODB_LOG_SERVER_SELECTION", "critical"}, {"MONGODB_LOG_CONNECTION", "error"});
    CHECK_LEVELS(&config, MUV_LOG_EMERGENCY, MUV_LOG_ALERT, MUV_LOG_CRITICAL, MUV_LOG_ERROR);
}

static void invalid_values_count_as_not_set(void **state)
{
    muv__log_config_t config;

    (void)state;
    READ(&config, {"MONGODB_LOG_ALL", "warn"}, {"MONGODB_LOG_COMMAND", "verbose"},
         {"MONGODB_LOG_CONNECTION", ""}, {"MONGODB_LOG_MAX_DOCUMENT_LENGTH", "-5"},
         {"MONGODB_LOG_PATH", ""});
    CHECK_LEVELS(&config, MUV_LOG_WARN, MUV_LOG_WARN, MUV_LOG_WARN, MUV_LOG_WARN);
    assert_int_equal(config.max_document_length, 1000);
    assert_string_equal(config.path, "stderr");
    READ(&config, {"MONGODB_LOG_MAX_DOCUMENT_LENGTH", "5x"});
    assert_int_equal(config.max_document_length, 1000);
    READ(&config, {"MONGODB_LOG_MAX_DOCUMENT_LENGTH", "99999999999999999999999999"});
    assert_int_equal(config.max_document_length, 1000);
}

static void the_environment_says_length_and_path(void **state)
{
    muv__log_config_t config;

    (void)state;
    READ(&config, {"MONGODB_LOG_MAX_DOCUMENT_LENGTH", "5"}, {"MONGODB_LOG_PATH", "STDOUT"});
    assert_int_equal(config.max_document_length, 5);
    assert_string_equal(config.path, "stdout");
    READ(&config, {"MONGODB_LOG_MAX_DOCUMENT_LENGTH", "Unlimited"}, {"MONGODB_LOG_PATH", "a.log"});
    assert_true(config.max_document_length == SIZE_MAX);
    assert_string_equal(config.path, "a.log");
    READ(&config, {"MONGODB_LOG_MAX_DOCUMENT_LENGTH", "0"}, {"MONGODB_LOG_PATH", "StdErr"});
    assert_int_equal(config.max_document_length, 0);
    assert_string_equal(config.path, "stderr");
}

static void the_program_beats_the_environment(void **state)
{
    const muv_log_opts_t opts = {.all = MUV_LOG_OFF,
                                 .connection = MUV_LOG_TRACE,
                                 .max_document_length = MUV_ZERO,
                                 .path = "stdout"};
    const muv_log_opts_t nothing = {.max_document_length = MUV_UNSET};
    const muv_log_opts_t endless = {.max_document_length = MUV_INFINITE};
    muv__log_config_t config;

    (void)state;
    READ(&config, {"MONGODB_LOG_ALL", "debug"}, {"MONGODB_LOG_MAX_DOCUMENT_LENGTH", "7"},
         {"MONGODB_LOG_PATH", "a.log"});
    assert_int_equal(muv__log_config_override(&config, &nothing, NULL), 0);
    CHECK_LEVELS(&config, MUV_LOG_DEBUG, MUV_LOG_DEBUG, MUV_LOG_DEBUG, MUV_LOG_DEBUG);
    assert_int_equal(config.max_document_length, 7);
    assert_string_equal(config.path, "a.log");
    assert_int_equal(muv__log_config_override(&config, &opts, NULL), 0);
    CHECK_LEVELS(&config, 0, 0, 0, MUV_LOG_TRACE);
    assert_int_equal(config.max_document_length, 0);
    assert_string_equal(config.path, "stdout");
    assert_int_equal(muv__log_config_override(&config, &endless, NULL), 0);
    assert_true(config.max_document_length == SIZE_MAX);
}

static void wrong_options_are_refused(void **state)
{
    const muv_log_opts_t wrong[] = {{.all = 10},         {.command = -2},
                                    {.topology = 99},    {.server_selection = -128},
                                    {.connection = 127}, {.max_document_length = -2}};
    muv__log_config_t config;
    muv_error_t error;

    (void)state;
    READ(&config, {"MONGODB_LOG_ALL", "debug"});
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(muv__log_config_override(&config, &wrong[i], &error), MUV_EINVAL);
        CHECK_ERROR(&error, MUV_EINVAL);
        assert_non_null(strstr(error.message, "log: "));
    }
    CHECK_LEVELS(&config, MUV_LOG_DEBUG, MUV_LOG_DEBUG, MUV_LOG_DEBUG, MUV_LOG_DEBUG);
}

static void levels_and_components_have_names(void **state)
{
    (void)state;
    for (int level = MUV_LOG_EMERGENCY; level <= MUV_LOG_TRACE; level++) {
        assert_int_equal(muv_log_level(muv_log_level_name(level)), level);
    }
    assert_int_equal(muv_log_level("OFF"), MUV_LOG_OFF);
    assert_int_equal(muv_log_level("debugs"), 0);
    assert_int_equal(muv_log_level("debu"), 0);
    assert_int_equal(muv_log_level(NULL), 0);
    assert_string_equal(muv_log_level_name(MUV_LOG_DEBUG), "debug");
    assert_string_equal(muv_log_level_name(10), "");
    assert_string_equal(muv_log_component_name(MUV_LOG_SERVER_SELECTION), "serverSelection");
    assert_string_equal(muv_log_component_name(MUV_LOG_COMPONENTS), "");
    assert_string_equal(muv_log_component_name(-1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_nothing_is_logged),
        cmocka_unit_test(a_component_beats_all),
        cmocka_unit_test(each_component_has_its_variable),
        cmocka_unit_test(invalid_values_count_as_not_set),
        cmocka_unit_test(the_environment_says_length_and_path),
        cmocka_unit_test(the_program_beats_the_environment),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(levels_and_components_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
