/* SPDX-License-Identifier: Apache-2.0 */
/* Translation of the credential, and the choice of the provider that serves it. */
#include "client/credential.h"

#include <string.h>

#include "base/error.h"
#include "client/client_inner.h"
#include "client/tls_settings.h"
#include "provider/allowed_hosts.h"
#include "source/source.h"
#include "uri/credential.h"

#define US_PER_MS 1000
#define US_PER_S INT64_C(1000000)

/* (Authentication, MONGODB-OIDC: when neither connectTimeoutMS nor timeoutMS limits a callback.) */
#define CALLBACK_MAX_US (60 * US_PER_S)

/* Returns 1, or 0 when the mechanism is not in this build. */
static int translate(int mechanism, muv__mechanism_t *ret)
{
    switch (mechanism) {
    case MUV__AUTH_DEFAULT: *ret = MUV__MECHANISM_DEFAULT; return 1;
    case MUV__AUTH_SCRAM_SHA_1: *ret = MUV__MECHANISM_SCRAM_SHA_1; return 1;
    case MUV__AUTH_SCRAM_SHA_256: *ret = MUV__MECHANISM_SCRAM_SHA_256; return 1;
    case MUV__AUTH_X509: *ret = MUV__MECHANISM_X509; return 1;
    case MUV__AUTH_PLAIN: *ret = MUV__MECHANISM_PLAIN; return 1;
    case MUV__AUTH_AWS: *ret = MUV__MECHANISM_AWS; return 1;
    case MUV__AUTH_OIDC: *ret = MUV__MECHANISM_OIDC; return 1;
    case MUV__AUTH_GSSAPI: *ret = MUV__MECHANISM_GSSAPI; return muv__krb5_available();
    default: return 0;
    }
}

/* --- providers ---------------------------------------------------------------------------------*/

static int64_t smaller_limit_us(int64_t limit_us, int64_t value_ms)
{
    return value_ms > 0 && value_ms < limit_us / US_PER_MS ? value_ms * US_PER_MS : limit_us;
}

/* (Authentication, MONGODB-OIDC: the smaller one of connectTimeoutMS and timeoutMS.) */
static int64_t timeout_us(const muv__options_t *options)
{
    return smaller_limit_us(smaller_limit_us(CALLBACK_MAX_US, options->connect_timeout_ms),
                            options->timeout_ms);
}

static int aws_from_options(const muv_aws_opts_t *aws, muv__provider_config_t *config,
                            muv_error_t *reterr)
{
    muv__credentials_t values = {.expires_s = MUV__CREDENTIALS_NEVER};

    if (aws->callback != NULL && (aws->access_key_id != NULL || aws->secret_access_key != NULL ||
                                  aws->session_token != NULL)) {
        return muv__error_set(reterr, MUV_EINVAL, "aws: either keys or a callback, not both");
    }
    if (aws->callback != NULL) {
        config->aws = aws->callback;
        config->data = aws->data;
        return 0;
    }
    if (aws->access_key_id == NULL || aws->secret_access_key == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "aws: %s is missing",
                              aws->access_key_id == NULL ? "access_key_id" : "secret_access_key");
    }
    values.aws.access_key_id = aws->access_key_id;
    values.aws.secret_access_key = aws->secret_access_key;
    values.aws.session_token = aws->session_token;
    return muv__credentials_new(&values, &config->given) == 0 ? 0
                                                              : muv__error_code(reterr, MUV_ENOMEM);
}

static int configure_aws(muv_client_t *client, const muv_client_opts_t *opts,
                         muv__provider_config_t *config, muv_error_t *reterr)
{
    if (opts != NULL && opts->aws != NULL) {
        return aws_from_options(opts->aws, config, reterr);
    }
    /* A system without trusted authorities may never need them: keys may be in the environment. */
    if (muv__aws_source_wants_tls(muv__net_environment, NULL) &&
        muv__tls_settings_read_fetches(client, reterr) == MUV_ENOMEM) {
        return MUV_ENOMEM;
    }
    return muv__aws_source_new(muv__net_environment, NULL, &config->source) == 0
               ? 0
               : muv__error_code(reterr, MUV_ENOMEM);
}

static int oidc_from_options(const muv_oidc_opts_t *oidc, muv__provider_config_t *config,
                             muv_error_t *reterr)
{
    config->oidc = oidc->callback;
    config->data = oidc->data;
    config->human = oidc->human == MUV_YES;
    if (!config->human && oidc->allowed_hosts != NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "oidc: allowed_hosts are for `human` only");
    }
    if (!config->human) {
        return 0;
    }
    return muv__allowed_hosts_new(oidc->allowed_hosts, oidc->allowed_host_count,
                                  &config->allowed_hosts) == 0
               ? 0
               : muv__error_code(reterr, MUV_ENOMEM);
}

