/* SPDX-License-Identifier: Apache-2.0 */
/* Levels, components, and the options for both. */
#include "base/log.h"

#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"

typedef struct name_row {
    int8_t value;
    const char *name;
} name_row_t;

static const name_row_t level_names[] = {
#define LEVEL_ROW(suffix, value, name) {value, name},
    MUV_LOG_LEVEL_MAP(LEVEL_ROW)
#undef LEVEL_ROW
        {MUV_LOG_OFF, "off"},
};

static const char *const component_names[] = {
#define COMPONENT_ROW(suffix, value, name) [value] = (name),
    MUV_LOG_COMPONENT_MAP(COMPONENT_ROW)
#undef COMPONENT_ROW
};

static const char *const component_variables[] = {
    [MUV_LOG_COMMAND] = "MONGODB_LOG_COMMAND",
    [MUV_LOG_TOPOLOGY] = "MONGODB_LOG_TOPOLOGY",
    [MUV_LOG_SERVER_SELECTION] = "MONGODB_LOG_SERVER_SELECTION",
    [MUV_LOG_CONNECTION] = "MONGODB_LOG_CONNECTION",
};

/* Of ASCII letters, whatever the locale. */
static int equals_without_case(const char *a, const char *b)
{
    for (;; a++, b++) {
        char lower = *a >= 'A' && *a <= 'Z' ? (char)(*a - 'A' + 'a') : *a;

        if (lower != *b) {
            return 0;
        }
        if (*b == '\0') {
            return 1;
        }
    }
}

int8_t muv_log_level(const char *name)
{
    if (name == NULL) {
        return 0;
    }
    for (size_t i = 0; i < MUV__COUNT_OF(level_names); i++) {
        if (equals_without_case(name, level_names[i].name)) {
            return level_names[i].value;
        }
    }
    return 0;
}

const char *muv_log_level_name(int level)
{
    for (size_t i = 0; i < MUV__COUNT_OF(level_names); i++) {
        if (level_names[i].value == level) {
            return level_names[i].name;
        }
    }
    return "";
}

const char *muv_log_component_name(int component)
{
    return component >= 0 && component < MUV_LOG_COMPONENTS ? component_names[component] : "";
}

/* --- the environment ---------------------------------------------------------------------------*/

/* "off" is a level below all messages. */
static int8_t threshold_of(int8_t level)
{
    return level == MUV_LOG_OFF ? 0 : level;
}

static size_t document_length_of(const char *text)
{
    size_t length = 0;

    if (text == NULL || *text == '\0') {
        return MUV__LOG_MAX_DOCUMENT_LENGTH;
    }
    if (equals_without_case(text, "unlimited")) {
        return SIZE_MAX;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || length > INT32_MAX) {
            return MUV__LOG_MAX_DOCUMENT_LENGTH;
        }
        length = length * 10 + (size_t)(*text - '0');
    }
    return length > INT32_MAX ? MUV__LOG_MAX_DOCUMENT_LENGTH : length;
}

static const char *path_of(const char *text)
{
    if (text == NULL || *text == '\0' || equals_without_case(text, "stderr")) {
        return "stderr";
    }
    return equals_without_case(text, "stdout") ? "stdout" : text;
}

void muv__log_config_read(muv__log_config_t *config, muv__log_get_t get, void *data)
{
    int8_t all = muv_log_level(get("MONGODB_LOG_ALL", data));

    for (int i = 0; i < MUV_LOG_COMPONENTS; i++) {
        int8_t own = muv_log_level(get(component_variables[i], data));

        config->levels[i] = threshold_of(own != 0 ? own : all);
    }
    config->max_document_length = document_length_of(get("MONGODB_LOG_MAX_DOCUMENT_LENGTH", data));
    config->path = path_of(get("MONGODB_LOG_PATH", data));
}

/* --- the program -------------------------------------------------------------------------------*/

static int is_level(int8_t value)
{
    return value >= MUV_LOG_OFF && value <= MUV_LOG_TRACE;
}

static int check(const muv_log_opts_t *opts, muv_error_t *reterr)
{
    if (!is_level(opts->all) || !is_level(opts->command) || !is_level(opts->topology) ||
        !is_level(opts->server_selection) || !is_level(opts->connection)) {
        return muv__error_set(reterr, MUV_EINVAL, "log: not one of the levels MUV_LOG_*");
    }
    if (opts->max_document_length < 0 && opts->max_document_length != MUV_ZERO &&
        opts->max_document_length != MUV_INFINITE) {
        return muv__error_set(reterr, MUV_EINVAL, "log: max_document_length must not be negative");
    }
    return 0;
}

int muv__log_config_override(muv__log_config_t *config, const muv_log_opts_t *opts,
                             muv_error_t *reterr)
{
    int8_t own[MUV_LOG_COMPONENTS] = {[MUV_LOG_COMMAND] = opts->command,
                                      [MUV_LOG_TOPOLOGY] = opts->topology,
                                      [MUV_LOG_SERVER_SELECTION] = opts->server_selection,
                                      [MUV_LOG_CONNECTION] = opts->connection};
    int status = check(opts, reterr);

    if (status != 0) {
        return status;
    }
    for (int i = 0; i < MUV_LOG_COMPONENTS; i++) {
        int8_t level = own[i] != MUV_UNSET ? own[i] : opts->all;

        if (level != MUV_UNSET) {
            config->levels[i] = threshold_of(level);
        }
    }
    if (opts->max_document_length == MUV_ZERO) {
        config->max_document_length = 0;
    } else if (opts->max_document_length == MUV_INFINITE) {
        config->max_document_length = SIZE_MAX;
    } else if (opts->max_document_length != 0) {
        config->max_document_length = (size_t)opts->max_document_length;
    }
    if (opts->path != NULL) {
        config->path = path_of(opts->path);
    }
    return 0;
}

int muv__log_config_is_on(const muv__log_config_t *config)
{
    for (int i = 0; i < MUV_LOG_COMPONENTS; i++) {
        if (config->levels[i] != 0) {
            return 1;
        }
    }
    return 0;
}
