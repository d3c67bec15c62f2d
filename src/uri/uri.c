/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of connection strings:
 *
 *   mongodb[+srv]:// [user[:password]@] host[:port][,host[:port]...] [/[database]] [?key=value&...]
 *
 * The string is cut at delimiters first and decoded piece by piece afterwards, so that no escaped
 * character can act as a delimiter. */
#include "uri/uri.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WARNING_SIZE 200

/* Longest unknown option name that a warning shows. */
#define SHOWN_NAME_MAX 40

struct piece {
    const char *text;
    size_t length;
};

/* The string cut into its parts; `text` is NULL for a part that is not there. */
struct parts {
    struct piece user;
    struct piece hosts;
    struct piece database;
    struct piece query;
};

/* ---- Helpers ---- */

int muv__uri_warn(muv__uri_t *uri, const char *format, ...)
{
    char text[WARNING_SIZE];
    va_list arguments;
    char *copy;

    if (uri->warning_count == MUV__URI_WARNINGS_MAX) {
        return 0;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    copy = muv__strings_keep(&uri->strings, text, strlen(text));
    if (copy == NULL) {
        return MUV_ENOMEM;
    }
    uri->warnings[uri->warning_count++] = copy;
    return 0;
}

static int out_of_memory(muv_error_t *reterr)
{
    (void)muv__error_code(reterr, MUV_ENOMEM);
    return MUV_ENOMEM;
}

/* Position of `c` in the piece, or its length. */
static size_t find(struct piece piece, char c)
{
    const char *at = piece.length == 0 ? NULL : memchr(piece.text, c, piece.length);

    return at == NULL ? piece.length : (size_t)(at - piece.text);
}

static int has(struct piece piece, char c)
{
    return find(piece, c) < piece.length;
}

/* Cut the text before the first `delimiter` off the front of `rest`. `rest->text` is NULL when
 * there was no delimiter. */
static struct piece cut(struct piece *rest, char delimiter)
{
    size_t at = find(*rest, delimiter);
    struct piece head = {rest->text, at};

    if (at == rest->length) {
        rest->text = NULL;
        rest->length = 0;
    } else {
        rest->text += at + 1;
        rest->length -= at + 1;
    }
    return head;
}

/* Decode a piece into the uri's strings. `what` names it in the error. */
static int keep_decoded(muv__uri_t *uri, struct piece piece, const char *what, muv_error_t *reterr,
                        const char **ret)
{
    char *text = muv__strings_reserve(&uri->strings, piece.length + 1);
    size_t length;

    if (text == NULL) {
        return out_of_memory(reterr);
    }
    if (muv__text_decode(piece.text, piece.length, text, &length) != 0) {
        (void)muv__error_set(reterr, MUV_EINVAL,
                             "connection string: %s has a '%%' without two hex digits, or is not "
                             "UTF-8 when decoded",
                             what);
        return MUV_EINVAL;
    }
    *ret = text;
    return 0;
}

/* ---- User, hosts, database ---- */

static int parse_user(muv__uri_t *uri, struct piece user, muv_error_t *reterr)
{
    struct piece password = user;
    struct piece name = cut(&password, ':');
    int rc;

    if (has(password, ':')) {
        return muv__error_set(
            reterr, MUV_EINVAL,
            "connection string: the user info has more than one ':' (write %%3A)");
    }
    if (name.length == 0) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "connection string: the user name before '@' is empty");
    }
    rc = keep_decoded(uri, name, "the user name", reterr, &uri->username);
    if (rc == 0 && password.text != NULL) {
        rc = keep_decoded(uri, password, "the password", reterr, &uri->password);
    }
    return rc;
}

static int parse_host(struct piece piece, muv__host_t *host, muv__host_parts_t *parts,
                      const char **ret_reason)
{
    char name[3 * MUV__HOST_NAME_MAX + 1];
    int rc = muv__host_split(piece.text, piece.length, parts, ret_reason);

    if (rc != 0) {
        return rc;
    }
    if (parts->name_length >= sizeof(name)) {
        *ret_reason = "the name is longer than 255 bytes";
        return MUV_EINVAL;
    }
    if (muv__text_decode(parts->name, parts->name_length, name, &parts->name_length) != 0) {
        *ret_reason = "a '%' without two hex digits, or not UTF-8";
        return MUV_EINVAL;
    }
    parts->name = name;
    rc = muv__host_set(parts, host, ret_reason);
    parts->name = NULL;
    return rc;
}

