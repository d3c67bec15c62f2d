/* SPDX-License-Identifier: Apache-2.0 */
/* The provider in virtual time: who is told what and when, and how often a source is asked. */
#include "net_sim.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "provider/provider.h"
#include "support/alloc.h"
#include "support/check.h"

#define WAITERS 4

typedef struct rig rig_t;

typedef struct waiter {
    muv__provider_waiter_t base;
    rig_t *rig;
    char name;
} waiter_t;

struct rig {
    sim_world_t *world;
    muv__net_t *net;
    muv__heap_t deadlines;
    muv__fetch_context_t fetches;
    muv__provider_t *provider;
    muv__provider_config_t config;
    waiter_t waiters[WAITERS];
    muv_credential_request_t *request; /* The user's, not answered yet. */
    const char *answer;                /* At once; NULL: later. */
    unsigned calls;
    char log[1024]; /* "[us] what\n" */
    int64_t since_us;
};

static void say(rig_t *rig, const char *text)
{
    size_t length = strlen(rig->log);

    (void)snprintf(rig->log + length, sizeof(rig->log) - length, "[%d] %s\n",
                   (int)(sim_now_us(rig->world) - rig->since_us), text);
}

/* --- the net, as a client has it ---------------------------------------------------------------*/

static void on_begin(void *data, int64_t now_us)
{
    (void)data;
    (void)now_us;
}

static void on_end(void *data)
{
    rig_t *rig = data;

    muv__net_arm(rig->net, muv__deadlines_next_us(&rig->deadlines));
}

static void on_timer(void *data)
{
    rig_t *rig = data;

    muv__deadlines_run(&rig->deadlines, sim_now_us(rig->world), 100);
}

static const muv__net_hooks_t hooks = {
    .begin = on_begin, .end = on_end, .on_timer = on_timer, .on_turn = on_timer};

/* --- the user's function -----------------------------------------------------------------------*/

static void answer(rig_t *rig, const char *token)
{
    muv_oidc_token_t given = {.access_token = token, .refresh_token = "refresh"};
    muv_credential_request_t *request = rig->request;

    rig->request = NULL;
    assert_int_equal(muv_oidc_finish(request, token == NULL ? NULL : &given, "no luck"), 0);
}

static void on_oidc(muv_credential_request_t *request, const muv_oidc_params_t *params, void *data)
{
    rig_t *rig = data;
    char text[400];

    (void)snprintf(text, sizeof(text), "called: version %d, %d ms, user %s, refresh %s, issuer %s",
                   (int)params->version, (int)params->timeout_ms, params->username,
                   params->refresh_token == NULL ? "-" : params->refresh_token,
                   params->idp_info == NULL ? "-" : params->idp_info->issuer);
    say(rig, text);
    rig->calls++;
    rig->request = request;
    if (rig->answer != NULL) {
        answer(rig, rig->answer);
    }
}

/* --- those who wait ----------------------------------------------------------------------------*/

static void on_credentials(muv__provider_waiter_t *base, muv__credentials_t *credentials,
                           const muv_error_t *error)
{
    waiter_t *waiter = MUV__CONTAINER_OF(base, waiter_t, base);
    char text[400];

    assert_true((credentials == NULL) == (error != NULL));
    (void)snprintf(text, sizeof(text), "%c: %s", waiter->name,
                   credentials == NULL ? error->message : credentials->oidc_token);
    say(waiter->rig, text);
}

static void want(rig_t *rig, unsigned i)
{
    muv__provider_want(rig->provider, &rig->waiters[i].base, NULL);
}

static void open_rig(rig_t *rig, const muv__provider_config_t *config)
{
    memset(rig, 0, sizeof(*rig));
    rig->world = sim_new(1);
    rig->since_us = sim_now_us(rig->world);
    rig->config = *config;
    rig->config.data = rig;
    assert_int_equal(muv__net_new(sim_loop(rig->world), &hooks, rig, &rig->net), 0);
    muv__net_keep_alive(rig->net, 1);
    rig->fetches.net = rig->net;
    rig->fetches.deadlines = &rig->deadlines;
    assert_int_equal(muv__provider_new(&rig->config, &rig->fetches, &rig->provider), 0);
    for (unsigned i = 0; i < WAITERS; i++) {
        rig->waiters[i].base.on_credentials = on_credentials;
        rig->waiters[i].rig = rig;
        rig->waiters[i].name = (char)('a' + (int)i);
    }
}

