/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the log as lines. */
#include "keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append(keeper_t *keeper, const char *text)
{
    size_t length = strlen(text);

    assert_true(keeper->length + length < sizeof(keeper->page));
    memcpy(keeper->page + keeper->length, text, length + 1);
    keeper->length += length;
}

/* What differs from run to run or is a matter of the tests of other layers is shown as "*". */
static const char *value_of(const bson_iter_t *iter, char *text, size_t size)
{
    static const char *const vague[] = {"topologyId", "lsid", "requestId", "operationId"};

    for (size_t i = 0; i < MUV__COUNT_OF(vague); i++) {
        if (strcmp(bson_iter_key(iter), vague[i]) == 0) {
            return "*";
        }
    }
    if (BSON_ITER_HOLDS_UTF8(iter)) {
        return bson_iter_utf8(iter, NULL);
    }
    if (BSON_ITER_HOLDS_BOOL(iter)) {
        return bson_iter_bool(iter) ? "true" : "false";
    }
    assert_true(BSON_ITER_HOLDS_NUMBER(iter));
    (void)snprintf(text, size, "%g", bson_iter_as_double(iter));
    return text;
}

/* "debug connection Connection created | serverHost=10.0.0.1 serverPort=27017" */
static void on_message(const muv_log_message_t *message, void *data)
{
    keeper_t *keeper = data;
    bson_iter_t iter;
    char number[32];

    assert_int_equal(keeper->scene.inside, 0);
    assert_string_equal(message->level_name, muv_log_level_name(message->level));
    assert_true(bson_iter_init(&iter, message->data));
    assert_true(bson_iter_next(&iter));
    assert_string_equal(bson_iter_key(&iter), "message");
    assert_string_equal(bson_iter_utf8(&iter, NULL), message->text);
    append(keeper, message->level_name);
    append(keeper, " ");
    append(keeper, message->component_name);
    append(keeper, " ");
    append(keeper, message->text);
    while (bson_iter_next(&iter)) {
        append(keeper, " ");
        append(keeper, bson_iter_key(&iter));
        append(keeper, "=");
        append(keeper, value_of(&iter, number, sizeof(number)));
    }
    append(keeper, "\n");
}

keeper_t *keeper_new(const muv_log_opts_t *log)
{
    keeper_t *keeper = calloc(1, sizeof(*keeper));

    assert_non_null(keeper);
    keeper->log = *log;
    keeper->log.cb = on_message;
    keeper->log.data = keeper;
    keeper->opts.log = &keeper->log;
    return keeper;
}

keeper_t *keeper_open(const muv_log_opts_t *log)
{
    keeper_t *keeper = keeper_new(log);

    scene_open(&keeper->scene, &keeper->opts);
    return keeper;
}

void keeper_close(keeper_t *keeper)
{
    scene_end(&keeper->scene);
    free(keeper);
}

void keeper_run(keeper_t *keeper)
{
    sim_run_for(keeper->scene.world, 5 * SIM_SECOND);
}

void keeper_forget(keeper_t *keeper)
{
    keeper->length = 0;
    keeper->page[0] = '\0';
}

static void on_ran(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)op;
    (void)error;
    (void)reply;
    ((keeper_t *)data)->scene.ended++;
}

void keeper_command(keeper_t *keeper, const char *json)
{
    bson_t *command = bson_from(json);

    CHECK_CODE(muv_run_command(keeper->scene.client, "db", command, NULL, on_ran, keeper, NULL), 0);
    bson_destroy(command);
    keeper_run(keeper);
}
