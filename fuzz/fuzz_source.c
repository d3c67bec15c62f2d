/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign bytes as what sources of credentials are given: replies of STS, ECS, EC2 and of Azure's
 * and Google's metadata services, and files of tokens. Input: a byte that says which source, then
 * the pieces that it gets one after the other, with a 0x1e between them. A piece for a request that
 * begins with 0x01 is a reply of status 404.
 *
 * The source asks, ends with credentials that could be signed or sent, or fails with a text; what
 * it asks for can always be written as a request. */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "source/json_fields.h"
#include "source/source.h"
#include "source/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x) ((x) ? (void)0 : abort())

#define SEPARATOR 0x1e
#define NOT_FOUND 0x01

/* No source asks more often. */
#define MAX_STEPS 3

typedef struct scene {
    const char *oidc; /* NULL: AWS. */
    const char *names[2];
    const char *values[2];
} scene_t;

static const scene_t scenes[] = {
    {NULL, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", NULL}, {"/k", NULL}},
    {NULL, {NULL, NULL}, {NULL, NULL}},
    {NULL, {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"}, {"/t", "arn"}},
    {NULL,
     {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"},
     {"http://localhost/", "/t"}},
    {"azure", {NULL, NULL}, {NULL, NULL}},
    {"gcp", {NULL, NULL}, {NULL, NULL}},
    {"test", {"OIDC_TOKEN_FILE", NULL}, {"/t", NULL}},
};

static const char *get(const char *name, void *data)
{
    const scene_t *const *scene = data;

    for (size_t i = 0; i < 2; i++) {
        if ((*scene)->names[i] != NULL && strcmp((*scene)->names[i], name) == 0) {
            return (*scene)->values[i];
        }
    }
    return NULL;
}

static int is_token(const char *text)
{
    return muv__source_is_token(muv__span(text, strlen(text)));
}

static void check_credentials(const muv__source_t *source, int is_aws)
{
    const muv__credentials_t *credentials = source->credentials;

    REQUIRE(credentials != NULL);
    if (is_aws) {
        REQUIRE(is_token(credentials->aws.access_key_id));
        REQUIRE(is_token(credentials->aws.secret_access_key));
        REQUIRE(credentials->aws.session_token == NULL || is_token(credentials->aws.session_token));
    } else {
        REQUIRE(is_token(credentials->oidc_token));
    }
}

static void check_request(const muv__source_t *source)
{
    muv__buf_t buf;

    muv__buf_init(&buf, 1 << 20);
    REQUIRE(muv__http_request_write(&source->request, &buf) == 0);
    muv__buf_done(&buf);
}

/* Give a piece in memory of exactly its size. */
static muv__source_next_t give(muv__source_t *source, muv__source_next_t next, const uint8_t *piece,
                               size_t size)
{
    uint8_t *copy = malloc(size + (size == 0));

    REQUIRE(copy != NULL);
    memcpy(copy, piece, size);
    if (next == MUV__SOURCE_READ) {
        next = source->ops->on_file(source, muv__span(copy, size), NULL);
    } else {
        int is_absent = size > 0 && piece[0] == NOT_FOUND;
        muv__http_response_t response = {.status = is_absent ? 404 : 200,
                                         .body = {.data = copy, .size = size}};

        next = source->ops->on_response(source, &response, NULL);
    }
    free(copy);
    return next;
}

/* A value is read in every way there is. */
static void read_json(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"Expiration", "access_token", ""};
    muv__json_value_t root;
    muv__json_value_t value;
    muv__secret_t text;
    int64_t whole;

    if (!muv__json_object(muv__span(data, size), &root)) {
        return;
    }
    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        if (muv__json_member(&root, names[i], &value) != 1) {
            continue;
        }
        if (muv__json_whole(&value, &whole) == 0) {
            REQUIRE(whole >= 0);
        }
        if (muv__json_text(&value, &text) == 0) {
            REQUIRE(text.size == strlen((const char *)text.data) + 1);
            REQUIRE(muv__json_is(&value, "Success") ==
                    (strcmp((const char *)text.data, "Success") == 0));
            muv__secret_done(&text);
        }
    }
}

static int make_source(const scene_t **scene, muv__source_t **ret)
{
    muv__oidc_source_config_t config = {
        .environment = (*scene)->oidc, .token_resource = "resource", .get = get, .data = scene};

    return (*scene)->oidc == NULL ? muv__aws_source_new(get, scene, ret)
                                  : muv__oidc_source_new(&config, ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t random[16];
    const uint8_t *end = data + size;
    const uint8_t *at = data + 1;
    muv__source_t *source = NULL;
    muv__source_next_t next;
    const scene_t *scene;
    int steps = 0;

    if (size == 0) {
        return -1;
    }
    read_json(at, size - 1);
    scene = &scenes[data[0] % MUV__COUNT_OF(scenes)];
    REQUIRE(make_source(&scene, &source) == 0);
    next = source->ops->begin(source, 0, random);
    for (; next == MUV__SOURCE_FETCH || next == MUV__SOURCE_READ; steps++) {
        const uint8_t *stop = at == end ? end : memchr(at, SEPARATOR, (size_t)(end - at));

        stop = stop == NULL ? end : stop;
        if (next == MUV__SOURCE_FETCH) {
            check_request(source);
        }
        next = give(source, next, at, (size_t)(stop - at));
        at = stop == end ? end : stop + 1;
    }
    REQUIRE(steps <= MAX_STEPS);
    if (next == MUV__SOURCE_DONE) {
        check_credentials(source, scene->oidc == NULL);
    } else {
        REQUIRE(source->why[0] != '\0' && source->credentials == NULL);
    }
    source->ops->free(source);
    return 0;
}
