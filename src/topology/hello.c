/* SPDX-License-Identifier: Apache-2.0 */
/* From the bytes of a hello reply to a server description. Two passes: the first reads the fields
 * into a struct that borrows from the reply and adds up the memory, the second copies. What breaks
 * a limit ends in an UNKNOWN description that says so; nothing is allocated before it was checked.
 */
#include "topology/server_description.h"

#include "base/assert.h"
#include "base/bson_view.h"
#include "base/compiler.h"
#include "base/host.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define ERROR_TEXT_SIZE 256

/* Dates are subtracted from each other and from times of ours. */
#define MAX_DATE_MS ((int64_t)1 << 52)

typedef struct text {
    const char *at; /* NULL: the field was not there. */
    uint32_t length;
} text_t;

typedef struct host_list {
    uint16_t first; /* In hello.hosts. */
    uint16_t count;
} host_list_t;

typedef struct hello {
    muv__server_description_t fields; /* Numbers and flags; no pointers. */
    const char *refusal;              /* Why the reply is not taken, or NULL. */
    text_t set_name;
    text_t me;
    text_t primary;
    text_t error;
    muv__bson_iter_t tags;
    host_list_t lists[3]; /* Hosts, passives, arbiters. */
    uint16_t host_total;
    uint8_t has_ok;
    uint8_t ok;
    uint8_t writable;
    uint8_t mongos;
    uint8_t ghost;
    uint8_t secondary;
    uint8_t hidden;
    uint8_t arbiter;
    int64_t code;
    text_t hosts[MUV__HELLO_MAX_HOSTS];
} hello_t;

typedef void (*reader_t)(hello_t *hello, const muv__bson_iter_t *value);

static void refuse(hello_t *hello, const char *reason)
{
    if (hello->refusal == NULL) {
        hello->refusal = reason;
    }
}

static int64_t number_of(const muv__bson_iter_t *value, int64_t missing)
{
    int64_t number;

    return muv__bson_iter_as_int64(value, &number) ? number : missing;
}

static int32_t number_within(const muv__bson_iter_t *value, int64_t least, int64_t most,
                             int32_t otherwise)
{
    int64_t number = number_of(value, least - 1);

    return number < least || number > most ? otherwise : (int32_t)number;
}

static text_t text_in(hello_t *hello, const muv__bson_iter_t *value, uint32_t max_length,
                      const char *reason)
{
    text_t text = {NULL, 0};

    if (value->type != MUV__BSON_UTF8) {
        return text;
    }
    text.at = muv__bson_iter_text(value);
    text.length = muv__bson_iter_text_length(value);
    if (text.length > max_length || memchr(text.at, '\0', text.length) != NULL) {
        refuse(hello, reason);
    }
    return text;
}

static void read_hosts(hello_t *hello, const muv__bson_iter_t *value, host_list_t *list)
{
    muv__bson_iter_t item;

    if (value->type != MUV__BSON_ARRAY || !muv__bson_iter_child(value, &item)) {
        return;
    }
    if (list->count != 0) {
        refuse(hello, "hello names a list of hosts twice");
        return;
    }
    list->first = hello->host_total;
    while (muv__bson_iter_next(&item)) {
        if (hello->host_total == MUV__HELLO_MAX_HOSTS) {
            refuse(hello, "hello names more than 256 hosts");
            return;
        }
        if (item.type != MUV__BSON_UTF8) {
            refuse(hello, "hello names a host that is no string");
            return;
        }
        hello->hosts[hello->host_total].at = muv__bson_iter_text(&item);
        hello->hosts[hello->host_total].length = muv__bson_iter_text_length(&item);
        hello->host_total++;
        list->count++;
    }
    if (item.bad) {
        refuse(hello, "hello is malformed");
    }
}

#define READER(name) static void read_##name(hello_t *hello, const muv__bson_iter_t *value)

READER(ok)
{
    hello->has_ok = 1;
    hello->ok = (uint8_t)muv__bson_iter_is_true(value);
}

READER(code)
{
    hello->code = number_within(value, INT32_MIN, INT32_MAX, 0);
}

READER(errmsg)
{
    if (value->type == MUV__BSON_UTF8) {
        hello->error.at = muv__bson_iter_text(value);
        hello->error.length = muv__bson_iter_text_length(value);
    }
}

/* isWritablePrimary, and ismaster from servers before 4.4.2: never both. */
READER(writable)
{
    hello->writable |= (uint8_t)muv__bson_iter_is_true(value);
}