static const muv__provider_config_t machine = {
    .oidc = on_oidc, .spaced = 1, .username = "me", .timeout_us = 10 * SIM_SECOND};

static void on_closed(void *data)
{
    (void)data;
}

static void close_rig(rig_t *rig)
{
    muv__provider_free(rig->provider);
    muv__net_keep_alive(rig->net, 0);
    muv__net_close(rig->net, on_closed);
    sim_run(rig->world);
    sim_free(rig->world);
    assert_int_equal(alloc_live_blocks(), 0);
}

#define CALLED(us) "[" us "] called: version 1, 10000 ms, user me, refresh -, issuer -\n"

/* --- tests -------------------------------------------------------------------------------------*/

static void many_who_wait_share_one_call(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig, &machine);
    want(&rig, 0);
    want(&rig, 1);
    assert_string_equal(rig.log, "");
    sim_run_for(rig.world, SIM_MS);
    want(&rig, 2);
    sim_run_for(rig.world, SIM_MS);
    assert_string_equal(rig.log, CALLED("0"));
    answer(&rig, "token");
    want(&rig, 3);
    sim_run_for(rig.world, SIM_MS);
    assert_string_equal(rig.log, CALLED("0") "[2000] a: token\n"
                                             "[2000] b: token\n"
                                             "[2000] c: token\n"
                                             "[2000] d: token\n");
    close_rig(&rig);
}

static void what_was_given_is_kept_until_the_server_refuses_it(void **state)
{
    muv__credentials_t *first;
    rig_t rig;

    (void)state;
    open_rig(&rig, &machine);
    rig.answer = "one";
    assert_null(muv__provider_cached(rig.provider));
    want(&rig, 0);
    sim_run_for(rig.world, SIM_MS);
    first = muv__credentials_retain(muv__provider_cached(rig.provider));
    assert_string_equal(first->oidc_token, "one");
    want(&rig, 1); /* Is told the kept one. */
    sim_run_for(rig.world, SIM_MS);
    assert_int_equal(rig.calls, 1);
    muv__provider_refused(rig.provider, first);
    assert_null(muv__provider_cached(rig.provider));
    rig.answer = "two";
    want(&rig, 2);
    sim_run_for(rig.world, SIM_SECOND);
    assert_int_equal(rig.calls, 2);
    muv__provider_refused(rig.provider, first); /* The new one is not meant. */
    assert_string_equal(muv__provider_cached(rig.provider)->oidc_token, "two");
    muv__credentials_release(first);
    close_rig(&rig);
}

static void a_token_that_was_just_refused_is_told_to_nobody(void **state)
{
    muv__credentials_t *first;
    rig_t rig;

    (void)state;
    open_rig(&rig, &machine);
    rig.answer = "one";
    want(&rig, 0);
    sim_run_for(rig.world, SIM_MS);
    first = muv__credentials_retain(muv__provider_cached(rig.provider));
    rig.answer = "two";
    want(&rig, 1); /* About to be told the kept one, when ... */
    muv__provider_refused(rig.provider, first);
    want(&rig, 2);
    sim_run_for(rig.world, SIM_SECOND);
    muv__credentials_release(first);
    assert_string_equal(rig.log, CALLED("0") "[0] a: one\n" CALLED("101000") "[101000] b: two\n"
                                                                             "[101000] c: two\n");
    assert_int_equal(rig.waiters[1].base.is_kept, 0);
    close_rig(&rig);
}

