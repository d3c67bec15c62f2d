/* SPDX-License-Identifier: Apache-2.0 */
/* One row of rules per mechanism, and the rules that fit into no row. */
#include "uri/credential.h"

#include "base/assert.h"
#include "base/error.h"

#include <string.h>

enum demand { FORBIDDEN, OPTIONAL, REQUIRED };

/* What the source is when authSource is not given. */
enum source {
    SOURCE_ADMIN,            /* The database of the string, or "admin". */
    SOURCE_EXTERNAL,         /* Always "$external"; the database is ignored. */
    SOURCE_DATABASE_EXTERNAL /* The database of the string, or "$external". */
};

struct mechanism_rules {
    enum demand username;
    enum demand password;
    enum source source;
    const char *const *properties; /* Names that are known, with a NULL behind them. */
};

static const char *const no_properties[] = {NULL};
static const char *const gssapi_properties[] = {"SERVICE_NAME", "CANONICALIZE_HOST_NAME",
                                                "SERVICE_REALM", "SERVICE_HOST", NULL};
static const char *const oidc_properties[] = {"ENVIRONMENT", "TOKEN_RESOURCE", NULL};

/* Credentials of AWS come from its environment, never from the string. */
static const struct mechanism_rules rules[] = {
    [MUV__AUTH_DEFAULT] = {REQUIRED, OPTIONAL, SOURCE_ADMIN, no_properties},
    [MUV__AUTH_SCRAM_SHA_1] = {REQUIRED, REQUIRED, SOURCE_ADMIN, no_properties},
    [MUV__AUTH_SCRAM_SHA_256] = {REQUIRED, REQUIRED, SOURCE_ADMIN, no_properties},
    [MUV__AUTH_X509] = {OPTIONAL, FORBIDDEN, SOURCE_EXTERNAL, no_properties},
    [MUV__AUTH_PLAIN] = {REQUIRED, REQUIRED, SOURCE_DATABASE_EXTERNAL, no_properties},
    [MUV__AUTH_GSSAPI] = {REQUIRED, OPTIONAL, SOURCE_EXTERNAL, gssapi_properties},
    [MUV__AUTH_AWS] = {FORBIDDEN, FORBIDDEN, SOURCE_EXTERNAL, no_properties},
    [MUV__AUTH_OIDC] = {OPTIONAL, FORBIDDEN, SOURCE_EXTERNAL, oidc_properties},
};

static int is_in(const char *text, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strcmp(list[i], text) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The mechanism for messages. */
static const char *name_of(int mechanism)
{
    const char *name = muv__auth_mechanism_name(mechanism);

    return name == NULL ? "the default authMechanism" : name;
}

static int check_demand(enum demand demand, const char *value, const char *what, int mechanism,
                        muv_error_t *reterr)
{
    if (demand == REQUIRED && value == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "%s: needs a %s", name_of(mechanism), what);
    }
    if (demand == FORBIDDEN && value != NULL && value[0] != '\0') {
        return muv__error_set(reterr, MUV_EINVAL, "%s: takes no %s in the connection string",
                              name_of(mechanism), what);
    }
    return 0;
}

static int resolve_source(const muv__uri_t *uri, muv__credential_t *credential, muv_error_t *reterr)
{
    enum source source = rules[credential->mechanism].source;
    const char *given = uri->options.auth_source;

    if (source == SOURCE_EXTERNAL && given != NULL && strcmp(given, "$external") != 0) {
        return muv__error_set(reterr, MUV_EINVAL, "authSource: must be $external for %s",
                              name_of(credential->mechanism));
    }
    if (source == SOURCE_EXTERNAL) {
        credential->source = "$external";
    } else if (given != NULL) {
        credential->source = given;
    } else if (uri->database != NULL) {
        credential->source = uri->database;
    } else {
        credential->source = source == SOURCE_ADMIN ? "admin" : "$external";
    }
    return 0;
}

static int check_properties(const muv__credential_t *credential, muv_error_t *reterr)
{
    for (size_t i = 0; i < credential->property_count; i++) {
        if (!is_in(credential->properties[i].key, rules[credential->mechanism].properties)) {
            return muv__error_set(reterr, MUV_EINVAL,
                                  "authMechanismProperties: property %zu is not known to %s", i + 1,
                                  name_of(credential->mechanism));
        }
    }
    return 0;
}

