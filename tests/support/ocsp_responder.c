/* SPDX-License-Identifier: Apache-2.0 */
#include "support/ocsp_responder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ocsp.h>

#include "support/check.h"
#include "support/http_server.h"

#define LARGE_BYTES (70 * 1024)

struct ocsp_responder {
    http_server_t *http;
    const cert_t *authority;
    cert_t delegate;
    cert_t stranger;
    ocsp_act_t act;
    unsigned char *body; /* Of the last answer. */
};

static cert_t make(const char *name, const cert_t *issuer, const char *key_usage)
{
    int64_t now_s = (int64_t)time(NULL);

    return cert_make(&(cert_spec_t){.common_name = name,
                                    .issuer = issuer,
                                    .key_usage = key_usage,
                                    .from_s = now_s - 7200,
                                    .until_s = now_s + 36000,
                                    .is_authority = issuer == NULL});
}

/* What is said of the certificate that the question names. */
static OCSP_BASICRESP *answer(const ocsp_responder_t *responder, OCSP_CERTID *id)
{
    const int statuses[] = {
        [OCSP_ACT_GOOD] = V_OCSP_CERTSTATUS_GOOD,
        [OCSP_ACT_REVOKED] = V_OCSP_CERTSTATUS_REVOKED,
        [OCSP_ACT_UNKNOWN] = V_OCSP_CERTSTATUS_UNKNOWN,
        [OCSP_ACT_DELEGATED] = V_OCSP_CERTSTATUS_REVOKED,
        [OCSP_ACT_EXPIRED] = V_OCSP_CERTSTATUS_REVOKED,
        [OCSP_ACT_WRONG_SIGNER] = V_OCSP_CERTSTATUS_REVOKED,
    };
    int64_t now_s = (int64_t)time(NULL);
    int64_t until_s = responder->act == OCSP_ACT_EXPIRED ? now_s - 600 : now_s + 3600;
    ASN1_TIME *from = ASN1_GENERALIZEDTIME_set(NULL, (time_t)(now_s - 3600));
    ASN1_TIME *until = ASN1_GENERALIZEDTIME_set(NULL, (time_t)until_s);
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();

    assert_non_null(OCSP_basic_add1_status(basic, id, statuses[responder->act],
                                           OCSP_REVOKED_STATUS_KEYCOMPROMISE, from, from, until));
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return basic;
}

static size_t write_answer(ocsp_responder_t *responder, OCSP_CERTID *id)
{
    const cert_t *signer = responder->authority;
    OCSP_BASICRESP *basic = answer(responder, id);
    OCSP_RESPONSE *response;
    int size;

    if (responder->act == OCSP_ACT_DELEGATED) {
        signer = &responder->delegate;
    } else if (responder->act == OCSP_ACT_WRONG_SIGNER) {
        signer = &responder->stranger;
    }
    assert_true(OCSP_basic_sign(basic, signer->certificate, signer->key, EVP_sha256(), NULL, 0));
    response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    size = i2d_OCSP_RESPONSE(response, &responder->body);
    assert_true(size > 0);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    return (size_t)size;
}

static size_t write_bytes(ocsp_responder_t *responder, const void *bytes, size_t size)
{
    responder->body = OPENSSL_zalloc(size < LARGE_BYTES ? LARGE_BYTES : size);
    assert_non_null(responder->body);
    memcpy(responder->body, bytes, size);
    return size;
}

static size_t write_body(ocsp_responder_t *responder, OCSP_CERTID *id)
{
    static const unsigned char try_later[] = {0x30, 0x03, 0x0a, 0x01, 0x03};

    switch (responder->act) {
    case OCSP_ACT_TRY_LATER: return write_bytes(responder, try_later, sizeof try_later);
    case OCSP_ACT_GARBAGE: return write_bytes(responder, "<html>", 6);
    case OCSP_ACT_TOO_LARGE: return write_bytes(responder, "", 1) - 1 + LARGE_BYTES;
    case OCSP_ACT_HTTP_ERROR:
    case OCSP_ACT_HANG:
    case OCSP_ACT_CLOSE: return 0;
    case OCSP_ACT_GOOD:
    case OCSP_ACT_REVOKED:
    case OCSP_ACT_UNKNOWN:
    case OCSP_ACT_DELEGATED:
    case OCSP_ACT_EXPIRED:
    case OCSP_ACT_WRONG_SIGNER:
    default: return write_answer(responder, id);
    }
}

static void on_question(void *data, const http_server_request_t *request,
                        http_server_reply_t *reply)
{
    ocsp_responder_t *responder = data;
    const unsigned char *at = (const unsigned char *)request->body;
    OCSP_REQUEST *question = d2i_OCSP_REQUEST(NULL, &at, (long)request->body_size);
    const char *type = http_server_header(request, "Content-Type");

    assert_non_null(type);
    assert_string_equal(type, "application/ocsp-request");
    assert_non_null(question);
    assert_int_equal(OCSP_request_onereq_count(question), 1);
    OPENSSL_free(responder->body);
    responder->body = NULL;
    reply->body_size =
        write_body(responder, OCSP_onereq_get0_id(OCSP_request_onereq_get0(question, 0)));
    reply->body = reply->body_size == 0 ? NULL : (const char *)responder->body;
    reply->headers = "Content-Type: application/ocsp-response\r\n";
    reply->status = responder->act == OCSP_ACT_HTTP_ERROR ? 503 : 200;
    if (responder->act == OCSP_ACT_HANG) {
        reply->act = HTTP_SERVER_HANG;
    } else if (responder->act == OCSP_ACT_CLOSE) {
        reply->act = HTTP_SERVER_CLOSE;
    }
    OCSP_REQUEST_free(question);
}

ocsp_responder_t *ocsp_responder_new(uv_loop_t *loop, const cert_t *authority)
{
    ocsp_responder_t *responder = calloc(1, sizeof *responder);

    assert_non_null(responder);
    responder->authority = authority;
    responder->delegate = make("delegate", authority, "OCSPSigning");
    responder->stranger = make("stranger", NULL, NULL);
    responder->http = http_server_new(loop, NULL);
    http_server_on_call(responder->http, "POST", "/ocsp", on_question, responder);
    return responder;
}

void ocsp_responder_close(ocsp_responder_t *responder)
{
    http_server_close(responder->http);
    cert_done(&responder->delegate);
    cert_done(&responder->stranger);
    OPENSSL_free(responder->body);
    free(responder);
}

void ocsp_responder_act(ocsp_responder_t *responder, ocsp_act_t act)
{
    responder->act = act;
}

const char *ocsp_responder_access(const ocsp_responder_t *responder)
{
    static char text[64];

    (void)snprintf(text, sizeof text, "OCSP;URI:http://127.0.0.1:%d/ocsp",
                   http_server_port(responder->http));
    return text;
}

unsigned ocsp_responder_asked(const ocsp_responder_t *responder)
{
    return http_server_count(responder->http);
}

const unsigned *ocsp_responder_counter(const ocsp_responder_t *responder)
{
    return http_server_counter(responder->http);
}
