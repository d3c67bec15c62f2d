/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a client's log, and the hand-over of its messages: to the program's function, or as lines
 * of text. */
#include "client/log.h"

#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/client_inner.h"

#define MS_PER_SECOND 1000

/* Memory for one message that is kept from one to the next. */
#define KEPT_BYTES (64 * 1024)

int muv__log_new(const muv_log_opts_t *opts, muv_error_t *reterr, muv__log_t **ret)
{
    muv__log_config_t config;
    muv__log_t *log;

    *ret = NULL;
    muv__log_config_read(&config, muv__net_environment, NULL);
    if (opts != NULL) {
        int status = muv__log_config_override(&config, opts, reterr);

        if (status != 0) {
            return status;
        }
    }
    if (!muv__log_config_is_on(&config)) {
        return 0;
    }
    log = muv__mem_zalloc(sizeof(*log));
    if (log == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    log->config = config;
    log->cb = opts == NULL ? NULL : opts->cb;
    log->data = opts == NULL ? NULL : opts->data;
    muv__buf_init(&log->message, MUV__LOG_MAX_MESSAGE_BYTES);
    muv__buf_init(&log->text, MUV__LOG_MAX_MESSAGE_BYTES);
    if (log->cb == NULL) {
        log->out = muv__net_log_open(config.path);
        if (log->out == NULL) {
            muv__log_free(log);
            return muv__error_code(reterr, MUV_ENOMEM);
        }
    }
    log->config.path = NULL; /* It was borrowed for the call. */
    *ret = log;
    return 0;
}

void muv__log_free(muv__log_t *log)
{
    if (log != NULL) {
        muv__net_log_close(log->out);
        muv__buf_done(&log->message);
        muv__buf_done(&log->text);
        muv__mem_free(log);
    }
}

int muv__log_tells(const muv__log_t *log, int type)
{
    const muv__log_row_t *row = muv__log_row(type);

    return row->level != 0 && muv__log_wants(&log->config, row->component, row->level);
}

void muv__log_flush(muv__log_t *log)
{
    if (log->out != NULL) {
        muv__net_log_flush(log->out);
    }
}

/* "2026-11-23T06:12:22Z debug connection {"message": "Connection created", ...}" */
static void write_line(muv_client_t *client, const muv__log_row_t *row)
{
    muv__log_t *log = client->events->log;
    const char *words[] = {" ", muv_log_level_name(row->level), " ",
                           muv_log_component_name(row->component), " "};
    muv__buf_t *line = &log->text;
    char date[MUV__JSON_DATE_SIZE];

    muv__buf_reset(line, KEPT_BYTES);
    muv__json_date(date, muv__net_wall_s(client->net) * MS_PER_SECOND);
    muv__buf_append(line, date, strlen(date));
    for (size_t i = 0; i < MUV__COUNT_OF(words); i++) {
        muv__buf_append(line, words[i], strlen(words[i]));
    }
    muv__json_append(line, muv__span(log->message.data, log->message.size), SIZE_MAX);
    muv__buf_append(line, "\n", 1);
    if (line->error == 0) {
        muv__net_log_write(log->out, line->data, line->size);
    } else {
        client->stats.events_dropped++;
    }
}

static void call_program(muv_client_t *client, const muv__event_t *event, const muv__log_row_t *row)
{
    const muv__log_t *log = client->events->log;
    bson_t data;
    muv_log_message_t message = {.level = row->level,
                                 .component = row->component,
                                 .level_name = muv_log_level_name(row->level),
                                 .component_name = muv_log_component_name(row->component),
                                 .text = row->text,
                                 .data = &data,
                                 .at_us = event->at_us,
                                 .client = client};

    if (bson_init_static(&data, log->message.data, log->message.size)) {
        log->cb(&message, log->data);
    }
}

/* What identifies the topology: an id like an ObjectId, made when it is first needed. */
static void name_topology(muv_client_t *client)
{
    static const char digits[] = "0123456789abcdef";
    char *id = client->events->log->topology_id;
    uint8_t bytes[12] = {0};

    if (id[0] == '\0') {
        (void)muv__net_random(client->net, bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++) {
            id[2 * i] = digits[bytes[i] >> 4];
            id[2 * i + 1] = digits[bytes[i] & 15];
        }
    }
}

void muv__log_tell(muv_client_t *client, const muv__event_t *event)
{
    const muv__log_row_t *row = muv__log_row(event->type);
    muv__log_t *log = client->events->log;

    name_topology(client);
    muv__buf_reset(&log->message, KEPT_BYTES);
    muv__log_write_data(client, event);
    if (log->message.error != 0) {
        client->stats.events_dropped++;
    } else if (log->cb != NULL) {
        call_program(client, event, row);
    } else {
        write_line(client, row);
    }
}
