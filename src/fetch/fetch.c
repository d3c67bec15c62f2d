/* SPDX-License-Identifier: Apache-2.0 */
/* The way of one exchange: a name, addresses one after the other, bytes, the end. */
#include "fetch/fetch.h"

#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "fetch/fetch_inner.h"

#include <openssl/crypto.h>

/* --- the end -----------------------------------------------------------------------------------*/

static void free_fetch(muv__fetch_t *fetch)
{
    muv__buf_wipe(&fetch->request);
    muv__http_response_done(&fetch->response);
    muv__fetch_tls_free(fetch->tls);
    OPENSSL_cleanse(fetch->space, sizeof(fetch->space));
    muv__mem_free(fetch);
}

/* The last thing that happens. */
static void go(muv__fetch_t *fetch)
{
    muv__fetch_context_t *context = fetch->context;

    free_fetch(fetch);
    MUV__ASSERT(context->open_count > 0);
    context->open_count--;
    if (context->on_gone != NULL) {
        context->on_gone(context);
    }
}

static void on_gone_without_stream(muv__deadline_t *deadline, int64_t now_us)
{
    (void)now_us;
    go(MUV__CONTAINER_OF(deadline, muv__fetch_t, deadline));
}

static void on_stream_closed(void *owner)
{
    muv__fetch_t *fetch = owner;

    fetch->stream_count--;
    if (fetch->state == MUV__FETCH_ENDED && fetch->stream_count == 0) {
        go(fetch);
    }
}

static void close_stream(muv__fetch_t *fetch)
{
    if (fetch->stream != NULL) {
        if (fetch->tls != NULL) {
            muv__fetch_tls_close(fetch);
        }
        muv__stream_close(fetch->stream);
        fetch->stream = NULL;
    }
}

/* The heap has other deadlines, too. */
static void arm(muv__fetch_t *fetch, int64_t due_us)
{
    muv__heap_t *deadlines = fetch->context->deadlines;

    muv__deadline_set(deadlines, &fetch->deadline, due_us);
    muv__net_arm(fetch->context->net, muv__deadlines_next_us(deadlines));
}

/* Nothing but the streams' ends follows. Without a stream (the name is still being looked up) the
 * owner is inside a call of his, and a turn of its own does the rest. */
static void end(muv__fetch_t *fetch)
{
    MUV__ASSERT(fetch->state != MUV__FETCH_ENDED);
    fetch->state = MUV__FETCH_ENDED;
    muv__deadline_cancel(fetch->context->deadlines, &fetch->deadline);
    if (fetch->resolve != NULL) {
        muv__resolve_cancel(fetch->resolve);
        fetch->resolve = NULL;
    }
    close_stream(fetch);
    if (fetch->stream_count == 0) {
        fetch->deadline.on_due = on_gone_without_stream;
        arm(fetch, 0);
    }
}

void muv__fetch_cancel(muv__fetch_t *fetch)
{
    end(fetch);
}

void muv__fetch_fail(muv__fetch_t *fetch, const muv_error_t *error)
{
    if (fetch->state == MUV__FETCH_ENDED) {
        return;
    }
    end(fetch);
    fetch->cb(fetch->owner, NULL, error);
}

static void fail_with(muv__fetch_t *fetch, int code, int status, const char *what, const char *text)
{
    char host[MUV__HOST_TEXT_SIZE];
    muv_error_t error;

    (void)muv__host_format(&fetch->host, host);
    (void)muv__error_set(&error, code, "%s %s: %s", what, host, text);
    error.system_code = status;
    muv__fetch_fail(fetch, &error);
}

void muv__fetch_fail_system(muv__fetch_t *fetch, int status, const char *what)
{
    int code = muv__net_is_timeout(status) ? MUV_ENETTIMEOUT : MUV_ENETWORK;

    if (status == MUV_ENOMEM) {
        fail_with(fetch, MUV_ENOMEM, 0, what, "out of memory");
    } else {
        fail_with(fetch, code, status, what, muv__net_error_text(status));
    }
}

