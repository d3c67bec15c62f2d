/* SPDX-License-Identifier: Apache-2.0 */
/* Adapter of the specifications connection-string, uri-options, read-write-concern (folders
 * connection-string and document) and auth (folder legacy: credentials from a connection string).
 * One driver checks every field that a case has; a field it does not know fails the case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/bson_writer.h"
#include "base/host.h"
#include "spec/json_spec.h"
#include "uri/credential.h"
#include "uri/uri.h"

/* DIGEST.md, part 10: these two contradict auth.md, which forbids AWS credentials in the string,
 * and three newer cases of the same file. */
static const char *const left_out[] = {
    "should use username and password if specified (MONGODB-AWS)",
    "should use username, password and session token if specified (MONGODB-AWS)",
};

#define FAIL(...) json_spec_fail(spec_case, __VA_ARGS__)

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const char *shown(const char *text)
{
    return text == NULL ? "(none)" : text;
}

/* ---- Hosts and user ---- */

static json_spec_result_t check_host(const json_spec_case_t *spec_case, const muv__host_t *host,
                                     const bson_t *want)
{
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {{"hostname", MUV__HOST_NAME},
                 {"ipv4", MUV__HOST_IPV4},
                 {"ip_literal", MUV__HOST_IPV6},
                 {"unix", MUV__HOST_UNIX}};
    const char *type = json_spec_text(want, "type");
    int kind = MUV__HOST_NONE;
    int64_t port;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (same_text(type, kinds[i].name)) {
            kind = kinds[i].kind;
        }
    }
    port =
        json_spec_int(want, "port", kind == MUV__HOST_UNIX ? 0 : (int64_t)MUV__HOST_DEFAULT_PORT);
    if (host->kind != kind || host->port != port ||
        !same_text(host->name, json_spec_text(want, "host"))) {
        return FAIL("host kind %d, name %s, port %d; want %s", host->kind, host->name, host->port,
                    json_spec_json(want));
    }
    return JSON_SPEC_PASS;
}

static json_spec_result_t check_hosts(const json_spec_case_t *spec_case, const muv__uri_t *uri)
{
    bson_iter_t hosts;
    bson_iter_t item;
    size_t count = 0;

    if (!json_spec_find(spec_case->doc, "hosts", &hosts) || !bson_iter_recurse(&hosts, &item)) {
        return JSON_SPEC_PASS;
    }
    while (bson_iter_next(&item)) {
        bson_t want;

        if (count == uri->host_count || !json_spec_child(&item, &want)) {
            return FAIL("%zu hosts, want more", uri->host_count);
        }
        if (check_host(spec_case, &uri->hosts[count], &want) != JSON_SPEC_PASS) {
            return JSON_SPEC_FAIL;
        }
        count++;
    }
    return count == uri->host_count ? JSON_SPEC_PASS
                                    : FAIL("%zu hosts, want %zu", uri->host_count, count);
}

static json_spec_result_t check_auth(const json_spec_case_t *spec_case, const muv__uri_t *uri)
{
    bson_iter_t auth;

    if (!json_spec_find(spec_case->doc, "auth", &auth)) {
        return JSON_SPEC_PASS;
    }
    if (!same_text(uri->username, json_spec_text(spec_case->doc, "auth.username")) ||
        !same_text(uri->password, json_spec_text(spec_case->doc, "auth.password")) ||
        !same_text(uri->database, json_spec_text(spec_case->doc, "auth.db"))) {
        return FAIL("user %s, password %s, database %s", shown(uri->username), shown(uri->password),
                    shown(uri->database));
    }
    return JSON_SPEC_PASS;
}

/* ---- Options ---- */

/* A BSON value as the text it would have in a connection string. */
static void value_text(const bson_iter_t *iter, char *text, size_t size)
{
    if (BSON_ITER_HOLDS_UTF8(iter)) {
        (void)snprintf(text, size, "%s", bson_iter_utf8(iter, NULL));
    } else if (BSON_ITER_HOLDS_BOOL(iter)) {
        (void)snprintf(text, size, "%s", bson_iter_bool(iter) ? "true" : "false");
    } else {
        (void)snprintf(text, size, "%lld", (long long)bson_iter_as_int64(iter));
    }
}

