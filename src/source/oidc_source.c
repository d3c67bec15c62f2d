/* SPDX-License-Identifier: Apache-2.0 */
/* MONGODB-OIDC's built-in environments (Authentication: Built-in OIDC Environment Integrations).
 *
 *   test   a file, named by OIDC_TOKEN_FILE
 *   k8s    a file, named by AZURE_FEDERATED_TOKEN_FILE or AWS_WEB_IDENTITY_TOKEN_FILE, else the
 *          service account's
 *   azure  the instance metadata service, which answers with JSON
 *   gcp    the metadata server, which answers with the token alone
 *
 * One step each: READ or FETCH, then DONE or FAILED. Where the metadata services are can be told by
 * the variables that the vendors' own libraries look at. When a token ends is not taken from it or
 * with it: the server says so (Credential Caching: expiry is not used). */
#include "source/source.h"

#include "muv/error.h"

#include "auth/secret.h"
#include "base/assert.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "source/json_fields.h"
#include "source/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define AZURE_HOST_VARIABLE "AZURE_POD_IDENTITY_AUTHORITY_HOST"
#define AZURE_BASE "http://169.254.169.254"
#define AZURE_PATH "/metadata/identity/oauth2/token?api-version=2018-02-01&resource="
#define GCP_HOST_VARIABLE "GCE_METADATA_HOST"
#define GCP_HOST "metadata"
#define GCP_PATH "/computeMetadata/v1/instance/service-accounts/default/identity?audience="
#define SERVICE_ACCOUNT_FILE "/var/run/secrets/kubernetes.io/serviceaccount/token"

/* More than any URL that can be parsed: a longer one is refused by its buffer, which never leaves
 * the stack. */
#define URL_MAX (MUV__URL_TARGET_MAX + MUV__HOST_TEXT_SIZE + 16)

typedef enum step { IDLE, READING, FETCHING } step_t;

struct oidc_source;

/* What the environments differ in. */
typedef struct environment {
    const char *name;
    uint8_t needs_resource;
    muv__source_next_t (*begin)(struct oidc_source *s);
    /* Of environments that fetch: the token in the body of an answer with status 200. */
    muv__source_next_t (*take_body)(struct oidc_source *s, muv__span_t body);
} environment_t;

typedef struct oidc_source {
    muv__source_t source;
    muv__oidc_source_config_t config;
    const environment_t *environment;
    step_t step;
    const char *variable; /* That named the file; NULL: the service account's. */
    char *path;           /* [own] Of the file: the variable may change while it is read. */
} oidc_source_t;

static oidc_source_t *oidc_of(muv__source_t *source)
{
    return MUV__CONTAINER_OF(source, oidc_source_t, source);
}

MUV__PRINTF(2, 3) static muv__source_next_t fail(oidc_source_t *s, const char *format, ...)
{
    char *why = s->source.why;
    int prefix =
        snprintf(why, sizeof(s->source.why), "OIDC environment %s: ", s->environment->name);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(why + prefix, sizeof(s->source.why) - (size_t)prefix, format, arguments);
    va_end(arguments);
    return MUV__SOURCE_FAILED;
}

