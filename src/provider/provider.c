/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits, what is kept, and when a source runs. */
#include "provider/provider.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "provider/provider_inner.h"

#define US_PER_MS 1000
#define RANDOM_SIZE 16

typedef enum state { IDLE, DUE, RUNNING, TELLING } state_t;

struct muv__provider {
    muv__provider_config_t config;
    muv__fetch_context_t *fetches;
    state_t state;
    muv__list_t waiters;
    muv__deadline_t deadline; /* Of the state. */
    int64_t due_us;           /* RUNNING: when the run must have ended. */
    int64_t not_before_us;    /* The next call of the user's function. */
    muv__credentials_t *kept; /* The latest ones; NULL: none, or refused. */
    /* Human flow: the latest answer with a refresh token, or NULL, and the issuer. */
    muv__credentials_t *refreshing;
    muv_oidc_idp_info_t *idp_info;
    uint8_t has_new_info; /* The run is for `idp_info` as the server said it just now. */
    muv__fetch_t *fetch;  /* RUNNING: one of these three. */
    muv__load_t *load;
    muv_credential_request_t *request;
    muv__credentials_t *outcome; /* TELLING; NULL: `error`. */
    uint8_t outcome_is_kept;     /* It is not new. */
    muv_error_t error;
};

static int64_t now_of(const muv__provider_t *provider)
{
    return muv__net_now_us(provider->fetches->net);
}

static void enter(muv__provider_t *provider, state_t state, int64_t due_us,
                  void (*on_due)(muv__deadline_t *deadline, int64_t now_us))
{
    provider->state = state;
    provider->deadline.on_due = on_due;
    muv__deadline_set(provider->fetches->deadlines, &provider->deadline, due_us);
    muv__net_arm(provider->fetches->net, due_us);
}

static muv__provider_t *provider_of(muv__deadline_t *deadline)
{
    return MUV__CONTAINER_OF(deadline, muv__provider_t, deadline);
}

/* --- telling -----------------------------------------------------------------------------------*/

static void on_tell(muv__deadline_t *deadline, int64_t now_us)
{
    muv__provider_t *provider = provider_of(deadline);
    muv__credentials_t *outcome = provider->outcome;
    muv_error_t error = provider->error;
    uint8_t is_kept = provider->outcome_is_kept;
    muv__list_t waiters;
    muv__list_t *link;

    (void)now_us;
    provider->state = IDLE;
    provider->outcome = NULL;
    muv__list_init(&waiters);
    muv__list_splice_back(&waiters, &provider->waiters);
    while ((link = muv__list_pop_front(&waiters)) != NULL) {
        muv__provider_waiter_t *waiter = MUV__CONTAINER_OF(link, muv__provider_waiter_t, link);

        waiter->waits = 0;
        waiter->is_kept = is_kept;
        waiter->on_credentials(waiter, outcome, outcome == NULL ? &error : NULL);
    }
    muv__credentials_release(outcome);
}

static void keep(muv__credentials_t **slot, muv__credentials_t *credentials)
{
    muv__credentials_release(*slot);
    *slot = muv__credentials_retain(credentials);
}

/* A refresh may give no new refresh token: then the old one stays good (RFC 6749, section 6). A new
 * conversation that gives none ends it. */
static void keep_refresh_token(muv__provider_t *provider, muv__credentials_t *credentials)
{
    if (!provider->config.human) {
        return;
    }
    if (credentials->refresh_token != NULL) {
        keep(&provider->refreshing, credentials);
    } else if (provider->has_new_info) {
        muv__credentials_release(provider->refreshing);
        provider->refreshing = NULL;
    }
}

static void stop_run(muv__provider_t *provider)
{
    if (provider->fetch != NULL) {
        muv__fetch_cancel(provider->fetch);
        provider->fetch = NULL;
    }
    if (provider->load != NULL) {
        muv__load_cancel(provider->load);
        provider->load = NULL;
    }
    muv__request_forget(provider->request);
}

void muv__provider_end(muv__provider_t *provider, muv__credentials_t *credentials, int code,
                       const char *why)
{
    MUV__ASSERT(provider->state == RUNNING);
    stop_run(provider);
    provider->not_before_us = now_of(provider) + MUV__PROVIDER_SPACING_US;
    if (credentials == NULL) {
        (void)muv__error_set(&provider->error, code, "%s", why);
    } else if (!credentials->passing) {
        keep(&provider->kept, credentials);
    }
    if (credentials != NULL) {
        keep_refresh_token(provider, credentials);
    }
    provider->has_new_info = 0;
    provider->outcome = credentials;
    provider->outcome_is_kept = 0;
    enter(provider, TELLING, 0, on_tell);
}

/* --- running -----------------------------------------------------------------------------------*/

static void drive(muv__provider_t *provider, muv__source_next_t next);

static void on_fetched(void *owner, const muv__http_response_t *response, const muv_error_t *error)
{
    muv__provider_t *provider = owner;
    muv__source_t *source = provider->config.source;

    provider->fetch = NULL;
    drive(provider,
          source->ops->on_response(source, response, error == NULL ? NULL : error->message));
}

