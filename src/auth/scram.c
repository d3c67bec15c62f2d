/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and reading of SCRAM's four messages. The grammar is RFC 5802's, section 7: attributes in
 * their order, none of them twice, extensions only at the end. */
#include "auth/scram.h"

#include "auth/base64.h"
#include "base/assert.h"

#include "muv/error.h"

#include <string.h>

#include <openssl/crypto.h>

/* Without channel binding; its base64 is what the final message repeats. */
#define GS2_HEADER "n,,"
#define GS2_HEADER_BASE64 "biws"

static int fail(muv__scram_t *scram, const char *why)
{
    scram->why = why;
    return MUV_EAUTH;
}

static int fail_hash(muv__scram_t *scram)
{
    return fail(scram, "a hash function is not available");
}

/* --- the server's messages ---------------------------------------------------------------------*/

/* What is left of a message. */
struct cursor {
    const char *at;
    const char *end;
};

/* Take `name=value` and the comma behind it. Returns 1, or 0 when it is not there. */
static int take_attribute(struct cursor *cursor, char name, struct cursor *ret)
{
    const char *value = cursor->at + 2;
    const char *end;

    if (cursor->end - cursor->at < 2 || cursor->at[0] != name || cursor->at[1] != '=') {
        return 0;
    }
    end = memchr(value, ',', (size_t)(cursor->end - value));
    if (end != NULL && end + 1 == cursor->end) {
        return 0; /* A comma separates; it does not end. */
    }
    *ret = (struct cursor){value, end == NULL ? cursor->end : end};
    cursor->at = end == NULL ? cursor->end : end + 1;
    return 1;
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Optional extensions have no meaning to us, but they must be attributes. */
static int take_extensions(struct cursor *cursor)
{
    struct cursor value;

    while (cursor->at < cursor->end) {
        if (!is_letter(cursor->at[0]) || !take_attribute(cursor, cursor->at[0], &value) ||
            value.at == value.end) {
            return 0;
        }
    }
    return 1;
}

static int is_printable(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at < 0x21 || *at > 0x7e) {
            return 0;
        }
    }
    return 1;
}

/* A number without sign and leading zeros, up to `max`; above it, `max + 1`. */
static int parse_number(struct cursor text, uint32_t max, uint32_t *ret)
{
    uint32_t number = 0;

    if (text.at == text.end || *text.at == '0') {
        return 0;
    }
    for (; text.at < text.end; text.at++) {
        if (*text.at < '0' || *text.at > '9') {
            return 0;
        }
        number = number > max / 10 ? max + 1 : number * 10 + (uint32_t)(*text.at - '0');
        number = number > max ? max + 1 : number;
    }
    *ret = number;
    return 1;
}

static int check_nonce(muv__scram_t *scram, struct cursor nonce)
{
    size_t ours = strlen(scram->nonce);
    size_t size = (size_t)(nonce.end - nonce.at);

    if (size < ours || memcmp(nonce.at, scram->nonce, ours) != 0) {
        return fail(scram, "the server's nonce does not begin with ours");
    }
    if (size == ours || !is_printable(nonce.at, nonce.end)) {
        return fail(scram, "the server's nonce is not valid");
    }
    return 0;
}

static int check_iterations(muv__scram_t *scram, struct cursor text)
{
    if (!parse_number(text, MUV__SCRAM_MAX_ITERATIONS, &scram->iterations)) {
        return fail(scram, "the server's iteration count is not a number");
    }
    if (scram->iterations < MUV__SCRAM_MIN_ITERATIONS) {
        return fail(scram, "the server's iteration count is below 4096");
    }
    if (scram->iterations > MUV__SCRAM_MAX_ITERATIONS) {
        return fail(scram, "the server's iteration count is above 1000000");
    }
    return 0;
}