/* The sub-document must have exactly these pairs. */
static bool same_properties(const bson_t *want, const muv__property_t *list, size_t count)
{
    if (bson_count_keys(want) != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!same_text(json_spec_text(want, list[i].key), list[i].value)) {
            return false;
        }
    }
    return true;
}

static bool same_compressors(const bson_t *want, const muv__options_t *options)
{
    for (uint32_t i = 0; i < options->compressor_count; i++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "%u", i);
        if (!same_text(json_spec_text(want, key), muv__compressor_name(options->compressors[i]))) {
            return false;
        }
    }
    return bson_count_keys(want) == options->compressor_count;
}

static bool same_tags(const bson_t *want, const muv__read_pref_t *pref)
{
    muv__buf_t buf;
    muv__bson_mark_t mark;
    bson_t wrote;
    bson_iter_t iter;
    bson_t tags;
    bool same = false;

    muv__buf_init(&buf, 65536);
    mark = muv__bson_begin(&buf);
    muv__read_pref_write(pref, &buf);
    muv__bson_end(&buf, mark);
    if (buf.error == 0 && bson_init_static(&wrote, buf.data, buf.size) &&
        bson_iter_init_find(&iter, &wrote, "tags") && json_spec_child(&iter, &tags)) {
        same = bson_equal(&tags, want);
    }
    muv__buf_done(&buf);
    return same;
}

static bool same_document(muv__option_t option, const bson_iter_t *iter,
                          const muv__options_t *options)
{
    bson_t want;

    if (!json_spec_child(iter, &want)) {
        return false;
    }
    if (option == MUV__OPTION_AUTH_MECHANISM_PROPERTIES) {
        return same_properties(&want, options->properties, options->property_count);
    }
    if (option == MUV__OPTION_COMPRESSORS) {
        return same_compressors(&want, options);
    }
    return option == MUV__OPTION_READ_PREFERENCE_TAGS && same_tags(&want, &options->read_pref);
}

/* What the options hold, as text. */
static void option_text(const muv__options_t *options, muv__option_t option, char *text,
                        size_t size)
{
    const muv__option_row_t *row = muv__option_row(option);
    const muv__write_concern_t *wc = &options->write_concern;
    const void *member = muv__option_member(options, option);

    if (row->kind == MUV__KIND_BOOL) {
        (void)snprintf(text, size, "%s", *(const int8_t *)member ? "true" : "false");
    } else if (row->kind == MUV__KIND_INT) {
        (void)snprintf(text, size, "%lld", (long long)*(const int64_t *)member);
    } else if (row->kind == MUV__KIND_TEXT || row->kind == MUV__KIND_SERVICE) {
        (void)snprintf(text, size, "%s", shown(*(const char *const *)member));
    } else if (row->kind == MUV__KIND_NAME) {
        (void)snprintf(text, size, "%s", row->names[*(const int8_t *)member]);
    } else if (row->kind == MUV__KIND_STALENESS) {
        (void)snprintf(text, size, "%d", options->read_pref.max_staleness_s);
    } else if (row->kind == MUV__KIND_READ_CONCERN) {
        (void)snprintf(text, size, "%s", options->read_concern.level);
    } else if (row->kind == MUV__KIND_W && wc->w_kind == MUV__W_TAG) {
        (void)snprintf(text, size, "%s", wc->tag);
    } else if (row->kind == MUV__KIND_W) {
        (void)snprintf(text, size, "%d", wc->w);
    } else if (row->kind == MUV__KIND_JOURNAL) {
        (void)snprintf(text, size, "%s", wc->journal == 1 ? "true" : "false");
    } else if (row->kind == MUV__KIND_WTIMEOUT) {
        (void)snprintf(text, size, "%lld", (long long)wc->wtimeout_ms);
    } else {
        (void)snprintf(text, size, "(a list)");
    }
}

static json_spec_result_t check_options(const json_spec_case_t *spec_case, const char *field,
                                        const muv__options_t *options)
{
    bson_iter_t wanted;
    bson_iter_t item;

    if (!json_spec_find(spec_case->doc, field, &wanted) || !bson_iter_recurse(&wanted, &item)) {
        return JSON_SPEC_PASS;
    }
    while (bson_iter_next(&item)) {
        const char *key = bson_iter_key(&item);
        muv__option_t option = muv__option_find(key, strlen(key));
        char want[300];
        char have[300];

        if (option == MUV__OPTION_UNKNOWN || !muv__options_has(options, option)) {
            return FAIL("option %s was not set", key);
        }
        if (BSON_ITER_HOLDS_DOCUMENT(&item) || BSON_ITER_HOLDS_ARRAY(&item)) {
            if (!same_document(option, &item, options)) {
                return FAIL("option %s has another value", key);
            }
            continue;
        }
        value_text(&item, want, sizeof(want));
        option_text(options, option, have, sizeof(have));
        if (strcmp(want, have) != 0) {
            return FAIL("option %s is %s, want %s", key, have, want);
        }
    }
    return JSON_SPEC_PASS;
}