/* (Initial DNS Seedlist Discovery) one name to look up, without a port. Labels must not be empty,
 * and there is no shortest count of them. */
static int check_srv_host(const muv__uri_t *uri, int has_port, muv_error_t *reterr)
{
    const char *name = uri->hosts[0].name;
    const char *reason = NULL;

    if (uri->host_count != 1) {
        reason = "exactly one host";
    } else if (has_port) {
        reason = "a host without port";
    } else if (uri->hosts[0].kind != MUV__HOST_NAME) {
        reason = "a host name, not an address or a path";
    } else if (name[0] == '.' || strstr(name, "..") != NULL) {
        reason = "a host name without empty labels";
    }
    if (reason == NULL) {
        return 0;
    }
    return muv__error_set(reterr, MUV_EINVAL, "connection string: mongodb+srv:// needs %s", reason);
}

static int parse_hosts(muv__uri_t *uri, struct piece rest, muv_error_t *reterr)
{
    size_t count = 1;
    int has_port = 0;

    for (size_t i = 0; i < rest.length; i++) {
        count += rest.text[i] == ',';
    }
    if (rest.length == 0) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "connection string: no host (a '/' in user info or a socket path is "
                              "written as %%2F)");
    }
    if (count > MUV__URI_HOSTS_MAX) {
        return muv__error_set(reterr, MUV_EINVAL, "connection string: more than %d hosts",
                              MUV__URI_HOSTS_MAX);
    }
    uri->hosts = muv__mem_array(count, sizeof(uri->hosts[0]));
    if (uri->hosts == NULL) {
        return out_of_memory(reterr);
    }
    while (rest.text != NULL) {
        muv__host_parts_t parts;
        const char *reason;

        if (parse_host(cut(&rest, ','), &uri->hosts[uri->host_count], &parts, &reason) != 0) {
            return muv__error_set(reterr, MUV_EINVAL, "connection string: host %zu: %s",
                                  uri->host_count + 1, reason);
        }
        has_port |= parts.has_port;
        uri->host_count++;
    }
    MUV__ASSERT(uri->host_count == count);
    return uri->srv ? check_srv_host(uri, has_port, reterr) : 0;
}

static int parse_database(muv__uri_t *uri, struct piece piece, muv_error_t *reterr)
{
    const char *database;
    int rc;

    if (piece.length == 0) {
        return 0;
    }
    /* A raw '@' here comes from a raw '/' in the user info; to go on would contact a wrong host. */
    if (has(piece, '@')) {
        return muv__error_set(
            reterr, MUV_EINVAL,
            "connection string: '@' behind '/' (in user info write '/' as %%2F, in "
            "a database name '@' as %%40)");
    }
    rc = keep_decoded(uri, piece, "the database name", reterr, &database);
    if (rc == 0 && strpbrk(database, "/\\ \"$") != NULL) {
        rc = muv__error_set(reterr, MUV_EINVAL,
                            "connection string: the database name contains one of / \\ \" $ or a "
                            "blank");
    }
    if (rc == 0) {
        uri->database = database;
    }
    return rc;
}

/* ---- Options ---- */

static int is_shown_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static int warn_unknown(muv__uri_t *uri, struct piece key, size_t index, int may_show)
{
    int shown = may_show && key.length <= SHOWN_NAME_MAX;

    for (size_t i = 0; shown && i < key.length; i++) {
        shown = is_shown_byte(key.text[i]);
    }
    if (!shown) {
        return muv__uri_warn(uri, "option %zu of the connection string is unknown; ignored", index);
    }
    return muv__uri_warn(uri, "%.*s: unknown option; ignored", (int)key.length, key.text);
}

/* 1 when the value must not be stored, because the option has another name that was given too. */
static int loses_to_alias(const muv__uri_t *uri, const muv__option_row_t *row)
{
    return (row->flags & MUV__OPTION_DEPRECATED) != 0 && (uri->given >> row->target & 1) != 0;
}

static int note_given(muv__uri_t *uri, muv__option_t option, muv_error_t *reterr)
{
    const muv__option_row_t *row = muv__option_row(option);
    int again = (uri->given >> option & 1) != 0;
    int rc = 0;

    uri->given |= UINT64_C(1) << option;
    if (again && (row->flags & MUV__OPTION_ONCE)) {
        return muv__error_set(reterr, MUV_EINVAL, "%s: given more than once", row->name);
    }
    if (again && !(row->flags & MUV__OPTION_REPEATS)) {
        rc = muv__uri_warn(uri, "%s: given more than once; the last value counts", row->name);
    }
    if (rc == 0 && (row->flags & MUV__OPTION_DEPRECATED)) {
        rc = muv__uri_warn(uri, "%s: deprecated; use %s", row->name,
                           muv__option_row((muv__option_t)row->target)->name);
    }
    return rc == 0 ? 0 : out_of_memory(reterr);
}