READER(msg)
{
    hello->mongos = value->type == MUV__BSON_UTF8 && muv__bson_iter_text_is(value, "isdbgrid", 8);
}

READER(ghost)
{
    hello->ghost = (uint8_t)muv__bson_iter_is_true(value);
}

READER(secondary)
{
    hello->secondary = (uint8_t)muv__bson_iter_is_true(value);
}

READER(hidden)
{
    hello->hidden = (uint8_t)muv__bson_iter_is_true(value);
}

READER(arbiter)
{
    hello->arbiter = (uint8_t)muv__bson_iter_is_true(value);
}

READER(hello_ok)
{
    hello->fields.hello_ok = (uint8_t)muv__bson_iter_is_true(value);
}

READER(set_name)
{
    hello->set_name = text_in(hello, value, MUV__HELLO_MAX_SET_NAME, "hello has a bad setName");
}

READER(me)
{
    hello->me = text_in(hello, value, MUV__HOST_TEXT_SIZE, "hello has a bad host in `me`");
}

READER(primary)
{
    hello->primary =
        text_in(hello, value, MUV__HOST_TEXT_SIZE, "hello has a bad host in `primary`");
}

READER(active_hosts)
{
    read_hosts(hello, value, &hello->lists[0]);
}

READER(passives)
{
    read_hosts(hello, value, &hello->lists[1]);
}

READER(arbiters)
{
    read_hosts(hello, value, &hello->lists[2]);
}

READER(set_version)
{
    int64_t version;

    if (muv__bson_iter_as_int64(value, &version)) {
        hello->fields.has_set_version = 1;
        hello->fields.set_version = version;
    }
}

READER(election_id)
{
    if (value->type == MUV__BSON_OID) {
        hello->fields.has_election_id = 1;
        memcpy(hello->fields.election_id, value->value, 12);
    }
}

READER(service_id)
{
    if (value->type == MUV__BSON_OID) {
        hello->fields.has_service_id = 1;
        memcpy(hello->fields.service_id, value->value, 12);
    }
}

READER(min_wire)
{
    hello->fields.min_wire_version = number_within(value, 0, INT32_MAX, 0);
}

READER(max_wire)
{
    hello->fields.max_wire_version = number_within(value, 0, INT32_MAX, 0);
}

READER(max_bson)
{
    hello->fields.max_bson_size_bytes =
        (uint32_t)number_within(value, 1024, 64 * 1024 * 1024, MUV__DEFAULT_MAX_BSON_SIZE);
}

READER(max_message)
{
    hello->fields.max_message_size_bytes =
        (uint32_t)number_within(value, 1024, 128 * 1024 * 1024, MUV__DEFAULT_MAX_MESSAGE_SIZE);
}

READER(max_batch)
{
    hello->fields.max_write_batch_count =
        (uint32_t)number_within(value, 1, 1000000, MUV__DEFAULT_MAX_WRITE_BATCH);
}

READER(session_timeout)
{
    hello->fields.session_timeout_minutes = number_within(value, 0, INT32_MAX, -1);
}

READER(connection_id)
{
    hello->fields.connection_id = number_of(value, 0);
}

READER(topology_version)
{
    muv__topology_version_read(value, &hello->fields.topology_version);
}

READER(tags)
{
    if (value->type != MUV__BSON_DOCUMENT) {
        return;
    }
    if (value->value_size > MUV__HELLO_MAX_TAGS_SIZE) {
        refuse(hello, "hello has more than 16 KiB of tags");
    }
    hello->tags = *value;
}

READER(last_write)
{
    muv__bson_iter_t iter;

    if (value->type != MUV__BSON_DOCUMENT || !muv__bson_iter_child(value, &iter)) {
        return;
    }
    while (muv__bson_iter_next(&iter)) {
        if (MUV__BSON_KEY_IS(&iter, "lastWriteDate") && iter.type == MUV__BSON_DATETIME) {
            int64_t date_ms = muv__load_i64(iter.value);

            hello->fields.last_write_ms = date_ms > MAX_DATE_MS    ? MAX_DATE_MS
                                          : date_ms < -MAX_DATE_MS ? -MAX_DATE_MS
                                                                   : date_ms;
        }
    }
}

/* The bit of the entry that a string names; unknown names are no error. */
typedef struct named_bit {
    const char *name;
    uint8_t bit;
} named_bit_t;