/* The value of a variable; NULL also when it is empty. */
static const char *get(const oidc_source_t *s, const char *name)
{
    const char *value = s->config.get(name, s->config.data);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* --- tokens ------------------------------------------------------------------------------------*/

static muv__source_next_t keep(oidc_source_t *s, muv__span_t token)
{
    muv__credentials_t values = {.expires_s = MUV__CREDENTIALS_NEVER};
    muv__secret_t text;
    int code = muv__secret_alloc(&text, token.size + 1);

    if (code == 0) {
        memcpy(text.data, token.data, token.size);
        values.oidc_token = (const char *)text.data;
        code = muv__credentials_new(&values, &s->source.credentials);
        muv__secret_done(&text);
    }
    return code == 0 ? MUV__SOURCE_DONE : fail(s, "out of memory");
}

/* `origin` is what the token was found in, for people. */
static muv__source_next_t take_token(oidc_source_t *s, muv__span_t token, const char *origin)
{
    token = muv__source_trim(token);
    if (token.size == 0) {
        return fail(s, "%s is empty", origin);
    }
    if (!muv__source_is_token(token)) {
        return fail(s, "%s holds characters that no token has", origin);
    }
    return keep(s, token);
}

/* --- files: test, k8s --------------------------------------------------------------------------*/

static muv__source_next_t read_file(oidc_source_t *s, const char *variable, const char *path)
{
    muv__mem_free(s->path);
    s->path = muv__mem_strdup(path);
    if (s->path == NULL) {
        return fail(s, "out of memory");
    }
    s->variable = variable;
    s->source.path = s->path;
    s->step = READING;
    return MUV__SOURCE_READ;
}

static muv__source_next_t begin_test(oidc_source_t *s)
{
    const char *path = get(s, "OIDC_TOKEN_FILE");

    return path == NULL ? fail(s, "OIDC_TOKEN_FILE is not set")
                        : read_file(s, "OIDC_TOKEN_FILE", path);
}

static muv__source_next_t begin_k8s(oidc_source_t *s)
{
    static const char *const variables[] = {"AZURE_FEDERATED_TOKEN_FILE",
                                            "AWS_WEB_IDENTITY_TOKEN_FILE"};

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *path = get(s, variables[i]);

        if (path != NULL) {
            return read_file(s, variables[i], path);
        }
    }
    return read_file(s, NULL, SERVICE_ACCOUNT_FILE);
}

static muv__source_next_t on_file(muv__source_t *source, muv__span_t content, const char *why)
{
    oidc_source_t *s = oidc_of(source);
    char origin[64];

    MUV__ASSERT(s->step == READING);
    s->step = IDLE;
    (void)snprintf(origin, sizeof(origin), "the file %s%s",
                   s->variable == NULL ? "of the service account" : "named by ",
                   s->variable == NULL ? "" : s->variable);
    return why != NULL ? fail(s, "cannot read %s: %s", origin, why)
                       : take_token(s, content, origin);
}

/* --- metadata services: azure, gcp -------------------------------------------------------------*/

static void append_text(muv__buf_t *url, const char *text)
{
    muv__buf_append(url, text, strlen(text));
}

static void append_encoded(muv__buf_t *url, const char *text)
{
    muv__source_encode(url, muv__span(text, strlen(text)));
}

static void set_header(muv__http_request_t *request, const char *name, const char *value)
{
    MUV__ASSERT(request->header_count < MUV__HTTP_HEADERS_MAX);
    request->headers[request->header_count++] = (muv__http_header_t){name, value};
}

/* `origin` is what `url` was made of beside our own parts, for people. */
static muv__source_next_t fetch(oidc_source_t *s, const muv__buf_t *url, const char *origin)
{
    muv__http_request_t *request = &s->source.request;

    if (url->error != 0 || muv__url_parse((const char *)url->data, url->size, &request->url) != 0 ||
        request->url.secure) {
        return fail(s, "no http URL can be made of %s", origin);
    }
    request->method = "GET";
    s->step = FETCHING;
    return MUV__SOURCE_FETCH;
}

static muv__source_next_t begin_azure(oidc_source_t *s)
{
    const char *base = get(s, AZURE_HOST_VARIABLE);
    size_t length = base == NULL ? 0 : strlen(base);
    uint8_t home[URL_MAX];
    muv__buf_t url;

    muv__buf_init_home(&url, sizeof(home), home, sizeof(home));
    while (length > 0 && base[length - 1] == '/') {
        length--;
    }
    if (base != NULL) {
        muv__buf_append(&url, base, length);
    } else {
        append_text(&url, AZURE_BASE);
    }
    append_text(&url, AZURE_PATH);
    append_encoded(&url, s->config.token_resource);
    if (s->config.username != NULL) {
        append_text(&url, "&client_id=");
        append_encoded(&url, s->config.username);
    }
    set_header(&s->source.request, "Metadata", "true");
    set_header(&s->source.request, "Accept", "application/json");
    return fetch(s, &url,
                 base == NULL ? "TOKEN_RESOURCE and the user name"
                              : AZURE_HOST_VARIABLE ", TOKEN_RESOURCE and the user name");
}

