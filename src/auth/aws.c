/* SPDX-License-Identifier: Apache-2.0 */
/* What the server's payload must hold, and the answer to it. */
#include "auth/aws.h"

#include "base/bson_view.h"
#include "base/bson_writer.h"

#include "muv/error.h"

#include <string.h>

#include <openssl/crypto.h>

/* 'n': no channel binding. */
#define GS2_CB_FLAG 110

#define MAX_HEADER_SIZE 4096

void muv__aws_first(const uint8_t nonce[MUV__AWS_NONCE_SIZE], muv__buf_t *ret)
{
    muv__bson_mark_t mark = muv__bson_begin(ret);

    muv__bson_binary(ret, MUV__KEY("r"), 0, muv__span(nonce, MUV__AWS_NONCE_SIZE));
    muv__bson_int32(ret, MUV__KEY("p"), GS2_CB_FLAG);
    muv__bson_end(ret, mark);
}

/* A binary value is its length, its subtype and its bytes. */
static int read_nonce(muv__span_t payload, const uint8_t *ours, muv__span_t *ret)
{
    muv__bson_iter_t iter;

    if (!muv__bson_find(payload.data, payload.size, "s", &iter) || iter.type != MUV__BSON_BINARY ||
        iter.value[4] != 0 || iter.value_size != 5 + MUV__SIGV4_NONCE_SIZE ||
        CRYPTO_memcmp(iter.value + 5, ours, MUV__AWS_NONCE_SIZE) != 0) {
        return 0;
    }
    *ret = muv__span(iter.value + 5, MUV__SIGV4_NONCE_SIZE);
    return 1;
}

static int read_host(muv__span_t payload, muv__span_t *ret_host, muv__span_t *ret_region)
{
    muv__bson_iter_t iter;

    if (!muv__bson_find(payload.data, payload.size, "h", &iter) || iter.type != MUV__BSON_UTF8) {
        return 0;
    }
    *ret_host = muv__span(muv__bson_iter_text(&iter), muv__bson_iter_text_length(&iter));
    return muv__sigv4_region((const char *)ret_host->data, ret_host->size, ret_region);
}

static void write_answer(const muv__sigv4_request_t *request, const muv__buf_t *header,
                         muv__buf_t *ret)
{
    const char *token = request->credential->session_token;
    muv__bson_mark_t mark = muv__bson_begin(ret);

    muv__bson_utf8(ret, MUV__KEY("a"), (const char *)header->data, header->size);
    muv__bson_utf8(ret, MUV__KEY("d"), request->date, strlen(request->date));
    if (token != NULL) {
        muv__bson_utf8(ret, MUV__KEY("t"), token, strlen(token));
    }
    muv__bson_end(ret, mark);
}

int muv__aws_final(const muv__aws_credential_t *credential,
                   const uint8_t nonce[MUV__AWS_NONCE_SIZE], muv__span_t payload, int64_t unix_s,
                   muv__buf_t *ret, const char **ret_why)
{
    muv__sigv4_request_t request = {.credential = credential};
    muv__buf_t header;
    int status;

    if (!read_nonce(payload, nonce, &request.nonce)) {
        *ret_why = "the server's nonce does not begin with ours, or has not 64 bytes";
        return MUV_EAUTH;
    }
    if (!read_host(payload, &request.host, &request.region)) {
        *ret_why = "the host the server names for STS is not valid";
        return MUV_EAUTH;
    }
    muv__sigv4_date(unix_s, request.date);
    muv__buf_init(&header, MAX_HEADER_SIZE);
    status = muv__sigv4_authorization(&request, &header);
    if (status == 0) {
        write_answer(&request, &header, ret);
        status = ret->error;
    }
    if (status == MUV_EAUTH) {
        *ret_why = "a hash function is not available";
    }
    muv__buf_wipe(&header);
    return status;
}
