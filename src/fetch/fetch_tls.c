/* SPDX-License-Identifier: Apache-2.0 */
/* Cipher bytes in, the response's bytes out; the request in, cipher bytes out. */
#include "fetch/fetch_inner.h"

#include "base/mem.h"

#include <openssl/crypto.h>

/* Hand what the engine has made to the stream. Returns 0 or a negative system code. */
static int flush(muv__fetch_t *fetch)
{
    muv__fetch_tls_t *tls = fetch->tls;
    muv__buf_t *out = muv__tls_out(tls->engine);
    muv__span_t part = {out->data, out->size};
    muv__buf_t swapped;
    int64_t written;

    if (out->size == 0 || tls->in_flight) {
        return 0;
    }
    written = muv__stream_write(fetch->stream, &part, 1);
    if (written < 0) {
        return (int)written;
    }
    if ((size_t)written == out->size) {
        muv__buf_reset(out, 0);
        return 0;
    }
    tls->in_flight = 1;
    swapped = tls->flying;
    tls->flying = *out;
    *out = swapped;
    return 0;
}

static void push(muv__fetch_t *fetch)
{
    int status = flush(fetch);

    if (status != 0) {
        muv__fetch_fail_system(fetch, status, "writing to");
    }
}

int muv__fetch_tls_begin(muv__fetch_t *fetch)
{
    muv__fetch_tls_t *tls = muv__mem_zalloc(sizeof(*tls));
    muv_error_t error;
    int status;

    if (tls == NULL) {
        return MUV_ENOMEM;
    }
    status = muv__tls_new(fetch->context->tls, &fetch->host, muv__net_wall_s(fetch->context->net),
                          &tls->engine);
    if (status != 0) {
        muv__mem_free(tls);
        return status;
    }
    muv__buf_init(&tls->flying, MUV__TLS_MAX_OUT_BYTES);
    fetch->tls = tls;
    /* The first step has nothing to judge: only memory can be missing. */
    status = muv__tls_handshake(tls->engine, &error);
    return status < 0 ? MUV_ENOMEM : flush(fetch);
}

/* Finish the handshake if that is possible; then the request leaves behind its last flight. */
static void shake_hands(muv__fetch_t *fetch)
{
    muv__span_t request = {fetch->request.data, fetch->request.size};
    muv__tls_t *engine = fetch->tls->engine;
    muv_error_t error;
    int status = muv__tls_handshake(engine, &error);

    if (status == 1) {
        fetch->state = MUV__FETCH_WAITING;
        status = muv__tls_write(engine, request, &error) < 0 ? error.code : 0;
        muv__buf_wipe(&fetch->request);
    }
    if (status < 0) {
        muv__fetch_fail(fetch, &error);
    }
}

static void take_plain(muv__fetch_t *fetch)
{
    muv__fetch_tls_t *tls = fetch->tls;
    muv_error_t error;
    int64_t count;

    do {
        count = muv__tls_read(tls->engine, tls->plain, sizeof(tls->plain), &error);
        if (count == MUV_ENETWORK) {
            muv__fetch_take_end(fetch); /* In order, with a goodbye. */
        } else if (count < 0) {
            muv__fetch_fail(fetch, &error);
        } else if (count > 0) {
            muv__fetch_take(fetch, tls->plain, (size_t)count);
        }
    } while (fetch->state != MUV__FETCH_ENDED &&
             ((size_t)count == sizeof(tls->plain) || muv__tls_failed(tls->engine)));
}

void muv__fetch_tls_read(muv__fetch_t *fetch, size_t size)
{
    muv__tls_feed(fetch->tls->engine, muv__span(fetch->space, size));
    if (fetch->state == MUV__FETCH_SECURING) {
        shake_hands(fetch);
    }
    if (fetch->state == MUV__FETCH_WAITING) {
        take_plain(fetch);
    }
    if (fetch->state != MUV__FETCH_ENDED) {
        push(fetch);
    }
}

void muv__fetch_tls_ended(muv__fetch_t *fetch, int status)
{
    muv_error_t ended;
    muv_error_t error;

    (void)muv__tls_ended(fetch->tls->engine, &ended);
    (void)muv__error_set(&error, muv__net_is_timeout(status) ? MUV_ENETTIMEOUT : MUV_ENETWORK,
                         "%s (%s)", ended.message, muv__net_error_text(status));
    error.system_code = status;
    muv__fetch_fail(fetch, &error);
}

void muv__fetch_tls_written(muv__fetch_t *fetch)
{
    fetch->tls->in_flight = 0;
    muv__buf_reset(&fetch->tls->flying, 0);
    push(fetch);
}

/* With an engine that is broken this sends its alert, which tells the server why. */
void muv__fetch_tls_close(muv__fetch_t *fetch)
{
    if (!fetch->tls->in_flight) {
        muv__tls_shutdown(fetch->tls->engine);
        (void)flush(fetch);
    }
}

void muv__fetch_tls_free(muv__fetch_tls_t *tls)
{
    if (tls != NULL) {
        muv__tls_free(tls->engine);
        muv__buf_done(&tls->flying);
        OPENSSL_cleanse(tls->plain, sizeof(tls->plain));
        muv__mem_free(tls);
    }
}
