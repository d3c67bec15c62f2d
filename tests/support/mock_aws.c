/* SPDX-License-Identifier: Apache-2.0 */
/* Both steps of the conversation, and the signature as AWS computes it. */
#include "support/mock_aws.h"

#include "support/check.h"
#include "support/mock_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#define OUR_NONCE_SIZE 32
#define HEX_SIZE 64
#define SKEW_S 300
#define TEXT_SIZE 4096
#define HEADERS_SIZE 128
#define BODY "Action=GetCallerIdentity&Version=2011-06-15"

/* What the client's second payload says. */
typedef struct proof {
    const char *authorization;
    const char *date;
    const char *token; /* NULL: none. */
} proof_t;

static const char *host_of(const mock_aws_t *aws)
{
    return aws->host == NULL ? "sts.amazonaws.com" : aws->host;
}

static const char *region_of(const mock_aws_t *aws)
{
    return aws->region == NULL ? "us-east-1" : aws->region;
}

/* --- replies -----------------------------------------------------------------------------------*/

static void refuse(mock_aws_t *aws, const char *why, bson_t *reply)
{
    aws->refused++;
    aws->why = why;
    BSON_APPEND_INT32(reply, "ok", 0);
    BSON_APPEND_INT32(reply, "code", 18);
    BSON_APPEND_UTF8(reply, "codeName", "AuthenticationFailed");
    BSON_APPEND_UTF8(reply, "errmsg", "Authentication failed.");
}

static void append_answer(bson_t *reply, int32_t conversation, bool done, const bson_t *payload)
{
    BSON_APPEND_INT32(reply, "conversationId", conversation);
    BSON_APPEND_BOOL(reply, "done", done);
    BSON_APPEND_BINARY(reply, "payload", BSON_SUBTYPE_BINARY,
                       payload == NULL ? (const uint8_t *)"" : bson_get_data(payload),
                       payload == NULL ? 0 : payload->len);
    BSON_APPEND_INT32(reply, "ok", 1);
}

/* The payload of a command as a document, on the command's memory. */
static bool read_payload(const mock_request_t *request, bson_t *ret)
{
    bson_iter_t iter;
    bson_subtype_t subtype;
    const uint8_t *bytes;
    uint32_t size;

    if (!bson_iter_init_find(&iter, request->body, "payload") || !BSON_ITER_HOLDS_BINARY(&iter)) {
        return false;
    }
    bson_iter_binary(&iter, &subtype, &size, &bytes);
    return subtype == BSON_SUBTYPE_BINARY && bson_init_static(ret, bytes, size) &&
           bson_validate(ret, BSON_VALIDATE_NONE, NULL);
}

/* --- the first step ----------------------------------------------------------------------------*/

static bool read_nonce(const bson_t *payload, const uint8_t **ret)
{
    bson_iter_t iter;
    bson_subtype_t subtype;
    uint32_t size;

    if (!bson_iter_init_find(&iter, payload, "p") || !BSON_ITER_HOLDS_INT32(&iter) ||
        bson_iter_int32(&iter) != 'n') {
        return false;
    }
    if (!bson_iter_init_find(&iter, payload, "r") || !BSON_ITER_HOLDS_BINARY(&iter)) {
        return false;
    }
    bson_iter_binary(&iter, &subtype, &size, ret);
    return size == OUR_NONCE_SIZE && subtype == BSON_SUBTYPE_BINARY;
}

