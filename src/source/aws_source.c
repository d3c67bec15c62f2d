/* SPDX-License-Identifier: Apache-2.0 */
/* Where keys of AWS come from when nobody gave them (Authentication: Obtaining Credentials). The
 * first source that the environment names is asked, and what goes wrong there ends the run: falling
 * through to the next one would log in as somebody else.
 *
 *   begin --keys in the environment--> DONE
 *     +--> READING_IDENTITY --> ASSUMING_ROLE ---------------------> DONE
 *     +--> [READING_AUTHORIZATION -->] ASKING_CONTAINER -----------> DONE
 *     +--> ASKING_SESSION --> ASKING_ROLE --> ASKING_KEYS ---------> DONE
 *
 * Suspended in every state with a name: until the file or the response comes. Secrets of a run (the
 * tokens, the form) are wiped when it ends or the next one begins. */
#include "source/source.h"

#include "auth/secret.h"
#include "base/assert.h"
#include "base/mem.h"
#include "source/aws_endpoint.h"
#include "source/aws_form.h"
#include "source/aws_reply.h"
#include "source/text.h"

#include "muv/error.h"

#include <stdio.h>
#include <string.h>

/* (Authentication: ECS endpoint. "Drivers SHOULD enforce a 10 second read timeout".) */
#define TIMEOUT_US INT64_C(10000000)

/* Of the session of EC2's metadata service: a run is over long before. */
#define SESSION_SECONDS "30"

#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"
#define ROLE_NAME_MAX 64

/* What STS itself allows. */
#define ROLE_ARN_MAX 2048
#define SESSION_NAME_MAX 64
#define FORM_MAX (3 * (MUV__SOURCE_MAX_FILE + ROLE_ARN_MAX + SESSION_NAME_MAX) + 1024)

#define SESSION_NAME_PREFIX "libmuv-"
#define RANDOM_SIZE 16

typedef enum step {
    IDLE,
    READING_IDENTITY,
    ASSUMING_ROLE,
    READING_AUTHORIZATION,
    ASKING_CONTAINER,
    ASKING_SESSION,
    ASKING_ROLE,
    ASKING_KEYS
} step_t;

typedef struct aws_source {
    muv__source_t base;
    muv__aws_environment_t environment;
    step_t step;
    char *path;           /* [own] A copy: the environment may change while the file is read. */
    size_t prefix_length; /* Of the target before the paths of EC2's metadata service. */
    muv__buf_t form;
    muv__secret_t header; /* The value of the header that is a secret, with its NUL. */
} aws_source_t;

static aws_source_t *from_base(muv__source_t *base)
{
    return MUV__CONTAINER_OF(base, aws_source_t, base);
}

static const char *variable(const aws_source_t *s, const char *name)
{
    return muv__aws_variable(&s->environment, name);
}

/* For messages. */
static const char *step_text(step_t step)
{
    switch (step) {
    case READING_IDENTITY: return "AWS_WEB_IDENTITY_TOKEN_FILE";
    case ASSUMING_ROLE: return "AssumeRoleWithWebIdentity at STS";
    case READING_AUTHORIZATION: return "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
    case ASKING_CONTAINER: return "keys from the ECS endpoint";
    case ASKING_SESSION: return "session token from the EC2 endpoint";
    case ASKING_ROLE: return "name of the role from the EC2 endpoint";
    case ASKING_KEYS: return "keys of the role from the EC2 endpoint";
    case IDLE: break;
    }
    return "environment";
}

/* --- the ends of a run -------------------------------------------------------------------------*/

static void forget(aws_source_t *s)
{
    s->step = IDLE;
    muv__secret_done(&s->header);
    muv__buf_wipe(&s->form);
    muv__buf_init(&s->form, FORM_MAX);
    muv__mem_free(s->path);
    s->path = NULL;
    s->base.path = NULL;
    s->base.request = (muv__http_request_t){.method = NULL};
}

static muv__source_next_t fail(aws_source_t *s, const char *why)
{
    (void)snprintf(s->base.why, sizeof(s->base.why), "%s", why);
    forget(s);
    return MUV__SOURCE_FAILED;
}

static muv__source_next_t fail_at_step(aws_source_t *s, const char *why)
{
    (void)snprintf(s->base.why, sizeof(s->base.why), "%s: %s", step_text(s->step), why);
    forget(s);
    return MUV__SOURCE_FAILED;
}

static muv__source_next_t fail_for_memory(aws_source_t *s)
{
    return fail(s, "out of memory");
}

