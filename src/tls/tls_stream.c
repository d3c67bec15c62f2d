/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL between two runs of memory: a BIO of our own reads from the borrowed cipher bytes and
 * writes to the engine's buffer, so nothing is copied that OpenSSL does not copy itself. */
#include "tls/tls_stream.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "tls/tls_inner.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* What one feed can leave. */
#define MAX_KEPT_BYTES (1024 * 1024)

/* --- between OpenSSL and us --------------------------------------------------------------------*/

static int bio_read(BIO *bio, char *to, size_t size, size_t *ret_size)
{
    muv__tls_t *tls = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (tls->in.size == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    if (size > tls->in.size) {
        size = tls->in.size;
    }
    memcpy(to, tls->in.data, size);
    tls->in = muv__span(tls->in.data + size, tls->in.size - size);
    *ret_size = size;
    return 1;
}

static int bio_write(BIO *bio, const char *bytes, size_t size, size_t *ret_size)
{
    muv__tls_t *tls = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    muv__buf_append(&tls->out, bytes, size);
    if (tls->out.error != 0) {
        return 0;
    }
    *ret_size = size;
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *muv__tls_bio_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "muv");

    if (method == NULL) {
        return NULL;
    }
    if (!BIO_meth_set_read_ex(method, bio_read) || !BIO_meth_set_write_ex(method, bio_write) ||
        !BIO_meth_set_ctrl(method, bio_control)) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

int muv__tls_on_session(SSL *ssl, SSL_SESSION *session)
{
    muv__tls_offer_session(SSL_get_app_data(ssl), session);
    return 1; /* The count is ours now. */
}

/* --- begin and end -----------------------------------------------------------------------------*/

/* Length of the name without the zone of an address, or the dot at the end of a name. */
static size_t plain_length(const muv__host_t *host)
{
    size_t length = strlen(host->name);

    if (host->kind == MUV__HOST_IPV6) {
        return strcspn(host->name, "%");
    }
    return length > 1 && host->name[length - 1] == '.' ? length - 1 : length;
}

/* A socket of this machine has no name to verify: who may make it is a matter of the file system.
 */
static int set_host(muv__tls_t *tls)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
    size_t length = plain_length(&tls->host);
    char name[MUV__HOST_NAME_MAX + 1];

    memcpy(name, tls->host.name, length);
    name[length] = '\0';
    if (tls->host.kind == MUV__HOST_NAME && !SSL_set_tlsext_host_name(tls->ssl, name)) {
        return 0;
    }
    if (!tls->context->verify_name || tls->host.kind == MUV__HOST_UNIX) {
        return 1;
    }
    /* (RFC 6125: a subject's common name is no host name, and "*" stands for a whole label.) */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return tls->host.kind == MUV__HOST_NAME ? X509_VERIFY_PARAM_set1_host(param, name, length)
                                            : X509_VERIFY_PARAM_set1_ip_asc(param, name);
}

static int set_session(muv__tls_t *tls)
{
    const muv__tls_session_t *known =
        muv__tls_sessions_find(&tls->context->sessions, &tls->host, tls->wall_s);

    if (known == NULL) {
        return 1;
    }
    if (muv__tls_session_is_revoked(tls->context, known, tls->wall_s)) {
        muv__tls_sessions_forget(&tls->context->sessions, &tls->host);
        return 1; /* A full handshake says why. */
    }
    if (!SSL_set_session(tls->ssl, known->session)) {
        return 0;
    }
    tls->verified_s = known->verified_s;
    tls->has_key = known->has_key;
    memcpy(tls->key, known->key, sizeof(tls->key));
    return 1;
}

static int begin(muv__tls_t *tls)
{
    BIO *bio;

    tls->ssl = SSL_new(tls->context->ssl_context);
    if (tls->ssl == NULL) {
        return 0;
    }
    bio = BIO_new(tls->context->bio_method);
    if (bio == NULL) {
        return 0;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio); /* Takes it over, for both directions. */
    (void)SSL_set_app_data(tls->ssl, tls);
    SSL_set_connect_state(tls->ssl);
    X509_VERIFY_PARAM_set_time(SSL_get0_param(tls->ssl), (time_t)tls->wall_s);
    return set_host(tls) && set_session(tls);
}