/* (Authentication: GSSAPI) true and false are the old words for forwardAndReverse and none. */
static int resolve_gssapi(muv__credential_t *credential, muv_error_t *reterr)
{
    static const char *const canonicalizations[] = {"none",  "forward", "forwardAndReverse",
                                                    "false", "true",    NULL};
    const char *canonicalize = muv__credential_property(credential, "CANONICALIZE_HOST_NAME");

    if (canonicalize != NULL && !is_in(canonicalize, canonicalizations)) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "authMechanismProperties: CANONICALIZE_HOST_NAME must be none, "
                              "forward or forwardAndReverse");
    }
    if (muv__credential_property(credential, "SERVICE_NAME") == NULL) {
        /* At most the other three known properties are there: check_properties() ran before. */
        MUV__ASSERT(credential->property_count < MUV__PROPERTIES_MAX);
        credential->properties[credential->property_count].key = "SERVICE_NAME";
        credential->properties[credential->property_count].value = "mongodb";
        credential->property_count++;
    }
    return 0;
}

static int check_oidc(const muv__credential_t *credential, int has_callback, muv_error_t *reterr)
{
    static const char *const environments[] = {"test", "azure", "gcp", "k8s", NULL};
    static const char *const with_resource[] = {"azure", "gcp", NULL};
    const char *environment = muv__credential_property(credential, "ENVIRONMENT");
    const char *resource = muv__credential_property(credential, "TOKEN_RESOURCE");
    const char *why = NULL;

    if (environment == NULL) {
        if (!has_callback) {
            why = "needs ENVIRONMENT in authMechanismProperties, or a callback";
        } else if (resource != NULL) {
            why = "TOKEN_RESOURCE needs ENVIRONMENT azure or gcp";
        }
    } else if (has_callback) {
        why = "takes either ENVIRONMENT or a callback, not both";
    } else if (!is_in(environment, environments)) {
        why = "ENVIRONMENT must be test, azure, gcp or k8s";
    } else if (is_in(environment, with_resource) != (resource != NULL)) {
        why = "TOKEN_RESOURCE belongs to ENVIRONMENT azure and gcp, and must be given there";
    } else if (strcmp(environment, "test") == 0 && credential->username != NULL) {
        why = "ENVIRONMENT test takes no user name";
    }
    return why == NULL ? 0 : muv__error_set(reterr, MUV_EINVAL, "MONGODB-OIDC: %s", why);
}

static int resolve(const muv__uri_t *uri, int has_oidc_callback, muv__credential_t *credential,
                   muv_error_t *reterr)
{
    const struct mechanism_rules *row = &rules[credential->mechanism];
    int rc = check_demand(row->username, uri->username, "user name", credential->mechanism, reterr);

    if (rc == 0) {
        rc = check_demand(row->password, uri->password, "password", credential->mechanism, reterr);
    }
    if (rc == 0) {
        rc = resolve_source(uri, credential, reterr);
    }
    if (rc != 0) {
        return rc;
    }
    credential->username = uri->username;
    credential->password = row->password == FORBIDDEN ? NULL : uri->password;
    credential->property_count = uri->options.property_count;
    memcpy(credential->properties, uri->options.properties, sizeof(credential->properties));
    rc = check_properties(credential, reterr);
    if (rc == 0 && credential->mechanism == MUV__AUTH_GSSAPI) {
        rc = resolve_gssapi(credential, reterr);
    }
    if (rc == 0 && credential->mechanism == MUV__AUTH_OIDC) {
        rc = check_oidc(credential, has_oidc_callback, reterr);
    }
    return rc;
}

int muv__credential_of(const muv__uri_t *uri, int has_oidc_callback, muv_error_t *reterr,
                       muv__credential_t *ret)
{
    muv__credential_t credential;
    int rc;

    memset(&credential, 0, sizeof(credential));
    /* authSource alone, or a database, does not ask for a login. */
    if (uri->username != NULL || muv__options_has(&uri->options, MUV__OPTION_AUTH_MECHANISM)) {
        credential.enabled = 1;
        credential.mechanism = uri->options.auth_mechanism;
        rc = resolve(uri, has_oidc_callback, &credential, reterr);
        if (rc != 0) {
            return rc;
        }
    }
    *ret = credential;
    return 0;
}

const char *muv__credential_property(const muv__credential_t *credential, const char *key)
{
    for (size_t i = 0; i < credential->property_count; i++) {
        if (strcmp(credential->properties[i].key, key) == 0) {
            return credential->properties[i].value;
        }
    }
    return NULL;
}
