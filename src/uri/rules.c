/* SPDX-License-Identifier: Apache-2.0 */
/* Rules between options (URI Options: conflicts), checked when all of them are known. */
#include "uri/uri.h"

#include "base/error.h"

struct pair {
    muv__option_t one;
    muv__option_t other;
};

/* Must not be given together, whatever their values. */
static const struct pair conflicts[] = {
    {MUV__OPTION_TLS_INSECURE, MUV__OPTION_TLS_ALLOW_INVALID_CERTIFICATES},
    {MUV__OPTION_TLS_INSECURE, MUV__OPTION_TLS_ALLOW_INVALID_HOSTNAMES},
    {MUV__OPTION_TLS_INSECURE, MUV__OPTION_TLS_DISABLE_OCSP_ENDPOINT_CHECK},
    {MUV__OPTION_TLS_INSECURE, MUV__OPTION_TLS_DISABLE_CERTIFICATE_REVOCATION_CHECK},
    {MUV__OPTION_TLS_ALLOW_INVALID_CERTIFICATES, MUV__OPTION_TLS_DISABLE_OCSP_ENDPOINT_CHECK},
    {MUV__OPTION_TLS_ALLOW_INVALID_CERTIFICATES,
     MUV__OPTION_TLS_DISABLE_CERTIFICATE_REVOCATION_CHECK},
    {MUV__OPTION_TLS_DISABLE_OCSP_ENDPOINT_CHECK,
     MUV__OPTION_TLS_DISABLE_CERTIFICATE_REVOCATION_CHECK},
};

/* `one` needs `other`. */
static const struct pair needs[] = {
    {MUV__OPTION_PROXY_PORT, MUV__OPTION_PROXY_HOST},
    {MUV__OPTION_PROXY_USERNAME, MUV__OPTION_PROXY_HOST},
    {MUV__OPTION_PROXY_PASSWORD, MUV__OPTION_PROXY_HOST},
    {MUV__OPTION_PROXY_USERNAME, MUV__OPTION_PROXY_PASSWORD},
    {MUV__OPTION_PROXY_PASSWORD, MUV__OPTION_PROXY_USERNAME},
};

/* Giving one of these says that TLS is wanted, unless tls=false is said too. */
static const muv__option_t tls_options[] = {
    MUV__OPTION_TLS_ALLOW_INVALID_CERTIFICATES,
    MUV__OPTION_TLS_ALLOW_INVALID_HOSTNAMES,
    MUV__OPTION_TLS_CA_FILE,
    MUV__OPTION_TLS_CERTIFICATE_KEY_FILE,
    MUV__OPTION_TLS_CERTIFICATE_KEY_FILE_PASSWORD,
    MUV__OPTION_TLS_DISABLE_CERTIFICATE_REVOCATION_CHECK,
    MUV__OPTION_TLS_DISABLE_OCSP_ENDPOINT_CHECK,
    MUV__OPTION_TLS_INSECURE,
};

static const char *name_of(muv__option_t option)
{
    return muv__option_row(option)->name;
}

static int check_pairs(const muv__options_t *options, muv_error_t *reterr)
{
    for (size_t i = 0; i < MUV__COUNT_OF(conflicts); i++) {
        const struct pair *pair = &conflicts[i];

        if (muv__options_has(options, pair->one) && muv__options_has(options, pair->other)) {
            return muv__error_set(reterr, MUV_EINVAL, "%s: cannot be given together with %s",
                                  name_of(pair->one), name_of(pair->other));
        }
    }
    for (size_t i = 0; i < MUV__COUNT_OF(needs); i++) {
        const struct pair *pair = &needs[i];

        if (muv__options_has(options, pair->one) && !muv__options_has(options, pair->other)) {
            return muv__error_set(reterr, MUV_EINVAL, "%s: needs %s", name_of(pair->one),
                                  name_of(pair->other));
        }
    }
    return 0;
}

static int check_srv(const muv__uri_t *uri, muv_error_t *reterr)
{
    const muv__options_t *options = &uri->options;

    if (!uri->srv && muv__options_has(options, MUV__OPTION_SRV_MAX_HOSTS)) {
        return muv__error_set(reterr, MUV_EINVAL, "srvMaxHosts: only with mongodb+srv://");
    }
    if (!uri->srv && muv__options_has(options, MUV__OPTION_SRV_SERVICE_NAME)) {
        return muv__error_set(reterr, MUV_EINVAL, "srvServiceName: only with mongodb+srv://");
    }
    if (options->srv_max_hosts > 0 && options->replica_set != NULL) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "srvMaxHosts: cannot be given together with replicaSet");
    }
    return 0;
}

static int check_topology(const muv__uri_t *uri, muv_error_t *reterr)
{
    const muv__options_t *options = &uri->options;

    if (options->direct_connection && uri->srv) {
        return muv__error_set(reterr, MUV_EINVAL, "directConnection: not with mongodb+srv://");
    }
    if (options->direct_connection && uri->host_count > 1) {
        return muv__error_set(reterr, MUV_EINVAL, "directConnection: not with several hosts");
    }
    if (!options->load_balanced) {
        return 0;
    }
    if (uri->host_count > 1) {
        return muv__error_set(reterr, MUV_EINVAL, "loadBalanced: not with several hosts");
    }
    if (options->replica_set != NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "loadBalanced: not with replicaSet");
    }
    if (options->direct_connection) {
        return muv__error_set(reterr, MUV_EINVAL, "loadBalanced: not with directConnection=true");
    }
    if (options->srv_max_hosts > 0) {
        return muv__error_set(reterr, MUV_EINVAL, "loadBalanced: not with srvMaxHosts");
    }
    return 0;
}

static int check_values(const muv__options_t *options, muv_error_t *reterr)
{
    if (!muv__write_concern_is_valid(&options->write_concern)) {
        return muv__error_set(reterr, MUV_EINVAL, "journal: true contradicts w=0");
    }
    if (!muv__read_pref_is_valid(&options->read_pref)) {
        return muv__error_set(
            reterr, MUV_EINVAL, "%s: not with readPreference primary, which is the default",
            options->read_pref.tag_count > 0 ? "readPreferenceTags" : "maxStalenessSeconds");
    }
    if (options->max_pool_size != 0 && options->min_pool_size > options->max_pool_size) {
        return muv__error_set(reterr, MUV_EINVAL, "minPoolSize: larger than maxPoolSize");
    }
    return 0;
}

static void settle_tls(muv__uri_t *uri)
{
    if (muv__options_has(&uri->options, MUV__OPTION_TLS)) {
        return;
    }
    uri->options.tls = uri->srv;
    for (size_t i = 0; i < MUV__COUNT_OF(tls_options); i++) {
        if (muv__options_has(&uri->options, tls_options[i])) {
            uri->options.tls = 1;
        }
    }
}

int muv__uri_finish(muv__uri_t *uri, muv_error_t *reterr)
{
    int rc = check_pairs(&uri->options, reterr);

    if (rc == 0) {
        rc = check_srv(uri, reterr);
    }
    if (rc == 0) {
        rc = check_topology(uri, reterr);
    }
    if (rc == 0) {
        rc = check_values(&uri->options, reterr);
    }
    if (rc == 0) {
        settle_tls(uri);
    }
    return rc;
}