static int report(muv__uri_t *uri, const muv__option_row_t *row, muv__verdict_t verdict,
                  muv_error_t *reterr)
{
    int rc = 0;

    if (verdict.code == MUV_ENOMEM) {
        return out_of_memory(reterr);
    }
    if (verdict.code != 0 && verdict.fatal) {
        return muv__error_set(reterr, MUV_EINVAL, "%s: %s", row->name, verdict.reason);
    }
    if (verdict.code != 0) {
        rc = muv__uri_warn(uri, "%s: %s; ignored", row->name, verdict.reason);
    } else if (verdict.reason != NULL) {
        rc = muv__uri_warn(uri, "%s: %s", row->name, verdict.reason);
    }
    return rc == 0 ? 0 : out_of_memory(reterr);
}

static int store_value(muv__uri_t *uri, muv__option_t option, struct piece value,
                       muv_error_t *reterr)
{
    const muv__option_row_t *row = muv__option_row(option);
    int8_t old_tls = uri->options.tls;
    int had_tls = muv__options_has(&uri->options, MUV__OPTION_TLS);
    char *text = muv__strings_reserve(&uri->strings, value.length + 1);
    muv__verdict_t verdict = {MUV_EINVAL, 0, "a '%' without two hex digits, or not UTF-8"};
    size_t length;

    if (text == NULL) {
        return out_of_memory(reterr);
    }
    if (muv__text_decode(value.text, value.length, text, &length) == 0) {
        verdict = muv__options_parse(&uri->options, &uri->strings, option, text, length);
    } else {
        verdict.fatal = (row->flags & MUV__OPTION_FATAL) != 0;
    }
    if (row->target == MUV__OPTION_TLS && had_tls && uri->options.tls != old_tls) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "tls: given with different values (ssl is the same "
                              "option)");
    }
    return report(uri, row, verdict, reterr);
}

/* `may_show` is 0 when the query holds a raw '@': it may be the end of a password with a raw '?',
 * and then what looks like an option's name is a piece of it. */
static int parse_option(muv__uri_t *uri, struct piece value, size_t index, int may_show,
                        muv_error_t *reterr)
{
    struct piece key = cut(&value, '=');
    muv__option_t option;
    int rc;

    if (value.text == NULL || key.length == 0) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "connection string: option %zu is not of the form key=value", index);
    }
    option = muv__option_find(key.text, key.length);
    if (option == MUV__OPTION_UNKNOWN) {
        rc = warn_unknown(uri, key, index, may_show);
        return rc == 0 ? 0 : out_of_memory(reterr);
    }
    rc = note_given(uri, option, reterr);
    if (rc != 0 || loses_to_alias(uri, muv__option_row(option))) {
        return rc;
    }
    return store_value(uri, option, value, reterr);
}

static int parse_query(muv__uri_t *uri, struct piece rest, muv_error_t *reterr)
{
    int may_show = !has(rest, '@');
    int rc = 0;

    if (rest.length == 0) {
        return 0;
    }
    for (size_t index = 1; rc == 0 && rest.text != NULL; index++) {
        rc = parse_option(uri, cut(&rest, '&'), index, may_show, reterr);
    }
    return rc;
}

/* ---- The whole string ---- */

static int starts_with(struct piece *text, const char *prefix)
{
    size_t length = strlen(prefix);

    if (text->length < length || memcmp(text->text, prefix, length) != 0) {
        return 0;
    }
    text->text += length;
    text->length -= length;
    return 1;
}

static int split(struct piece rest, struct parts *parts, muv_error_t *reterr)
{
    struct piece hosts;

    parts->query = rest;
    parts->database = cut(&parts->query, '?');
    hosts = cut(&parts->database, '/');
    if (has(hosts, '@')) {
        parts->user = cut(&hosts, '@');
    }
    if (has(hosts, '@')) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "connection string: more than one '@' before the hosts (write %%40)");
    }
    parts->hosts = hosts;
    return 0;
}

