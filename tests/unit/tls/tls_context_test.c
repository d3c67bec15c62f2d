/* SPDX-License-Identifier: Apache-2.0 */
/* What every connection of a context has in common. The files' contents are tls_pem_test.c's, whom
 * it lets in is tls_stream_test.c's. */
#include "tls/tls_context.h"

#include "tls/tls_inner.h"
#include "unit/base/counting_alloc.h"
#include "unit/tls/pair.h"

static muv__tls_options_t trusting(void)
{
    return (muv__tls_options_t){.authorities = muv__span(certs.trust.text, certs.trust.size)};
}

static void the_safe_choices_are_the_defaults(void **state)
{
    muv__tls_options_t options = trusting();
    muv__tls_context_t *context = NULL;
    uint64_t set;

    (void)state;
    CHECK_CODE(muv__tls_context_new(&options, NULL, &context), 0);
    set = SSL_CTX_get_options(context->ssl_context);
    assert_int_equal(SSL_CTX_get_verify_mode(context->ssl_context), SSL_VERIFY_PEER);
    assert_int_equal(SSL_CTX_get_min_proto_version(context->ssl_context), TLS1_2_VERSION);
    assert_true(set & SSL_OP_NO_COMPRESSION);
    assert_true(set & SSL_OP_NO_RENEGOTIATION);
    assert_false(set & SSL_OP_IGNORE_UNEXPECTED_EOF);
    assert_true(context->verify_name);
    assert_true(context->verify_status);
    muv__tls_context_free(context);
    muv__tls_context_free(NULL);
}

static void no_authority_is_looked_up_in_a_directory(void **state)
{
    muv__tls_options_t options = trusting();
    muv__tls_context_t *context = NULL;
    STACK_OF(X509_OBJECT) * objects;

    (void)state;
    CHECK_CODE(muv__tls_context_new(&options, NULL, &context), 0);
    objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context->ssl_context));
    assert_int_equal(sk_X509_OBJECT_num(objects), 1);
    muv__tls_context_free(context);
}

static void without_memory_there_is_no_context(void **state)
{
    muv__tls_options_t options = trusting();
    muv__tls_context_t *context = NULL;
    muv_error_t error;

    (void)state;
    assert_int_equal(counting_start(1, 1), 0);
    CHECK_CODE(muv__tls_context_new(&options, &error, &context), MUV_ENOMEM);
    CHECK_ERROR(&error, MUV_ENOMEM);
    assert_null(context);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_safe_choices_are_the_defaults),
        cmocka_unit_test(no_authority_is_looked_up_in_a_directory),
        cmocka_unit_test(without_memory_there_is_no_context),
    };

    return cmocka_run_group_tests(tests, certs_setup, certs_teardown);
}
