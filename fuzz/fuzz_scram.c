/* SPDX-License-Identifier: Apache-2.0 */
/* Logins against hostile servers, of all mechanisms.
 *
 * The input is a byte of options and a run of messages, each with two bytes of length. Options:
 * bits 0-2 the mechanism, 8 the first message is the reply to a hello that speculated, 16 messages
 * are payloads and get a good reply around them, 32 `done` is true in that from the second one on,
 * 64 a payload after the proof is replaced by the right signature, which no search would find, 128
 * no keys or token are kept: they are asked for (OIDC: of a person).
 *
 * Whatever comes, the login ends or waits, a command is one valid document, an error has a code
 * and does not hold the password, and nothing is left over. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/base64.h"
#include "base/bson_view.h"
#include "base/bson_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x) ((x) ? (void)0 : abort())

#define PASSWORD "s3cret-p\xc3\xa4ss"
#define MAX_SLICES 30

enum { FROM_HELLO = 8, AS_PAYLOAD = 16, SAY_DONE = 32, SIGN_RIGHT = 64, FETCHING = 128 };

struct run {
    muv__key_cache_t cache;
    muv__auth_t auth;
    muv__buf_t command;
    muv__buf_t reply;
    muv_error_t error;
    uint8_t options;
    unsigned count;
    muv__credentials_t *credentials;
};

static muv__span_t right_signature(const struct run *run, char text[2 + 48])
{
    size_t size = muv__hash_size(run->auth.scram.hash);

    memcpy(text, "v=", 2);
    muv__base64_encode(muv__span(run->auth.scram.server_signature, size), text + 2);
    return muv__span(text, 2 + MUV__BASE64_SIZE(size));
}

/* The message as it is, or in a reply. */
static muv__span_t wrap(struct run *run, muv__span_t message)
{
    int done = (run->options & SAY_DONE) != 0 && run->count > 0;
    int inside_hello = (run->options & FROM_HELLO) != 0 && run->count == 0;
    char text[2 + 48];
    muv__bson_mark_t outer;
    muv__bson_mark_t inner;

    if ((run->options & AS_PAYLOAD) == 0) {
        return message;
    }
    if ((run->options & SIGN_RIGHT) != 0 && run->auth.state == MUV__AUTH_STATE_PROVING) {
        message = right_signature(run, text);
    }
    muv__buf_reset(&run->reply, SIZE_MAX);
    outer = muv__bson_begin(&run->reply);
    inner = outer;
    muv__bson_int32(&run->reply, MUV__KEY("ok"), 1);
    if (inside_hello) {
        inner = muv__bson_begin_document(&run->reply, MUV__KEY("speculativeAuthenticate"));
    }
    muv__bson_int32(&run->reply, MUV__KEY("conversationId"), 1);
    muv__bson_bool(&run->reply, MUV__KEY("done"), done);
    muv__bson_binary(&run->reply, MUV__KEY("payload"), 0, message);
    if (inside_hello) {
        muv__bson_end(&run->reply, inner);
    }
    muv__bson_end(&run->reply, outer);
    return muv__span(run->reply.data, run->reply.size);
}

static muv__bson_mark_t open_command(struct run *run)
{
    muv__buf_reset(&run->command, SIZE_MAX);
    return muv__bson_begin(&run->command);
}

static void check_command(struct run *run, muv__bson_mark_t mark)
{
    muv__bson_iter_t iter;

    muv__bson_end(&run->command, mark);
    REQUIRE(run->command.error == 0);
    REQUIRE(muv__bson_iter_init(&iter, run->command.data, run->command.size));
    while (muv__bson_iter_next(&iter)) {
    }
    REQUIRE(!iter.bad);
}

/* Returns 1 when a reply is wanted. */
static int check_result(struct run *run, muv__auth_result_t result, muv__bson_mark_t mark)
{
    if (result == MUV__AUTH_SEND) {
        check_command(run, mark);
        return 1;
    }
    if (result == MUV__AUTH_FAILED) {
        REQUIRE(run->error.code == MUV_EAUTH || run->error.code == MUV_ETOOLARGE);
        REQUIRE(strstr(run->error.message, PASSWORD) == NULL);
        REQUIRE(strlen(run->error.message) > 20);
    }
    return 0;
}