static uint8_t bits_of(const muv__bson_iter_t *value, const named_bit_t *names)
{
    muv__bson_iter_t item;
    uint8_t bits = 0;

    if (value->type != MUV__BSON_ARRAY || !muv__bson_iter_child(value, &item)) {
        return 0;
    }
    while (muv__bson_iter_next(&item)) {
        for (const named_bit_t *name = names; name->name != NULL; name++) {
            if (item.type == MUV__BSON_UTF8 &&
                muv__bson_iter_text_is(&item, name->name, strlen(name->name))) {
                bits |= name->bit;
            }
        }
    }
    return bits;
}

READER(compression)
{
    static const named_bit_t names[] = {{"snappy", MUV__HELLO_SNAPPY},
                                        {"zlib", MUV__HELLO_ZLIB},
                                        {"zstd", MUV__HELLO_ZSTD},
                                        {NULL, 0}};

    hello->fields.compressors = bits_of(value, names);
}

READER(mechanisms)
{
    static const named_bit_t names[] = {{"SCRAM-SHA-1", MUV__SASL_SCRAM_SHA_1},
                                        {"SCRAM-SHA-256", MUV__SASL_SCRAM_SHA_256},
                                        {NULL, 0}};

    hello->fields.sasl_mechanisms = (uint8_t)(bits_of(value, names) | MUV__SASL_LISTED);
}

static const struct {
    const char *key;
    reader_t read;
} readers[] = {
    {"ok", read_ok},
    {"code", read_code},
    {"errmsg", read_errmsg},
    {"isWritablePrimary", read_writable},
    {"ismaster", read_writable},
    {"msg", read_msg},
    {"isreplicaset", read_ghost},
    {"secondary", read_secondary},
    {"hidden", read_hidden},
    {"arbiterOnly", read_arbiter},
    {"helloOk", read_hello_ok},
    {"setName", read_set_name},
    {"me", read_me},
    {"primary", read_primary},
    {"hosts", read_active_hosts},
    {"passives", read_passives},
    {"arbiters", read_arbiters},
    {"setVersion", read_set_version},
    {"electionId", read_election_id},
    {"serviceId", read_service_id},
    {"minWireVersion", read_min_wire},
    {"maxWireVersion", read_max_wire},
    {"maxBsonObjectSize", read_max_bson},
    {"maxMessageSizeBytes", read_max_message},
    {"maxWriteBatchSize", read_max_batch},
    {"logicalSessionTimeoutMinutes", read_session_timeout},
    {"connectionId", read_connection_id},
    {"topologyVersion", read_topology_version},
    {"tags", read_tags},
    {"lastWrite", read_last_write},
    {"compression", read_compression},
    {"saslSupportedMechs", read_mechanisms},
};

static void read_fields(hello_t *hello, const uint8_t *reply, size_t size)
{
    muv__bson_iter_t iter;

    hello->fields.max_bson_size_bytes = MUV__DEFAULT_MAX_BSON_SIZE;
    hello->fields.max_message_size_bytes = MUV__DEFAULT_MAX_MESSAGE_SIZE;
    hello->fields.max_write_batch_count = MUV__DEFAULT_MAX_WRITE_BATCH;
    hello->fields.session_timeout_minutes = -1;
    hello->fields.last_write_ms = INT64_MIN;
    (void)muv__bson_iter_init(&iter, reply, size);
    while (hello->refusal == NULL && muv__bson_iter_next(&iter)) {
        for (size_t i = 0; i < MUV__COUNT_OF(readers); i++) {
            if (muv__bson_iter_key_is(&iter, readers[i].key, strlen(readers[i].key))) {
                readers[i].read(hello, &iter);
                break;
            }
        }
    }
    if (iter.bad) {
        refuse(hello, "hello is malformed");
    } else if (!hello->has_ok) {
        refuse(hello, "the reply to hello has no `ok`");
    }
}

/* SDAM: "Parsing a hello response", the table of types. */
static muv__server_type_t type_of(const hello_t *hello)
{
    if (hello->mongos) {
        return MUV__SERVER_MONGOS;
    }
    if (hello->ghost) {
        return MUV__SERVER_RS_GHOST;
    }
    if (hello->set_name.at == NULL) {
        return MUV__SERVER_STANDALONE;
    }
    if (hello->writable) {
        return MUV__SERVER_RS_PRIMARY;
    }
    if (hello->hidden) {
        return MUV__SERVER_RS_OTHER;
    }
    if (hello->secondary) {
        return MUV__SERVER_RS_SECONDARY;
    }
    return hello->arbiter ? MUV__SERVER_RS_ARBITER : MUV__SERVER_RS_OTHER;
}