static int parse_first(muv__scram_t *scram, struct cursor cursor, struct cursor *ret_nonce)
{
    struct cursor salt;
    struct cursor iterations;
    int status;

    if (cursor.end - cursor.at >= 2 && memcmp(cursor.at, "m=", 2) == 0) {
        return fail(scram, "the server demands an unknown extension");
    }
    if (cursor.end - cursor.at >= 2 && memcmp(cursor.at, "e=", 2) == 0) {
        return fail(scram, "the server reports an error");
    }
    if (!take_attribute(&cursor, 'r', ret_nonce)) {
        return fail(scram, "the server's first message has no nonce");
    }
    if (!take_attribute(&cursor, 's', &salt) || salt.at == salt.end) {
        return fail(scram, "the server's first message has no salt");
    }
    if (!take_attribute(&cursor, 'i', &iterations)) {
        return fail(scram, "the server's first message has no iteration count");
    }
    if (!take_extensions(&cursor)) {
        return fail(scram, "the server's first message has something else at its end");
    }
    status = check_nonce(scram, *ret_nonce);
    if (status != 0) {
        return status;
    }
    if (!muv__base64_decode(salt.at, (size_t)(salt.end - salt.at), scram->salt, sizeof(scram->salt),
                            &scram->salt_size)) {
        return fail(scram, "the server's salt is not valid base64 of at most 256 bytes");
    }
    return check_iterations(scram, iterations);
}

/* --- the exchange ------------------------------------------------------------------------------*/

void muv__scram_init(muv__scram_t *scram, muv__hash_t hash, const uint8_t *random)
{
    memset(scram, 0, sizeof(*scram));
    scram->hash = hash;
    muv__base64_encode(muv__span(random, MUV__SCRAM_RANDOM_SIZE), scram->nonce);
    muv__buf_init(&scram->transcript, MUV__SCRAM_MAX_TRANSCRIPT);
}

void muv__scram_done(muv__scram_t *scram)
{
    muv__buf_done(&scram->transcript);
    OPENSSL_cleanse(scram, sizeof(*scram));
}

/* (RFC 5802: saslname) */
static void append_escaped(muv__buf_t *buf, const char *text)
{
    for (;;) {
        size_t plain = strcspn(text, "=,");

        muv__buf_append(buf, text, plain);
        if (text[plain] == '\0') {
            return;
        }
        muv__buf_append(buf, text[plain] == '=' ? "=3D" : "=2C", 3);
        text += plain + 1;
    }
}

int muv__scram_first(muv__scram_t *scram, const char *username, muv__buf_t *ret)
{
    muv__buf_t *transcript = &scram->transcript;

    muv__buf_append(transcript, "n=", 2);
    append_escaped(transcript, username);
    muv__buf_append(transcript, ",r=", 3);
    muv__buf_append(transcript, scram->nonce, strlen(scram->nonce));
    if (transcript->error != 0) {
        return transcript->error;
    }
    muv__buf_append(ret, GS2_HEADER, strlen(GS2_HEADER));
    muv__buf_append(ret, transcript->data, transcript->size);
    return ret->error;
}

int muv__scram_challenge(muv__scram_t *scram, muv__span_t message)
{
    const char *text = (const char *)message.data;
    struct cursor nonce;
    int status;

    if (message.size == 0 || message.size > MUV__SCRAM_MAX_MESSAGE) {
        return fail(scram, "the server's first message is empty or too long");
    }
    status = parse_first(scram, (struct cursor){text, text + message.size}, &nonce);
    if (status != 0) {
        return status;
    }
    muv__buf_append(&scram->transcript, ",", 1);
    scram->nonce_at = scram->transcript.size + (size_t)(nonce.at - text);
    scram->nonce_size = (size_t)(nonce.end - nonce.at);
    muv__buf_append(&scram->transcript, message.data, message.size);
    return scram->transcript.error;
}

/* Append `c=biws,r=NONCE+` to the transcript and give its place there, or nothing without memory.
 */
static muv__span_t write_bare_final(muv__scram_t *scram)
{
    static const char bare[] = "c=" GS2_HEADER_BASE64 ",r=";
    muv__buf_t *transcript = &scram->transcript;
    size_t size = sizeof(bare) - 1 + scram->nonce_size;
    uint8_t *at = muv__buf_extend(transcript, 1 + size);

    if (at == NULL) {
        return muv__span(NULL, 0);
    }
    *at++ = ',';
    memcpy(at, bare, sizeof(bare) - 1);
    memcpy(at + sizeof(bare) - 1, transcript->data + scram->nonce_at, scram->nonce_size);
    return muv__span(at, size);
}

