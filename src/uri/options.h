/* SPDX-License-Identifier: Apache-2.0 */
/* Every option a connection string or a caller's struct can set: one constant table of rows, the
 * typed values, and the reading of one value. The grammar around the values is uri.h, rules between
 * options are rules.c.
 *
 * A fresh muv__options_t holds the defaults, so it is the resolved view at any time; which options
 * were set is told by the bit of the option in `set`. An invalid value changes nothing. */
#ifndef MUV__URI_OPTIONS_H
#define MUV__URI_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "uri/concern.h"
#include "uri/read_pref.h"
#include "uri/text.h"

/* Rows of the table. An alias writes to another row's value and sets that row's bit. */
typedef enum muv__option {
    MUV__OPTION_APP_NAME,
    MUV__OPTION_AUTH_MECHANISM,
    MUV__OPTION_AUTH_MECHANISM_PROPERTIES,
    MUV__OPTION_AUTH_SOURCE,
    MUV__OPTION_COMPRESSORS,
    MUV__OPTION_CONNECT_TIMEOUT,
    MUV__OPTION_DIRECT_CONNECTION,
    MUV__OPTION_ENABLE_OVERLOAD_RETARGETING,
    MUV__OPTION_HEARTBEAT_FREQUENCY,
    MUV__OPTION_JOURNAL,
    MUV__OPTION_LOAD_BALANCED,
    MUV__OPTION_LOCAL_THRESHOLD,
    MUV__OPTION_MAX_ADAPTIVE_RETRIES,
    MUV__OPTION_MAX_CONNECTING,
    MUV__OPTION_MAX_IDLE_TIME,
    MUV__OPTION_MAX_POOL_SIZE,
    MUV__OPTION_MAX_STALENESS,
    MUV__OPTION_MIN_POOL_SIZE,
    MUV__OPTION_PROXY_HOST,
    MUV__OPTION_PROXY_PASSWORD,
    MUV__OPTION_PROXY_PORT,
    MUV__OPTION_PROXY_USERNAME,
    MUV__OPTION_READ_CONCERN_LEVEL,
    MUV__OPTION_READ_PREFERENCE,
    MUV__OPTION_READ_PREFERENCE_TAGS,
    MUV__OPTION_REPLICA_SET,
    MUV__OPTION_RETRY_READS,
    MUV__OPTION_RETRY_WRITES,
    MUV__OPTION_SERVER_MONITORING_MODE,
    MUV__OPTION_SERVER_SELECTION_TIMEOUT,
    MUV__OPTION_SOCKET_TIMEOUT,
    MUV__OPTION_SRV_MAX_HOSTS,
    MUV__OPTION_SRV_SERVICE_NAME,
    MUV__OPTION_SSL, /* Alias of tls. */
    MUV__OPTION_TIMEOUT,
    MUV__OPTION_TLS,
    MUV__OPTION_TLS_ALLOW_INVALID_CERTIFICATES,
    MUV__OPTION_TLS_ALLOW_INVALID_HOSTNAMES,
    MUV__OPTION_TLS_CA_FILE,
    MUV__OPTION_TLS_CERTIFICATE_KEY_FILE,
    MUV__OPTION_TLS_CERTIFICATE_KEY_FILE_PASSWORD,
    MUV__OPTION_TLS_DISABLE_CERTIFICATE_REVOCATION_CHECK,
    MUV__OPTION_TLS_DISABLE_OCSP_ENDPOINT_CHECK,
    MUV__OPTION_TLS_INSECURE,
    MUV__OPTION_W,
    MUV__OPTION_WAIT_QUEUE_TIMEOUT,
    MUV__OPTION_WTIMEOUT, /* Deprecated alias of wTimeoutMS. */
    MUV__OPTION_WTIMEOUT_MS,
    MUV__OPTION_ZLIB_COMPRESSION_LEVEL,
    MUV__OPTION_COUNT,
    MUV__OPTION_UNKNOWN = MUV__OPTION_COUNT
} muv__option_t;