/* What is done in a state, for texts. */
static const char *doing(const muv__fetch_t *fetch)
{
    switch (fetch->state) {
    case MUV__FETCH_RESOLVING: return "looking up";
    case MUV__FETCH_CONNECTING: return "connecting to";
    case MUV__FETCH_SECURING: return "TLS handshake with";
    default: return "waiting for the answer of";
    }
}

/* --- the response ------------------------------------------------------------------------------*/

static void finish(muv__fetch_t *fetch, muv__http_result_t result)
{
    muv__http_response_t response;

    if (result == MUV__HTTP_MORE) {
        return;
    }
    if (result == MUV__HTTP_BAD) {
        fail_with(fetch, fetch->response.code, 0, "answer of", fetch->response.why);
        return;
    }
    response = fetch->response;
    memset(&fetch->response, 0, sizeof(fetch->response));
    end(fetch);
    fetch->cb(fetch->owner, &response, NULL);
    muv__http_response_done(&response);
}

void muv__fetch_take(muv__fetch_t *fetch, const uint8_t *bytes, size_t size)
{
    finish(fetch, muv__http_response_feed(&fetch->response, muv__span(bytes, size)));
}

void muv__fetch_take_end(muv__fetch_t *fetch)
{
    finish(fetch, muv__http_response_ended(&fetch->response));
}

/* --- the stream --------------------------------------------------------------------------------*/

static void connect_next(muv__fetch_t *fetch, int last_status);

/* The server may answer before it has read all. */
static void send_request(muv__fetch_t *fetch)
{
    muv__span_t part = {fetch->request.data, fetch->request.size};
    int64_t written = muv__stream_write(fetch->stream, &part, 1);

    if (written < 0) {
        muv__fetch_fail_system(fetch, (int)written, "writing to");
    } else if ((size_t)written == part.size) {
        muv__buf_wipe(&fetch->request);
    }
}

static void on_connect(void *owner, muv__stream_t *stream, int status)
{
    muv__fetch_t *fetch = owner;

    MUV__ASSERT(fetch->state == MUV__FETCH_CONNECTING && stream == fetch->stream);
    if (status != 0) {
        close_stream(fetch);
        connect_next(fetch, status);
        return;
    }
    arm(fetch, fetch->due_us);
    if (!fetch->secure) {
        fetch->state = MUV__FETCH_WAITING;
        send_request(fetch);
        return;
    }
    fetch->state = MUV__FETCH_SECURING;
    status = muv__fetch_tls_begin(fetch);
    if (status != 0) {
        muv__fetch_fail_system(fetch, status, "TLS handshake with");
    }
}

static uint8_t *on_space(void *owner, size_t *ret_size)
{
    muv__fetch_t *fetch = owner;

    *ret_size = sizeof(fetch->space);
    return fetch->space;
}

static void on_read(void *owner, int64_t size)
{
    muv__fetch_t *fetch = owner;

    if (fetch->tls != NULL && size < 0) {
        muv__fetch_tls_ended(fetch, (int)size);
    } else if (fetch->tls != NULL) {
        muv__fetch_tls_read(fetch, (size_t)size);
    } else if (size >= 0) {
        muv__fetch_take(fetch, fetch->space, (size_t)size);
    } else if (muv__net_is_end((int)size)) {
        muv__fetch_take_end(fetch);
    } else {
        muv__fetch_fail_system(fetch, (int)size, doing(fetch));
    }
}

static void on_written(void *owner, int status)
{
    muv__fetch_t *fetch = owner;

    if (status != 0) {
        muv__fetch_fail_system(fetch, status, "writing to");
    } else if (fetch->tls != NULL) {
        muv__fetch_tls_written(fetch);
    } else {
        muv__buf_wipe(&fetch->request);
    }
}

static const muv__stream_ops_t stream_ops = {
    .on_connect = on_connect,
    .on_space = on_space,
    .on_read = on_read,
    .on_written = on_written,
    .on_closed = on_stream_closed,
};

