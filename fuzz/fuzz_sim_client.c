/* SPDX-License-Identifier: Apache-2.0 */
/* A whole client against a hostile server on the virtual network.
 *
 * The first byte of the input says what server it is (bits 0-1: standalone, member of a replica set
 * that streams its hello, the same with polling, service behind a load balancer) and what the
 * client does (bit 2: an explicit session; bit 3: timeouts; bit 4: cancels). Then come orders for
 * the server, each of which it carries out for one request (the first ones are the monitor's and
 * the pool's hello): a byte (bits 0-2: what to do; bit 3: in pieces of three bytes; bit 4: reset
 * behind it; bit 5: 20 ms late; bit 6: for hello only; bit 7: a second byte adds flags of the
 * message), for errors a byte that chooses one, for raw orders two bytes of length and that many
 * bytes. Meanwhile the client runs finds, commands, retryable writes and cursors, and is closed.
 * Whatever comes: each operation is called back once, nothing is left, nothing is read that was not
 * sent. */
#include <stdint.h>
#include <string.h>

#include "muv.h"

#include "base/assert.h"
#include "sim/net_sim.h"

#define MAX_ORDERS 48
#define OPERATIONS 20
#define FLAGS_BIT 0x80

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

enum { MODE_STANDALONE, MODE_STREAMING, MODE_POLLING, MODE_BALANCED, MODE_KINDS };
enum { MODE_SESSION = 0x04, MODE_TIMEOUTS = 0x08, MODE_CANCELS = 0x10 };

#define MEMBER                                                                                     \
    "{'ok': 1, 'isWritablePrimary': true, 'setName': 'rs', 'hosts': ['10.0.0.1:27017'], "          \
    "'maxWireVersion': 21, 'logicalSessionTimeoutMinutes': 30"

static const char *const hellos[MODE_KINDS] = {
    [MODE_STREAMING] = MEMBER ", 'topologyVersion': {'processId': {'$oid': "
                              "'000000000000000000000001'}, 'counter': {'$numberLong': '1'}}}",
    [MODE_POLLING] = MEMBER "}",
    [MODE_BALANCED] = "{'ok': 1, 'isWritablePrimary': true, 'msg': 'isdbgrid', "
                      "'maxWireVersion': 21, 'logicalSessionTimeoutMinutes': 30, "
                      "'serviceId': {'$oid': '000000000000000000000002'}}",
};

static const char *const uris[MODE_KINDS] = {
    "mongodb://10.0.0.1/?directConnection=true&maxPoolSize=3",
    "mongodb://10.0.0.1/?replicaSet=rs&maxPoolSize=3&serverMonitoringMode=stream",
    "mongodb://10.0.0.1/?replicaSet=rs&maxPoolSize=3&serverMonitoringMode=poll",
    "mongodb://10.0.0.1/?loadBalanced=true&maxPoolSize=3",
};

static const char *const errors[] = {
    "{'ok': 0, 'code': 10107, 'errmsg': 'not primary'}",
    "{'ok': 0, 'code': 91, 'errmsg': 'bye', 'errorLabels': ['RetryableWriteError']}",
    "{'ok': 0, 'code': 462, 'errmsg': 'busy', 'baseBackoffMS': 5, "
    "'errorLabels': ['SystemOverloadedError', 'RetryableError']}",
    "{'ok': 1, 'n': 1, 'writeConcernError': {'code': 91, 'errmsg': 'w'}, "
    "'errorLabels': ['RetryableWriteError']}",
    "{'ok': 0, 'code': 20, 'errmsg': 'Transaction numbers are only allowed on a replica set'}",
    "{'ok': 0, 'code': 11602, 'errmsg': 'n', 'errorLabels': ['NoWritesPerformed', "
    "'RetryableWriteError'], 'topologyVersion': {'processId': {'$oid': "
    "'000000000000000000000001'}, 'counter': {'$numberLong': '5'}}}",
    "{'ok': 1, 'cursor': {'id': {'$numberLong': '77'}, 'ns': 'd.c', 'firstBatch': [{'_id': 1}], "
    "'nextBatch': [{'_id': 2}]}, '$clusterTime': {'clusterTime': {'$timestamp': {'t': 9, 'i': "
    "1}}}, 'operationTime': {'$timestamp': {'t': 9, 'i': 1}}}",
    "{'ok': 0, 'code': 50, 'errmsg': 'late'}",
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

static uint8_t take_byte(input_t *in)
{
    uint8_t byte = 0;

    if (in->size != 0) {
        byte = *in->data++;
        in->size--;
    }
    return byte;
}

static void take_order(input_t *in, sim_server_t *server)
{
    uint8_t order = take_byte(in);
    sim_step_t step = {.times = 1};

    if ((order & FLAGS_BIT) != 0) {
        step.flags = take_byte(in);
    }
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
    case ORDER_ERROR: step.json = errors[take_byte(in) % (sizeof errors / sizeof errors[0])]; break;
    default: break;
    }
    sim_on(server, (order & 0x40) != 0 ? "hello" : "*", &step);
}

