/* SPDX-License-Identifier: Apache-2.0 */
/* A server whose behaviour is computed instead of scripted: it is asked what a connection attempt
 * meets and how each packet travels, and gets the client's messages as they arrive whole. It
 * answers whenever it likes with sim_send(). */
#ifndef MUV_TESTS_SIM_NET_HANDLER_H
#define MUV_TESTS_SIM_NET_HANDLER_H

#include "net_sim.h"

typedef struct sim_link sim_link_t;

#define SIM_MAX_SEQUENCES 2

typedef struct sim_message {
    int32_t id;
    uint32_t flags;
    const uint8_t *body;
    size_t size;
    unsigned sequence_count;
    struct {
        const char *name;
        const uint8_t *bytes; /* Documents one behind the other. */
        size_t size;
    } sequences[SIM_MAX_SEQUENCES];
} sim_message_t;

/* In the place of a delay. */
enum {
    SIM_HELD = -1, /* Waits for sim_release(). */
    SIM_LOST = -2
};

typedef struct sim_handler {
    sim_connect_t (*on_connect)(void *data);
    /* What a packet meets besides the server's latency: a delay, or one of the above. */
    int64_t (*on_packet)(void *data, sim_link_t *link, bool to_client);
    void (*on_message)(void *data, sim_link_t *link, const sim_message_t *message);
    void (*on_closed)(void *data, sim_link_t *link); /* By the client. */
} sim_handler_t;

/* Add to the network's agenda: it happens whether or not the loop runs. When the world ends first,
 * `fn` is called all the same, so that it can free its data. */
void sim_happens(sim_world_t *world, int64_t due_us, void (*fn)(void *data), void *data);

/* `handler` NULL: scripted again. [borrow] As long as the server has it. */
void sim_handle(sim_server_t *server, const sim_handler_t *handler, void *data);

/* Something of the handler's own at each link. */
void *sim_link_data(const sim_link_t *link);
void sim_link_set_data(sim_link_t *link, void *data);

/* Send a body. Returns the message's request id. */
int32_t sim_send(sim_link_t *link, const uint8_t *body, size_t size, int32_t response_to,
                 uint32_t flags);

/* The same in two packets, the second from byte `split` on. */
int32_t sim_send_split(sim_link_t *link, const uint8_t *body, size_t size, int32_t response_to,
                       uint32_t flags, size_t split);

/* The same, but only `cut` bytes of the message leave. */
void sim_send_cut(sim_link_t *link, const uint8_t *body, size_t size, int32_t response_to,
                  size_t cut);

/* The connection is broken as of now, on both sides, with a code such as SIM_ECONNRESET. */
void sim_break(sim_link_t *link, int status);

/* The server ends the connection behind what it has sent: SIM_RESET or SIM_FINISH. */
void sim_end_link(sim_link_t *link, sim_act_t act);

/* What stands between the bytes of a server and its network, such as TLS: `from_client` gets them
 * as they arrive and says with sim_plain() what they mean; `from_server` gets what the server says.
 * Both may send with sim_wire(). */
typedef struct sim_cipher {
    void (*from_client)(void *data, sim_link_t *link, const uint8_t *bytes, size_t size);
    void (*from_server)(void *data, sim_link_t *link, const uint8_t *bytes, size_t size,
                        int64_t at_us);
} sim_cipher_t;

/* [borrow] As long as the server has it. Before anybody connects. */
void sim_encrypt(sim_server_t *server, const sim_cipher_t *cipher, void *data);
void sim_plain(sim_link_t *link, const uint8_t *bytes, size_t size);
void sim_wire(sim_link_t *link, const uint8_t *bytes, size_t size, int64_t at_us);

/* Held packets go on, `delay_us` from now. */
void sim_release(sim_link_t *link, int64_t delay_us);

#endif