/* Where the copies go: behind the struct come the host pointers, the tags and the texts. */
typedef struct cursor {
    char *at; /* NULL in the first pass: only `used` counts. */
    size_t used;
} cursor_t;

static const char *put(cursor_t *cursor, const char *bytes, size_t length)
{
    char *copy = cursor->at == NULL ? NULL : cursor->at + cursor->used;

    if (copy != NULL) {
        memcpy(copy, bytes, length);
        copy[length] = '\0';
    }
    cursor->used += length + 1;
    return copy;
}

/* An address in the spelling that comparisons use. */
static const char *put_host(hello_t *hello, cursor_t *cursor, const text_t *text)
{
    char spelling[MUV__HOST_TEXT_SIZE];
    muv__host_t host;

    if (text->at == NULL) {
        return NULL;
    }
    if (muv__host_parse(text->at, text->length, &host) != 0) {
        refuse(hello, "hello names something that is no host");
        return NULL;
    }
    return put(cursor, spelling, muv__host_format(&host, spelling));
}

static void put_texts(hello_t *hello, cursor_t *cursor, const char **hosts)
{
    muv__server_description_t *fields = &hello->fields;
    uint16_t at = 0;

    if (hello->tags.value != NULL) {
        fields->tags =
            (const uint8_t *)put(cursor, (const char *)hello->tags.value, hello->tags.value_size);
        fields->tags_size = hello->tags.value_size;
    }
    if (hello->set_name.at != NULL) {
        fields->set_name = put(cursor, hello->set_name.at, hello->set_name.length);
    }
    fields->me = put_host(hello, cursor, &hello->me);
    fields->primary = put_host(hello, cursor, &hello->primary);
    for (size_t list = 0; list < MUV__COUNT_OF(hello->lists); list++) {
        for (uint16_t i = 0; i < hello->lists[list].count; i++) {
            const char *host = put_host(hello, cursor, &hello->hosts[hello->lists[list].first + i]);

            if (hosts != NULL) {
                hosts[at++] = host;
            }
        }
    }
}

static int build(hello_t *hello, int64_t now_us, muv__server_description_t **ret)
{
    size_t pointers_size = hello->host_total * sizeof(const char *);
    cursor_t cursor = {NULL, 0};
    muv__server_description_t *description;
    const char **hosts;

    put_texts(hello, &cursor, NULL);
    if (hello->refusal != NULL) {
        return muv__server_description_unknown(MUV_EPROTOCOL, hello->refusal, NULL, now_us, ret);
    }
    description = muv__mem_zalloc(sizeof(*description) + pointers_size + cursor.used);
    if (description == NULL) {
        return MUV_ENOMEM;
    }
    hosts = (const char **)(void *)(description + 1);
    cursor.at = (char *)(description + 1) + pointers_size;
    cursor.used = 0;
    put_texts(hello, &cursor, hosts);
    *description = hello->fields;
    description->references = 1;
    description->type = (uint8_t)type_of(hello);
    description->last_update_us = now_us;
    description->host_count = hello->lists[0].count;
    description->passive_count = hello->lists[1].count;
    description->arbiter_count = hello->lists[2].count;
    description->hosts = hosts;
    *ret = description;
    return 0;
}

int muv__server_description_parse(const uint8_t *reply, size_t size, int64_t now_us,
                                  muv__server_description_t **ret)
{
    hello_t hello;

    memset(&hello, 0, sizeof(hello));
    read_fields(&hello, reply, size);
    if (hello.refusal != NULL) {
        return muv__server_description_unknown(MUV_EPROTOCOL, hello.refusal, NULL, now_us, ret);
    }
    if (!hello.ok) {
        char text[ERROR_TEXT_SIZE];
        int length = (int)(hello.error.length < 200 ? hello.error.length : 200);

        (void)snprintf(text, sizeof(text), "the server refused hello: %.*s", length,
                       hello.error.at == NULL ? "" : hello.error.at);
        return muv__server_description_unknown(hello.code == 0 ? MUV_ESERVER : (int32_t)hello.code,
                                               text, &hello.fields.topology_version, now_us, ret);
    }
    return build(&hello, now_us, ret);
}