/* (Authentication, OIDC: it is the token that is compared.) */
static void the_same_token_in_other_memory_is_refused_too(void **state)
{
    muv__credentials_t values = {.expires_s = MUV__CREDENTIALS_NEVER, .oidc_token = "one"};
    muv__credentials_t *same;
    rig_t rig;

    (void)state;
    open_rig(&rig, &machine);
    rig.answer = "one";
    want(&rig, 0);
    sim_run_for(rig.world, SIM_MS);
    want(&rig, 1);
    sim_run_for(rig.world, SIM_MS);
    assert_int_equal(rig.waiters[0].base.is_kept, 0);
    assert_int_equal(rig.waiters[1].base.is_kept, 1);
    assert_int_equal(muv__credentials_new(&values, &same), 0);
    muv__provider_refused(rig.provider, same);
    assert_null(muv__provider_cached(rig.provider));
    muv__credentials_release(same);
    close_rig(&rig);
}

/* (Authentication, OIDC: at least 100 ms between calls.) */
static void calls_are_a_tenth_of_a_second_apart(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig, &machine);
    want(&rig, 0);
    sim_run_for(rig.world, 2 * SIM_MS);
    answer(&rig, NULL);
    sim_run_for(rig.world, SIM_MS);
    want(&rig, 1);
    sim_run_for(rig.world, SIM_SECOND);
    assert_string_equal(rig.log,
                        CALLED("0") "[2000] a: the callback failed: no luck\n" CALLED("102000"));
    answer(&rig, "token");
    sim_run_for(rig.world, SIM_MS);
    close_rig(&rig);
}

static void a_call_that_is_not_answered_ends_in_time(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig, &machine);
    want(&rig, 0);
    sim_run_for(rig.world, 11 * SIM_SECOND);
    assert_string_equal(rig.log, CALLED("0") "[10000001] a: the callback did not answer in time\n");
    assert_int_equal(muv_credential_request_is_awaited(rig.request), 0);
    answer(&rig, "late");
    assert_null(muv__provider_cached(rig.provider));
    close_rig(&rig);
}

static void an_answer_may_come_after_the_provider_is_gone(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig, &machine);
    want(&rig, 0);
    sim_run_for(rig.world, SIM_MS);
    assert_int_equal(muv_credential_request_is_awaited(rig.request), 1);
    muv__provider_leave(&rig.waiters[0].base);
    muv__provider_free(rig.provider);
    rig.provider = NULL;
    assert_int_equal(muv_credential_request_is_awaited(rig.request), 0);
    answer(&rig, "late");
    close_rig(&rig);
}

static void nobody_who_waits_means_no_call(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig, &machine);
    want(&rig, 0);
    muv__provider_leave(&rig.waiters[0].base);
    muv__provider_leave(&rig.waiters[0].base);
    sim_run_for(rig.world, SIM_SECOND);
    assert_string_equal(rig.log, "");
    want(&rig, 0);
    sim_run_for(rig.world, SIM_MS);
    assert_int_equal(rig.calls, 1);
    answer(&rig, "token");
    sim_run_for(rig.world, SIM_MS);
    close_rig(&rig);
}

static void one_who_left_is_not_told(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig, &machine);
    want(&rig, 0);
    want(&rig, 1);
    sim_run_for(rig.world, SIM_MS);
    answer(&rig, "token");
    muv__provider_leave(&rig.waiters[0].base);
    sim_run_for(rig.world, SIM_MS);
    assert_string_equal(rig.log, CALLED("0") "[1000] b: token\n");
    close_rig(&rig);
}

/* --- bad answers -------------------------------------------------------------------------------*/

static void a_bad_answer_is_told_to_both_sides(void **state)
{
    static const struct {
        muv_oidc_token_t token;
        const char *message;
    } cases[] = {
        {{.access_token = NULL}, "[0] a: the callback gave no access_token\n"},
        {{.access_token = ""}, "[0] a: the callback gave no access_token\n"},
        {{.access_token = "t", .expires_in_ms = -1},
         "[0] a: the callback gave a negative expires_in_ms\n"},
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(cases); i++) {
        rig_t rig;

        open_rig(&rig, &machine);
        want(&rig, 0);
        sim_run_for(rig.world, 0);
        rig.log[0] = '\0';
        assert_int_equal(muv_oidc_finish(rig.request, &cases[i].token, NULL), MUV_EINVAL);
        sim_run_for(rig.world, SIM_MS);
        assert_string_equal(rig.log, cases[i].message);
        close_rig(&rig);
    }
}