static muv__source_next_t done(aws_source_t *s)
{
    MUV__ASSERT(s->base.credentials != NULL);
    forget(s);
    return MUV__SOURCE_DONE;
}

/* --- requests ----------------------------------------------------------------------------------*/

static void add_header(aws_source_t *s, const char *name, const char *value)
{
    muv__http_request_t *request = &s->base.request;

    MUV__ASSERT(request->header_count < MUV__HTTP_HEADERS_MAX);
    request->headers[request->header_count++] = (muv__http_header_t){name, value};
}

/* Keep a secret text for a header. Returns 0 or MUV_ENOMEM. */
static int keep_for_header(aws_source_t *s, muv__span_t text)
{
    MUV__ASSERT(s->header.data == NULL);
    if (muv__secret_alloc(&s->header, text.size + 1) != 0) {
        return MUV_ENOMEM;
    }
    memcpy(s->header.data, text.data, text.size);
    return 0;
}

static muv__source_next_t fetch(aws_source_t *s, step_t step, const char *method)
{
    s->step = step;
    s->base.request.method = method;
    return MUV__SOURCE_FETCH;
}

static muv__source_next_t read_file(aws_source_t *s, step_t step, const char *path)
{
    s->path = muv__mem_strdup(path);
    if (s->path == NULL) {
        return fail_for_memory(s);
    }
    s->base.path = s->path;
    s->step = step;
    return MUV__SOURCE_READ;
}

/* --- the environment itself --------------------------------------------------------------------*/

static muv__source_next_t take_environment(aws_source_t *s)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN"};
    const char *values[MUV__COUNT_OF(names)];
    muv__credentials_t credentials = {.passing = 1, .expires_s = MUV__CREDENTIALS_NEVER};

    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        values[i] = variable(s, names[i]);
        if (i < 2 && values[i] == NULL) {
            (void)snprintf(s->base.why, sizeof(s->base.why), "%s is not set, though others are",
                           names[i]);
            return MUV__SOURCE_FAILED;
        }
        if (values[i] != NULL && !muv__source_is_token(muv__span(values[i], strlen(values[i])))) {
            (void)snprintf(s->base.why, sizeof(s->base.why),
                           "%s has a character that cannot be part of it", names[i]);
            return MUV__SOURCE_FAILED;
        }
    }
    credentials.aws = (muv__aws_credential_t){values[0], values[1], values[2]};
    return muv__credentials_new(&credentials, &s->base.credentials) == 0 ? done(s)
                                                                         : fail_for_memory(s);
}

/* --- web identity ------------------------------------------------------------------------------*/

static void write_session_name(const uint8_t *random, char ret[SESSION_NAME_MAX + 1])
{
    size_t at = sizeof(SESSION_NAME_PREFIX) - 1;

    memcpy(ret, SESSION_NAME_PREFIX, at);
    muv__hash_hex(random, RANDOM_SIZE, ret + at);
    ret[at + 2 * RANDOM_SIZE] = '\0';
}

/* Everything but the token is prepared before the file is read: mistakes are told at once. */
static muv__source_next_t begin_identity(aws_source_t *s, const uint8_t *random)
{
    const char *role_arn = variable(s, "AWS_ROLE_ARN");
    const char *session_name = variable(s, "AWS_ROLE_SESSION_NAME");
    char made_up[SESSION_NAME_MAX + 1];
    const char *why = NULL;

    if (strlen(role_arn) > ROLE_ARN_MAX) {
        return fail(s, "AWS_ROLE_ARN is too long");
    }
    if (session_name == NULL) {
        write_session_name(random, made_up);
        session_name = made_up;
    }
    if (strlen(session_name) > SESSION_NAME_MAX) {
        return fail(s, "AWS_ROLE_SESSION_NAME is too long");
    }
    if (muv__aws_sts_url(&s->environment, &s->base.request.url, &why) != 0) {
        return fail(s, why);
    }
    muv__aws_form_begin(role_arn, session_name, &s->form);
    if (s->form.error != 0) {
        return fail_for_memory(s);
    }
    add_header(s, "Accept", "application/json");
    add_header(s, "Content-Type", "application/x-www-form-urlencoded");
    return read_file(s, READING_IDENTITY, variable(s, "AWS_WEB_IDENTITY_TOKEN_FILE"));
}

