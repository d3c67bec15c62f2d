/* SPDX-License-Identifier: Apache-2.0 */
/* Flights: who asks, who waits, who is told. */
#include "conn/secure_ocsp.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "conn/conn.h"
#include "conn/conn_inner.h"
#include "fetch/fetch.h"

/* One responder. */
typedef struct question {
    struct muv__ocsp_flight *flight;
    muv__fetch_t *fetch; /* NULL: it has ended, or was never begun. */
} question_t;

typedef struct muv__ocsp_flight {
    muv__list_t link; /* Of the context's flights. */
    muv__list_t waits;
    muv__conn_context_t *context;
    int64_t begun_us;
    uint32_t running; /* Questions. */
    question_t questions[MUV__OCSP_MAX_URLS];
    uint8_t key[MUV__OCSP_KEY_BYTES];
} flight_t;

static muv__ocsp_wait_t *wait_of(muv__list_t *link)
{
    return MUV__CONTAINER_OF(link, muv__ocsp_wait_t, link);
}

/* --- the end of a flight -----------------------------------------------------------------------*/

static void free_flight(flight_t *flight)
{
    for (unsigned i = 0; i < MUV__OCSP_MAX_URLS; i++) {
        if (flight->questions[i].fetch != NULL) {
            muv__fetch_cancel(flight->questions[i].fetch);
        }
    }
    muv__list_remove(&flight->link);
    muv__mem_free(flight);
}

static void leave(muv__ocsp_wait_t *wait)
{
    muv__deadline_cancel(wait->conn->context->deadlines, &wait->deadline);
    muv__list_remove(&wait->link);
    wait->flight = NULL;
}

/* Tell all who wait. What one of them does may close others, which leave the list by themselves;
 * nobody joins, as the answer is remembered. */
static void end_flight(flight_t *flight, muv__ocsp_status_t status)
{
    muv__list_t told;
    muv__list_t *link;

    muv__list_init(&told);
    muv__list_splice_back(&told, &flight->waits);
    free_flight(flight);
    for (link = told.next; link != &told; link = link->next) {
        wait_of(link)->flight = NULL;
    }
    while ((link = muv__list_first(&told)) != NULL) {
        leave(wait_of(link));
        wait_of(link)->on_settled(wait_of(link), status);
    }
}

/* --- answers -----------------------------------------------------------------------------------*/

static int is_conclusive(muv__ocsp_status_t status)
{
    return status == MUV__OCSP_GOOD || status == MUV__OCSP_REVOKED;
}

static void on_answer(void *owner, const muv__http_response_t *response, const muv_error_t *error)
{
    question_t *question = owner;
    flight_t *flight = question->flight;
    int64_t wall_s = muv__net_wall_s(flight->context->net);
    /* All who wait have the same certificate. */
    muv__tls_t *tls = wait_of(flight->waits.next)->tls;
    muv__ocsp_status_t status = MUV__OCSP_UNUSABLE;

    question->fetch = NULL;
    flight->running--;
    if (error == NULL && response->status == 200) {
        status =
            muv__tls_judge(tls, muv__span(response->body.data, response->body.size), wall_s).status;
    }
    if (is_conclusive(status)) {
        end_flight(flight, status);
    } else if (flight->running == 0) {
        muv__tls_unanswered(tls, wall_s);
        end_flight(flight, MUV__OCSP_UNKNOWN);
    }
}

/* --- questions ---------------------------------------------------------------------------------*/

/* What cannot be asked is not asked. */
static void ask(flight_t *flight, question_t *question, const muv__ocsp_query_t *query,
                const char *url)
{
    muv__conn_context_t *context = flight->context;
    muv__http_request_t request = {
        .method = "POST",
        .header_count = 2,
        .headers = {{"Content-Type", "application/ocsp-request"},
                    {"Accept", "application/ocsp-response"}},
        .body = muv__span(query->request, query->request_size),
        .max_body = MUV__OCSP_MAX_BYTES,
    };

    question->flight = flight;
    if (muv__url_parse(url, strlen(url), &request.url) != 0 || request.url.secure) {
        return;
    }
    if (muv__fetch_start(context->fetches, &request, context->now_us + MUV__OCSP_TIMEOUT_US,
                         on_answer, question, &question->fetch) == 0) {
        flight->running++;
    }
}

