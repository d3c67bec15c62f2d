/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of one server: an immutable, counted value made from a hello reply, from a failed
 * check or from nothing. One allocation holds the struct, its texts and its host lists.
 *
 * It is not the server: address, round trip times and pool belong to muv__topology_server_t. */
#ifndef MUV__SERVER_DESCRIPTION_H
#define MUV__SERVER_DESCRIPTION_H

#include <stddef.h>
#include <stdint.h>

#include "muv/error.h"

typedef enum muv__server_type {
    MUV__SERVER_UNKNOWN,
    MUV__SERVER_POSSIBLE_PRIMARY,
    MUV__SERVER_STANDALONE,
    MUV__SERVER_MONGOS,
    MUV__SERVER_RS_PRIMARY,
    MUV__SERVER_RS_SECONDARY,
    MUV__SERVER_RS_ARBITER,
    MUV__SERVER_RS_OTHER,
    MUV__SERVER_RS_GHOST,
    MUV__SERVER_LOAD_BALANCER
} muv__server_type_t;

/* Hosts, passives and arbiters of one reply together (a replica set has at most 50 members), bytes
 * of a set's name, and bytes of the tags. A reply with more is refused. */
#define MUV__HELLO_MAX_HOSTS 256
#define MUV__HELLO_MAX_SET_NAME 1024
#define MUV__HELLO_MAX_TAGS_SIZE 16384

/* Used when the server says nothing, or something that cannot be: outside of 1 KiB ... 64 MiB for a
 * document, one document ... 128 MiB for a message, 1 ... 1,000,000 for a batch. Buffers are sized
 * after these numbers, so a hostile one must not pass. */
#define MUV__DEFAULT_MAX_BSON_SIZE (16 * 1024 * 1024)
#define MUV__DEFAULT_MAX_MESSAGE_SIZE 48000000
#define MUV__DEFAULT_MAX_WRITE_BATCH 100000

enum { MUV__HELLO_SNAPPY = 1, MUV__HELLO_ZLIB = 2, MUV__HELLO_ZSTD = 4 };
enum { MUV__SASL_LISTED = 1, MUV__SASL_SCRAM_SHA_1 = 2, MUV__SASL_SCRAM_SHA_256 = 4 };

typedef struct muv__topology_version {
    uint8_t process_id[12];
    int8_t present;
    int64_t counter;
} muv__topology_version_t;

typedef struct muv__server_description {
    uint32_t references;
    uint8_t type;     /* muv__server_type_t. */
    uint8_t hello_ok; /* helloOk: the server understands `hello`. */
    uint8_t has_set_version;
    uint8_t has_election_id;
    uint8_t has_service_id;
    uint8_t failed;          /* UNKNOWN because of an error; see `error_text`. */
    uint8_t compressors;     /* MUV__HELLO_*: those the server listed and we know. */
    uint8_t sasl_mechanisms; /* MUV__SASL_*: LISTED when saslSupportedMechs was there at all. */
    int32_t min_wire_version;
    int32_t max_wire_version;
    uint32_t max_bson_size_bytes;
    uint32_t max_message_size_bytes;
    uint32_t max_write_batch_count;
    int32_t session_timeout_minutes; /* -1: the server has no sessions. */
    int32_t error_code;              /* MUV_E* of the failed check, or the server's code. */
    int64_t set_version;
    int64_t last_write_ms;  /* lastWrite.lastWriteDate, server's clock; INT64_MIN: not said. */
    int64_t last_update_us; /* Our clock, when the reply arrived. */
    int64_t connection_id;  /* The server's; 0: not said. */
    uint8_t election_id[12];
    uint8_t service_id[12];
    muv__topology_version_t topology_version;
    const char *set_name; /* NULL: none. */
    const char *me;       /* "name:port" in lower case, or NULL. So are all addresses here. */
    const char *primary;
    const char *error_text; /* NULL: no error. */
    const uint8_t *tags;    /* A BSON document, NULL: none. */
    uint32_t tags_size;
    uint16_t host_count;
    uint16_t passive_count;
    uint16_t arbiter_count;
    const char *const *hosts; /* Then the passives, then the arbiters: one array. */
} muv__server_description_t;

/* Read a hello reply. A reply that says "not ok", is no hello or breaks a limit gives an UNKNOWN
 * description with `failed` and its text: what a server says is never a failure of ours.
 * Returns 0 or MUV_ENOMEM. */
int muv__server_description_parse(const uint8_t *reply, size_t size, int64_t now_us,
                                  muv__server_description_t **ret);

/* UNKNOWN. `error_text` NULL: never checked. `version` NULL: none is known. Returns 0 or
 * MUV_ENOMEM. */
int muv__server_description_unknown(int32_t error_code, const char *error_text,
                                    const muv__topology_version_t *version, int64_t now_us,
                                    muv__server_description_t **ret);

/* A description without a reply: UNKNOWN's hint POSSIBLE_PRIMARY, or LOAD_BALANCER. */
int muv__server_description_bare(muv__server_type_t type, int64_t now_us,
                                 muv__server_description_t **ret);

/* Not for concurrent use. Retain gives its argument back; release takes NULL. */
muv__server_description_t *muv__server_description_retain(muv__server_description_t *description);
void muv__server_description_release(muv__server_description_t *description);

/* Equal as far as events are concerned (SDAM: not the round trip time, last write, last update).
 * POSSIBLE_PRIMARY is only a hint and equals UNKNOWN. */
int muv__server_description_equal(const muv__server_description_t *a,
                                  const muv__server_description_t *b);

/* Is `key` tagged with `value`? */
int muv__server_description_has_tag(const muv__server_description_t *description, const char *key,
                                    const char *value);

/* -1, 0, 1: `a` is older than, equal to, newer than `b`. A missing version and one of another
 * process make `b` newer: the answer is then -1. */
int muv__topology_version_compare(const muv__topology_version_t *a,
                                  const muv__topology_version_t *b);

/* Read {processId: ObjectId, counter: int64}; anything else gives "not present". */
struct muv__bson_iter;
void muv__topology_version_read(const struct muv__bson_iter *value, muv__topology_version_t *ret);

/* The name the specifications give ("RSPrimary"). */
const char *muv__server_type_name(muv__server_type_t type);

static inline int muv__server_is_known(const muv__server_description_t *description)
{
    return description->type > MUV__SERVER_POSSIBLE_PRIMARY;
}

/* Primary, secondary, mongos, standalone, load balancer: those that hold or reach data. */
static inline int muv__server_is_data_bearing(const muv__server_description_t *description)
{
    return (description->type >= MUV__SERVER_STANDALONE &&
            description->type <= MUV__SERVER_RS_SECONDARY) ||
           description->type == MUV__SERVER_LOAD_BALANCER;
}

#endif