int muv__tls_new(muv__tls_context_t *context, const muv__host_t *host, int64_t wall_s,
                 muv__tls_t **ret)
{
    muv__tls_t *tls = muv__mem_zalloc(sizeof(*tls));

    if (tls == NULL) {
        return MUV_ENOMEM;
    }
    tls->context = context;
    tls->host = *host;
    tls->wall_s = wall_s;
    muv__buf_init(&tls->out, MUV__TLS_MAX_OUT_BYTES);
    muv__buf_init(&tls->kept, MAX_KEPT_BYTES);
    ERR_clear_error();
    if (!begin(tls)) {
        ERR_clear_error();
        muv__tls_free(tls);
        return MUV_ENOMEM;
    }
    *ret = tls;
    return 0;
}

void muv__tls_free(muv__tls_t *tls)
{
    if (tls == NULL) {
        return;
    }
    if (tls->ssl != NULL && tls->ready && tls->fail_code != MUV_ETLS) {
        /* Otherwise OpenSSL takes the connection for a broken one and spoils its session. */
        SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(tls->ssl);
    SSL_SESSION_free(tls->held);
    muv__buf_done(&tls->out);
    muv__buf_done(&tls->kept);
    muv__mem_free(tls);
}

static void set_failure(muv__tls_t *tls, int code, const char *text)
{
    tls->fail_code = code;
    tls->fail_text = text;
}

/* --- cipher bytes ------------------------------------------------------------------------------*/

void muv__tls_feed(muv__tls_t *tls, muv__span_t cipher)
{
    MUV__ASSERT(tls->in.size == 0);
    muv__buf_reset(&tls->kept, 0);
    tls->in = cipher;
    tls->shaken_bytes += tls->ready ? 0 : cipher.size;
}

size_t muv__tls_unread(const muv__tls_t *tls)
{
    return tls->in.size;
}

int muv__tls_keep(muv__tls_t *tls)
{
    if (tls->in.size == 0 || tls->kept.size != 0) {
        return 0;
    }
    muv__buf_append(&tls->kept, tls->in.data, tls->in.size);
    if (tls->kept.error != 0) {
        tls->in = muv__span(NULL, 0);
        set_failure(tls, MUV_ENOMEM, NULL);
        return MUV_ENOMEM;
    }
    tls->in = muv__span(tls->kept.data, tls->kept.size);
    return 0;
}

muv__buf_t *muv__tls_out(muv__tls_t *tls)
{
    return &tls->out;
}

/* --- failure -----------------------------------------------------------------------------------*/

static int report(const muv__tls_t *tls, muv_error_t *reterr)
{
    char host[MUV__HOST_TEXT_SIZE];

    if (tls->fail_code == MUV_ENOMEM) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    (void)muv__host_format(&tls->host, host);
    return muv__error_set(reterr, tls->fail_code, "TLS %s %s: %s%s",
                          tls->ready ? "connection to" : "handshake with", host,
                          tls->fail_by_peer ? "the server refused: " : "", tls->fail_text);
}

/* What OpenSSL says, in the words that tell most. */
static void set_failure_of_error(muv__tls_t *tls, unsigned long error)
{
    long verified = SSL_get_verify_result(tls->ssl);
    const char *text = ERR_reason_error_string(error);
    int reason = ERR_GET_REASON(error);

    if (reason == ERR_R_MALLOC_FAILURE) {
        set_failure(tls, MUV_ENOMEM, NULL);
        return;
    }
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        text = X509_verify_cert_error_string(verified);
    } else if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason == SSL_R_WRONG_VERSION_NUMBER) {
        text = "the server's answer is not TLS";
    }
    tls->fail_by_peer = ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET;
    set_failure(tls, MUV_ETLS, text != NULL ? text : "unknown error");
}

/* OpenSSL cannot go on. Returns the code of the failure. */
static int fail(muv__tls_t *tls, muv_error_t *reterr)
{
    if (tls->out.error != 0) {
        set_failure(tls, MUV_ENOMEM, NULL);
    } else if (tls->revocation_text != NULL) {
        set_failure(tls, MUV_ETLS, tls->revocation_text);
    } else {
        set_failure_of_error(tls, ERR_peek_error());
    }
    ERR_clear_error();
    if (!tls->ready) {
        muv__tls_sessions_forget(&tls->context->sessions, &tls->host);
    }
    return report(tls, reterr);
}