/* ---- Concerns ---- */

/* {w, wtimeoutMS, journal} of a case as a value. Returns 0 or MUV_EINVAL. */
static int build_write_concern(const json_spec_case_t *spec_case, muv__write_concern_t *concern)
{
    const bson_t *doc = spec_case->doc;
    const char *tag = json_spec_text(doc, "writeConcern.w");
    bson_iter_t iter;
    int rc = 0;

    memset(concern, 0, sizeof(*concern));
    if (tag != NULL) {
        rc = muv__write_concern_set_tag(concern, tag, strlen(tag));
    } else if (json_spec_find(doc, "writeConcern.w", &iter)) {
        rc = muv__write_concern_set_w(concern, bson_iter_as_int64(&iter));
    }
    if (rc == 0 && json_spec_find(doc, "writeConcern.wtimeoutMS", &iter)) {
        rc = muv__write_concern_set_wtimeout(concern, bson_iter_as_int64(&iter));
    }
    if (json_spec_find(doc, "writeConcern.journal", &iter)) {
        muv__write_concern_set_journal(concern, bson_iter_as_bool(&iter));
    }
    return rc;
}

static bool same_write_concern(const muv__write_concern_t *a, const muv__write_concern_t *b)
{
    return a->w_kind == b->w_kind && a->w == b->w && strcmp(a->tag, b->tag) == 0 &&
           a->journal == b->journal && a->has_wtimeout == b->has_wtimeout &&
           a->wtimeout_ms == b->wtimeout_ms;
}

static json_spec_result_t check_concerns(const json_spec_case_t *spec_case,
                                         const muv__options_t *options)
{
    muv__write_concern_t write;
    bson_iter_t iter;

    if (json_spec_find(spec_case->doc, "writeConcern", &iter)) {
        if (build_write_concern(spec_case, &write) != 0 ||
            !same_write_concern(&write, &options->write_concern)) {
            return FAIL("another write concern");
        }
    }
    if (json_spec_find(spec_case->doc, "readConcern", &iter)) {
        const char *level = json_spec_text(spec_case->doc, "readConcern.level");

        if (!same_text(level == NULL ? "" : level, options->read_concern.level)) {
            return FAIL("read concern level %s", options->read_concern.level);
        }
    }
    return JSON_SPEC_PASS;
}

/* ---- Credential ---- */

static json_spec_result_t check_credential(const json_spec_case_t *spec_case,
                                           const muv__credential_t *credential)
{
    const bson_t *doc = spec_case->doc;
    bson_iter_t iter;
    bson_t properties = BSON_INITIALIZER;

    if (!json_spec_find(doc, "credential", &iter)) {
        return credential->enabled ? FAIL("a credential where none is wanted") : JSON_SPEC_PASS;
    }
    if (!credential->enabled) {
        return FAIL("no credential");
    }
    if (!same_text(credential->username, json_spec_text(doc, "credential.username")) ||
        !same_text(credential->password, json_spec_text(doc, "credential.password")) ||
        !same_text(credential->source, json_spec_text(doc, "credential.source")) ||
        !same_text(muv__auth_mechanism_name(credential->mechanism),
                   json_spec_text(doc, "credential.mechanism"))) {
        return FAIL("user %s, password %s, source %s, mechanism %s", shown(credential->username),
                    shown(credential->password), shown(credential->source),
                    shown(muv__auth_mechanism_name(credential->mechanism)));
    }
    if (json_spec_find(doc, "credential.mechanism_properties", &iter) &&
        !json_spec_child(&iter, &properties)) {
        return FAIL("mechanism_properties is no document");
    }
    return same_properties(&properties, credential->properties, credential->property_count)
               ? JSON_SPEC_PASS
               : FAIL("other mechanism properties");
}

/* ---- Connection strings ---- */