static int configure_oidc(const muv__credential_t *credential, const muv_client_opts_t *opts,
                          muv__provider_config_t *config, muv_error_t *reterr)
{
    muv__oidc_source_config_t source = {
        .environment = muv__credential_property(credential, "ENVIRONMENT"),
        .token_resource = muv__credential_property(credential, "TOKEN_RESOURCE"),
        .username = credential->username,
        .get = muv__net_environment,
    };
    int status;

    config->spaced = 1;
    config->username = credential->username;
    if (opts != NULL && opts->oidc != NULL) {
        return oidc_from_options(opts->oidc, config, reterr);
    }
    status = muv__oidc_source_new(&source, &config->source);
    return status == 0 ? 0 : muv__error_code(reterr, status);
}

static int make_provider(muv_client_t *client, const muv__credential_t *credential,
                         const muv_client_opts_t *opts, muv_error_t *reterr)
{
    muv__provider_config_t config = {.timeout_us = timeout_us(&client->uri->options)};
    int status = credential->mechanism == MUV__AUTH_AWS
                     ? configure_aws(client, opts, &config, reterr)
                     : configure_oidc(credential, opts, &config, reterr);

    if (status != 0) {
        return status;
    }
    client->credential.human = config.human;
    if (muv__provider_new(&config, &client->fetches, &client->provider) != 0) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    client->context.provider = client->provider;
    return 0;
}

/* --- reading -----------------------------------------------------------------------------------*/

/* Options of a mechanism that is not the one in use would be ignored silently. */
static int check_options(const muv__credential_t *credential, const muv_client_opts_t *opts,
                         muv_error_t *reterr)
{
    const char *why = NULL;

    if (opts == NULL) {
        return 0;
    }
    if (opts->oidc != NULL && credential->mechanism != MUV__AUTH_OIDC) {
        why = "oidc: authMechanism is not MONGODB-OIDC";
    } else if (opts->oidc != NULL && opts->oidc->callback == NULL) {
        why = "oidc: there is no callback";
    } else if (opts->aws != NULL && credential->mechanism != MUV__AUTH_AWS) {
        why = "aws: authMechanism is not MONGODB-AWS";
    }
    return why == NULL ? 0 : muv__error_set(reterr, MUV_EINVAL, "%s", why);
}

static void read_gssapi(muv_client_t *client, const muv__credential_t *credential)
{
    client->gssapi = (muv__krb5_names_t){
        .username = credential->username,
        .password = credential->password,
        .service_name = muv__credential_property(credential, "SERVICE_NAME"),
        .service_host = muv__credential_property(credential, "SERVICE_HOST"),
        .service_realm = muv__credential_property(credential, "SERVICE_REALM"),
        .canonicalize = muv__gssapi_canonicalize_of(
            muv__credential_property(credential, "CANONICALIZE_HOST_NAME")),
    };
    client->context.gssapi = &client->gssapi;
}

/* Returns 0 also when nobody logs in: `ret->enabled` says it. */
static int read_credential(muv_client_t *client, muv_error_t *reterr, muv__credential_t *ret)
{
    muv__mechanism_t mechanism;
    int status = muv__credential_of(client->uri, client->has_oidc_callback, reterr, ret);

    if (status != 0 || !ret->enabled) {
        return status;
    }
    if (!translate(ret->mechanism, &mechanism)) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "authMechanism: %s is not in this build of libmuv, which had no MIT "
                              "Kerberos or was told MUV_ENABLE_GSSAPI=OFF",
                              muv__auth_mechanism_name(ret->mechanism));
    }
    client->credential.mechanism = mechanism;
    client->credential.username = ret->username;
    client->credential.password = ret->password;
    client->credential.source = ret->source;
    if (mechanism == MUV__MECHANISM_GSSAPI) {
        read_gssapi(client, ret);
    }
    client->context.credential = &client->credential;
    client->context.keys = &client->keys;
    return 0;
}

int muv__client_credential_read(muv_client_t *client, const muv_client_opts_t *opts,
                                muv_error_t *reterr)
{
    muv__credential_t credential;
    int status;

    client->has_oidc_callback = opts != NULL && opts->oidc != NULL && opts->oidc->callback != NULL;
    status = read_credential(client, reterr, &credential);
    if (status == 0) {
        status = check_options(&credential, opts, reterr);
    }
    if (status != 0 || !credential.enabled ||
        (credential.mechanism != MUV__AUTH_AWS && credential.mechanism != MUV__AUTH_OIDC)) {
        return status;
    }
    return make_provider(client, &credential, opts, reterr);
}

int muv__client_credential_resolved(muv_client_t *client, muv_error_t *reterr)
{
    muv__credential_t credential;

    return read_credential(client, reterr, &credential);
}