/* --- the client --------------------------------------------------------------------------------*/

typedef struct slot {
    uint8_t called;
    muv_cursor_t *cursor;
} slot_t;

static unsigned ended;
static unsigned closed;
static unsigned read_bytes;

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    slot_t *slot = data;
    size_t size = 0;

    (void)op;
    MUV__ASSERT(slot->called == 0);
    slot->called = 1;
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

static void on_write(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                     void *data)
{
    on_reply(op, error, NULL, data);
    read_bytes += result == NULL ? 0 : (unsigned)result->write_error_count;
}

static void on_collected(muv_op_t *op, const muv_error_t *error, muv_documents_t *documents,
                         void *data)
{
    slot_t *slot = data;

    on_reply(op, error, NULL, data);
    muv_documents_release(documents);
    muv_cursor_close(slot->cursor);
}

/* What the cursor holds is collected: the operation ends with that. */
static void on_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    slot_t *slot = data;

    if (cursor == NULL) {
        on_reply(op, error, NULL, data);
        return;
    }
    slot->cursor = cursor;
    if (muv_cursor_collect(cursor, &(muv_cursor_collect_opts_t){.max_documents = 10}, on_collected,
                           data, NULL) != 0) {
        on_reply(op, error, NULL, data);
        muv_cursor_close(cursor);
    }
}

static void on_closed(void *data)
{
    (void)data;
    closed++;
}

typedef struct work {
    sim_world_t *world;
    muv_client_t *client;
    muv_collection_t *collection;
    muv_session_t *session;
    uint8_t mode;
} work_t;

static muv_op_t *start(const work_t *work, unsigned i, slot_t *slot)
{
    bson_t *document = BCON_NEW("ping", BCON_INT32((int32_t)i));
    int64_t timeout_ms = (work->mode & MODE_TIMEOUTS) == 0 ? 0 : i % 3 == 0 ? 15 : 200;
    muv_op_t *op = NULL;
    int status;

    switch (i % 4) {
    case 0:
        status = muv_run_command(
            work->client, "d", document,
            &(muv_run_command_opts_t){.timeout_ms = timeout_ms, .session = work->session}, on_reply,
            slot, &op);
        break;
    case 1:
        status = muv_collection_find_one(
            work->collection, document,
            &(muv_find_one_opts_t){.timeout_ms = timeout_ms, .session = work->session}, on_document,
            slot, &op);
        break;
    case 2:
        status = muv_collection_insert_one(
            work->collection, document,
            &(muv_insert_one_opts_t){.timeout_ms = timeout_ms, .session = work->session}, on_write,
            slot, &op);
        break;
    default:
        status = muv_collection_find(
            work->collection, NULL,
            &(muv_find_opts_t){.timeout_ms = timeout_ms, .session = work->session}, on_cursor, slot,
            &op);
        break;
    }
    MUV__ASSERT(status == 0);
    bson_destroy(document);
    return op;
}

static void run_client(work_t *work)
{
    slot_t slots[OPERATIONS] = {{0}};
    int status = muv_collection_new(work->client, "d", "c", NULL, &work->collection);

    MUV__ASSERT(status == 0);
    if ((work->mode & MODE_SESSION) != 0) {
        status = muv_session_start(work->client, NULL, &work->session);
        MUV__ASSERT(status == 0);
    }
    for (unsigned i = 0; i < OPERATIONS; i++) {
        muv_op_t *op = start(work, i, &slots[i]);

        if ((work->mode & MODE_CANCELS) != 0 && i % 5 == 4) {
            muv_op_cancel(op);
        }
        sim_run_for(work->world, i % 4 == 3 ? 10 * SIM_MS : 0);
    }
    sim_run_for(work->world, SIM_SECOND);
    muv_session_end(work->session);
    muv_collection_free(work->collection);
    (void)muv_client_close(work->client, MUV_CLOSE_DRAIN, on_closed, NULL);
    sim_run_for(work->world, 5 * SIM_SECOND);
    if (closed == 0) {
        /* A server that never answers is waited for without end where no timeout is set. */
        (void)muv_client_close(work->client, MUV_CLOSE_ABORT, NULL, NULL);
    }
    sim_run(work->world);
    MUV__ASSERT(ended == OPERATIONS && closed == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t in = {data, size};
    sim_world_t *world = sim_new(1);
    sim_server_t *server = sim_server(world, "10.0.0.1", 27017);
    work_t work = {.world = world, .mode = take_byte(&in)};
    unsigned kind = work.mode % MODE_KINDS;
    int status = muv_client_new(sim_loop(world), uris[kind],
                                &(muv_client_opts_t){.server_selection_timeout_ms = 5000}, NULL,
                                &work.client);

    MUV__ASSERT(status == 0);
    ended = 0;
    closed = 0;
    for (unsigned i = 0; i < MAX_ORDERS && in.size > 0; i++) {
        take_order(&in, server);
    }
    if (hellos[kind] != NULL) {
        sim_on(server, "hello", &(sim_step_t){.json = hellos[kind]});
    }
    run_client(&work);
    sim_free(world);
    return 0;
}
