/* SPDX-License-Identifier: Apache-2.0 */
/* SRV and TXT records by c-ares. What it parsed is kept until the answer is delivered: the records
 * of net.h point into it. */
#include "net/uv_dns.h"

#include "muv/error.h"

#include "base/assert.h"
#include "base/mem.h"
#include "net/dns_answer.h"

#include <arpa/nameser.h>
#include <string.h>

struct muv__query {
    muv__question_t question;
    muv__query_cb cb;
    void *owner;
    int type; /* T_SRV or T_TXT. */
    muv__net_records_t records;
    void *parsed; /* [own] Of c-ares. */
    void *table;  /* [own] What `records` points at. */
    char *text;   /* [own] Strings put together. */
};

static muv__query_t *query_of(muv__question_t *question)
{
    return MUV__CONTAINER_OF(question, muv__query_t, question);
}

static void deliver(muv__question_t *question)
{
    muv__query_t *query = query_of(question);

    MUV__ASSERT((query->records.error_text == NULL) == (query->records.count > 0));
    query->cb(query->owner, &query->records);
}

static void discard(muv__question_t *question)
{
    muv__query_t *query = query_of(question);

    if (query->parsed != NULL) {
        ares_free_data(query->parsed);
    }
    muv__mem_free(query->table);
    muv__mem_free(query->text);
    muv__mem_free(query);
}

/* --- what came ---------------------------------------------------------------------------------*/

static void fail(muv__query_t *query, int status)
{
    query->records.error_text = ares_strerror(status);
    query->records.absent =
        status == ARES_ENODATA || status == ARES_ENOTFOUND || status == ARES_EBADNAME;
}

/* Room for `count` records, or NULL with the error noted. */
static void *make_table(muv__query_t *query, size_t count, size_t size)
{
    if (count == 0) {
        fail(query, ARES_ENODATA);
        return NULL;
    }
    if (count > MUV__NET_MAX_RECORDS) {
        query->records.error_text = "too many records";
        return NULL;
    }
    query->table = muv__mem_array(count, size);
    if (query->table == NULL) {
        fail(query, ARES_ENOMEM);
    }
    return query->table;
}

static void take_srv(muv__query_t *query, const struct ares_srv_reply *first)
{
    muv__net_srv_t *table;
    size_t count = 0;

    for (const struct ares_srv_reply *at = first; at != NULL; at = at->next) {
        count++;
    }
    table = make_table(query, count, sizeof(*table));
    if (table == NULL) {
        return;
    }
    for (const struct ares_srv_reply *at = first; at != NULL; at = at->next) {
        table->target = at->host;
        table->port = at->port;
        table++;
    }
    query->records.srv = query->table;
    query->records.count = (uint32_t)count;
}

static void take_txt(muv__query_t *query, const struct ares_txt_ext *first)
{
    muv__net_txt_t *table;
    muv__net_txt_t *record = NULL;
    size_t count = 0;
    size_t size = 0;
    size_t used = 0;

    for (const struct ares_txt_ext *at = first; at != NULL; at = at->next) {
        count += at->record_start != 0;
        size += at->length;
    }
    table = make_table(query, count, sizeof(*table));
    if (table == NULL) {
        return;
    }
    query->text = muv__mem_alloc(size + 1);
    if (query->text == NULL) {
        fail(query, ARES_ENOMEM);
        return;
    }
    for (const struct ares_txt_ext *at = first; at != NULL; at = at->next) {
        if (at->record_start) {
            record = table++;
            record->text = query->text + used;
        }
        if (record != NULL && at->length > 0) {
            memcpy(query->text + used, at->txt, at->length);
            record->size += at->length;
            used += at->length;
        }
    }
    query->records.txt = query->table;
    query->records.count = (uint32_t)count;
}

static void take_answer(muv__query_t *query, const unsigned char *bytes, int size)
{
    struct ares_srv_reply *srv = NULL;
    struct ares_txt_ext *txt = NULL;
    int status = query->type == T_SRV ? ares_parse_srv_reply(bytes, size, &srv)
                                      : ares_parse_txt_reply_ext(bytes, size, &txt);

    if (status != ARES_SUCCESS) {
        fail(query, status);
        return;
    }
    if (query->type == T_SRV) {
        query->parsed = srv;
        take_srv(query, srv);
    } else {
        query->parsed = txt;
        take_txt(query, txt);
    }
    /* Without it the records are good all the same. */
    (void)muv__dns_lowest_ttl(bytes, (size_t)size, (uint16_t)query->type,
                              &query->records.lowest_ttl_s);
}

static void on_answer(void *data, int status, int timeouts, unsigned char *bytes, int size)
{
    muv__query_t *query = data;

    (void)timeouts;
    if (status != ARES_SUCCESS) {
        fail(query, status);
    } else {
        take_answer(query, bytes, size);
    }
    muv__question_answered(&query->question);
}

/* --- asking ------------------------------------------------------------------------------------*/

static int ask(muv__net_t *net, const char *name, int type, muv__query_cb cb, void *owner,
               muv__query_t **ret)
{
    muv__query_t *query = muv__mem_zalloc(sizeof(*query));
    ares_channel channel;

    if (query == NULL) {
        return MUV_ENOMEM;
    }
    query->cb = cb;
    query->owner = owner;
    query->type = type;
    muv__question_begin(&query->question, net, deliver, discard);
    channel = muv__question_channel(&query->question);
    if (channel == NULL) {
        muv__question_cancel(&query->question);
        return MUV_ENOMEM;
    }
    ares_query(channel, name, C_IN, type, on_answer, query);
    *ret = query;
    return 0;
}

int muv__net_query_srv(muv__net_t *net, const char *name, muv__query_cb cb, void *owner,
                       muv__query_t **ret)
{
    return ask(net, name, T_SRV, cb, owner, ret);
}

int muv__net_query_txt(muv__net_t *net, const char *name, muv__query_cb cb, void *owner,
                       muv__query_t **ret)
{
    return ask(net, name, T_TXT, cb, owner, ret);
}

void muv__query_cancel(muv__query_t *query)
{
    muv__question_cancel(&query->question);
}
