/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups of mongodb+srv:// carried out.
 *
 *   IDLE --an operation--> ASKING --good--> FOUND <--any end-- POLLING
 *                            |                |                   ^
 *                          failed             +---- the interval -+
 *                            v
 *   IDLE <--nobody waits-- PAUSED --somebody waits, 500 ms--> ASKING
 *
 * One deadline serves all: in ASKING and POLLING the look-up's end, in PAUSED the next attempt, in
 * FOUND the next poll. Records of both kinds are asked for at the same time. */
#include "client/srv.h"

#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/client_inner.h"
#include "client/settings.h"
#include "topology/srv.h"

/* Between the end of a failed look-up and the next one. */
#define PAUSE_US INT64_C(500000)

enum state { IDLE, ASKING, PAUSED, FOUND, POLLING };

struct muv__srv {
    muv_client_t *client;
    uint8_t state;     /* enum state. */
    uint8_t resolved;  /* The uri has what was found; only the topology is still to start. */
    uint8_t has_hosts; /* Which of the two answers came. */
    uint8_t has_text;
    muv__query_t *srv_query; /* NULL: none is in progress. */
    muv__query_t *txt_query;
    muv__deadline_t wake;
    muv__host_t *hosts; /* [own] Good ones of the last answer. */
    uint32_t host_count;
    uint32_t lowest_ttl_s;
    char *text; /* [own] Of the TXT record, or NULL. */
    size_t text_size;
    muv_error_t error; /* Of the last look-up; code 0: none has failed. */
    char host[MUV__HOST_NAME_MAX + 1];
    char name[MUV__SRV_NAME_SIZE];
};

/* As much of a name as leaves room for the reason in an error. */
#define SHOWN "%.110s"

/* --- life --------------------------------------------------------------------------------------*/

static void on_wake(muv__deadline_t *deadline, int64_t now_us);

int muv__srv_new(muv_client_t *client)
{
    muv__srv_t *srv = muv__mem_zalloc(sizeof(*srv));

    if (srv == NULL) {
        return MUV_ENOMEM;
    }
    srv->client = client;
    srv->wake.on_due = on_wake;
    memcpy(srv->host, client->uri->hosts[0].name, sizeof(srv->host));
    muv__srv_name(client->uri->options.srv_service_name, srv->host, srv->name);
    muv__error_clear(&srv->error);
    client->srv = srv;
    return 0;
}

static void drop_answers(muv__srv_t *srv)
{
    muv__mem_free(srv->hosts);
    muv__mem_free(srv->text);
    srv->hosts = NULL;
    srv->text = NULL;
    srv->has_hosts = 0;
    srv->has_text = 0;
}

static void end_look_up(muv__srv_t *srv)
{
    if (srv->srv_query != NULL) {
        muv__query_cancel(srv->srv_query);
        srv->srv_query = NULL;
    }
    if (srv->txt_query != NULL) {
        muv__query_cancel(srv->txt_query);
        srv->txt_query = NULL;
    }
    drop_answers(srv);
}

void muv__srv_free(muv_client_t *client)
{
    if (client->srv != NULL) {
        end_look_up(client->srv);
        muv__deadline_cancel(&client->deadlines, &client->srv->wake);
        muv__mem_free(client->srv);
        client->srv = NULL;
    }
}

static void wake_after(muv__srv_t *srv, int64_t delay_us)
{
    int64_t now_us = srv->client->context.now_us;

    muv__deadline_set(&srv->client->deadlines, &srv->wake,
                      delay_us > INT64_MAX - now_us ? INT64_MAX : now_us + delay_us);
}

/* --- failing -----------------------------------------------------------------------------------*/

/* The first look-up has failed; srv->error says why. */
static void begin_pause(muv__srv_t *srv, int is_final)
{
    end_look_up(srv);
    srv->state = PAUSED;
    wake_after(srv, PAUSE_US);
    if (is_final) {
        muv__select_fail_all(srv->client, &srv->error);
    }
}

/* (Polling SRV Records: a failure changes nothing and raises no error, it is logged only.) */
static void end_poll(muv__srv_t *srv, int found)
{
    srv->state = FOUND;
    wake_after(srv, muv__srv_interval_us(found, srv->lowest_ttl_s,
                                         srv->client->settings.heartbeat_interval_us));
    end_look_up(srv);
}