static void on_start(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    mock_aws_t *aws = data;
    uint8_t *nonce = aws->nonces[aws->begun % MOCK_AWS_CONVERSATIONS];
    const uint8_t *theirs;
    bson_t payload;
    bson_t *answer;

    (void)step;
    assert_string_equal(request->db, "$external");
    if (strcmp(mock_request_text(request, "mechanism"), "MONGODB-AWS") != 0 ||
        !read_payload(request, &payload) || !read_nonce(&payload, &theirs)) {
        refuse(aws, "the first payload", reply);
        return;
    }
    memcpy(nonce, theirs, OUR_NONCE_SIZE);
    SHA256(theirs, OUR_NONCE_SIZE, nonce + OUR_NONCE_SIZE);
    nonce[0] ^= aws->foreign_nonce ? 1 : 0;
    answer = bson_new();
    BSON_APPEND_BINARY(answer, "s", BSON_SUBTYPE_BINARY, nonce, MOCK_AWS_NONCE_SIZE);
    BSON_APPEND_UTF8(answer, "h", host_of(aws));
    append_answer(reply, (int32_t)aws->begun, false, answer);
    bson_destroy(answer);
    aws->begun++;
}

/* --- the signature -----------------------------------------------------------------------------*/

static void hex(const uint8_t *bytes, char ret[HEX_SIZE + 1])
{
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        (void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
    }
}

static void hash_hex(const char *text, char ret[HEX_SIZE + 1])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256((const uint8_t *)text, strlen(text), digest);
    hex(digest, ret);
}

static void hmac(const void *key, size_t key_size, const char *text, uint8_t *ret)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    assert_non_null(
        HMAC(EVP_sha256(), key, (int)key_size, (const uint8_t *)text, strlen(text), digest, NULL));
    memcpy(ret, digest, sizeof(digest));
}

static void write_signed_headers(const proof_t *proof, char ret[HEADERS_SIZE])
{
    (void)snprintf(ret, HEADERS_SIZE,
                   "content-length;content-type;host;x-amz-date;%sx-mongodb-gs2-cb-flag;"
                   "x-mongodb-server-nonce",
                   proof->token == NULL ? "" : "x-amz-security-token;");
}

/* (AWS: Signature Version 4, the canonical request.) */
static void write_canonical(const mock_aws_t *aws, const proof_t *proof, const uint8_t *nonce,
                            char ret[TEXT_SIZE])
{
    char nonce_text[MOCK_AWS_NONCE_SIZE * 2];
    char body_hash[HEX_SIZE + 1];
    char signed_headers[HEADERS_SIZE];
    int length;

    EVP_EncodeBlock((uint8_t *)nonce_text, nonce, MOCK_AWS_NONCE_SIZE);
    hash_hex(BODY, body_hash);
    write_signed_headers(proof, signed_headers);
    length = snprintf(ret, TEXT_SIZE,
                      "POST\n/\n\ncontent-length:%zu\n"
                      "content-type:application/x-www-form-urlencoded\nhost:%s\nx-amz-date:%s\n"
                      "%s%s%sx-mongodb-gs2-cb-flag:n\nx-mongodb-server-nonce:%s\n\n%s\n%s",
                      sizeof(BODY) - 1, host_of(aws), proof->date,
                      proof->token == NULL ? "" : "x-amz-security-token:",
                      proof->token == NULL ? "" : proof->token, proof->token == NULL ? "" : "\n",
                      nonce_text, signed_headers, body_hash);
    assert_true(length > 0 && length < TEXT_SIZE);
}

/* (The string to sign, and the key for the day, the region and the service.) */
static void sign(const mock_aws_t *aws, const proof_t *proof, const char *canonical,
                 char ret[HEX_SIZE + 1])
{
    char text[TEXT_SIZE];
    char day[9];
    uint8_t key[SHA256_DIGEST_LENGTH];

    (void)snprintf(text, sizeof(text), "AWS4%s", aws->secret_access_key);
    (void)snprintf(day, sizeof(day), "%.8s", proof->date);
    hmac(text, strlen(text), day, key);
    hmac(key, sizeof(key), region_of(aws), key);
    hmac(key, sizeof(key), "sts", key);
    hmac(key, sizeof(key), "aws4_request", key);
    hash_hex(canonical, ret);
    (void)snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s/%s/sts/aws4_request\n%s",
                   proof->date, day, region_of(aws), ret);
    hmac(key, sizeof(key), text, key);
    hex(key, ret);
}