static muv__source_next_t take_identity(aws_source_t *s, muv__span_t token)
{
    if (!muv__source_is_token(token)) {
        return fail_at_step(s, "the file does not hold a token");
    }
    muv__aws_form_token(token, &s->form);
    if (s->form.error != 0) {
        return s->form.error == MUV_ENOMEM ? fail_for_memory(s)
                                           : fail_at_step(s, "the token is too long");
    }
    s->base.request.body = muv__span(s->form.data, s->form.size);
    return fetch(s, ASSUMING_ROLE, "POST");
}

/* --- containers --------------------------------------------------------------------------------*/

/* It may hold blanks ("Basic ..."), but nothing that ends a header. */
static int is_authorization(muv__span_t text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
            return 0;
        }
    }
    return text.size > 0;
}

static muv__source_next_t ask_container(aws_source_t *s, const char *name, muv__span_t text)
{
    if (!is_authorization(text)) {
        (void)snprintf(s->base.why, sizeof(s->base.why), "%s does not hold a token", name);
        forget(s);
        return MUV__SOURCE_FAILED;
    }
    if (keep_for_header(s, text) != 0) {
        return fail_for_memory(s);
    }
    add_header(s, "Authorization", (const char *)s->header.data);
    return fetch(s, ASKING_CONTAINER, "GET");
}