int muv__tls_refuse(muv__tls_t *tls, const char *text, muv_error_t *reterr)
{
    tls->ready = 0; /* Nothing is said, also no goodbye: it never was a connection. */
    set_failure(tls, MUV_ETLS, text);
    muv__tls_sessions_forget(&tls->context->sessions, &tls->host);
    return report(tls, reterr);
}

int muv__tls_ended(const muv__tls_t *tls, muv_error_t *reterr)
{
    muv__tls_t ended = {.host = tls->host, .ready = tls->ready, .fail_code = MUV_ENETWORK};

    if (tls->fail_code == MUV_ENETWORK) {
        return report(tls, reterr);
    }
    ended.fail_text =
        tls->ready ? "the server broke it off without a word" : "the server closed the connection";
    return report(&ended, reterr);
}

/* --- steps -------------------------------------------------------------------------------------*/

int muv__tls_handshake(muv__tls_t *tls, muv_error_t *reterr)
{
    int result;

    if (tls->fail_code != 0) {
        return report(tls, reterr);
    }
    if (tls->shaken_bytes > MUV__TLS_MAX_HANDSHAKE_BYTES) {
        set_failure(tls, MUV_ETLS, "the server does not come to the end of its handshake");
        return report(tls, reterr);
    }
    ERR_clear_error();
    result = SSL_do_handshake(tls->ssl);
    if (result != 1) {
        result = SSL_get_error(tls->ssl, result);
        return result == SSL_ERROR_WANT_READ && tls->out.error == 0 ? 0 : fail(tls, reterr);
    }
    tls->ready = 1;
    result = muv__tls_finish_revocation(tls, reterr);
    return result != 0 ? result : 1;
}

/* After SSL_read() gave nothing: 0 (feed more), or the failure's code. */
static int cannot_read(muv__tls_t *tls, int result, muv_error_t *reterr)
{
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ: return tls->out.error == 0 ? 0 : fail(tls, reterr);
    case SSL_ERROR_ZERO_RETURN:
        set_failure(tls, MUV_ENETWORK, "the server closed the connection");
        return report(tls, reterr);
    default: return fail(tls, reterr);
    }
}

int64_t muv__tls_read(muv__tls_t *tls, uint8_t *plain, size_t size, muv_error_t *reterr)
{
    size_t done = 0;

    MUV__ASSERT(tls->ready);
    if (tls->fail_code != 0) {
        return report(tls, reterr);
    }
    if (size > MUV__TLS_STEP_BYTES) {
        size = MUV__TLS_STEP_BYTES;
    }
    ERR_clear_error();
    while (done < size) {
        size_t count = 0;
        int result = SSL_read_ex(tls->ssl, plain + done, size - done, &count);

        if (result != 1) {
            result = cannot_read(tls, result, reterr);
            return done == 0 ? result : (int64_t)done;
        }
        done += count;
    }
    return (int64_t)done;
}

int64_t muv__tls_write(muv__tls_t *tls, muv__span_t plain, muv_error_t *reterr)
{
    size_t size = plain.size < MUV__TLS_STEP_BYTES ? plain.size : MUV__TLS_STEP_BYTES;
    size_t count = 0;

    MUV__ASSERT(tls->ready);
    if (tls->fail_code != 0) {
        return report(tls, reterr);
    }
    if (size == 0) {
        return 0;
    }
    ERR_clear_error();
    if (SSL_write_ex(tls->ssl, plain.data, size, &count) != 1) {
        return fail(tls, reterr);
    }
    MUV__ASSERT(count == size);
    return (int64_t)count;
}

void muv__tls_shutdown(muv__tls_t *tls)
{
    if (tls->ready && tls->fail_code != MUV_ETLS && tls->fail_code != MUV_ENOMEM) {
        (void)SSL_shutdown(tls->ssl); /* Its answer is not waited for. */
        ERR_clear_error();
    }
}

int muv__tls_failed(const muv__tls_t *tls)
{
    return tls->fail_code != 0;
}

int muv__tls_resumed(const muv__tls_t *tls)
{
    return SSL_session_reused(tls->ssl);
}
