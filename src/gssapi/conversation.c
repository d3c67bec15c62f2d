/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of the conversation, and the message about security layers. */
#include "gssapi/conversation.h"

#include "muv/error.h"

#include "base/assert.h"
#include "base/mem.h"

#include <openssl/crypto.h>

#include <string.h>

/* (RFC 4752, 3.1) One octet of bits, three of a size. */
#define LAYERS_SIZE 4
#define LAYER_NONE 0x01

/* User names are not longer: the principal has to fit anyway. */
#define MAX_USERNAME 2048

typedef enum gssapi_state { START, CONTEXT, LAYERS, LAST, FAILED } gssapi_state_t;

struct muv__gssapi {
    gssapi_state_t state;
    muv__krb5_names_t names; /* Into `texts`. */
    muv__krb5_t krb5;
    uint8_t *input; /* [own] Of `input_size` bytes, or NULL. */
    size_t input_size;
    const char *why; /* Static, or the library's. */
    size_t texts_size;
    char texts[];
};

static size_t size_of(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

/* Copy a text to the end of the others. */
static void keep_text(muv__gssapi_t *gssapi, const char **text)
{
    size_t size = size_of(*text);

    if (size != 0) {
        char *copy = gssapi->texts + gssapi->texts_size;

        memcpy(copy, *text, size);
        gssapi->texts_size += size;
        *text = copy;
    }
}

int muv__gssapi_new(const muv__krb5_names_t *names, muv__gssapi_t **ret)
{
    size_t size = size_of(names->username) + size_of(names->password) +
                  size_of(names->service_name) + size_of(names->service_host) +
                  size_of(names->service_realm);
    muv__gssapi_t *gssapi = muv__mem_zalloc(sizeof(*gssapi) + size);

    if (gssapi == NULL) {
        return MUV_ENOMEM;
    }
    gssapi->names = *names;
    keep_text(gssapi, &gssapi->names.username);
    keep_text(gssapi, &gssapi->names.password);
    keep_text(gssapi, &gssapi->names.service_name);
    keep_text(gssapi, &gssapi->names.service_host);
    keep_text(gssapi, &gssapi->names.service_realm);
    MUV__ASSERT(gssapi->texts_size == size);
    *ret = gssapi;
    return 0;
}

void muv__gssapi_free(void *data)
{
    muv__gssapi_t *gssapi = data;

    if (gssapi != NULL) {
        muv__krb5_end(&gssapi->krb5);
        muv__mem_free(gssapi->input);
        OPENSSL_cleanse(gssapi->texts, gssapi->texts_size);
        muv__mem_free(gssapi);
    }
}

int muv__gssapi_put(muv__gssapi_t *gssapi, muv__span_t token)
{
    uint8_t *copy = NULL;

    if (token.size > MUV__GSSAPI_MAX_TOKEN) {
        return MUV_ETOOLARGE;
    }
    if (token.size != 0) {
        copy = muv__mem_dup(token.data, token.size);
        if (copy == NULL) {
            return MUV_ENOMEM;
        }
    }
    muv__mem_free(gssapi->input);
    gssapi->input = copy;
    gssapi->input_size = token.size;
    return 0;
}

/* --- steps -------------------------------------------------------------------------------------*/

static gssapi_state_t fail(muv__gssapi_t *gssapi, const char *why)
{
    gssapi->why = why;
    return FAILED;
}

static gssapi_state_t fail_in_library(muv__gssapi_t *gssapi)
{
    return fail(gssapi, gssapi->krb5.why);
}

static gssapi_state_t establish(muv__gssapi_t *gssapi)
{
    int status = muv__krb5_establish(&gssapi->krb5, muv__span(gssapi->input, gssapi->input_size));

    if (status < 0) {
        return fail_in_library(gssapi);
    }
    return status == 1 ? LAYERS : CONTEXT;
}

static gssapi_state_t begin(muv__gssapi_t *gssapi)
{
    if (muv__krb5_begin(&gssapi->krb5, &gssapi->names) != 0) {
        return fail_in_library(gssapi);
    }
    return establish(gssapi);
}

/* A server that sends nothing where its token belongs would begin our context anew. */
static gssapi_state_t go_on(muv__gssapi_t *gssapi)
{
    return gssapi->input_size == 0 ? fail(gssapi, "the server's token is empty")
                                   : establish(gssapi);
}

static gssapi_state_t choose_layer(muv__gssapi_t *gssapi)
{
    uint8_t choice[LAYERS_SIZE + MAX_USERNAME] = {LAYER_NONE, 0, 0, 0};
    size_t name_length = strlen(gssapi->names.username);
    const uint8_t *offer;

    if (muv__krb5_unwrap(&gssapi->krb5, muv__span(gssapi->input, gssapi->input_size)) != 0) {
        return fail_in_library(gssapi);
    }
    offer = gssapi->krb5.output;
    if (gssapi->krb5.output_size != LAYERS_SIZE) {
        return fail(gssapi, "the server's message about security layers is malformed");
    }
    if ((offer[0] & LAYER_NONE) == 0) {
        return fail(gssapi, "the server wants a security layer of GSSAPI; libmuv has TLS only");
    }
    if (name_length > MAX_USERNAME) {
        return fail(gssapi, "the user's name is too long");
    }
    memcpy(choice + LAYERS_SIZE, gssapi->names.username, name_length);
    if (muv__krb5_wrap(&gssapi->krb5, muv__span(choice, LAYERS_SIZE + name_length)) != 0) {
        return fail_in_library(gssapi);
    }
    return LAST;
}

void muv__gssapi_run(void *data)
{
    muv__gssapi_t *gssapi = data;

    switch (gssapi->state) {
    case START: gssapi->state = begin(gssapi); return;
    case CONTEXT: gssapi->state = go_on(gssapi); return;
    case LAYERS: gssapi->state = choose_layer(gssapi); return;
    case LAST:
    case FAILED:
    default: MUV__ASSERT(0);
    }
}

muv__gssapi_result_t muv__gssapi_result(const muv__gssapi_t *gssapi)
{
    if (gssapi->state == FAILED) {
        return (muv__gssapi_result_t){.why = gssapi->why};
    }
    return (muv__gssapi_result_t){
        .token = muv__span(gssapi->krb5.output, gssapi->krb5.output_size),
        .last = gssapi->state == LAST,
    };
}
