/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that listen, and bytes and ends on their way between the two sides of a connection.
 * What a server says is decided in net_script.c. */
#include "net_inner.h"

#include "support/check.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LATENCY_US 500

/* Something on its way: bytes, or an end. */
typedef struct sim_packet {
    struct sim_packet *next; /* Of those that are held. */
    bool to_client;
    sim_link_t *link;
    sim_act_t act; /* SIM_REPLY: bytes. */
    size_t size;
    uint8_t bytes[];
} packet_t;

/* --- servers -----------------------------------------------------------------------------------*/

sim_server_t *sim_server(sim_world_t *world, const char *address, uint16_t port)
{
    sim_server_t *server = sim_alloc(sizeof *server);

    server->world = world;
    server->address = sim_strdup(address);
    server->port = port;
    server->latency_us = DEFAULT_LATENCY_US;
    server->next = world->servers;
    world->servers = server;
    return server;
}

void sim_latency(sim_server_t *server, int64_t latency_us)
{
    server->latency_us = latency_us;
}

void sim_window(sim_server_t *server, size_t window_bytes, int64_t reopen_us)
{
    server->window_bytes = window_bytes;
    server->reopen_us = reopen_us;
}

void sim_on_connect(sim_server_t *server, sim_connect_t action, unsigned times)
{
    assert_true(server->plan_count < SIM_MAX_PLANS);
    server->plans[server->plan_count].action = action;
    server->plans[server->plan_count++].times = times;
}

/* The last plan without a number stays, until another one is given. */
static sim_connect_t next_plan(sim_server_t *server)
{
    sim_plan_t *plan = &server->plans[0];
    sim_connect_t action = plan->action;

    if (server->plan_count == 0) {
        return SIM_ACCEPT;
    }
    if (plan->times == 1 || (plan->times == 0 && server->plan_count > 1)) {
        bool used = plan->times == 1;

        memmove(plan, plan + 1, --server->plan_count * sizeof *plan);
        return used ? action : next_plan(server);
    }
    plan->times -= plan->times != 0;
    return action;
}

sim_counts_t sim_counts(const sim_server_t *server)
{
    return server->counts;
}

void sim_drop_held(sim_link_t *link)
{
    while (link->held != NULL) {
        packet_t *packet = link->held;

        link->held = packet->next;
        free(packet);
    }
}

static void free_link(sim_link_t *link)
{
    sim_drop_held(link);
    free(link->arrived.data);
    free(link->requests.data);
    free(link);
}

void sim_servers_free(sim_world_t *world)
{
    while (world->servers != NULL) {
        sim_server_t *server = world->servers;

        world->servers = server->next;
        sim_rules_free(server);
        while (server->links != NULL) {
            sim_link_t *link = server->links;

            server->links = link->next;
            free_link(link);
        }
        free(server->address);
        free(server->hello);
        free(server);
    }
}

static sim_server_t *find_server(sim_world_t *world, const muv__net_addr_t *addr)
{
    for (sim_server_t *server = world->servers; server != NULL; server = server->next) {
        muv__net_addr_t own;

        if (addr->family == MUV__NET_UNIX) {
            if (strcmp(server->address, addr->path) == 0) {
                return server;
            }
        } else if (sim_parse_address(server->address, server->port, &own) &&
                   own.family == addr->family && own.port == addr->port &&
                   memcmp(own.ip, addr->ip, sizeof own.ip) == 0) {
            return server;
        }
    }
    return NULL;
}

/* --- connecting --------------------------------------------------------------------------------*/

static void on_accepted(void *data)
{
    sim_link_t *link = data;

    if (link->stream != NULL) {
        link->connect_done = true;
        link->accepted = true;
        link->server->counts.accepted++;
        link->server->counts.open++;
    }
}

static void on_refused(void *data)
{
    sim_link_t *link = data;

    link->connect_done = true;
    link->connect_status = SIM_ECONNREFUSED;
}

/* An address where nobody listens answers like a server that refuses. */
static sim_server_t *nobody(sim_world_t *world)
{
    sim_server_t *server = sim_server(world, "nobody", 0);

    sim_on_connect(server, SIM_REFUSE, 0);
    return server;
}

int sim_link_open(sim_world_t *world, const muv__net_addr_t *addr, muv__stream_t *stream,
                  sim_link_t **ret)
{
    sim_server_t *server = find_server(world, addr);
    sim_link_t *link;
    sim_connect_t action;

    server = server != NULL ? server : nobody(world);
    action = server->handler != NULL ? server->handler->on_connect(server->handler_data)
                                     : next_plan(server);
    if (action == SIM_UNREACHABLE) {
        return SIM_ENETUNREACH;
    }
    link = sim_alloc(sizeof *link);
    link->server = server;
    link->stream = stream;
    link->window_bytes = server->window_bytes;
    link->reopen_us = server->reopen_us;
    link->room = server->window_bytes == 0 ? SIZE_MAX : server->window_bytes;
    link->next = server->links;
    server->links = link;
    if (action != SIM_HANG) {
        sim_happens(world, world->now_us + 2 * server->latency_us,
                    action == SIM_ACCEPT ? on_accepted : on_refused, link);
    }
    *ret = link;
    return 0;
}

/* --- to the server -----------------------------------------------------------------------------*/

static packet_t *new_packet(sim_link_t *link, const void *bytes, size_t size)
{
    packet_t *packet = sim_alloc(sizeof *packet + size);

    packet->link = link;
    packet->size = size;
    if (size != 0) {
        memcpy(packet->bytes, bytes, size);
    }
    return packet;
}

void sim_encrypt(sim_server_t *server, const sim_cipher_t *cipher, void *data)
{
    server->cipher = cipher;
    server->cipher_data = data;
}

