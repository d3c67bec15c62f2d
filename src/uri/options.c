/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options and the reading of their values. */
#include "uri/options.h"

#include "base/assert.h"
#include "base/compiler.h"

#include "muv/error.h"

#include <string.h>

#define TEXT_MAX 4096
#define MS_MAX INT32_MAX

/* SOCKS5 carries user and password with one length byte (RFC 1929); a DNS label has 63 bytes, one
 * of which is the '_' of the service. */
#define SOCKS5_TEXT_MAX 255
#define SERVICE_MAX 62

/* ---- Table ---- */

static const char *const mechanism_names[] = {
    "",      "SCRAM-SHA-1", "SCRAM-SHA-256", "MONGODB-X509",
    "PLAIN", "GSSAPI",      "MONGODB-AWS",   "MONGODB-OIDC",
    NULL};
static const char *const monitoring_names[] = {"auto", "stream", "poll", NULL};
static const char *const compressor_names[] = {"", "snappy", "zlib", "zstd", NULL};

/* One row each: what all kinds share first, then what the kind needs. */
#define ROW(id_, name_, kind_, flags_, member_)                                                    \
    .name = (name_), .kind = MUV__KIND_##kind_, .flags = (flags_), .target = MUV__OPTION_##id_,    \
    .offset = offsetof(muv__options_t, member_)
