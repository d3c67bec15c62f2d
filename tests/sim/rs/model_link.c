/* SPDX-License-Identifier: Apache-2.0 */
/* Ways between nodes, and connections of the client: what they do to bytes. */
#include "node.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- between nodes -----------------------------------------------------------------------------*/

bool rs_node_path(rs_set_t *set, unsigned from, unsigned to, int64_t *ret_delay_us)
{
    const rs_quality_t *quality = &set->between[from][to];
    int64_t latency_us = quality->latency_us != 0 ? quality->latency_us : set->opts.node_latency_us;

    if (set->cut[from][to] ||
        (quality->loss_permille != 0 && rs_random(set, 1000) < quality->loss_permille)) {
        return false;
    }
    *ret_delay_us = latency_us + rs_between(set, 0, quality->jitter_us + latency_us / 8);
    return true;
}

/* --- connections -------------------------------------------------------------------------------*/

rs_conn_t *rs_conn_of(rs_node_t *node, sim_link_t *wire)
{
    rs_conn_t *conn = sim_link_data(wire);

    if (conn == NULL) {
        conn = sim_alloc(sizeof *conn);
        conn->node = node;
        conn->wire = wire;
        conn->number = ++node->set->numbers;
        muv__list_init(&conn->link);
        muv__list_push_back(&node->conns, &conn->link);
        sim_link_set_data(wire, conn);
    }
    return conn;
}

void rs_end_conn(rs_conn_t *conn)
{
    rs_forget_conn(conn->node, conn);
    rs_drop_streams(conn->node, conn);
    muv__list_remove(&conn->link);
    sim_link_set_data(conn->wire, NULL);
    free(conn);
}

static void break_conn(rs_conn_t *conn, int status)
{
    sim_link_t *wire = conn->wire;

    rs_end_conn(conn);
    sim_break(wire, status);
}

void rs_break_conns(rs_node_t *node)
{
    while (!muv__list_empty(&node->conns)) {
        break_conn(MUV__CONTAINER_OF(node->conns.next, rs_conn_t, link), SIM_ECONNRESET);
    }
}

/* --- giving up ---------------------------------------------------------------------------------*/

typedef struct doubt {
    rs_node_t *node;
    uint64_t number;
} doubt_t;

static rs_conn_t *find_conn(rs_node_t *node, uint64_t number)
{
    for (muv__list_t *at = node->conns.next; at != &node->conns; at = at->next) {
        rs_conn_t *conn = MUV__CONTAINER_OF(at, rs_conn_t, link);

        if (conn->number == number) {
            return conn;
        }
    }
    return NULL;
}

/* Bytes of a connection were not acknowledged for long. */
static void on_link_timeout(void *data)
{
    const doubt_t *doubt = data;
    rs_conn_t *conn = find_conn(doubt->node, doubt->number);

    if (conn != NULL && (conn->half_open || doubt->node->way != RS_WAY_OPEN)) {
        break_conn(conn, SIM_ETIMEDOUT);
    }
}

static void doubt_conn(rs_conn_t *conn)
{
    rs_set_t *set = conn->node->set;
    int64_t timeout_us = set->opts.link_timeout_us;
    doubt_t *doubt = sim_alloc(sizeof *doubt);

    doubt->node = conn->node;
    doubt->number = conn->number;
    rs_at(set, rs_now_us(set) + rs_between(set, timeout_us / 2, timeout_us), on_link_timeout,
          doubt);
}

static void lose_conn(rs_conn_t *conn)
{
    if (!conn->half_open) {
        conn->half_open = true;
        conn->node->set->counts.lost_links++;
        rs_note(conn->node->set, "c%" PRIu64 " to n%u is half open", conn->number,
                conn->node->index);
        doubt_conn(conn);
    }
}

void rs_orphan_conns(rs_node_t *node)
{
    for (muv__list_t *at = node->conns.next; at != &node->conns; at = at->next) {
        lose_conn(MUV__CONTAINER_OF(at, rs_conn_t, link));
    }
}

/* --- the handler of a server -------------------------------------------------------------------*/

static sim_connect_t on_connect(void *data)
{
    rs_node_t *node = data;

    if (node->state == RS_DOWN) {
        return node->silent ? SIM_HANG : SIM_REFUSE;
    }
    if (node->way != RS_WAY_OPEN) {
        return SIM_HANG;
    }
    if (node->refusing && rs_chance(node->set, 50)) {
        return SIM_REFUSE;
    }
    return rs_random(node->set, 1000) < node->quality.loss_permille ? SIM_HANG : SIM_ACCEPT;
}

static bool is_cut(const rs_node_t *node, bool to_client)
{
    return node->way == RS_WAY_CUT ||
           node->way == (to_client ? RS_WAY_TO_CLIENT_CUT : RS_WAY_TO_NODE_CUT);
}

/* A request on a bad link: it never arrives. */
static int64_t lose_request(rs_conn_t *conn)
{
    rs_set_t *set = conn->node->set;

    if (rs_chance(set, 50)) {
        lose_conn(conn);
    } else {
        set->counts.lost_links++;
        rs_note(set, "c%" PRIu64 " to n%u is reset", conn->number, conn->node->index);
        break_conn(conn, SIM_ECONNRESET);
    }
    return SIM_LOST;
}