static int parse(muv__uri_t *uri, struct piece rest, muv_error_t *reterr)
{
    struct parts parts = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    int rc;

    if (starts_with(&rest, "mongodb+srv://")) {
        uri->srv = 1;
    } else if (!starts_with(&rest, "mongodb://")) {
        return muv__error_set(
            reterr, MUV_EINVAL,
            "connection string: does not start with mongodb:// or mongodb+srv://");
    }
    rc = split(rest, &parts, reterr);
    if (rc == 0 && parts.user.text != NULL) {
        rc = parse_user(uri, parts.user, reterr);
    }
    if (rc == 0) {
        rc = parse_hosts(uri, parts.hosts, reterr);
    }
    if (rc == 0) {
        rc = parse_database(uri, parts.database, reterr);
    }
    if (rc == 0) {
        rc = parse_query(uri, parts.query, reterr);
    }
    return rc;
}

int muv__uri_new(const char *text, size_t size, muv_error_t *reterr, muv__uri_t **ret)
{
    struct piece whole = {text, size};
    muv__uri_t *uri;
    int rc;

    if (size > MUV__URI_SIZE_MAX) {
        return muv__error_set(reterr, MUV_EINVAL, "connection string: longer than %d bytes",
                              MUV__URI_SIZE_MAX);
    }
    if (size == 0 || !muv__text_is_utf8(text, size)) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "connection string: empty, not UTF-8, or with a NUL inside");
    }
    uri = muv__mem_zalloc(sizeof(*uri));
    if (uri == NULL) {
        return out_of_memory(reterr);
    }
    muv__options_init(&uri->options);
    rc = parse(uri, whole, reterr);
    if (rc != 0) {
        muv__uri_free(uri);
        return rc;
    }
    *ret = uri;
    return 0;
}

/* ---- What DNS adds ---- */

/* One option of a TXT record; `set` are those that win over it. */
static int take_default(muv__uri_t *uri, struct piece value, uint64_t set, muv_error_t *reterr)
{
    struct piece key = cut(&value, '=');
    muv__option_t option;

    if (value.text == NULL || key.length == 0) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "TXT record: an option that is not of the form key=value");
    }
    option = muv__option_find(key.text, key.length);
    if (option != MUV__OPTION_AUTH_SOURCE && option != MUV__OPTION_REPLICA_SET &&
        option != MUV__OPTION_LOAD_BALANCED) {
        return muv__error_set(
            reterr, MUV_EINVAL,
            "TXT record: an option other than authSource, replicaSet and loadBalanced");
    }
    if ((set >> option & 1) != 0) {
        return 0;
    }
    return store_value(uri, option, value, reterr);
}

static int take_defaults(muv__uri_t *uri, struct piece rest, muv_error_t *reterr)
{
    uint64_t set = uri->options.set;
    int rc = 0;

    if (rest.length == 0) {
        return 0;
    }
    if (!muv__text_is_utf8(rest.text, rest.length)) {
        return muv__error_set(reterr, MUV_EINVAL, "TXT record: not UTF-8, or with a NUL inside");
    }
    while (rc == 0 && rest.text != NULL) {
        rc = take_default(uri, cut(&rest, '&'), set, reterr);
    }
    return rc;
}

int muv__uri_resolve(muv__uri_t *uri, const muv__host_t *hosts, size_t host_count, const char *text,
                     size_t size, muv_error_t *reterr)
{
    struct piece defaults = {text, text == NULL ? 0 : size};
    muv__strings_mark_t mark = muv__strings_mark(&uri->strings);
    muv__uri_t before = *uri;
    int rc;

    MUV__ASSERT(uri->srv && host_count > 0 && host_count <= MUV__URI_HOSTS_MAX);
    uri->hosts = muv__mem_array(host_count, sizeof(uri->hosts[0]));
    if (uri->hosts == NULL) {
        uri->hosts = before.hosts;
        return out_of_memory(reterr);
    }
    memcpy(uri->hosts, hosts, host_count * sizeof(hosts[0]));
    uri->host_count = host_count;
    rc = take_defaults(uri, defaults, reterr);
    if (rc == 0) {
        rc = muv__uri_finish(uri, reterr);
    }
    if (rc != 0) {
        /* What a value owns beside the strings is not among the three that were stored. */
        muv__strings_rewind(&uri->strings, mark);
        muv__mem_free(uri->hosts);
        before.strings = uri->strings;
        *uri = before;
        return rc;
    }
    muv__mem_free(before.hosts);
    return 0;
}

void muv__uri_free(muv__uri_t *uri)
{
    if (uri == NULL) {
        return;
    }
    muv__options_done(&uri->options);
    muv__strings_done(&uri->strings);
    muv__mem_free(uri->hosts);
    muv__mem_free(uri);
}