#define BOOL(id, name, member, fallback_)                                                          \
    [MUV__OPTION_##id] = {ROW(id, name, BOOL, 0, member), .max = 1, .fallback = (fallback_)}
#define INT(id, name, member, min_, max_, fallback_)                                               \
    [MUV__OPTION_##id] = {ROW(id, name, INT, 0, member), .min = (min_), .max = (max_),             \
                          .fallback = (fallback_)}
#define ONCE_INT(id, name, member, min_, max_, fallback_)                                          \
    [MUV__OPTION_##id] = {ROW(id, name, INT, MUV__OPTION_ONCE, member), .min = (min_),             \
                          .max = (max_), .fallback = (fallback_)}
#define TEXT(id, name, flags, member, max_)                                                        \
    [MUV__OPTION_##id] = {ROW(id, name, TEXT, flags, member), .min = 1, .max = (max_)}
#define NAME(id, name, flags, member, names_)                                                      \
    [MUV__OPTION_##id] = {ROW(id, name, NAME, flags, member), .names = (names_)}
#define OTHER(id, name, kind, flags, member)                                                       \
    [MUV__OPTION_##id] = {ROW(id, name, kind, flags, member)}

static const muv__option_row_t rows[MUV__OPTION_COUNT] = {
    TEXT(APP_NAME, "appName", 0, app_name, 128),
    NAME(AUTH_MECHANISM, "authMechanism", MUV__OPTION_FATAL, auth_mechanism, mechanism_names),
    OTHER(AUTH_MECHANISM_PROPERTIES, "authMechanismProperties", PROPERTIES, 0, properties),
    TEXT(AUTH_SOURCE, "authSource", MUV__OPTION_FATAL, auth_source, TEXT_MAX),
    OTHER(COMPRESSORS, "compressors", COMPRESSORS, 0, compressors),
    INT(CONNECT_TIMEOUT, "connectTimeoutMS", connect_timeout_ms, 0, MS_MAX, 10000),
    BOOL(DIRECT_CONNECTION, "directConnection", direct_connection, 0),
    BOOL(ENABLE_OVERLOAD_RETARGETING, "enableOverloadRetargeting", enable_overload_retargeting, 0),
    INT(HEARTBEAT_FREQUENCY, "heartbeatFrequencyMS", heartbeat_frequency_ms, 500, MS_MAX, 10000),
    OTHER(JOURNAL, "journal", JOURNAL, 0, write_concern),
    BOOL(LOAD_BALANCED, "loadBalanced", load_balanced, 0),
    INT(LOCAL_THRESHOLD, "localThresholdMS", local_threshold_ms, 0, MS_MAX, 15),
    INT(MAX_ADAPTIVE_RETRIES, "maxAdaptiveRetries", max_adaptive_retries, 0, INT32_MAX, 2),
    INT(MAX_CONNECTING, "maxConnecting", max_connecting, 1, INT32_MAX, 2),
    INT(MAX_IDLE_TIME, "maxIdleTimeMS", max_idle_time_ms, 0, MS_MAX, 0),
    INT(MAX_POOL_SIZE, "maxPoolSize", max_pool_size, 0, INT32_MAX, 100),
    [MUV__OPTION_MAX_STALENESS] = {ROW(MAX_STALENESS, "maxStalenessSeconds", STALENESS, 0,
                                       read_pref),
                                   .min = 90, .max = INT32_MAX},
    INT(MIN_POOL_SIZE, "minPoolSize", min_pool_size, 0, INT32_MAX, 0),
    TEXT(PROXY_HOST, "proxyHost", MUV__OPTION_ONCE, proxy_host, 255),
    TEXT(PROXY_PASSWORD, "proxyPassword", MUV__OPTION_ONCE, proxy_password, SOCKS5_TEXT_MAX),
    ONCE_INT(PROXY_PORT, "proxyPort", proxy_port, 1, UINT16_MAX, 1080),
    TEXT(PROXY_USERNAME, "proxyUsername", MUV__OPTION_ONCE, proxy_username, SOCKS5_TEXT_MAX),
    OTHER(READ_CONCERN_LEVEL, "readConcernLevel", READ_CONCERN, 0, read_concern),
    NAME(READ_PREFERENCE, "readPreference", 0, read_pref.mode, muv__read_mode_names),
    OTHER(READ_PREFERENCE_TAGS, "readPreferenceTags", TAGS,
          MUV__OPTION_REPEATS | MUV__OPTION_EMPTY_OK, read_pref),
    TEXT(REPLICA_SET, "replicaSet", 0, replica_set, TEXT_MAX),
    BOOL(RETRY_READS, "retryReads", retry_reads, 1),
    BOOL(RETRY_WRITES, "retryWrites", retry_writes, 1),
    NAME(SERVER_MONITORING_MODE, "serverMonitoringMode", 0, server_monitoring_mode,
         monitoring_names),
    INT(SERVER_SELECTION_TIMEOUT, "serverSelectionTimeoutMS", server_selection_timeout_ms, 0,
        MS_MAX, 30000),
    INT(SOCKET_TIMEOUT, "socketTimeoutMS", socket_timeout_ms, 0, MS_MAX, 0),
    INT(SRV_MAX_HOSTS, "srvMaxHosts", srv_max_hosts, 0, INT32_MAX, 0),
    [MUV__OPTION_SRV_SERVICE_NAME] = {ROW(SRV_SERVICE_NAME, "srvServiceName", SERVICE, 0,
                                          srv_service_name),
                                      .min = 1, .max = SERVICE_MAX, .text = "mongodb"},
    [MUV__OPTION_SSL] = {ROW(TLS, "ssl", BOOL, 0, tls), .max = 1},
    INT(TIMEOUT, "timeoutMS", timeout_ms, 0, MS_MAX, 0),
    BOOL(TLS, "tls", tls, 0),
    BOOL(TLS_ALLOW_INVALID_CERTIFICATES, "tlsAllowInvalidCertificates",
         tls_allow_invalid_certificates, 0),
    BOOL(TLS_ALLOW_INVALID_HOSTNAMES, "tlsAllowInvalidHostnames", tls_allow_invalid_hostnames, 0),
    TEXT(TLS_CA_FILE, "tlsCAFile", 0, tls_ca_file, TEXT_MAX),
    TEXT(TLS_CERTIFICATE_KEY_FILE, "tlsCertificateKeyFile", 0, tls_certificate_key_file, TEXT_MAX),
    TEXT(TLS_CERTIFICATE_KEY_FILE_PASSWORD, "tlsCertificateKeyFilePassword", 0,
         tls_certificate_key_file_password, TEXT_MAX),
    BOOL(TLS_DISABLE_CERTIFICATE_REVOCATION_CHECK, "tlsDisableCertificateRevocationCheck",
         tls_disable_certificate_revocation_check, 0),
    BOOL(TLS_DISABLE_OCSP_ENDPOINT_CHECK, "tlsDisableOCSPEndpointCheck",
         tls_disable_ocsp_endpoint_check, 0),
    BOOL(TLS_INSECURE, "tlsInsecure", tls_insecure, 0),
    OTHER(W, "w", W, MUV__OPTION_NEGATIVE_FATAL, write_concern),
    INT(WAIT_QUEUE_TIMEOUT, "waitQueueTimeoutMS", wait_queue_timeout_ms, 0, MS_MAX, 0),
    [MUV__OPTION_WTIMEOUT] = {ROW(WTIMEOUT_MS, "wtimeout", WTIMEOUT,
                                  MUV__OPTION_NEGATIVE_FATAL | MUV__OPTION_DEPRECATED,
                                  write_concern),
                              .max = MS_MAX},
    [MUV__OPTION_WTIMEOUT_MS] = {ROW(WTIMEOUT_MS, "wTimeoutMS", WTIMEOUT,
                                     MUV__OPTION_NEGATIVE_FATAL, write_concern),
                                 .max = MS_MAX},
    INT(ZLIB_COMPRESSION_LEVEL, "zlibCompressionLevel", zlib_compression_level, -1, 9, -1),
};

_Static_assert(MUV__OPTION_COUNT <= 64, "muv__options_t.set has one bit an option");

/* ---- Verdicts ---- */

static muv__verdict_t fine(void)
{
    muv__verdict_t verdict = {0, 0, NULL};

    return verdict;
}

static muv__verdict_t bad(const char *reason)
{
    muv__verdict_t verdict = {MUV_EINVAL, 0, reason};

    return verdict;
}

static muv__verdict_t fatal(const char *reason)
{
    muv__verdict_t verdict = {MUV_EINVAL, 1, reason};

    return verdict;
}

static muv__verdict_t no_memory(void)
{
    muv__verdict_t verdict = {MUV_ENOMEM, 1, "out of memory"};

    return verdict;
}

/* ---- Members ---- */

const muv__option_row_t *muv__option_row(muv__option_t option)
{
    MUV__ASSERT(option < MUV__OPTION_COUNT);
    return &rows[option];
}

muv__option_t muv__option_find(const char *name, size_t length)
{
    for (size_t i = 0; i < MUV__OPTION_COUNT; i++) {
        if (muv__text_is_nocase(name, length, rows[i].name)) {
            return (muv__option_t)i;
        }
    }
    return MUV__OPTION_UNKNOWN;
}

const void *muv__option_member(const muv__options_t *options, muv__option_t option)
{
    return (const char *)options + muv__option_row(option)->offset;
}

static void *member_of(muv__options_t *options, const muv__option_row_t *row)
{
    return (char *)options + row->offset;
}

int muv__options_has(const muv__options_t *options, muv__option_t option)
{
    return (int)(options->set >> muv__option_row(option)->target & 1);
}

void muv__options_init(muv__options_t *options)
{
    memset(options, 0, sizeof(*options));
    for (size_t i = 0; i < MUV__OPTION_COUNT; i++) {
        const muv__option_row_t *row = &rows[i];

        if (row->target != i) {
            continue;
        }
        if (row->kind == MUV__KIND_BOOL || row->kind == MUV__KIND_NAME) {
            *(int8_t *)member_of(options, row) = (int8_t)row->fallback;
        } else if (row->kind == MUV__KIND_INT) {
            *(int64_t *)member_of(options, row) = row->fallback;
        } else if (row->kind == MUV__KIND_TEXT || row->kind == MUV__KIND_SERVICE) {
            *(const char **)member_of(options, row) = row->text;
        }
    }
}

void muv__options_done(muv__options_t *options)
{
    muv__read_pref_done(&options->read_pref);
}

/* ---- One value by kind ---- */

static muv__verdict_t store_int(muv__options_t *options, const muv__option_row_t *row,
                                int64_t value)
{
    int rc = 0;

    if (row->kind == MUV__KIND_W) {
        if (value < 0) {
            return fatal("must not be negative");
        }
        return muv__write_concern_set_w(&options->write_concern, value) == 0 ? fine()
                                                                             : fatal("too large");
    }
    if (row->kind == MUV__KIND_STALENESS && value == -1) {
        rc = muv__read_pref_set_max_staleness(&options->read_pref, value);
        MUV__ASSERT(rc == 0);
        return fine();
    }
    if (value < row->min) {
        return row->flags & MUV__OPTION_NEGATIVE_FATAL ? fatal("the number is too small")
                                                       : bad("the number is too small");
    }
    if (value > row->max) {
        return bad("the number is too large");
    }
    if (row->kind == MUV__KIND_INT) {
        *(int64_t *)member_of(options, row) = value;
    } else if (row->kind == MUV__KIND_STALENESS) {
        rc = muv__read_pref_set_max_staleness(&options->read_pref, value);
    } else {
        MUV__ASSERT(row->kind == MUV__KIND_WTIMEOUT);
        rc = muv__write_concern_set_wtimeout(&options->write_concern, value);
    }
    MUV__ASSERT(rc == 0);
    return fine();
}

static void store_bool(muv__options_t *options, const muv__option_row_t *row, int value)
{
    if (row->kind == MUV__KIND_JOURNAL) {
        muv__write_concern_set_journal(&options->write_concern, value);
    } else {
        MUV__ASSERT(row->kind == MUV__KIND_BOOL);
        *(int8_t *)member_of(options, row) = value != 0;
    }
}

/* Other words than true and false are deprecated, but honoured: to ignore tls=1 would turn
 * encryption off (Connection String: Boolean). */
static muv__verdict_t parse_bool(muv__options_t *options, const muv__option_row_t *row,
                                 const char *text, size_t length)
{
    static const char *const yes[] = {"1", "yes", "y", "t", "on"};
    static const char *const no[] = {"0", "-1", "no", "n", "f", "off"};
    muv__verdict_t verdict = fine();

    if (muv__text_is(text, length, "true")) {
        store_bool(options, row, 1);
        return verdict;
    }
    if (muv__text_is(text, length, "false")) {
        store_bool(options, row, 0);
        return verdict;
    }
    verdict.reason = "write true or false; other words are deprecated";
    for (size_t i = 0; i < MUV__COUNT_OF(yes); i++) {
        if (muv__text_is_nocase(text, length, yes[i])) {
            store_bool(options, row, 1);
            return verdict;
        }
    }
    for (size_t i = 0; i < MUV__COUNT_OF(no); i++) {
        if (muv__text_is_nocase(text, length, no[i])) {
            store_bool(options, row, 0);
            return verdict;
        }
    }
    return bad("the value is neither true nor false");
}

static muv__verdict_t parse_int(muv__options_t *options, const muv__option_row_t *row,
                                const char *text, size_t length)
{
    int64_t value;

    if (muv__text_parse_int(text, length, &value) != 0) {
        return bad("the value is no number");
    }
    return store_int(options, row, value);
}

static muv__verdict_t parse_w(muv__options_t *options, const muv__option_row_t *row,
                              const char *text, size_t length)
{
    int64_t value;

    if (muv__text_parse_int(text, length, &value) == 0) {
        return store_int(options, row, value);
    }
    if (muv__write_concern_set_tag(&options->write_concern, text, length) != 0) {
        return fatal("the name is too long");
    }
    return fine();
}

/* Letters, digits and inner '-' or '_': what can stand in one label of a DNS name. */
static int is_service(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        int alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!alnum && ((c != '-' && c != '_') || i == 0 || i + 1 == length)) {
            return 0;
        }
    }
    return 1;
}

static muv__verdict_t parse_text(muv__options_t *options, muv__strings_t *strings,
                                 const muv__option_row_t *row, const char *text, size_t length)
{
    char *copy;

    if ((int64_t)length > row->max) {
        return bad("the value is too long");
    }
    if (row->kind == MUV__KIND_SERVICE && !is_service(text, length)) {
        return bad("the value is no service name");
    }
    copy = muv__strings_keep(strings, text, length);
    if (copy == NULL) {
        return no_memory();
    }
    *(const char **)member_of(options, row) = copy;
    return fine();
}

static muv__verdict_t parse_name(muv__options_t *options, const muv__option_row_t *row,
                                 const char *text, size_t length)
{
    for (int8_t i = 0; row->names[i] != NULL; i++) {
        if (muv__text_is(text, length, row->names[i])) {
            *(int8_t *)member_of(options, row) = i;
            return fine();
        }
    }
    return bad("the value is unknown (names are case-sensitive)");
}

static uint8_t compressor_id(const char *text, size_t length)
{
    for (uint8_t id = MUV__COMPRESSOR_SNAPPY; compressor_names[id] != NULL; id++) {
        if (muv__text_is(text, length, compressor_names[id])) {
            return id;
        }
    }
    return 0;
}

/* Unknown names are left out with a warning; the others are still offered to the server. */
static muv__verdict_t parse_compressors(muv__options_t *options, const char *text, size_t length)
{
    uint8_t ids[MUV__COMPRESSORS_MAX];
    uint8_t count = 0;
    muv__verdict_t verdict = fine();
    const char *end = text + length;

    while (text <= end) {
        const char *comma = text == end ? NULL : memchr(text, ',', (size_t)(end - text));
        const char *stop = comma == NULL ? end : comma;
        uint8_t id = compressor_id(text, (size_t)(stop - text));

        if (id == 0) {
            verdict.reason = "one of the names is unknown (known: snappy, zlib, zstd)";
        } else if (count == 0 || memchr(ids, id, count) == NULL) {
            MUV__ASSERT(count < MUV__COMPRESSORS_MAX);
            ids[count++] = id;
        }
        text = stop + 1;
    }
    if (count == 0) {
        return bad("no known compressor (known: snappy, zlib, zstd)");
    }
    memcpy(options->compressors, ids, count);
    options->compressor_count = count;
    return verdict;
}

static muv__property_t *find_property(muv__property_t *list, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].key, key) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

/* "key:value,key:value" in one copy whose delimiters become NULs. The first ':' of a pair divides:
 * values are URLs at times. */
static muv__verdict_t parse_properties(muv__options_t *options, muv__strings_t *strings,
                                       const char *text, size_t length)
{
    muv__property_t list[MUV__PROPERTIES_MAX];
    uint8_t count = 0;
    char *pair = muv__strings_keep(strings, text, length);

    if (pair == NULL) {
        return no_memory();
    }
    while (pair != NULL) {
        char *next = strchr(pair, ',');
        char *colon;

        if (next != NULL) {
            *next++ = '\0';
        }
        colon = strchr(pair, ':');
        if (colon == NULL || colon == pair) {
            return bad("the value is no list of KEY:VALUE (a ',' cannot be part of a value)");
        }
        *colon = '\0';
        if (find_property(list, count, pair) != NULL) {
            return bad("a property is given twice");
        }
        if (count == MUV__PROPERTIES_MAX) {
            return fatal("too many properties");
        }
        list[count].key = pair;
        list[count].value = colon + 1;
        count++;
        pair = next;
    }
    memcpy(options->properties, list, count * sizeof(list[0]));
    options->property_count = count;
    return fine();
}

static muv__verdict_t parse_tags(muv__options_t *options, const char *text, size_t length)
{
    switch (muv__read_pref_add_text(&options->read_pref, text, length)) {
    case 0: return fine();
    case MUV_ENOMEM: return no_memory();
    case MUV_ETOOLARGE: return fatal("too many tags or tag sets");
    default: return bad("the value is no list of KEY:VALUE");
    }
}

static muv__verdict_t parse_kind(muv__options_t *options, muv__strings_t *strings,
                                 const muv__option_row_t *row, const char *text, size_t length)
{
    switch ((muv__option_kind_t)row->kind) {
    case MUV__KIND_BOOL:
    case MUV__KIND_JOURNAL: return parse_bool(options, row, text, length);
    case MUV__KIND_INT:
    case MUV__KIND_STALENESS:
    case MUV__KIND_WTIMEOUT: return parse_int(options, row, text, length);
    case MUV__KIND_TEXT:
    case MUV__KIND_SERVICE: return parse_text(options, strings, row, text, length);
    case MUV__KIND_NAME: return parse_name(options, row, text, length);
    case MUV__KIND_COMPRESSORS: return parse_compressors(options, text, length);
    case MUV__KIND_PROPERTIES: return parse_properties(options, strings, text, length);
    case MUV__KIND_TAGS: return parse_tags(options, text, length);
    case MUV__KIND_W: return parse_w(options, row, text, length);
    case MUV__KIND_READ_CONCERN: break;
    }
    if (muv__read_concern_set_level(&options->read_concern, text, length) != 0) {
        return bad("the value is too long");
    }
    return fine();
}

/* ---- Entry points ---- */

static muv__verdict_t settle(muv__options_t *options, const muv__option_row_t *row,
                             muv__verdict_t verdict)
{
    if (verdict.code == 0) {
        options->set |= UINT64_C(1) << row->target;
    } else if (row->flags & MUV__OPTION_FATAL) {
        verdict.fatal = 1;
    }
    return verdict;
}

muv__verdict_t muv__options_parse(muv__options_t *options, muv__strings_t *strings,
                                  muv__option_t option, const char *text, size_t length)
{
    const muv__option_row_t *row = muv__option_row(option);

    if (length == 0 && !(row->flags & MUV__OPTION_EMPTY_OK)) {
        return settle(options, row, bad("the value is empty"));
    }
    return settle(options, row, parse_kind(options, strings, row, text, length));
}

muv__verdict_t muv__options_set_int(muv__options_t *options, muv__option_t option, int64_t value)
{
    const muv__option_row_t *row = muv__option_row(option);

    if (row->kind != MUV__KIND_INT && row->kind != MUV__KIND_STALENESS &&
        row->kind != MUV__KIND_WTIMEOUT && row->kind != MUV__KIND_W) {
        return bad("the option is no number");
    }
    return settle(options, row, store_int(options, row, value));
}

muv__verdict_t muv__options_set_bool(muv__options_t *options, muv__option_t option, int value)
{
    const muv__option_row_t *row = muv__option_row(option);

    if (row->kind != MUV__KIND_BOOL && row->kind != MUV__KIND_JOURNAL) {
        return bad("the option is no boolean");
    }
    store_bool(options, row, value);
    return settle(options, row, fine());
}

muv__verdict_t muv__options_set_property(muv__options_t *options, muv__strings_t *strings,
                                         const char *key, const char *value)
{
    const muv__option_row_t *row = muv__option_row(MUV__OPTION_AUTH_MECHANISM_PROPERTIES);
    muv__property_t *old = find_property(options->properties, options->property_count, key);
    muv__property_t property;

    if (key[0] == '\0') {
        return bad("the name of a property is empty");
    }
    if (old == NULL && options->property_count == MUV__PROPERTIES_MAX) {
        return bad("too many properties");
    }
    property.key = muv__strings_keep(strings, key, strlen(key));
    property.value = muv__strings_keep(strings, value, strlen(value));
    if (property.key == NULL || property.value == NULL) {
        return no_memory();
    }
    if (old == NULL) {
        old = &options->properties[options->property_count++];
    }
    *old = property;
    return settle(options, row, fine());
}

/* ---- Names ---- */

const char *muv__compressor_name(uint8_t id)
{
    MUV__ASSERT(id >= MUV__COMPRESSOR_SNAPPY && id <= MUV__COMPRESSOR_ZSTD);
    return compressor_names[id];
}

const char *muv__auth_mechanism_name(int mechanism)
{
    MUV__ASSERT(mechanism >= MUV__AUTH_DEFAULT && mechanism <= MUV__AUTH_OIDC);
    return mechanism == MUV__AUTH_DEFAULT ? NULL : mechanism_names[mechanism];
}