static muv__source_next_t begin_container(aws_source_t *s)
{
    const char *file = variable(s, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *text = variable(s, "AWS_CONTAINER_AUTHORIZATION_TOKEN");

    add_header(s, "Accept", "application/json");
    if (file != NULL) {
        return read_file(s, READING_AUTHORIZATION, file);
    }
    if (text != NULL) {
        return ask_container(s, "AWS_CONTAINER_AUTHORIZATION_TOKEN", muv__span(text, strlen(text)));
    }
    return fetch(s, ASKING_CONTAINER, "GET");
}

/* --- EC2 ---------------------------------------------------------------------------------------*/

/* Put a path, and the name of a role, behind what the endpoint's URL has. Returns 1, or 0 when it
 * is too long. */
static int set_target(aws_source_t *s, const char *path, muv__span_t role)
{
    muv__url_t *url = &s->base.request.url;
    size_t room = sizeof(url->target) - s->prefix_length;
    int length = snprintf(url->target + s->prefix_length, room, "%s%.*s", path, (int)role.size,
                          (const char *)role.data);

    return length >= 0 && (size_t)length < room;
}

static muv__source_next_t begin_metadata(aws_source_t *s)
{
    s->prefix_length = strlen(s->base.request.url.target);
    s->step = ASKING_SESSION;
    if (!set_target(s, "/latest/api/token", muv__span("", 0))) {
        return fail(s, "AWS_EC2_METADATA_SERVICE_ENDPOINT is too long");
    }
    add_header(s, "X-aws-ec2-metadata-token-ttl-seconds", SESSION_SECONDS);
    return fetch(s, ASKING_SESSION, "PUT");
}

/* Only the second version of the service is spoken: the first one, without a session, can be
 * reached through whatever forwards requests of others (Authentication: EC2 endpoint). */
static muv__source_next_t take_session(aws_source_t *s, muv__span_t token)
{
    if (!muv__source_is_token(token)) {
        return fail_at_step(s, "the reply is not a token");
    }
    if (keep_for_header(s, token) != 0) {
        return fail_for_memory(s);
    }
    if (!set_target(s, ROLES_PATH, muv__span("", 0))) {
        return fail(s, "AWS_EC2_METADATA_SERVICE_ENDPOINT is too long");
    }
    s->base.request.header_count = 0;
    add_header(s, "X-aws-ec2-metadata-token", (const char *)s->header.data);
    return fetch(s, ASKING_ROLE, "GET");
}

/* It becomes a part of a URL: exactly the characters that IAM allows, and none of them means
 * anything there but "..", which is no name. */
static int is_role(muv__span_t name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "+=,.@_-";

    for (size_t i = 0; i < name.size; i++) {
        if (memchr(allowed, name.data[i], sizeof(allowed) - 1) == NULL) {
            return 0;
        }
    }
    return name.size > 0 && name.size <= ROLE_NAME_MAX &&
           !(name.data[0] == '.' && name.size <= 2 && name.data[name.size - 1] == '.');
}

static muv__source_next_t take_role(aws_source_t *s, muv__span_t name)
{
    if (!is_role(name)) {
        return fail_at_step(s, "the reply is not the name of a role");
    }
    if (!set_target(s, ROLES_PATH, name)) {
        return fail(s, "AWS_EC2_METADATA_SERVICE_ENDPOINT is too long");
    }
    return fetch(s, ASKING_KEYS, "GET");
}

/* --- the machine -------------------------------------------------------------------------------*/

static muv__source_next_t begin(muv__source_t *base, int64_t wall_s, const uint8_t *random)
{
    aws_source_t *s = from_base(base);
    const char *why = NULL;
    int rc;

    (void)wall_s;
    forget(s);
    muv__credentials_release(s->base.credentials);
    s->base.credentials = NULL;
    if (variable(s, "AWS_ACCESS_KEY_ID") != NULL || variable(s, "AWS_SECRET_ACCESS_KEY") != NULL ||
        variable(s, "AWS_SESSION_TOKEN") != NULL) {
        return take_environment(s);
    }
    if (variable(s, "AWS_WEB_IDENTITY_TOKEN_FILE") != NULL && variable(s, "AWS_ROLE_ARN") != NULL) {
        return begin_identity(s, random);
    }
    rc = muv__aws_container_url(&s->environment, &s->base.request.url, &why);
    if (rc == 1) {
        return begin_container(s);
    }
    if (rc == 0) {
        rc = muv__aws_metadata_url(&s->environment, &s->base.request.url, &why);
    }
    return rc == 0 ? begin_metadata(s) : fail(s, why);
}

static muv__source_next_t on_file(muv__source_t *base, muv__span_t content, const char *why)
{
    aws_source_t *s = from_base(base);
    muv__span_t token = muv__source_trim(content);

    MUV__ASSERT(s->step == READING_IDENTITY || s->step == READING_AUTHORIZATION);
    if (why != NULL) {
        return fail_at_step(s, why);
    }
    return s->step == READING_IDENTITY ? take_identity(s, token)
                                       : ask_container(s, step_text(s->step), token);
}

static muv__source_next_t take_keys(aws_source_t *s, muv__span_t body, const char *token_name)
{
    const char *why = NULL;
    char text[64];

    switch (muv__aws_reply_read(body, token_name, &s->base.credentials, &why)) {
    case 0: return done(s);
    case MUV_ENOMEM: return fail_for_memory(s);
    default:
        (void)snprintf(text, sizeof(text), "the reply has %s", why);
        return fail_at_step(s, text);
    }
}

static muv__source_next_t on_response(muv__source_t *base, const muv__http_response_t *response,
                                      const char *why)
{
    aws_source_t *s = from_base(base);
    char text[32];
    muv__span_t body;

    MUV__ASSERT(s->step != IDLE);
    if (response == NULL) {
        return fail_at_step(s, why);
    }
    if (response->status != 200) {
        (void)snprintf(text, sizeof(text), "HTTP status %d", response->status);
        return fail_at_step(s, text);
    }
    body = muv__span(response->body.data, response->body.size);
    if (s->step == ASKING_SESSION) {
        return take_session(s, muv__source_trim(body));
    }
    if (s->step == ASKING_ROLE) {
        return take_role(s, muv__source_trim(body));
    }
    return take_keys(
        s, body, s->step == ASSUMING_ROLE ? MUV__AWS_REPLY_SESSION_TOKEN : MUV__AWS_REPLY_TOKEN);
}

static void free_source(muv__source_t *base)
{
    aws_source_t *s = from_base(base);

    forget(s);
    muv__credentials_release(s->base.credentials);
    muv__mem_free(s);
}

int muv__aws_source_new(muv__source_get_t get, void *data, muv__source_t **ret)
{
    static const muv__source_ops_t ops = {
        .begin = begin, .on_response = on_response, .on_file = on_file, .free = free_source};
    aws_source_t *s = muv__mem_zalloc(sizeof(*s));

    if (s == NULL) {
        return MUV_ENOMEM;
    }
    s->base.ops = &ops;
    s->base.timeout_us = TIMEOUT_US;
    s->environment = (muv__aws_environment_t){get, data};
    muv__buf_init(&s->form, FORM_MAX);
    *ret = &s->base;
    return 0;
}

int muv__aws_source_wants_tls(muv__source_get_t get, void *data)
{
    static const char *const names[] = {"AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                        "AWS_ENDPOINT_URL_STS"};
    muv__aws_environment_t environment = {get, data};
    muv__url_t url;

    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        const char *value = muv__aws_variable(&environment, names[i]);

        if (value != NULL && muv__url_parse(value, strlen(value), &url) == 0 && url.secure) {
            return 1;
        }
    }
    return muv__aws_variable(&environment, "AWS_WEB_IDENTITY_TOKEN_FILE") != NULL &&
           muv__aws_variable(&environment, "AWS_ENDPOINT_URL_STS") == NULL;
}
