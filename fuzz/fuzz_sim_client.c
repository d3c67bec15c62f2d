/* SPDX-License-Identifier: Apache-2.0 */
/* A whole client against a hostile server on the virtual network.
 *
 * The input is a run of orders for the server, each of which it carries out for one request (the
 * first ones are the monitor's and the pool's hello): a byte (bits 0-2: what to do; bit 3: in
 * pieces of three bytes; bit 4: reset behind it; bit 5: 20 ms late; bit 6: for hello only), and for
 * raw orders two bytes of length and that many bytes. Meanwhile the client runs finds, commands and
 * writes, some under a timeout, and is closed. Whatever comes: each operation is called back once,
 * nothing is left, nothing is read that was not sent. */
#include <stdint.h>
#include <string.h>

#include "muv.h"

#include "base/assert.h"
#include "sim/net_sim.h"

#define MAX_ORDERS 32
#define OPERATIONS 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ORDER_USUAL = 0,
    ORDER_BODY, /* Raw bytes behind a sound header. */
    ORDER_RAW,  /* Raw bytes. */
    ORDER_SILENCE,
    ORDER_FINISH,
    ORDER_WRONG_ID,
    ORDER_FLAGS, /* Raw bytes behind a sound header with odd flags. */
    ORDER_ERROR
};

typedef struct input {
    const uint8_t *data;
    size_t size;
} input_t;

/* Two bytes of length, cut to what is left, and the bytes. */
static void take_bytes(input_t *in, sim_step_t *step)
{
    size_t size = 0;

    if (in->size >= 2) {
        size = (size_t)in->data[0] | (size_t)in->data[1] << 8;
        in->data += 2;
        in->size -= 2;
    }
    size = size > in->size ? in->size : size;
    step->bytes = in->data;
    step->byte_count = size;
    in->data += size;
    in->size -= size;
}

static void take_order(input_t *in, sim_server_t *server)
{
    uint8_t order = *in->data;
    sim_step_t step = {.times = 1};

    in->data++;
    in->size--;
    step.piece_bytes = (order & 0x08) != 0 ? 3 : 0;
    step.then = (order & 0x10) != 0 ? SIM_RESET : SIM_REPLY;
    step.delay_us = (order & 0x20) != 0 ? 20 * SIM_MS : 0;
    switch (order & 0x07) {
    case ORDER_BODY: take_bytes(in, &step); break;
    case ORDER_RAW:
        step.act = SIM_GARBAGE;
        take_bytes(in, &step);
        break;
    case ORDER_SILENCE: step.act = SIM_SILENCE; break;
    case ORDER_FINISH: step.act = SIM_FINISH; break;
    case ORDER_WRONG_ID: step.response_to_add = 1; break;
    case ORDER_FLAGS:
        take_bytes(in, &step);
        step.flags =
            step.byte_count == 0 ? 0 : (uint32_t) * (const uint8_t *)step.bytes << 8 | order;
        break;
    case ORDER_ERROR: step.json = "{'ok': 0, 'code': 10107, 'errmsg': 'not primary'}"; break;
    default: break;
    }
    sim_on(server, (order & 0x40) != 0 ? "hello" : "*", &step);
}

/* --- the client --------------------------------------------------------------------------------*/

static unsigned ended;
static unsigned closed;
static unsigned read_bytes;

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    uint8_t *called = data;
    size_t size = 0;

    (void)op;
    MUV__ASSERT(*called == 0);
    *called = 1;
    ended++;
    if (reply != NULL) {
        const uint8_t *bytes = muv_reply_data(reply, &size);

        read_bytes += bytes[size - 1];
    } else if (error != NULL) {
        MUV__ASSERT(error->code != 0 &&
                    memchr(error->message, '\0', sizeof error->message) != NULL);
        read_bytes += error->reply_size == 0 ? 0 : error->reply[error->reply_size - 1];
    }
}

static void on_document(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    on_reply(op, error, NULL, data);
    if (document != NULL) {
        read_bytes += bson_get_data(document)[document->len - 1];
    }
}

static void on_closed(void *data)
{
    (void)data;
    closed++;
}

static void start(muv_client_t *client, muv_collection_t *collection, unsigned i, uint8_t *called)
{
    bson_t *command = BCON_NEW("ping", BCON_INT32((int32_t)i));
    int64_t timeout_ms = i % 3 == 0 ? 15 : 200;
    int status;

    if (i % 2 == 0) {
        status = muv_run_command(client, "d", command,
                                 &(muv_run_command_opts_t){.timeout_ms = timeout_ms}, on_reply,
                                 called, NULL);
    } else {
        status = muv_collection_find_one(collection, command,
                                         &(muv_find_one_opts_t){.timeout_ms = timeout_ms},
                                         on_document, called, NULL);
    }
    MUV__ASSERT(status == 0);
    bson_destroy(command);
}

static void run_client(sim_world_t *world, muv_client_t *client)
{
    uint8_t called[OPERATIONS] = {0};
    muv_collection_t *collection;
    int status = muv_collection_new(client, "d", "c", NULL, &collection);

    MUV__ASSERT(status == 0);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        start(client, collection, i, &called[i]);
        sim_run_for(world, i % 4 == 3 ? 10 * SIM_MS : 0);
    }
    muv_collection_free(collection);
    (void)muv_client_close(client, MUV_CLOSE_DRAIN, on_closed, NULL);
    sim_run(world);
    MUV__ASSERT(ended == OPERATIONS && closed == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t in = {data, size};
    sim_world_t *world = sim_new(1);
    sim_server_t *server = sim_server(world, "10.0.0.1", 27017);
    muv_client_t *client = NULL;
    int status =
        muv_client_new(sim_loop(world), "mongodb://10.0.0.1/?directConnection=true&maxPoolSize=3",
                       NULL, NULL, &client);

    MUV__ASSERT(status == 0);
    ended = 0;
    closed = 0;
    for (unsigned i = 0; i < MAX_ORDERS && in.size > 0; i++) {
        take_order(&in, server);
    }
    run_client(world, client);
    sim_free(world);
    return 0;
}