/* Does the text up to its first ':' occur in the connection string? Then the option is named. */
static bool names_an_option(const char *message, const char *uri)
{
    const char *colon = strchr(message, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - message);

    for (; length > 0 && *uri != '\0'; uri++) {
        if (strncasecmp(uri, message, length) == 0) {
            return true;
        }
    }
    return false;
}

static json_spec_result_t check_warnings(const json_spec_case_t *spec_case, const char *text,
                                         const muv__uri_t *uri)
{
    bson_iter_t iter;
    bool want;

    if (!json_spec_find(spec_case->doc, "warning", &iter)) {
        return JSON_SPEC_PASS;
    }
    want = bson_iter_as_bool(&iter);
    if (want != (uri->warning_count > 0)) {
        return FAIL("%zu warnings (%s)", uri->warning_count,
                    uri->warning_count > 0 ? uri->warnings[0] : "none");
    }
    for (size_t i = 0; i < uri->warning_count; i++) {
        if (!names_an_option(uri->warnings[i], text)) {
            return FAIL("a warning that names no option: %s", uri->warnings[i]);
        }
    }
    return JSON_SPEC_PASS;
}

static json_spec_result_t check_parsed(const json_spec_case_t *spec_case, const char *text,
                                       const muv__uri_t *uri, const muv__credential_t *credential)
{
    if (check_warnings(spec_case, text, uri) != JSON_SPEC_PASS ||
        check_hosts(spec_case, uri) != JSON_SPEC_PASS ||
        check_auth(spec_case, uri) != JSON_SPEC_PASS ||
        check_options(spec_case, "options", &uri->options) != JSON_SPEC_PASS ||
        check_concerns(spec_case, &uri->options) != JSON_SPEC_PASS) {
        return JSON_SPEC_FAIL;
    }
    return credential == NULL ? JSON_SPEC_PASS : check_credential(spec_case, credential);
}