static void an_answer_of_the_wrong_kind_is_refused(void **state)
{
    muv_aws_keys_t keys = {.access_key_id = "id", .secret_access_key = "secret"};
    rig_t rig;

    (void)state;
    open_rig(&rig, &machine);
    want(&rig, 0);
    sim_run_for(rig.world, 0);
    rig.log[0] = '\0';
    assert_int_equal(muv_aws_finish(rig.request, &keys, NULL), MUV_EINVAL);
    sim_run_for(rig.world, SIM_MS);
    assert_string_equal(rig.log, "[0] a: the callback for a token answered with keys\n");
    assert_int_equal(muv_aws_finish(NULL, &keys, NULL), MUV_EINVAL);
    assert_int_equal(muv_oidc_finish(NULL, NULL, NULL), MUV_EINVAL);
    close_rig(&rig);
}

/* --- persons -----------------------------------------------------------------------------------*/

static void a_person_has_five_minutes_and_is_told_the_issuer(void **state)
{
    muv__provider_config_t person = machine;
    muv__oidc_idp_info_t info = {.issuer = muv__span("https://issuer", 14)};
    rig_t rig;

    (void)state;
    person.human = 1;
    assert_int_equal(muv__allowed_hosts_new(NULL, 0, &person.allowed_hosts), 0);
    open_rig(&rig, &person);
    assert_int_equal(muv__provider_can_refresh(rig.provider), 0);
    muv__provider_want(rig.provider, &rig.waiters[0].base, &info);
    sim_run_for(rig.world, 299 * SIM_SECOND);
    answer(&rig, "one");
    sim_run_for(rig.world, SIM_SECOND);
    assert_int_equal(muv__provider_can_refresh(rig.provider), 1);
    muv__provider_refused(rig.provider, muv__provider_cached(rig.provider));
    rig.answer = "two";
    want(&rig, 0); /* With what the first answer gave. */
    sim_run_for(rig.world, SIM_SECOND);
    muv__provider_refused(rig.provider, muv__provider_cached(rig.provider));
    rig.answer = "three"; /* A new conversation takes no old refresh token along. */
    muv__provider_want(rig.provider, &rig.waiters[0].base, &info);
    sim_run_for(rig.world, SIM_SECOND);
    assert_string_equal(
        rig.log,
        "[0] called: version 1, 300000 ms, user me, refresh -, issuer https://issuer\n"
        "[299000000] a: one\n"
        "[300100000] called: version 1, 300000 ms, user me, refresh refresh, issuer "
        "https://issuer\n"
        "[300100000] a: two\n"
        "[301100000] called: version 1, 300000 ms, user me, refresh -, issuer https://issuer\n"
        "[301100000] a: three\n");
    close_rig(&rig);
}

static muv__provider_config_t person_with(muv_oidc_cb cb)
{
    muv__provider_config_t config = machine;

    config.oidc = cb;
    config.human = 1;
    assert_int_equal(muv__allowed_hosts_new(NULL, 0, &config.allowed_hosts), 0);
    return config;
}

static void answer_then_look(muv_credential_request_t *request, const muv_oidc_params_t *params,
                             void *data)
{
    rig_t *rig = data;

    rig->request = request;
    answer(rig, "token");
    say(rig, params->refresh_token == NULL ? "-" : params->refresh_token);
}

