/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the name server share: the table and the messages (dns_stub_table.c) know
 * no socket, the sockets (dns_stub.c) know no record. */
#ifndef MUV_TESTS_SUPPORT_DNS_STUB_INTERNAL_H
#define MUV_TESTS_SUPPORT_DNS_STUB_INTERNAL_H

#include "support/dns_stub.h"

#define DNS__NAME_SIZE 256
#define DNS__RDATA_SIZE 4096
#define DNS__MESSAGE_SIZE 65535
#define DNS__UDP_SIZE 512
#define DNS__HEADER_SIZE 12

typedef struct dns__record {
    struct dns__record *next;
    char name[DNS__NAME_SIZE];
    int type;
    uint32_t ttl_s;
    size_t size;
    uint8_t rdata[DNS__RDATA_SIZE];
} dns__record_t;

typedef struct dns__order {
    struct dns__order *next;
    char name[DNS__NAME_SIZE];
    int type;
    dns_answer_t answer;
    uint32_t delay_ms;
} dns__order_t;

typedef struct dns__count {
    struct dns__count *next;
    char name[DNS__NAME_SIZE];
    int type;
    unsigned count;
} dns__count_t;

typedef struct dns__table {
    dns__record_t *records; /* In the order in which they were added. */
    dns__order_t *orders;
    dns__count_t *counts;
    uint32_t ttl_s;
} dns__table_t;

/* A message to be sent; size 0: nothing is. */
typedef struct dns__reply {
    uint32_t delay_ms;
    size_t size;
    uint8_t bytes[DNS__MESSAGE_SIZE];
} dns__reply_t;

/* Count the question of a message and make its reply. Messages that are no question get none. */
void dns__table_answer(dns__table_t *table, const uint8_t *query, size_t size, bool tcp,
                       dns__reply_t *ret_reply);

void dns__table_done(dns__table_t *table);

/* The table of a stub. */
dns__table_t *dns__table_of(dns_stub_t *stub);

#endif