void sim_plain(sim_link_t *link, const uint8_t *bytes, size_t size)
{
    sim_bytes_append(&link->requests, bytes, size);
    if (link->server->handler != NULL) {
        sim_handle_messages(link);
    } else {
        sim_serve(link);
    }
}

static void on_request_bytes(void *data)
{
    packet_t *packet = data;
    sim_link_t *link = packet->link;
    sim_server_t *server = link->server;

    if (!link->server_gone && server->cipher != NULL) {
        server->cipher->from_client(server->cipher_data, link, packet->bytes, packet->size);
    } else if (!link->server_gone) {
        sim_plain(link, packet->bytes, packet->size);
    }
    free(packet);
}

static void on_arrival(void *data);

/* Put a packet on its way; packets of one direction never overtake. */
static void launch(packet_t *packet, int64_t arrival_us)
{
    sim_link_t *link = packet->link;
    int64_t *last_us = packet->to_client ? &link->last_arrival_us : &link->last_request_us;

    *last_us = arrival_us > *last_us ? arrival_us : *last_us;
    sim_happens(link->server->world, *last_us, packet->to_client ? on_arrival : on_request_bytes,
                packet);
}

static bool is_held_up(const sim_link_t *link, bool to_client)
{
    for (const packet_t *packet = link->held; packet != NULL; packet = packet->next) {
        if (packet->to_client == to_client) {
            return true;
        }
    }
    return false;
}

static void hold(packet_t *packet)
{
    packet_t **end = &packet->link->held;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = packet;
}

/* A packet leaves at `at_us`; a handler decides how it travels. */
static void depart(packet_t *packet, int64_t at_us)
{
    sim_link_t *link = packet->link;
    sim_server_t *server = link->server;
    int64_t delay_us = 0;

    if (server->handler != NULL) {
        delay_us = is_held_up(link, packet->to_client)
                       ? SIM_HELD
                       : server->handler->on_packet(server->handler_data, link, packet->to_client);
    }
    if (delay_us == SIM_LOST) {
        free(packet);
    } else if (delay_us == SIM_HELD) {
        hold(packet);
    } else {
        launch(packet, at_us + server->latency_us + delay_us);
    }
}

void sim_release(sim_link_t *link, int64_t delay_us)
{
    int64_t now_us = link->server->world->now_us;

    while (link->held != NULL) {
        packet_t *packet = link->held;

        link->held = packet->next;
        packet->next = NULL;
        launch(packet, now_us + link->server->latency_us + delay_us);
    }
}

/* The socket has sent what it took: there is room again. */
static void on_window(void *data)
{
    packet_t *packet = data;

    packet->link->room += packet->size;
    free(packet);
}

void sim_link_send(sim_link_t *link, const void *bytes, size_t size)
{
    sim_world_t *world = link->server->world;

    depart(new_packet(link, bytes, size), world->now_us);
    if (link->window_bytes == 0) {
        return;
    }
    link->room -= size;
    if (link->reopen_us != INT64_MAX) {
        packet_t *packet = new_packet(link, NULL, 0);

        packet->size = size;
        sim_happens(world, world->now_us + link->reopen_us, on_window, packet);
    }
}

void sim_link_close(sim_link_t *link)
{
    if (link->accepted) {
        link->server->counts.open--;
        link->server->counts.closed_by_client++;
        sim_note(link, "closed");
    }
    if (link->server->handler != NULL) {
        link->server->handler->on_closed(link->server->handler_data, link);
    }
    link->stream = NULL;
    link->server_gone = true;
    sim_drop_held(link);
    sim_bytes_drop(&link->arrived, sim_bytes_size(&link->arrived));
    sim_bytes_drop(&link->requests, sim_bytes_size(&link->requests));
}

/* --- to the client -----------------------------------------------------------------------------*/

static void on_arrival(void *data)
{
    packet_t *packet = data;
    sim_link_t *link = packet->link;

    if (link->stream != NULL && !link->ended && link->error == 0) {
        if (packet->act == SIM_REPLY) {
            sim_bytes_append(&link->arrived, packet->bytes, packet->size);
        } else if (packet->act == SIM_FINISH) {
            link->ended = true;
        } else {
            link->error = SIM_ECONNRESET;
            link->write_error = SIM_EPIPE;
        }
    }
    free(packet);
}

void sim_wire(sim_link_t *link, const uint8_t *bytes, size_t size, int64_t at_us)
{
    packet_t *packet = new_packet(link, bytes, size);

    packet->to_client = true;
    depart(packet, at_us);
}

void sim_link_answer(sim_link_t *link, const void *bytes, size_t size, int64_t at_us)
{
    sim_server_t *server = link->server;

    if (server->cipher != NULL) {
        server->cipher->from_server(server->cipher_data, link, bytes, size, at_us);
    } else {
        sim_wire(link, bytes, size, at_us);
    }
}

void sim_link_end(sim_link_t *link, sim_act_t act, int64_t at_us)
{
    packet_t *packet = new_packet(link, NULL, 0);

    packet->act = act;
    packet->to_client = true;
    link->server_gone = true;
    depart(packet, at_us);
}

void sim_reset_all(sim_server_t *server)
{
    for (sim_link_t *link = server->links; link != NULL; link = link->next) {
        if (link->stream != NULL && link->accepted) {
            link->server_gone = true;
            link->error = SIM_ECONNRESET;
            link->write_error = SIM_EPIPE;
        }
    }
}

void sim_break_writes(sim_server_t *server, int status)
{
    for (sim_link_t *link = server->links; link != NULL; link = link->next) {
        link->write_error = status;
    }
}