static void what_a_call_is_told_outlives_an_answer_inside_it(void **state)
{
    muv__oidc_idp_info_t info = {.issuer = muv__span("https://issuer", 14)};
    muv__provider_config_t person = person_with(answer_then_look);
    rig_t rig;

    (void)state;
    open_rig(&rig, &person);
    muv__provider_want(rig.provider, &rig.waiters[0].base, &info);
    sim_run_for(rig.world, SIM_MS);
    muv__provider_refused(rig.provider, muv__provider_cached(rig.provider));
    want(&rig, 1);
    sim_run_for(rig.world, SIM_SECOND);
    assert_string_equal(rig.log, "[0] -\n"
                                 "[0] a: token\n"
                                 "[101000] refresh\n"
                                 "[101000] b: token\n");
    close_rig(&rig);
}

static void the_issuer_for_one_who_left_hides_no_refresh_token(void **state)
{
    muv__oidc_idp_info_t info = {.issuer = muv__span("https://issuer", 14)};
    muv__provider_config_t person = person_with(on_oidc);
    rig_t rig;

    (void)state;
    open_rig(&rig, &person);
    rig.answer = "token";
    muv__provider_want(rig.provider, &rig.waiters[0].base, &info);
    sim_run_for(rig.world, SIM_MS);
    muv__provider_refused(rig.provider, muv__provider_cached(rig.provider));
    muv__provider_want(rig.provider, &rig.waiters[1].base, &info);
    muv__provider_leave(&rig.waiters[1].base);
    sim_run_for(rig.world, SIM_SECOND);
    assert_int_equal(rig.calls, 1);
    want(&rig, 2);
    sim_run_for(rig.world, SIM_SECOND);
    assert_non_null(strstr(rig.log, "user me, refresh refresh, issuer"));
    close_rig(&rig);
}

/* --- sources -----------------------------------------------------------------------------------*/

typedef struct fake_source {
    muv__source_t base;
    unsigned runs;
    int64_t expires_s;
    uint8_t passing;
    unsigned *freed;
} fake_source_t;

static muv__source_next_t fake_begin(muv__source_t *base, int64_t wall_s, const uint8_t *random)
{
    fake_source_t *source = (fake_source_t *)base;

    (void)random;
    source->runs++;
    if (base->path != NULL) {
        return MUV__SOURCE_READ;
    }
    muv__credentials_t values = {.passing = source->passing,
                                 .expires_s = wall_s + source->expires_s,
                                 .oidc_token = "from the source"};
    assert_int_equal(muv__credentials_new(&values, &base->credentials), 0);
    return MUV__SOURCE_DONE;
}

static muv__source_next_t fake_on_file(muv__source_t *base, muv__span_t content, const char *why)
{
    char token[32];
    muv__credentials_t values = {.expires_s = MUV__CREDENTIALS_NEVER, .oidc_token = token};

    if (why != NULL) {
        (void)snprintf(base->why, sizeof(base->why), "file: %s", why);
        return MUV__SOURCE_FAILED;
    }
    (void)snprintf(token, sizeof(token), "%.*s", (int)content.size, (const char *)content.data);
    assert_int_equal(muv__credentials_new(&values, &base->credentials), 0);
    return MUV__SOURCE_DONE;
}

static void fake_free(muv__source_t *base)
{
    ++*((fake_source_t *)base)->freed;
}

static const muv__source_ops_t fake_ops = {
    .begin = fake_begin, .on_file = fake_on_file, .free = fake_free};

static void keys_are_renewed_five_minutes_before_they_end(void **state)
{
    unsigned freed = 0;
    fake_source_t source = {.base = {.ops = &fake_ops}, .expires_s = 301, .freed = &freed};
    muv__provider_config_t config = {.source = &source.base, .timeout_us = SIM_SECOND};
    rig_t rig;

    (void)state;
    open_rig(&rig, &config);
    want(&rig, 0);
    sim_run_for(rig.world, SIM_MS);
    assert_non_null(muv__provider_cached(rig.provider));
    sim_run_for(rig.world, SIM_SECOND);
    assert_null(muv__provider_cached(rig.provider));
    want(&rig, 1);
    sim_run_for(rig.world, SIM_MS);
    assert_int_equal(source.runs, 2);
    assert_string_equal(rig.log, "[0] a: from the source\n"
                                 "[1001000] b: from the source\n");
    close_rig(&rig);
    assert_int_equal(freed, 1);
}