/* --- the way -----------------------------------------------------------------------------------*/

/* The time is up: of an attempt to connect while there are addresses left, or of all. */
static void on_due(muv__deadline_t *deadline, int64_t now_us)
{
    muv__fetch_t *fetch = MUV__CONTAINER_OF(deadline, muv__fetch_t, deadline);

    if (now_us < fetch->due_us) {
        MUV__ASSERT(fetch->state == MUV__FETCH_CONNECTING);
        close_stream(fetch);
        connect_next(fetch, 0);
        return;
    }
    fail_with(fetch, MUV_ENETTIMEOUT, 0, doing(fetch), "the time is up");
}

/* An address that swallows everything leaves the others their share of the time. */
static void arm_attempt(muv__fetch_t *fetch)
{
    int64_t left = (int64_t)(fetch->addr_count - fetch->next_addr);
    int64_t due_us = fetch->due_us;

    if (left != 0 && due_us != INT64_MAX) {
        int64_t now_us = muv__net_now_us(fetch->context->net);

        due_us = now_us < due_us ? now_us + (due_us - now_us) / (left + 1) : due_us;
    }
    arm(fetch, due_us);
}

static void connect_next(muv__fetch_t *fetch, int last_status)
{
    while (fetch->next_addr < fetch->addr_count) {
        const muv__net_addr_t *addr = &fetch->addrs[fetch->next_addr++];

        last_status =
            muv__stream_connect(fetch->context->net, addr, &stream_ops, fetch, &fetch->stream);
        if (last_status == 0) {
            fetch->stream_count++;
            arm_attempt(fetch);
            return;
        }
        if (last_status == MUV_ENOMEM) {
            break;
        }
    }
    muv__fetch_fail_system(fetch, last_status, doing(fetch));
}

static void on_resolved(void *owner, const muv__net_addr_t *addrs, size_t count,
                        const char *error_text)
{
    muv__fetch_t *fetch = owner;

    fetch->resolve = NULL;
    if (count == 0) {
        fail_with(fetch, MUV_EDNS, 0, doing(fetch), error_text);
        return;
    }
    memcpy(fetch->addrs, addrs, count * sizeof(*addrs));
    fetch->addr_count = (uint32_t)count;
    fetch->state = MUV__FETCH_CONNECTING;
    connect_next(fetch, 0);
}

static int begin(muv__fetch_t *fetch, const muv__http_request_t *request)
{
    int status;

    muv__buf_init(&fetch->request, MUV__FETCH_MAX_REQUEST);
    muv__http_response_init(&fetch->response,
                            request->max_body != 0 ? request->max_body : MUV__FETCH_MAX_BODY);
    fetch->response.is_head = strcmp(request->method, "HEAD") == 0;
    status = muv__http_request_write(request, &fetch->request);
    if (status != 0) {
        return status;
    }
    return muv__net_resolve(fetch->context->net, fetch->host.name, fetch->host.port, on_resolved,
                            fetch, &fetch->resolve);
}

int muv__fetch_start(muv__fetch_context_t *context, const muv__http_request_t *request,
                     int64_t due_us, muv__fetch_cb cb, void *owner, muv__fetch_t **ret)
{
    muv__fetch_t *fetch;
    int status;

    if (request->url.secure && context->tls == NULL) {
        return MUV_EINVAL;
    }
    fetch = muv__mem_zalloc(sizeof(*fetch));
    if (fetch == NULL) {
        return MUV_ENOMEM;
    }
    fetch->context = context;
    fetch->cb = cb;
    fetch->owner = owner;
    fetch->secure = request->url.secure;
    fetch->host = request->url.host;
    fetch->due_us = due_us;
    fetch->deadline.on_due = on_due;
    status = begin(fetch, request);
    if (status != 0) {
        free_fetch(fetch);
        return status;
    }
    context->open_count++;
    arm(fetch, due_us);
    *ret = fetch;
    return 0;
}