static bool is_known_field(const char *key)
{
    static const char *const known[] = {"description", "uri",       "valid",   "warning",
                                        "hosts",       "auth",      "options", "writeConcern",
                                        "readConcern", "credential"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* `data` is not NULL for the folder whose cases are about credentials. */
static json_spec_result_t run_uri_case(const json_spec_case_t *spec_case, void *data)
{
    const char *text = json_spec_text(spec_case->doc, "uri");
    bool valid = json_spec_bool(spec_case->doc, "valid", true);
    muv__uri_t *uri = NULL;
    muv__credential_t credential;
    muv_error_t error = {.message = ""};
    json_spec_result_t result = JSON_SPEC_PASS;
    bson_iter_t iter;
    int rc;

    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        if (data != NULL && strcmp(left_out[i], spec_case->description) == 0) {
            return json_spec_skip(spec_case, "contradicts auth.md and newer cases");
        }
    }
    for (bson_iter_init(&iter, spec_case->doc); bson_iter_next(&iter);) {
        if (!is_known_field(bson_iter_key(&iter))) {
            return FAIL("unknown field %s", bson_iter_key(&iter));
        }
    }
    rc = muv__uri_new(text, strlen(text), &error, &uri);
    if (rc == 0) {
        rc = muv__uri_finish(uri, &error);
    }
    if (rc == 0 && data != NULL) {
        rc = muv__credential_of(uri, 0, &error, &credential);
    }
    if ((rc == 0) != valid) {
        result = FAIL("%s", rc == 0 ? "accepted, want an error" : error.message);
    } else if (rc == 0) {
        result = check_parsed(spec_case, text, uri, data == NULL ? NULL : &credential);
    } else if (rc != MUV_EINVAL || error.message[0] == '\0') {
        result = FAIL("code %d, message '%s'", rc, error.message);
    } else if (strncmp(spec_case->folder, "uri-options", 11) == 0 &&
               !names_an_option(error.message, text)) {
        result = FAIL("an error that names no option: %s", error.message);
    }
    muv__uri_free(uri);
    return result;
}

/* ---- Concern documents ---- */

static json_spec_result_t check_written(const json_spec_case_t *spec_case, const char *field,
                                        muv__buf_t *buf)
{
    bson_iter_t iter;
    bson_t want;
    bson_t wrote;

    if (!json_spec_find(spec_case->doc, field, &iter)) {
        return JSON_SPEC_PASS;
    }
    if (buf->error != 0 || !bson_init_static(&wrote, buf->data, buf->size) ||
        !json_spec_child(&iter, &want) || !bson_equal(&wrote, &want)) {
        return FAIL("another document written");
    }
    return JSON_SPEC_PASS;
}

static json_spec_result_t check_write_concern(const json_spec_case_t *spec_case)
{
    muv__write_concern_t concern;
    muv__buf_t buf;
    muv__bson_mark_t mark;
    bson_iter_t iter;
    json_spec_result_t result;
    bool valid = build_write_concern(spec_case, &concern) == 0;

    if ((valid && muv__write_concern_is_valid(&concern)) !=
        json_spec_bool(spec_case->doc, "valid", true)) {
        return FAIL("validity");
    }
    if (!valid) {
        return JSON_SPEC_PASS;
    }
    if (json_spec_find(spec_case->doc, "isServerDefault", &iter) &&
        bson_iter_as_bool(&iter) != muv__write_concern_is_default(&concern)) {
        return FAIL("isServerDefault");
    }
    if (json_spec_find(spec_case->doc, "isAcknowledged", &iter) &&
        bson_iter_as_bool(&iter) != muv__write_concern_is_acknowledged(&concern)) {
        return FAIL("isAcknowledged");
    }
    muv__buf_init(&buf, 4096);
    mark = muv__bson_begin(&buf);
    muv__write_concern_write(&concern, 1, &buf);
    muv__bson_end(&buf, mark);
    result = check_written(spec_case, "writeConcernDocument", &buf);
    muv__buf_done(&buf);
    return result;
}

static json_spec_result_t check_read_concern(const json_spec_case_t *spec_case)
{
    muv__read_concern_t concern = {.level = ""};
    const char *level = json_spec_text(spec_case->doc, "readConcern.level");
    muv__buf_t buf;
    muv__bson_mark_t mark;
    bson_iter_t iter;
    json_spec_result_t result;
    int rc = level == NULL ? 0 : muv__read_concern_set_level(&concern, level, strlen(level));

    if ((rc == 0) != json_spec_bool(spec_case->doc, "valid", true)) {
        return FAIL("validity");
    }
    if (json_spec_find(spec_case->doc, "isServerDefault", &iter) &&
        bson_iter_as_bool(&iter) != muv__read_concern_is_default(&concern)) {
        return FAIL("isServerDefault");
    }
    muv__buf_init(&buf, 4096);
    mark = muv__bson_begin(&buf);
    muv__read_concern_write(&concern, &buf);
    muv__bson_end(&buf, mark);
    result = check_written(spec_case, "readConcernDocument", &buf);
    muv__buf_done(&buf);
    return result;
}

static json_spec_result_t run_concern_case(const json_spec_case_t *spec_case, void *data)
{
    bson_iter_t iter;

    (void)data;
    if (json_spec_find(spec_case->doc, "writeConcern", &iter)) {
        return check_write_concern(spec_case);
    }
    if (json_spec_find(spec_case->doc, "readConcern", &iter)) {
        return check_read_concern(spec_case);
    }
    return FAIL("neither readConcern nor writeConcern");
}

/* ---- Folders ---- */

static void run_folder(const char *folder, json_spec_case_fn run, void *data)
{
    json_spec_tally_t tally = {0, 0, 0, 0, 0};

    if (!json_spec_available(folder)) {
        skip();
    }
    json_spec_run(folder, run, data, &tally);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.passed > 0);
}

static void connection_string(void **state)
{
    (void)state;
    run_folder("connection-string/tests", run_uri_case, NULL);
}

static void uri_options(void **state)
{
    (void)state;
    run_folder("uri-options/tests", run_uri_case, NULL);
}

static void concern_in_connection_string(void **state)
{
    (void)state;
    run_folder("read-write-concern/tests/connection-string", run_uri_case, NULL);
}

static void concern_documents(void **state)
{
    (void)state;
    run_folder("read-write-concern/tests/document", run_concern_case, NULL);
}

static void credentials(void **state)
{
    int credential_folder = 1;

    (void)state;
    run_folder("auth/tests/legacy", run_uri_case, &credential_folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_string),
        cmocka_unit_test(uri_options),
        cmocka_unit_test(concern_in_connection_string),
        cmocka_unit_test(concern_documents),
        cmocka_unit_test(credentials),
    };

    if (!json_spec_available("")) {
        return JSON_SPEC_EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