static int64_t on_packet(void *data, sim_link_t *wire, bool to_client)
{
    rs_node_t *node = data;
    rs_conn_t *conn = rs_conn_of(node, wire);
    rs_set_t *set = node->set;

    if (node->state == RS_DOWN && !to_client) {
        if (!node->silent) {
            break_conn(conn, SIM_ECONNRESET);
            return SIM_LOST;
        }
        lose_conn(conn);
    }
    if (conn->half_open) {
        return SIM_LOST;
    }
    if (node->frozen) {
        return SIM_HELD;
    }
    if (is_cut(node, to_client)) {
        if (!conn->judged && rs_chance(set, 40)) {
            lose_conn(conn);
            return SIM_LOST;
        }
        if (!conn->judged) {
            doubt_conn(conn);
        }
        conn->judged = true;
        return SIM_HELD;
    }
    if (!to_client && node->quality.loss_permille != 0 &&
        rs_random(set, 1000) < node->quality.loss_permille) {
        return lose_request(conn);
    }
    return rs_between(set, 0, node->quality.jitter_us);
}

static void on_closed(void *data, sim_link_t *wire)
{
    rs_conn_t *conn = sim_link_data(wire);

    (void)data;
    if (conn != NULL) {
        rs_end_conn(conn);
    }
}

static bool is_hello(const char *name)
{
    return strcmp(name, "hello") == 0 || strcmp(name, "isMaster") == 0 ||
           strcmp(name, "ismaster") == 0;
}

static void on_message(void *data, sim_link_t *wire, const sim_message_t *message)
{
    rs_node_t *node = data;
    rs_set_t *set = node->set;
    rs_conn_t *conn = rs_conn_of(node, wire);
    rs_request_t request = {.node = node->index,
                            .body = message->body,
                            .size = message->size,
                            .connection = conn->number,
                            .expects_reply = (message->flags & 2u) == 0};
    rs_edit_t edit = {NULL, 0};
    bson_iter_t iter;
    bson_t body;

    if (node->state == RS_DOWN || conn->half_open) {
        return;
    }
    if (node->refusing && !conn->greeted) {
        break_conn(conn, rs_chance(set, 50) ? SIM_ECONNRESET : SIM_EOF);
        return;
    }
    conn->greeted = true;
    assert_true(bson_init_static(&body, message->body, message->size));
    assert_true(bson_validate(&body, BSON_VALIDATE_NONE, NULL));
    assert_true(bson_iter_init(&iter, &body) && bson_iter_next(&iter));
    request.name = bson_iter_key(&iter);
    if (set->on_request != NULL) {
        edit = set->on_request(set->hook_data, &request);
    }
    if (is_hello(request.name)) {
        free(edit.bytes);
        rs_hello(conn, message, &request, &body);
    } else {
        rs_command(conn, message, &request, edit);
    }
}

void rs_listen(rs_node_t *node)
{
    static const sim_handler_t handler = {.on_connect = on_connect,
                                          .on_packet = on_packet,
                                          .on_message = on_message,
                                          .on_closed = on_closed};

    sim_handle(node->server, &handler, node);
}

void rs_release_conns(rs_node_t *node)
{
    for (muv__list_t *at = node->conns.next; at != &node->conns; at = at->next) {
        rs_conn_t *conn = MUV__CONTAINER_OF(at, rs_conn_t, link);

        conn->judged = false;
        if (!conn->half_open && !node->frozen && node->way == RS_WAY_OPEN) {
            sim_release(conn->wire, rs_between(node->set, 0, 200 * SIM_MS));
        }
    }
}

/* --- replies -----------------------------------------------------------------------------------*/

/* A reply that does not leave, or not whole. */
static void spoil_reply(rs_conn_t *conn, const uint8_t *bytes, size_t size, int32_t response_to)
{
    rs_set_t *set = conn->node->set;

    set->counts.lost_replies++;
    set->counts.lost_links++;
    rs_note(set, "the reply to %d on c%" PRIu64 " is lost", (int)(uint16_t)response_to,
            conn->number);
    /* Where bytes are held up, so would be the end of the connection. */
    if (is_cut(conn->node, true) || conn->node->frozen) {
        lose_conn(conn);
        return;
    }
    switch (rs_random(set, 3)) {
    case 0: lose_conn(conn); return;
    case 1:
        sim_send_cut(conn->wire, bytes, size, response_to, 1 + rs_random(set, 16 + size));
        break;
    default: break;
    }
    sim_end_link(conn->wire, rs_chance(set, 70) ? SIM_RESET : SIM_FINISH);
    rs_end_conn(conn);
}

int32_t rs_send(rs_conn_t *conn, const rs_request_t *request, const bson_t *reply,
                int32_t response_to, uint32_t flags)
{
    rs_node_t *node = conn->node;
    rs_set_t *set = node->set;
    const uint8_t *bytes = bson_get_data(reply);
    size_t size = reply->len;
    rs_edit_t edit = {NULL, 0};
    int32_t id = 0;

    if (set->on_reply != NULL) {
        edit = set->on_reply(set->hook_data, request, bytes, size);
    }
    if (edit.bytes != NULL) {
        bytes = edit.bytes;
        size = edit.size;
    }
    if (node->quality.loss_permille != 0 && rs_random(set, 1000) < node->quality.loss_permille) {
        spoil_reply(conn, bytes, size, response_to);
    } else {
        bool split = node->quality.jitter_us != 0 && rs_chance(set, 20);

        id = sim_send_split(conn->wire, bytes, size, response_to, flags,
                            split ? 1 + rs_random(set, size) : SIZE_MAX);
    }
    free(edit.bytes);
    return id;
}