/* How a value is read, and the C type of the member it goes to. */
typedef enum muv__option_kind {
    MUV__KIND_BOOL,         /* int8_t 0 or 1 */
    MUV__KIND_INT,          /* int64_t within min..max */
    MUV__KIND_TEXT,         /* const char * of min..max bytes */
    MUV__KIND_NAME,         /* int8_t, the index into `names` */
    MUV__KIND_SERVICE,      /* const char *, one label of a DNS name */
    MUV__KIND_COMPRESSORS,  /* `compressors` */
    MUV__KIND_PROPERTIES,   /* `properties` */
    MUV__KIND_TAGS,         /* a tag set appended to `read_pref` */
    MUV__KIND_STALENESS,    /* int64_t to `read_pref`: -1 or min..max */
    MUV__KIND_READ_CONCERN, /* `read_concern` */
    MUV__KIND_W,            /* `write_concern` */
    MUV__KIND_JOURNAL,      /* `write_concern` */
    MUV__KIND_WTIMEOUT      /* `write_concern` */
} muv__option_kind_t;

enum {
    MUV__OPTION_FATAL = 1,          /* A bad or empty value is an error, not a warning. */
    MUV__OPTION_NEGATIVE_FATAL = 2, /* So is a number below the minimum. */
    MUV__OPTION_ONCE = 4,           /* Given twice is an error. */
    MUV__OPTION_REPEATS = 8,        /* Given twice is a list. */
    MUV__OPTION_DEPRECATED = 16,    /* Warned of, and loses against the row it is an alias of. */
    MUV__OPTION_EMPTY_OK = 32       /* The empty value means something. */
};

typedef struct muv__option_row {
    const char *name;
    uint8_t kind;             /* muv__option_kind_t */
    uint8_t flags;            /* MUV__OPTION_* bits. */
    uint8_t target;           /* The row whose bit is set: itself, or what it is an alias of. */
    size_t offset;            /* Of the member in muv__options_t. */
    int64_t min;              /* Of a number, or of a text's length in bytes. */
    int64_t max;              /* Likewise. */
    int64_t fallback;         /* Default of a number, boolean or name. */
    const char *text;         /* Default of a text; NULL is none. */
    const char *const *names; /* Of MUV__KIND_NAME, with a NULL behind them. */
} muv__option_row_t;

enum {
    MUV__AUTH_DEFAULT = 0, /* Negotiated: SCRAM-SHA-256 or SCRAM-SHA-1. */
    MUV__AUTH_SCRAM_SHA_1,
    MUV__AUTH_SCRAM_SHA_256,
    MUV__AUTH_X509,
    MUV__AUTH_PLAIN,
    MUV__AUTH_GSSAPI,
    MUV__AUTH_AWS,
    MUV__AUTH_OIDC
};

enum { MUV__MONITORING_AUTO = 0, MUV__MONITORING_STREAM, MUV__MONITORING_POLL };

/* The ids of OP_COMPRESSED. */
enum { MUV__COMPRESSOR_SNAPPY = 1, MUV__COMPRESSOR_ZLIB = 2, MUV__COMPRESSOR_ZSTD = 3 };
#define MUV__COMPRESSORS_MAX 3

#define MUV__PROPERTIES_MAX 16

typedef struct muv__property {
    const char *key;
    const char *value;
} muv__property_t;

