/* SPDX-License-Identifier: Apache-2.0 */
/* Connection strings from anyone. Input: the string up to the first newline, then lines
 * "name=value" for the setters of options. Beyond memory safety it checks what must hold of every
 * accepted string: hosts read back from their text are equal, secrets are not in messages, and what
 * is written into commands is well-formed BSON. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bson_writer.h"
#include "base/host.h"
#include "uri/credential.h"
#include "uri/uri.h"

#include <bson/bson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void check_hosts(const muv__uri_t *uri)
{
    REQUIRE(uri->host_count > 0 && uri->host_count <= MUV__URI_HOSTS_MAX);
    for (size_t i = 0; i < uri->host_count; i++) {
        char text[MUV__HOST_TEXT_SIZE];
        muv__host_t again;
        size_t length = muv__host_format(&uri->hosts[i], text);

        REQUIRE(length == strlen(text));
        REQUIRE(muv__host_parse(text, length, &again) == 0);
        REQUIRE(muv__host_equal(&uri->hosts[i], &again));
    }
}

/* Our own texts hold no '~', so a '~' in a message can only come from the input. */
static void check_secrets(const muv__uri_t *uri, const muv_error_t *error)
{
    REQUIRE(strchr(error->message, '~') == NULL);
    if (uri == NULL) {
        return;
    }
    for (size_t i = 0; i < uri->warning_count; i++) {
        REQUIRE(uri->warnings[i][0] != '\0');
        REQUIRE(strchr(uri->warnings[i], '~') == NULL);
    }
}

static void check_written(const muv__options_t *options)
{
    muv__buf_t buf;
    muv__bson_mark_t mark;
    bson_t view;
    size_t offset;

    muv__buf_init(&buf, 1 << 20);
    mark = muv__bson_begin(&buf);
    muv__read_concern_write(&options->read_concern, &buf);
    muv__write_concern_write(&options->write_concern, 1, &buf);
    muv__read_pref_write(&options->read_pref, &buf);
    muv__bson_end(&buf, mark);
    REQUIRE(buf.error == 0);
    REQUIRE(bson_init_static(&view, buf.data, buf.size));
    REQUIRE(bson_validate(&view, BSON_VALIDATE_UTF8, &offset));
    muv__buf_done(&buf);
}

static void set_option(muv__uri_t *uri, char *line, muv_error_t *error)
{
    char *value = strchr(line, '=');

    if (value == NULL) {
        return;
    }
    *value++ = '\0';
    if (strchr(line, '~') != NULL) {
        return; /* A caller's option name may be quoted. */
    }
    (void)muv__uri_set_text(uri, line, value, error);
    (void)muv__uri_set_int(uri, line, strtoll(value, NULL, 10), error);
    (void)muv__uri_set_bool(uri, line, value[0] & 1, error);
    (void)muv__uri_set_property(uri, line, value, error);
}

static void run(const char *text, size_t size, char *lines)
{
    muv__uri_t *uri = NULL;
    muv__credential_t credential;
    muv_error_t error;

    memset(&error, 0, sizeof(error));
    if (muv__uri_new(text, size, &error, &uri) != 0) {
        REQUIRE(uri == NULL && error.code != 0 && error.message[0] != '\0');
        check_secrets(NULL, &error);
        return;
    }
    while (lines != NULL) {
        char *next = strchr(lines, '\n');

        if (next != NULL) {
            *next++ = '\0';
        }
        set_option(uri, lines, &error);
        lines = next;
    }
    check_hosts(uri);
    if (muv__uri_finish(uri, &error) == 0 &&
        muv__credential_of(uri, size & 1, &error, &credential) == 0) {
        REQUIRE(!credential.enabled || credential.source != NULL);
    }
    check_written(&uri->options);
    check_secrets(uri, &error);
    muv__uri_free(uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size == 0 ? NULL : memchr(data, '\n', size);
    size_t uri_size = newline == NULL ? size : (size_t)(newline - data);
    /* Two exact allocations, so that one byte too many read is seen. */
    char *text = malloc(uri_size == 0 ? 1 : uri_size);
    char *lines = NULL;

    REQUIRE(text != NULL);
    if (uri_size > 0) {
        memcpy(text, data, uri_size);
    }
    if (newline != NULL) {
        size_t rest = size - uri_size - 1;

        lines = malloc(rest + 1);
        REQUIRE(lines != NULL);
        memcpy(lines, newline + 1, rest);
        lines[rest] = '\0';
    }
    run(text, uri_size, lines);
    free(lines);
    free(text);
    return 0;
}
