/* SPDX-License-Identifier: Apache-2.0 */
/* Records, orders and counts of the name server, and its messages (RFC 1035, 2782). */
#include "support/dns_stub_internal.h"

#include "support/check.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FLAG_RESPONSE 0x8000u
#define FLAG_TRUNCATED 0x0200u
#define FLAG_DESIRED 0x0100u
#define FLAG_AVAILABLE 0x0080u
#define CLASS_IN 1
#define MAX_ALIASES 4

/* --- Bytes ------------------------------------------------------------------------------------ */

/* Bytes being written; what does not fit only sets `full`. */
typedef struct writer {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    bool full;
} writer_t;

static void put_bytes(writer_t *writer, const void *bytes, size_t size)
{
    if (size > writer->capacity - writer->size) {
        writer->full = true;
        return;
    }
    if (size > 0) {
        memcpy(writer->bytes + writer->size, bytes, size);
    }
    writer->size += size;
}

static void put_u8(writer_t *writer, unsigned value)
{
    uint8_t byte = (uint8_t)value;

    put_bytes(writer, &byte, 1);
}

static void put_u16(writer_t *writer, unsigned value)
{
    put_u8(writer, value >> 8 & 0xff);
    put_u8(writer, value & 0xff);
}

static void put_u32(writer_t *writer, uint32_t value)
{
    put_u16(writer, value >> 16);
    put_u16(writer, value & 0xffff);
}

/* "a.example" as 1 a 7 example 0. */
static void put_name(writer_t *writer, const char *name)
{
    while (*name != '\0') {
        size_t size = strcspn(name, ".");
        put_u8(writer, (unsigned)size);
        put_bytes(writer, name, size);
        name += size + (name[size] == '.' ? 1 : 0);
    }
    put_u8(writer, 0);
}