static void on_loaded(void *owner, muv__span_t content, int status)
{
    muv__provider_t *provider = owner;
    muv__source_t *source = provider->config.source;

    provider->load = NULL;
    drive(provider,
          source->ops->on_file(source, content, status == 0 ? NULL : muv__net_error_text(status)));
}

/* Why a fetch could not even be started. */
static const char *unfetched_text(const muv__provider_t *provider, int status)
{
    if (provider->config.source->request.url.secure && provider->fetches->tls == NULL) {
        return "https needs a file of trusted authorities (SSL_CERT_FILE), and there is none";
    }
    return muv_error_text(status);
}

/* Carry out what the source wants, until something has to be waited for. */
static void drive(muv__provider_t *provider, muv__source_next_t next)
{
    muv__source_t *source = provider->config.source;
    muv__credentials_t *credentials;
    int status;

    for (;;) {
        switch (next) {
        case MUV__SOURCE_FETCH:
            status = muv__fetch_start(provider->fetches, &source->request, provider->due_us,
                                      on_fetched, provider, &provider->fetch);
            if (status == 0) {
                return;
            }
            next = source->ops->on_response(source, NULL, unfetched_text(provider, status));
            break;
        case MUV__SOURCE_READ:
            status = muv__net_load_file(provider->fetches->net, source->path, MUV__SOURCE_MAX_FILE,
                                        on_loaded, provider, &provider->load);
            if (status == 0) {
                return;
            }
            next = source->ops->on_file(source, muv__span(NULL, 0), muv_error_text(status));
            break;
        case MUV__SOURCE_DONE:
            credentials = source->credentials;
            source->credentials = NULL;
            muv__provider_end(provider, credentials, 0, NULL);
            return;
        case MUV__SOURCE_FAILED:
        default: muv__provider_end(provider, NULL, MUV_EAUTH, source->why); return;
        }
    }
}

static void run_source(muv__provider_t *provider)
{
    muv__source_t *source = provider->config.source;
    uint8_t random[RANDOM_SIZE];

    if (muv__net_random(provider->fetches->net, random, sizeof(random)) != 0) {
        muv__provider_end(provider, NULL, MUV_EAUTH, "the system gives no randomness");
        return;
    }
    drive(provider, source->ops->begin(source, muv__net_wall_s(provider->fetches->net), random));
}

static void call_user(muv__provider_t *provider, int64_t timeout_us)
{
    muv__credentials_t *refreshing = NULL;
    muv__request_call_t call = {
        .config = &provider->config,
        .params = {.version = MUV_OIDC_CALLBACK_VERSION,
                   .timeout_ms = timeout_us / US_PER_MS,
                   .username = provider->config.username,
                   .idp_info = provider->idp_info},
    };

    if (!provider->has_new_info && provider->refreshing != NULL) {
        /* An answer inside the call brings newer ones. */
        refreshing = muv__credentials_retain(provider->refreshing);
        call.params.refresh_token = refreshing->refresh_token;
    }
    if (muv__request_begin(provider, &call, &provider->request) != 0) {
        muv__provider_end(provider, NULL, MUV_ENOMEM, muv_error_text(MUV_ENOMEM));
    }
    muv__credentials_release(refreshing);
}

static void on_run_overdue(muv__deadline_t *deadline, int64_t now_us)
{
    muv__provider_t *provider = provider_of(deadline);

    (void)now_us;
    muv__provider_end(provider, NULL, MUV_EAUTH,
                      provider->config.source == NULL
                          ? "the callback did not answer in time"
                          : "the file of the token could not be read in time");
}

static int64_t timeout_of(const muv__provider_t *provider)
{
    const muv__source_t *source = provider->config.source;

    if (provider->config.human) {
        return MUV__PROVIDER_HUMAN_US;
    }
    return source != NULL && source->timeout_us != 0 ? source->timeout_us
                                                     : provider->config.timeout_us;
}

static void on_run(muv__deadline_t *deadline, int64_t now_us)
{
    muv__provider_t *provider = provider_of(deadline);
    int64_t timeout_us = timeout_of(provider);

    if (muv__list_empty(&provider->waiters)) {
        provider->state = IDLE;
        provider->has_new_info = 0;
        return;
    }
    provider->due_us = timeout_us == INT64_MAX ? INT64_MAX : now_us + timeout_us;
    /* A fetch has the same deadline and should be the first to see it: it knows more to say. */
    enter(provider, RUNNING, provider->due_us == INT64_MAX ? INT64_MAX : provider->due_us + 1,
          on_run_overdue);
    if (provider->config.source != NULL) {
        run_source(provider);
    } else {
        call_user(provider, timeout_us);
    }
}

/* --- who asks ----------------------------------------------------------------------------------*/