static int sign(const muv__scram_t *scram, const uint8_t *key, uint8_t *ret)
{
    return muv__hash_hmac(scram->hash, muv__span(key, muv__hash_size(scram->hash)),
                          muv__span(scram->transcript.data, scram->transcript.size), ret);
}

/* ClientKey xor HMAC(H(ClientKey), AuthMessage) */
static int compute_proof(const muv__scram_t *scram, const muv__scram_keys_t *keys, uint8_t *ret)
{
    size_t size = muv__hash_size(scram->hash);
    uint8_t stored_key[MUV__HASH_MAX_SIZE];
    int status = muv__hash_digest(scram->hash, muv__span(keys->client, size), stored_key);

    if (status == 0) {
        status = sign(scram, stored_key, ret);
    }
    for (size_t i = 0; i < size; i++) {
        ret[i] ^= keys->client[i];
    }
    OPENSSL_cleanse(stored_key, sizeof(stored_key));
    return status;
}

int muv__scram_final(muv__scram_t *scram, const muv__scram_keys_t *keys, muv__buf_t *ret)
{
    size_t size = muv__hash_size(scram->hash);
    uint8_t proof[MUV__HASH_MAX_SIZE] = {0};
    char text[MUV__BASE64_SIZE(MUV__HASH_MAX_SIZE)];
    muv__span_t bare = write_bare_final(scram);

    if (bare.data == NULL) {
        return scram->transcript.error;
    }
    if (compute_proof(scram, keys, proof) != 0 ||
        sign(scram, keys->server, scram->server_signature) != 0) {
        OPENSSL_cleanse(proof, sizeof(proof));
        return fail_hash(scram);
    }
    muv__base64_encode(muv__span(proof, size), text);
    muv__buf_append(ret, bare.data, bare.size);
    muv__buf_append(ret, ",p=", 3);
    muv__buf_append(ret, text, MUV__BASE64_SIZE(size));
    OPENSSL_cleanse(proof, sizeof(proof));
    OPENSSL_cleanse(text, sizeof(text));
    return ret->error;
}

int muv__scram_verify(muv__scram_t *scram, muv__span_t message)
{
    const char *text = (const char *)message.data;
    struct cursor cursor = {text, text + message.size};
    struct cursor value;
    uint8_t signature[MUV__HASH_MAX_SIZE];
    size_t size = 0;

    if (message.size == 0 || message.size > MUV__SCRAM_MAX_MESSAGE) {
        return fail(scram, "the server's final message is empty or too long");
    }
    if (message.size >= 2 && memcmp(text, "e=", 2) == 0) {
        return fail(scram, "the server reports an error");
    }
    if (!take_attribute(&cursor, 'v', &value) || !take_extensions(&cursor)) {
        return fail(scram, "the server's final message has no signature, or more than that");
    }
    if (!muv__base64_decode(value.at, (size_t)(value.end - value.at), signature, sizeof(signature),
                            &size) ||
        size != muv__hash_size(scram->hash)) {
        return fail(scram, "the server's signature is not valid base64 of a digest");
    }
    if (CRYPTO_memcmp(signature, scram->server_signature, size) != 0) {
        return fail(scram, "the server's signature is wrong: it does not know the password");
    }
    return 0;
}

int muv__scram_derive(muv__hash_t hash, const uint8_t *salted_password, muv__scram_keys_t *ret)
{
    static const char client[] = "Client Key";
    static const char server[] = "Server Key";
    muv__span_t salted = muv__span(salted_password, muv__hash_size(hash));
    int status = muv__hash_hmac(hash, salted, muv__span(client, sizeof(client) - 1), ret->client);

    if (status == 0) {
        status = muv__hash_hmac(hash, salted, muv__span(server, sizeof(server) - 1), ret->server);
    }
    return status;
}