static unsigned get_u16(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* --- Table ------------------------------------------------------------------------------------ */

static void *new_entry(size_t size)
{
    void *entry = calloc(1, size);

    if (entry == NULL) {
        abort();
    }
    return entry;
}

/* A record with empty data behind the others. */
static dns__record_t *add_record(dns_stub_t *stub, const char *name, int type)
{
    dns__table_t *table = dns__table_of(stub);
    dns__record_t **last = &table->records;
    dns__record_t *record = new_entry(sizeof *record);

    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = record;
    bson_strncpy(record->name, name, sizeof record->name);
    record->type = type;
    record->ttl_s = table->ttl_s;
    return record;
}

static writer_t rdata_writer(dns__record_t *record)
{
    return (writer_t){.bytes = record->rdata, .capacity = sizeof record->rdata};
}

void dns_add_a(dns_stub_t *stub, const char *name, const char *ipv4)
{
    dns__record_t *record = add_record(stub, name, DNS_A);

    assert_int_equal(inet_pton(AF_INET, ipv4, record->rdata), 1);
    record->size = 4;
}

void dns_add_aaaa(dns_stub_t *stub, const char *name, const char *ipv6)
{
    dns__record_t *record = add_record(stub, name, DNS_AAAA);

    assert_int_equal(inet_pton(AF_INET6, ipv6, record->rdata), 1);
    record->size = 16;
}

void dns_add_cname(dns_stub_t *stub, const char *name, const char *target)
{
    dns__record_t *record = add_record(stub, name, DNS_CNAME);
    writer_t writer = rdata_writer(record);

    put_name(&writer, target);
    record->size = writer.size;
}

void dns_add_srv(dns_stub_t *stub, const char *name, const char *target, uint16_t port)
{
    dns__record_t *record = add_record(stub, name, DNS_SRV);
    writer_t writer = rdata_writer(record);

    /* Priority and weight: MongoDB ignores both. */
    put_u16(&writer, 0);
    put_u16(&writer, 5);
    put_u16(&writer, port);
    put_name(&writer, target);
    record->size = writer.size;
}

void dns_add_txt(dns_stub_t *stub, const char *name, const char *const *strings)
{
    dns__record_t *record = add_record(stub, name, DNS_TXT);
    writer_t writer = rdata_writer(record);

    for (size_t i = 0; strings[i] != NULL; i++) {
        assert_in_range(strlen(strings[i]), 0, 255);
        put_u8(&writer, (unsigned)strlen(strings[i]));
        put_bytes(&writer, strings[i], strlen(strings[i]));
    }
    assert_false(writer.full);
    record->size = writer.size;
}

void dns_remove(dns_stub_t *stub, const char *name, int type)
{
    dns__record_t **link = &dns__table_of(stub)->records;

    while (*link != NULL) {
        dns__record_t *record = *link;
        if (strcasecmp(record->name, name) == 0 && (type == DNS_ANY_TYPE || type == record->type)) {
            *link = record->next;
            free(record);
        } else {
            link = &record->next;
        }
    }
}

void dns_set_ttl(dns_stub_t *stub, uint32_t ttl_s)
{
    dns__table_of(stub)->ttl_s = ttl_s;
}

static dns__order_t *find_order(const dns__table_t *table, const char *name, int type)
{
    dns__order_t *order = table->orders;

    while (order != NULL && (strcasecmp(order->name, name) != 0 || order->type != type)) {
        order = order->next;
    }
    return order;
}

void dns_set_answer(dns_stub_t *stub, const char *name, int type, dns_answer_t answer,
                    uint32_t delay_ms)
{
    dns__table_t *table = dns__table_of(stub);
    dns__order_t *order = find_order(table, name, type);

    if (order == NULL) {
        order = new_entry(sizeof *order);
        bson_strncpy(order->name, name, sizeof order->name);
        order->type = type;
        order->next = table->orders;
        table->orders = order;
    }
    order->answer = answer;
    order->delay_ms = delay_ms;
}

void dns__table_done(dns__table_t *table)
{
    while (table->records != NULL) {
        dns__record_t *next = table->records->next;
        free(table->records);
        table->records = next;
    }
    while (table->orders != NULL) {
        dns__order_t *next = table->orders->next;
        free(table->orders);
        table->orders = next;
    }
    while (table->counts != NULL) {
        dns__count_t *next = table->counts->next;
        free(table->counts);
        table->counts = next;
    }
}

static void count_question(dns__table_t *table, const char *name, int type)
{
    dns__count_t *count = table->counts;

    while (count != NULL && (strcasecmp(count->name, name) != 0 || count->type != type)) {
        count = count->next;
    }
    if (count == NULL) {
        count = new_entry(sizeof *count);
        bson_strncpy(count->name, name, sizeof count->name);
        count->type = type;
        count->next = table->counts;
        table->counts = count;
    }
    count->count++;
}

unsigned dns_question_count(dns_stub_t *stub, const char *name, int type)
{
    unsigned sum = 0;

    for (const dns__count_t *count = dns__table_of(stub)->counts; count != NULL;
         count = count->next) {
        if ((name == NULL || strcasecmp(count->name, name) == 0) &&
            (type == DNS_ANY_TYPE || count->type == type)) {
            sum += count->count;
        }
    }
    return sum;
}

/* --- Messages --------------------------------------------------------------------------------- */

typedef struct question {
    char name[DNS__NAME_SIZE];
    int type;
    size_t end; /* Offset behind it in the message. */
} question_t;

static bool read_question(const uint8_t *query, size_t size, question_t *ret)
{
    size_t at = DNS__HEADER_SIZE;
    size_t length = 0;

    if (size < DNS__HEADER_SIZE || get_u16(query + 4) != 1 ||
        (get_u16(query + 2) & FLAG_RESPONSE) != 0) {
        return false;
    }
    while (at < size && query[at] != 0) {
        size_t label = query[at];
        if (label > 63 || at + 1 + label >= size || length + label + 2 > DNS__NAME_SIZE) {
            return false;
        }
        if (length > 0) {
            ret->name[length++] = '.';
        }
        memcpy(ret->name + length, query + at + 1, label);
        length += label;
        at += 1 + label;
    }
    if (at + 5 > size) {
        return false;
    }
    ret->name[length] = '\0';
    ret->type = (int)get_u16(query + at + 1);
    ret->end = at + 5;
    return true;
}

static void put_record(writer_t *writer, const char *owner, const dns__record_t *record)
{
    put_name(writer, owner);
    put_u16(writer, (unsigned)record->type);
    put_u16(writer, CLASS_IN);
    put_u32(writer, record->ttl_s);
    put_u16(writer, (unsigned)record->size);
    put_bytes(writer, record->rdata, record->size);
}

/* "1 a 7 example 0" as "a.example". Only for names that put_name() wrote. */
static void text_of_name(const uint8_t *bytes, char *ret_name)
{
    size_t length = 0;

    for (; *bytes != 0; bytes += 1 + *bytes) {
        if (length > 0) {
            ret_name[length++] = '.';
        }
        memcpy(ret_name + length, bytes + 1, *bytes);
        length += *bytes;
    }
    ret_name[length] = '\0';
}

/* All records of a name and a type, through aliases. Returns their number, -1 when the name does
 * not exist. */
static int put_records(const dns__table_t *table, writer_t *writer, const question_t *question)
{
    char name[DNS__NAME_SIZE];
    int count = 0;
    bool exists = false;

    bson_strncpy(name, question->name, sizeof name);
    for (int alias = 0; alias <= MAX_ALIASES; alias++) {
        const dns__record_t *next = NULL;
        for (const dns__record_t *record = table->records; record != NULL; record = record->next) {
            if (strcasecmp(record->name, name) != 0) {
                continue;
            }
            exists = true;
            if (record->type == question->type || record->type == DNS_CNAME) {
                put_record(writer, name, record);
                count++;
            }
            if (record->type == DNS_CNAME && question->type != DNS_CNAME) {
                next = record;
            }
        }
        if (next == NULL) {
            break;
        }
        text_of_name(next->rdata, name);
    }
    return exists ? count : -1;
}

static void set_header(dns__reply_t *reply, unsigned flags, unsigned code, unsigned answers)
{
    writer_t writer = {.bytes = reply->bytes, .size = 2, .capacity = DNS__HEADER_SIZE};

    put_u16(&writer, FLAG_RESPONSE | FLAG_DESIRED | FLAG_AVAILABLE | flags | code);
    put_u16(&writer, 1);
    put_u16(&writer, answers);
    put_u16(&writer, 0);
    put_u16(&writer, 0);
}

/* An answer from the table; over UDP without records when they do not fit. */
static void reply_from_table(const dns__table_t *table, const question_t *question, bool tcp,
                             dns__reply_t *reply)
{
    writer_t writer = {.bytes = reply->bytes,
                       .size = question->end,
                       .capacity = tcp ? DNS__MESSAGE_SIZE : DNS__UDP_SIZE};
    int count = put_records(table, &writer, question);

    if (writer.full) {
        set_header(reply, FLAG_TRUNCATED, 0, 0);
        reply->size = question->end;
        return;
    }
    set_header(reply, 0, count < 0 ? 3 : 0, count < 0 ? 0 : (unsigned)count);
    reply->size = writer.size;
}

/* A record that claims more data than the message has. */
static void reply_garbage(const question_t *question, dns__reply_t *reply)
{
    writer_t writer = {.bytes = reply->bytes, .size = question->end, .capacity = DNS__UDP_SIZE};

    put_u16(&writer, 0xc00c);
    put_u16(&writer, (unsigned)question->type);
    put_u16(&writer, CLASS_IN);
    put_u32(&writer, 60);
    put_u16(&writer, 1000);
    put_u8(&writer, 127);
    set_header(reply, 0, 0, 1);
    reply->size = writer.size;
}

/* The most special order for a question; orders for a name come before those for all. */
static const dns__order_t *order_for(const dns__table_t *table, const question_t *question)
{
    const char *names[] = {question->name, question->name, "*", "*"};
    const int types[] = {question->type, DNS_ANY_TYPE, question->type, DNS_ANY_TYPE};

    for (size_t i = 0; i < 4; i++) {
        const dns__order_t *order = find_order(table, names[i], types[i]);
        if (order != NULL) {
            return order;
        }
    }
    return NULL;
}

void dns__table_answer(dns__table_t *table, const uint8_t *query, size_t size, bool tcp,
                       dns__reply_t *ret_reply)
{
    question_t question;

    ret_reply->size = 0;
    ret_reply->delay_ms = 0;
    if (!read_question(query, size, &question)) {
        return;
    }
    count_question(table, question.name, question.type);
    const dns__order_t *order = order_for(table, &question);
    dns_answer_t answer = order != NULL ? order->answer : DNS_TABLE;
    ret_reply->delay_ms = order != NULL ? order->delay_ms : 0;
    memcpy(ret_reply->bytes, query, question.end);
    ret_reply->size = question.end;
    switch (answer) {
    case DNS_TABLE: reply_from_table(table, &question, tcp, ret_reply); break;
    case DNS_NXDOMAIN: set_header(ret_reply, 0, 3, 0); break;
    case DNS_SERVFAIL: set_header(ret_reply, 0, 2, 0); break;
    case DNS_REFUSED: set_header(ret_reply, 0, 5, 0); break;
    case DNS_EMPTY: set_header(ret_reply, 0, 0, 0); break;
    case DNS_GARBAGE: reply_garbage(&question, ret_reply); break;
    case DNS_WRONG_ID:
        reply_from_table(table, &question, tcp, ret_reply);
        ret_reply->bytes[0] ^= 0x55;
        break;
    case DNS_TRUNCATED:
        if (tcp) {
            reply_from_table(table, &question, tcp, ret_reply);
        } else {
            set_header(ret_reply, FLAG_TRUNCATED, 0, 0);
        }
        break;
    case DNS_SILENCE: ret_reply->size = 0; break;
    }
}