static void fail_look_up(muv__srv_t *srv, int is_final)
{
    muv__events_srv_failed(srv->client, &srv->error);
    if (srv->state == POLLING) {
        end_poll(srv, 0);
    } else {
        begin_pause(srv, is_final);
    }
}

static void fail_memory(muv__srv_t *srv)
{
    (void)muv__error_code(&srv->error, MUV_ENOMEM);
    fail_look_up(srv, 1);
}

void muv__srv_explain(const muv_client_t *client, muv_error_t *ret)
{
    const muv__srv_t *srv = client->srv;

    if (srv->error.code != 0) {
        muv__error_assign(ret, &srv->error);
    } else {
        (void)muv__error_set(ret, MUV_EDNS,
                             "SRV records of " SHOWN ": no answer within serverSelectionTimeoutMS",
                             srv->name);
    }
}

/* --- answers -----------------------------------------------------------------------------------*/

/* Both answers are good: the connection string is what they make of it, and the topology starts. */
static void finish(muv__srv_t *srv)
{
    muv_client_t *client = srv->client;
    muv_error_t error;
    int status = 0;

    if (!srv->resolved) {
        uint32_t count =
            muv__srv_choose(srv->hosts, muv__srv_unique(srv->hosts, srv->host_count),
                            (uint32_t)client->uri->options.srv_max_hosts, &client->random);

        status =
            muv__uri_resolve(client->uri, srv->hosts, count, srv->text, srv->text_size, &error);
        srv->resolved = status == 0;
    }
    if (status == 0) {
        status = muv__settings_resolved(client, &error);
    }
    if (status == 0) {
        status = muv__deployment_seed(client);
    }
    if (status == MUV_EINVAL) {
        (void)muv__error_set(&srv->error, MUV_EDNS, "SRV and TXT records of " SHOWN ": " SHOWN,
                             srv->host, error.message);
        fail_look_up(srv, 1);
    } else if (status != 0) {
        fail_memory(srv);
    } else if (client->uri->options.load_balanced) {
        srv->state = FOUND;
        muv__deadline_cancel(&client->deadlines, &srv->wake);
        end_look_up(srv);
    } else {
        end_poll(srv, 1);
    }
}

static void finish_poll(muv__srv_t *srv)
{
    muv_client_t *client = srv->client;
    uint32_t count = muv__srv_unique(srv->hosts, srv->host_count);

    end_poll(srv, count > 0 && muv__deployment_on_hosts(client, srv->hosts, count) == 0);
}

/* A record that must not be connected to ends the first look-up, and is left out while polling. */
static int refuse_host(muv__srv_t *srv, const char *target, const char *reason)
{
    (void)muv__error_set(&srv->error, MUV_EDNS, "SRV records of %.80s: the host %.80s: %s",
                         srv->name, target, reason);
    if (srv->state == POLLING) {
        muv__events_srv_failed(srv->client, &srv->error);
        return 0;
    }
    fail_look_up(srv, 1);
    return MUV_EDNS;
}

/* Returns 0, or negative when the look-up has ended. */
static int take_hosts(muv__srv_t *srv, const muv__net_records_t *records)
{
    const char *reason;

    srv->hosts = muv__mem_array(records->count, sizeof(srv->hosts[0]));
    if (srv->hosts == NULL) {
        fail_memory(srv);
        return MUV_ENOMEM;
    }
    srv->host_count = 0;
    for (uint32_t i = 0; i < records->count; i++) {
        const muv__net_srv_t *record = &records->srv[i];

        if (muv__srv_host(srv->host, record->target, record->port, &srv->hosts[srv->host_count],
                          &reason) == 0) {
            srv->host_count++;
        } else if (refuse_host(srv, record->target, reason) != 0) {
            return MUV_EDNS;
        }
    }
    srv->lowest_ttl_s = records->lowest_ttl_s;
    srv->has_hosts = 1;
    return 0;
}

