/* SPDX-License-Identifier: Apache-2.0 */
/* A small name server on loopback (UDP and TCP on one free port), on the loop of the test.
 *
 * It answers A, AAAA, SRV, TXT and CNAME questions from a table, late, wrongly or not at all when
 * told to, and counts them. A name that is not in the table does not exist (NXDOMAIN); a name that
 * has other records only gets an empty answer. What does not fit into 512 bytes is truncated over
 * UDP and whole over TCP. It does not keep uv_run() alive. */
#ifndef MUV_TESTS_SUPPORT_DNS_STUB_H
#define MUV_TESTS_SUPPORT_DNS_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

typedef struct dns_stub dns_stub_t;

enum { DNS_A = 1, DNS_CNAME = 5, DNS_TXT = 16, DNS_AAAA = 28, DNS_SRV = 33, DNS_ANY_TYPE = 0 };

typedef enum dns_answer {
    DNS_TABLE,     /* As the table says. */
    DNS_NXDOMAIN,  /* The name does not exist. */
    DNS_SERVFAIL,  /* Response code 2. */
    DNS_REFUSED,   /* Response code 5. */
    DNS_EMPTY,     /* The name exists, without such a record. */
    DNS_GARBAGE,   /* The right id and question, then a record that ends in the middle. */
    DNS_WRONG_ID,  /* A good answer to a question nobody asked. */
    DNS_TRUNCATED, /* UDP: the flag and no record. TCP: as the table says. */
    DNS_SILENCE
} dns_answer_t;

dns_stub_t *dns_new(uv_loop_t *loop);

/* Close every handle; the memory goes with the last close callback (close_loop()). */
void dns_close(dns_stub_t *stub);

int dns_port(const dns_stub_t *stub);

/* "127.0.0.1:PORT", as c-ares takes it. */
const char *dns_address(const dns_stub_t *stub);

/* Records; names without a dot at the end, in any case. Several of one name are allowed. */
void dns_add_a(dns_stub_t *stub, const char *name, const char *ipv4);
void dns_add_aaaa(dns_stub_t *stub, const char *name, const char *ipv6);
void dns_add_cname(dns_stub_t *stub, const char *name, const char *target);
void dns_add_srv(dns_stub_t *stub, const char *name, const char *target, uint16_t port);

/* One record of several strings, NULL at the end; up to 255 bytes each. */
void dns_add_txt(dns_stub_t *stub, const char *name, const char *const *strings);

/* Remove all records of a name (DNS_ANY_TYPE) or those of one type. */
void dns_remove(dns_stub_t *stub, const char *name, int type);

/* Time to live of the records added from now on; 60 s at first. */
void dns_set_ttl(dns_stub_t *stub, uint32_t ttl_s);

/* Answer questions for this name ("*": all names without an order of their own) and type
 * (DNS_ANY_TYPE: all) like this, until the next order for the same. */
void dns_set_answer(dns_stub_t *stub, const char *name, int type, dns_answer_t answer,
                    uint32_t delay_ms);

/* How many questions came for a name (NULL: all names) and a type, over UDP and TCP; and over TCP
 * alone. Repeated questions count. */
unsigned dns_question_count(dns_stub_t *stub, const char *name, int type);
unsigned dns_tcp_question_count(const dns_stub_t *stub);

#endif