/* The whole header that the accepted keys make. */
static void write_expected(const mock_aws_t *aws, const proof_t *proof, const uint8_t *nonce,
                           char ret[TEXT_SIZE])
{
    char canonical[TEXT_SIZE];
    char signature[HEX_SIZE + 1];
    char signed_headers[HEADERS_SIZE];

    write_canonical(aws, proof, nonce, canonical);
    sign(aws, proof, canonical, signature);
    write_signed_headers(proof, signed_headers);
    (void)snprintf(ret, TEXT_SIZE,
                   "AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/sts/aws4_request, SignedHeaders=%s, "
                   "Signature=%s",
                   aws->access_key_id, proof->date, region_of(aws), signed_headers, signature);
}

/* --- the second step ---------------------------------------------------------------------------*/

/* "20150830T123600Z", and not far from now: AWS allows five minutes. */
static bool is_now(const char *date)
{
    struct tm parts = {.tm_isdst = 0};
    time_t now = time(NULL);
    const char *end = strptime(date, "%Y%m%dT%H%M%SZ", &parts);
    time_t then;

    if (strlen(date) != 16 || end == NULL || *end != '\0') {
        return false;
    }
    then = timegm(&parts);
    return then > now - SKEW_S && then < now + SKEW_S;
}

static const char *text_field(const bson_t *document, const char *key)
{
    bson_iter_t iter;

    return bson_iter_init_find(&iter, document, key) && BSON_ITER_HOLDS_UTF8(&iter)
               ? bson_iter_utf8(&iter, NULL)
               : NULL;
}

/* Returns what is wrong, or NULL. */
static const char *judge(const mock_aws_t *aws, const bson_t *payload, const uint8_t *nonce)
{
    proof_t proof = {text_field(payload, "a"), text_field(payload, "d"), text_field(payload, "t")};
    char expected[TEXT_SIZE];

    if (proof.authorization == NULL || proof.date == NULL ||
        bson_count_keys(payload) != (proof.token == NULL ? 2 : 3)) {
        return "the second payload";
    }
    if (!is_now(proof.date)) {
        return "the date";
    }
    if ((proof.token == NULL) != (aws->session_token == NULL) ||
        (proof.token != NULL && strcmp(proof.token, aws->session_token) != 0)) {
        return "the session token";
    }
    write_expected(aws, &proof, nonce, expected);
    return strcmp(expected, proof.authorization) == 0 ? NULL : "the signature";
}

static void on_continue(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    mock_aws_t *aws = data;
    int64_t conversation = mock_request_number(request, "conversationId");
    const char *why = "the second payload";
    bson_t payload;

    (void)step;
    assert_string_equal(request->db, "$external");
    assert_true(conversation >= 0 && conversation < aws->begun);
    if (read_payload(request, &payload)) {
        why = judge(aws, &payload, aws->nonces[conversation % MOCK_AWS_CONVERSATIONS]);
    }
    if (why != NULL) {
        refuse(aws, why, reply);
        return;
    }
    aws->accepted++;
    aws->known[request->connection % MOCK_AWS_CONNECTIONS] = true;
    append_answer(reply, (int32_t)conversation, true, NULL);
}

static void on_command(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    mock_aws_t *aws = data;

    (void)step;
    if (aws->known[request->connection % MOCK_AWS_CONNECTIONS]) {
        mock__answer(aws->mock, request, reply);
        return;
    }
    aws->unauthorized++;
    BSON_APPEND_INT32(reply, "ok", 0);
    BSON_APPEND_INT32(reply, "code", 13);
    BSON_APPEND_UTF8(reply, "codeName", "Unauthorized");
    BSON_APPEND_UTF8(reply, "errmsg", "Command requires authentication");
}

void mock_aws_install(muv_mock_t *mock, mock_aws_t *aws)
{
    aws->mock = mock;
    mock_on(mock, "*", on_command, aws);
    mock_on(mock, "saslStart", on_start, aws);
    mock_on(mock, "saslContinue", on_continue, aws);
}