muv__credentials_t *muv__provider_cached(muv__provider_t *provider)
{
    const muv__credentials_t *kept = provider->kept;

    if (provider->config.given != NULL) {
        return provider->config.given;
    }
    if (kept == NULL ||
        (kept->expires_s != MUV__CREDENTIALS_NEVER &&
         kept->expires_s - muv__net_wall_s(provider->fetches->net) <= MUV__PROVIDER_EARLY_S)) {
        return NULL;
    }
    return provider->kept;
}

int muv__provider_can_refresh(const muv__provider_t *provider)
{
    return provider->refreshing != NULL;
}

/* The run to come is for what the server has just said of the issuer. */
static int take_info(muv__provider_t *provider, const muv__oidc_idp_info_t *info)
{
    muv_oidc_idp_info_t *copy = muv__idp_info_copy(info);

    if (copy == NULL) {
        return MUV_ENOMEM;
    }
    muv__mem_free(provider->idp_info);
    provider->idp_info = copy;
    provider->has_new_info = 1;
    return 0;
}

/* A run, as soon as it may be. */
static void plan_run(muv__provider_t *provider)
{
    enter(provider, DUE, provider->config.spaced ? provider->not_before_us : 0, on_run);
}

static void begin(muv__provider_t *provider, const muv__oidc_idp_info_t *info)
{
    muv__credentials_t *kept = muv__provider_cached(provider);

    if (kept != NULL) {
        provider->outcome = muv__credentials_retain(kept);
        provider->outcome_is_kept = 1;
        enter(provider, TELLING, 0, on_tell);
        return;
    }
    if (info != NULL && take_info(provider, info) != 0) {
        (void)muv__error_code(&provider->error, MUV_ENOMEM);
        enter(provider, TELLING, 0, on_tell);
        return;
    }
    plan_run(provider);
}

void muv__provider_want(muv__provider_t *provider, muv__provider_waiter_t *waiter,
                        const muv__oidc_idp_info_t *info)
{
    MUV__ASSERT(!waiter->waits);
    waiter->waits = 1;
    muv__list_init(&waiter->link);
    muv__list_push_back(&provider->waiters, &waiter->link);
    if (provider->state == IDLE) {
        begin(provider, info);
    }
}

void muv__provider_leave(muv__provider_waiter_t *waiter)
{
    if (waiter->waits) {
        waiter->waits = 0;
        muv__list_remove(&waiter->link);
    }
}

/* (Authentication, OIDC: it is the token that is compared. A file may hold the same one again.) */
static int is_same(const muv__credentials_t *a, const muv__credentials_t *b)
{
    return a == b || (a != NULL && b != NULL && a->oidc_token != NULL && b->oidc_token != NULL &&
                      strcmp(a->oidc_token, b->oidc_token) == 0);
}

void muv__provider_refused(muv__provider_t *provider, const muv__credentials_t *credentials)
{
    if (credentials == NULL || provider->config.given != NULL) {
        return;
    }
    if (is_same(provider->kept, credentials)) {
        muv__credentials_release(provider->kept);
        provider->kept = NULL;
        provider->not_before_us = now_of(provider) + MUV__PROVIDER_SPACING_US;
    }
    if (provider->state == TELLING && is_same(provider->outcome, credentials)) {
        /* Those who are about to be told would be refused, too. */
        muv__credentials_release(provider->outcome);
        provider->outcome = NULL;
        plan_run(provider);
    }
}

/* --- life --------------------------------------------------------------------------------------*/

static void free_config(muv__provider_config_t *config)
{
    if (config->source != NULL) {
        config->source->ops->free(config->source);
    }
    muv__credentials_release(config->given);
    muv__mem_free(config->allowed_hosts);
}

int muv__provider_new(const muv__provider_config_t *config, muv__fetch_context_t *fetches,
                      muv__provider_t **ret)
{
    muv__provider_config_t taken = *config;
    muv__provider_t *provider = muv__mem_zalloc(sizeof(*provider));

    MUV__ASSERT((taken.source != NULL) + (taken.given != NULL) + (taken.oidc != NULL) +
                    (taken.aws != NULL) ==
                1);
    MUV__ASSERT(taken.human == (taken.allowed_hosts != NULL));
    if (provider == NULL) {
        free_config(&taken);
        return MUV_ENOMEM;
    }
    provider->config = taken;
    provider->fetches = fetches;
    provider->state = IDLE;
    muv__list_init(&provider->waiters);
    *ret = provider;
    return 0;
}

int muv__provider_allows(const muv__provider_t *provider, const muv__host_t *host)
{
    return provider->config.allowed_hosts == NULL ||
           muv__allowed_hosts_match(provider->config.allowed_hosts, host);
}

void muv__provider_free(muv__provider_t *provider)
{
    if (provider == NULL) {
        return;
    }
    MUV__ASSERT(muv__list_empty(&provider->waiters));
    stop_run(provider);
    muv__deadline_cancel(provider->fetches->deadlines, &provider->deadline);
    muv__credentials_release(provider->kept);
    muv__credentials_release(provider->refreshing);
    muv__credentials_release(provider->outcome);
    muv__mem_free(provider->idp_info);
    free_config(&provider->config);
    muv__mem_free(provider);
}