static flight_t *find_flight(const muv__secure_context_t *secure, const uint8_t *key)
{
    for (muv__list_t *link = secure->flights.next; link != &secure->flights; link = link->next) {
        flight_t *flight = MUV__CONTAINER_OF(link, flight_t, link);

        if (memcmp(flight->key, key, MUV__OCSP_KEY_BYTES) == 0) {
            return flight;
        }
    }
    return NULL;
}

/* NULL: nobody could be asked. */
static flight_t *begin_flight(muv__conn_context_t *context, const muv__ocsp_query_t *query)
{
    flight_t *flight = muv__mem_zalloc(sizeof(*flight));

    if (flight == NULL) {
        return NULL;
    }
    muv__list_init(&flight->link);
    muv__list_init(&flight->waits);
    flight->context = context;
    flight->begun_us = context->now_us;
    memcpy(flight->key, query->key, MUV__OCSP_KEY_BYTES);
    muv__list_push_back(&context->secure->flights, &flight->link);
    for (uint32_t i = 0; i < query->url_count; i++) {
        ask(flight, &flight->questions[i], query, query->urls[i]);
    }
    if (flight->running == 0) {
        free_flight(flight);
        return NULL;
    }
    return flight;
}

/* --- waiting -----------------------------------------------------------------------------------*/

/* The connection waits no longer. */
static void on_wait_due(muv__deadline_t *deadline, int64_t now_us)
{
    muv__ocsp_wait_t *wait = MUV__CONTAINER_OF(deadline, muv__ocsp_wait_t, deadline);

    /* One impatient connection must not speak for all. */
    if (now_us - wait->flight->begun_us >= MUV__OCSP_PATIENCE_US) {
        muv__tls_unanswered(wait->tls, muv__net_wall_s(wait->conn->context->net));
    }
    muv__ocsp_wait_end(wait);
    wait->on_settled(wait, MUV__OCSP_UNKNOWN);
}

void muv__ocsp_wait_init(muv__ocsp_wait_t *wait,
                         void (*on_settled)(muv__ocsp_wait_t *wait, muv__ocsp_status_t status))
{
    *wait = (muv__ocsp_wait_t){.on_settled = on_settled, .deadline = {.on_due = on_wait_due}};
    muv__list_init(&wait->link);
}

static void join(muv__ocsp_wait_t *wait, flight_t *flight)
{
    muv__conn_context_t *context = flight->context;
    int64_t stage_due_us;

    /* What the server has left of the stage's time is not the responder's. */
    muv__conn_time_stage(wait->conn, 1);
    stage_due_us = wait->conn->stage_due_us;
    wait->flight = flight;
    muv__list_push_back(&flight->waits, &wait->link);
    if (stage_due_us != INT64_MAX) {
        /* A responder's own time, if that is as long, ends first and is remembered. */
        muv__deadline_set(context->deadlines, &wait->deadline,
                          context->now_us + (stage_due_us - context->now_us) / 2 + 1);
    }
}

int muv__ocsp_wait_begin(muv__ocsp_wait_t *wait, muv__conn_t *conn, muv__tls_t *tls)
{
    muv__conn_context_t *context = conn->context;
    muv__ocsp_query_t query;
    flight_t *flight;

    MUV__ASSERT(wait->flight == NULL);
    wait->conn = conn;
    wait->tls = tls;
    if (!muv__tls_question(tls, &query)) {
        return 0;
    }
    flight = find_flight(context->secure, query.key);
    if (flight == NULL && context->fetches != NULL) {
        flight = begin_flight(context, &query);
    }
    if (flight == NULL) {
        (void)muv__tls_settle(tls, MUV__OCSP_UNKNOWN, NULL);
        return 0;
    }
    join(wait, flight);
    return 1;
}

void muv__ocsp_wait_end(muv__ocsp_wait_t *wait)
{
    flight_t *flight = wait->flight;

    if (wait->conn == NULL) {
        return; /* It has never begun. */
    }
    leave(wait);
    if (flight != NULL && muv__list_empty(&flight->waits)) {
        free_flight(flight);
    }
}