static muv__source_next_t begin_gcp(oidc_source_t *s)
{
    const char *host = get(s, GCP_HOST_VARIABLE);
    uint8_t home[URL_MAX];
    muv__buf_t url;

    if (host != NULL && strpbrk(host, "/?#") != NULL) {
        return fail(s, GCP_HOST_VARIABLE " is no host");
    }
    muv__buf_init_home(&url, sizeof(home), home, sizeof(home));
    append_text(&url, "http://");
    append_text(&url, host == NULL ? GCP_HOST : host);
    append_text(&url, GCP_PATH);
    append_encoded(&url, s->config.token_resource);
    set_header(&s->source.request, "Metadata-Flavor", "Google");
    return fetch(s, &url,
                 host == NULL ? "TOKEN_RESOURCE" : GCP_HOST_VARIABLE " and TOKEN_RESOURCE");
}

static muv__source_next_t take_azure(oidc_source_t *s, muv__span_t body)
{
    muv__json_value_t root;
    muv__json_value_t value;
    muv__source_next_t next;
    muv__secret_t token;
    int code;

    if (!muv__json_object(body, &root)) {
        return fail(s, "the metadata service's answer is no JSON object");
    }
    if (muv__json_member(&root, "access_token", &value) != 1) {
        return fail(s, "the metadata service's answer has not one access_token");
    }
    code = muv__json_text(&value, &token);
    if (code != 0) {
        return fail(s, code == MUV_ENOMEM ? "out of memory"
                                          : "the metadata service's access_token is no text");
    }
    next =
        take_token(s, muv__span(token.data, token.size - 1), "the metadata service's access_token");
    muv__secret_done(&token);
    return next;
}

static muv__source_next_t take_gcp(oidc_source_t *s, muv__span_t body)
{
    return take_token(s, body, "the metadata service's answer");
}

static muv__source_next_t on_response(muv__source_t *source, const muv__http_response_t *response,
                                      const char *why)
{
    oidc_source_t *s = oidc_of(source);

    MUV__ASSERT(s->step == FETCHING);
    s->step = IDLE;
    if (response == NULL) {
        return fail(s, "the metadata service did not answer: %s", why);
    }
    if (response->status != 200) {
        return fail(s, "the metadata service answered with status %d", response->status);
    }
    return s->environment->take_body(s, muv__span(response->body.data, response->body.size));
}

/* --- the source --------------------------------------------------------------------------------*/

static const environment_t environments[] = {
    {.name = "test", .begin = begin_test},
    {.name = "k8s", .begin = begin_k8s},
    {.name = "azure", .needs_resource = 1, .begin = begin_azure, .take_body = take_azure},
    {.name = "gcp", .needs_resource = 1, .begin = begin_gcp, .take_body = take_gcp},
};

static muv__source_next_t begin(muv__source_t *source, int64_t wall_s, const uint8_t *random)
{
    oidc_source_t *s = oidc_of(source);

    (void)wall_s;
    (void)random;
    MUV__ASSERT(source->credentials == NULL);
    source->request.header_count = 0;
    source->why[0] = '\0';
    s->step = IDLE; /* The last run may have been given up. */
    return s->environment->begin(s);
}

static void free_source(muv__source_t *source)
{
    oidc_source_t *s = oidc_of(source);

    muv__credentials_release(source->credentials);
    muv__mem_free(s->path);
    muv__mem_free(s);
}

int muv__oidc_source_new(const muv__oidc_source_config_t *config, muv__source_t **ret)
{
    static const muv__source_ops_t ops = {
        .begin = begin, .on_response = on_response, .on_file = on_file, .free = free_source};
    const environment_t *environment = NULL;
    oidc_source_t *s;

    for (size_t i = 0; i < sizeof(environments) / sizeof(environments[0]); i++) {
        if (strcmp(environments[i].name, config->environment) == 0) {
            environment = &environments[i];
        }
    }
    if (environment == NULL || (environment->needs_resource && config->token_resource == NULL)) {
        return MUV_EINVAL;
    }
    s = muv__mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return MUV_ENOMEM;
    }
    s->source.ops = &ops;
    s->config = *config;
    s->environment = environment;
    *ret = &s->source;
    return 0;
}