/* Hash for a while; a count that is high but allowed is given up. */
static muv__auth_result_t work(struct run *run, muv__bson_mark_t *ret_mark)
{
    for (int i = 0; i < MAX_SLICES; i++) {
        (void)muv__key_cache_work(&run->cache);
        if (muv__auth_next_ready(&run->cache) == &run->auth) {
            *ret_mark = open_command(run);
            return muv__auth_work(&run->auth, &run->command, &run->error);
        }
    }
    return MUV__AUTH_WORK;
}

/* What is told of an issuer lies in the reply, which is still there. */
static muv__auth_result_t fetch(struct run *run, muv__bson_mark_t *ret_mark)
{
    const muv__oidc_idp_info_t *info = &run->auth.idp_info;

    if (run->auth.has_idp_info) {
        size_t sum = 0;

        for (size_t i = 0; i < info->issuer.size; i++) {
            sum += info->issuer.data[i];
        }
        REQUIRE(sum != 0);
    }
    *ret_mark = open_command(run);
    return muv__auth_fetched(&run->auth, run->credentials, 0, &run->command, &run->error);
}

static int give(struct run *run, muv__span_t message)
{
    muv__span_t reply = wrap(run, message);
    muv__bson_mark_t mark = open_command(run);
    muv__auth_result_t result;

    if (run->auth.state == MUV__AUTH_STATE_START) {
        result = muv__auth_on_hello(&run->auth, reply, &run->command, &run->error);
    } else {
        result = muv__auth_step(&run->auth, reply, &run->command, &run->error);
    }
    if (result == MUV__AUTH_WORK) {
        result = work(run, &mark);
    }
    if (result == MUV__AUTH_FETCH) {
        result = fetch(run, &mark);
    }
    run->count++;
    return check_result(run, result, mark);
}

static int start(struct run *run, muv__mechanism_t mechanism)
{
    muv__bson_mark_t mark = open_command(run);
    muv__auth_result_t result;

    if ((run->options & FROM_HELLO) != 0) {
        muv__auth_write_hello(&run->auth, &run->command);
        check_command(run, mark);
        return 1;
    }
    result = muv__auth_begin(&run->auth, mechanism, &run->command, &run->error);
    if (result == MUV__AUTH_FETCH) {
        result = fetch(run, &mark);
    }
    return check_result(run, result, mark);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t random[MUV__AUTH_RANDOM_SIZE];
    static const muv__credentials_t values = {.aws = {"AKIDEXAMPLE", PASSWORD, PASSWORD},
                                              .oidc_token = PASSWORD};
    muv__auth_credential_t credential = {
        .username = "us=er,", .password = PASSWORD, .source = "admin"};
    struct run run;
    size_t at = 1;

    if (size == 0 || (data[0] & 7U) > MUV__MECHANISM_OIDC) {
        return -1;
    }
    memset(&run, 0, sizeof(run));
    run.options = data[0];
    credential.mechanism = (muv__mechanism_t)(data[0] & 7U);
    credential.human = (data[0] & FETCHING) != 0;
    REQUIRE(muv__credentials_new(&values, &run.credentials) == 0);
    muv__buf_init(&run.command, 1 << 20);
    muv__buf_init(&run.reply, 1 << 20);
    muv__key_cache_init(&run.cache);
    muv__auth_init(&run.auth, &credential, &run.cache, random, 1440938160);
    muv__auth_offer(&run.auth, credential.human ? NULL : run.credentials, 0);
    for (int more = start(&run, credential.mechanism); more && size - at >= 2;) {
        size_t length = data[at] | (size_t)data[at + 1] << 8;

        at += 2;
        length = length > size - at ? size - at : length;
        more = give(&run, muv__span(data + at, length));
        at += length;
    }
    muv__auth_done(&run.auth);
    muv__credentials_release(run.credentials);
    muv__key_cache_done(&run.cache);
    muv__buf_done(&run.command);
    muv__buf_done(&run.reply);
    return 0;
}