static void on_srv(void *owner, const muv__net_records_t *records)
{
    muv__srv_t *srv = owner;

    srv->srv_query = NULL;
    if (records->error_text != NULL) {
        (void)muv__error_set(&srv->error, MUV_EDNS, "SRV records of " SHOWN ": " SHOWN, srv->name,
                             records->error_text);
        fail_look_up(srv, records->absent);
    } else if (take_hosts(srv, records) == 0) {
        if (srv->state == POLLING) {
            finish_poll(srv);
        } else if (srv->has_text) {
            finish(srv);
        }
    }
}

/* Returns 0, or negative when the look-up has ended. */
static int take_text(muv__srv_t *srv, const muv__net_records_t *records)
{
    if (records->count > 1) {
        (void)muv__error_set(&srv->error, MUV_EDNS, "TXT record of " SHOWN ": there are %u of them",
                             srv->host, records->count);
        fail_look_up(srv, 1);
        return MUV_EDNS;
    }
    srv->text = muv__mem_strndup(records->txt[0].text, records->txt[0].size);
    if (srv->text == NULL) {
        fail_memory(srv);
        return MUV_ENOMEM;
    }
    srv->text_size = records->txt[0].size;
    return 0;
}

static void on_txt(void *owner, const muv__net_records_t *records)
{
    muv__srv_t *srv = owner;

    srv->txt_query = NULL;
    if (records->error_text != NULL && !records->absent) {
        (void)muv__error_set(&srv->error, MUV_EDNS, "TXT record of " SHOWN ": " SHOWN, srv->host,
                             records->error_text);
        fail_look_up(srv, 0);
        return;
    }
    if (records->error_text == NULL && take_text(srv, records) != 0) {
        return;
    }
    srv->has_text = 1;
    if (srv->has_hosts) {
        finish(srv);
    }
}

/* --- asking ------------------------------------------------------------------------------------*/

static int ask(muv__srv_t *srv)
{
    muv_client_t *client = srv->client;
    int status = muv__net_query_srv(client->net, srv->name, on_srv, srv, &srv->srv_query);

    MUV__ASSERT(srv->hosts == NULL && srv->text == NULL && !srv->resolved);
    if (status == 0) {
        status = muv__net_query_txt(client->net, srv->host, on_txt, srv, &srv->txt_query);
    }
    if (status != 0) {
        end_look_up(srv);
        return status;
    }
    srv->state = ASKING;
    wake_after(srv, client->settings.connect_timeout_us);
    return 0;
}

static void begin_poll(muv__srv_t *srv)
{
    muv_client_t *client = srv->client;

    /* A replica set tells its members itself, and no type leads back from there. */
    if (!muv__srv_is_polled((muv__topology_type_t)client->topology.snapshot->type)) {
        return;
    }
    srv->state = POLLING;
    if (muv__net_query_srv(client->net, srv->name, on_srv, srv, &srv->srv_query) != 0) {
        end_poll(srv, 0);
        return;
    }
    wake_after(srv, client->settings.connect_timeout_us);
}

/* The pause is over. */
static void try_again(muv__srv_t *srv)
{
    if (srv->client->selecting_count == 0) {
        srv->state = IDLE;
    } else if (srv->resolved) {
        finish(srv);
    } else if (ask(srv) != 0) {
        fail_memory(srv);
    }
}

static void on_wake(muv__deadline_t *deadline, int64_t now_us)
{
    muv__srv_t *srv = MUV__CONTAINER_OF(deadline, muv__srv_t, wake);

    (void)now_us;
    switch ((enum state)srv->state) {
    case ASKING:
    case POLLING:
        (void)muv__error_set(
            &srv->error, MUV_EDNS, "%s of " SHOWN ": no answer within connectTimeoutMS",
            srv->has_hosts ? "TXT record" : "SRV records", srv->has_hosts ? srv->host : srv->name);
        fail_look_up(srv, 0);
        break;
    case PAUSED: try_again(srv); break;
    case FOUND: begin_poll(srv); break;
    case IDLE: break;
    }
}

int muv__srv_start(muv_client_t *client)
{
    muv__srv_t *srv = client->srv;

    MUV__ASSERT(srv->state != FOUND && srv->state != POLLING);
    if (srv->state != IDLE) {
        return 0;
    }
    if (srv->resolved) {
        /* Only memory was missing. The operation is not among those who wait yet. */
        srv->state = PAUSED;
        wake_after(srv, 0);
        return 0;
    }
    return ask(srv);
}