static void what_comes_from_the_environment_is_not_kept(void **state)
{
    unsigned freed = 0;
    fake_source_t source = {
        .base = {.ops = &fake_ops}, .expires_s = 9999, .passing = 1, .freed = &freed};
    muv__provider_config_t config = {.source = &source.base, .timeout_us = SIM_SECOND};
    rig_t rig;

    (void)state;
    open_rig(&rig, &config);
    want(&rig, 0);
    sim_run_for(rig.world, SIM_MS);
    assert_null(muv__provider_cached(rig.provider));
    assert_string_equal(rig.log, "[0] a: from the source\n");
    close_rig(&rig);
}

static void files_are_read_without_waiting_for_them_too_long(void **state)
{
    unsigned freed = 0;
    fake_source_t source = {.base = {.ops = &fake_ops, .path = "/token"}, .freed = &freed};
    muv__provider_config_t config = {.source = &source.base, .timeout_us = SIM_SECOND};
    rig_t rig;

    (void)state;
    open_rig(&rig, &config);
    sim_file(rig.world, "/token", "from the file", 500);
    want(&rig, 0);
    sim_run_for(rig.world, SIM_MS);
    muv__provider_refused(rig.provider, muv__provider_cached(rig.provider));
    sim_file_fails(rig.world, "/token", SIM_EACCES, 500);
    want(&rig, 1);
    sim_run_for(rig.world, SIM_MS);
    sim_file_fails(rig.world, "/token", SIM_EACCES, SIM_NEVER);
    want(&rig, 2);
    sim_run_for(rig.world, 2 * SIM_SECOND);
    assert_string_equal(rig.log, "[500] a: from the file\n"
                                 "[1500] b: file: permission denied\n"
                                 "[1002001] c: the file of the token could not be read in time\n");
    close_rig(&rig);
}

static void given_keys_are_never_asked_for_and_never_lost(void **state)
{
    muv__credentials_t values = {.expires_s = MUV__CREDENTIALS_NEVER,
                                 .aws = {"id", "secret", NULL}};
    muv__provider_config_t config = {.timeout_us = SIM_SECOND};
    rig_t rig;

    (void)state;
    assert_int_equal(muv__credentials_new(&values, &config.given), 0);
    open_rig(&rig, &config);
    muv__provider_refused(rig.provider, muv__provider_cached(rig.provider));
    assert_string_equal(muv__provider_cached(rig.provider)->aws.access_key_id, "id");
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_who_wait_share_one_call),
        cmocka_unit_test(what_was_given_is_kept_until_the_server_refuses_it),
        cmocka_unit_test(a_token_that_was_just_refused_is_told_to_nobody),
        cmocka_unit_test(the_same_token_in_other_memory_is_refused_too),
        cmocka_unit_test(calls_are_a_tenth_of_a_second_apart),
        cmocka_unit_test(a_call_that_is_not_answered_ends_in_time),
        cmocka_unit_test(an_answer_may_come_after_the_provider_is_gone),
        cmocka_unit_test(nobody_who_waits_means_no_call),
        cmocka_unit_test(one_who_left_is_not_told),
        cmocka_unit_test(a_bad_answer_is_told_to_both_sides),
        cmocka_unit_test(an_answer_of_the_wrong_kind_is_refused),
        cmocka_unit_test(a_person_has_five_minutes_and_is_told_the_issuer),
        cmocka_unit_test(what_a_call_is_told_outlives_an_answer_inside_it),
        cmocka_unit_test(the_issuer_for_one_who_left_hides_no_refresh_token),
        cmocka_unit_test(keys_are_renewed_five_minutes_before_they_end),
        cmocka_unit_test(what_comes_from_the_environment_is_not_kept),
        cmocka_unit_test(files_are_read_without_waiting_for_them_too_long),
        cmocka_unit_test(given_keys_are_never_asked_for_and_never_lost),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