/* Strings are borrowed from the muv__strings_t they were parsed with; NULL is "not set". */
typedef struct muv__options {
    uint64_t set; /* One bit for each muv__option_t that was set. */

    int64_t connect_timeout_ms; /* 0: no limit. */
    int64_t heartbeat_frequency_ms;
    int64_t local_threshold_ms;
    int64_t max_adaptive_retries;
    int64_t max_connecting;
    int64_t max_idle_time_ms; /* 0: no limit. */
    int64_t max_pool_size;    /* 0: no limit. */
    int64_t min_pool_size;
    int64_t proxy_port;
    int64_t server_selection_timeout_ms;
    int64_t socket_timeout_ms;     /* 0: no limit. */
    int64_t srv_max_hosts;         /* 0: all. */
    int64_t timeout_ms;            /* 0: no limit; set or not set makes a difference (CSOT). */
    int64_t wait_queue_timeout_ms; /* 0: no limit. */
    int64_t zlib_compression_level;

    const char *app_name;
    const char *auth_source;
    const char *proxy_host;
    const char *proxy_password;
    const char *proxy_username;
    const char *replica_set;
    const char *srv_service_name;
    const char *tls_ca_file;
    const char *tls_certificate_key_file;
    const char *tls_certificate_key_file_password;

    int8_t auth_mechanism; /* MUV__AUTH_*. */
    int8_t direct_connection;
    int8_t enable_overload_retargeting;
    int8_t load_balanced;
    int8_t retry_reads;
    int8_t retry_writes;
    int8_t server_monitoring_mode; /* MUV__MONITORING_*. */
    int8_t tls;
    int8_t tls_allow_invalid_certificates;
    int8_t tls_allow_invalid_hostnames;
    int8_t tls_disable_certificate_revocation_check;
    int8_t tls_disable_ocsp_endpoint_check;
    int8_t tls_insecure;

    uint8_t compressor_count;
    uint8_t compressors[MUV__COMPRESSORS_MAX]; /* Ids, in the order of preference. */

    uint8_t property_count;
    muv__property_t properties[MUV__PROPERTIES_MAX];

    muv__read_pref_t read_pref; /* [own] */
    muv__read_concern_t read_concern;
    muv__write_concern_t write_concern;
} muv__options_t;

/* What became of one value. */
typedef struct muv__verdict {
    int code;           /* 0, MUV_EINVAL (nothing was changed) or MUV_ENOMEM. */
    int8_t fatal;       /* With MUV_EINVAL: must be an error also in a connection string. */
    const char *reason; /* Why not; with code 0: a warning all the same, or NULL. Static memory, and
                         * never a part of the value: values may be secrets. */
} muv__verdict_t;

/* The row of an option. */
const muv__option_row_t *muv__option_row(muv__option_t option);

/* Look up a name without regard to case. MUV__OPTION_UNKNOWN when there is none. */
muv__option_t muv__option_find(const char *name, size_t length);

/* The member that a row's value goes to. */
const void *muv__option_member(const muv__options_t *options, muv__option_t option);

/* Fill in all defaults. */
void muv__options_init(muv__options_t *options);
void muv__options_done(muv__options_t *options);

/* 1 when the option was set, by whatever name. */
int muv__options_has(const muv__options_t *options, muv__option_t option);

/* Read a value from decoded text (UTF-8, no NUL) and store it. */
muv__verdict_t muv__options_parse(muv__options_t *options, muv__strings_t *strings,
                                  muv__option_t option, const char *text, size_t length);

/* Store a number or a boolean through the same checks. MUV_EINVAL also for an option of another
 * kind. */
muv__verdict_t muv__options_set_int(muv__options_t *options, muv__option_t option, int64_t value);
muv__verdict_t muv__options_set_bool(muv__options_t *options, muv__option_t option, int value);

/* Store one authMechanismProperty, replacing the value of the same key. Unlike in text the value
 * may contain ','. */
muv__verdict_t muv__options_set_property(muv__options_t *options, muv__strings_t *strings,
                                         const char *key, const char *value);

/* "snappy", "zlib" or "zstd". */
const char *muv__compressor_name(uint8_t id);

/* The name of MUV__AUTH_*, NULL for MUV__AUTH_DEFAULT. */
const char *muv__auth_mechanism_name(int mechanism);

#endif
