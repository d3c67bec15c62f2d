/* SPDX-License-Identifier: Apache-2.0 */
/* A second implementation of src/net/net.h: virtual clock, scripted servers, names and faults.
 * Everything that happens follows from the script and the seed.
 *
 *   net_world.c   the loop: turns in the order of libuv, the net's handles, running and stalling
 *   net_events.c  what will happen when; the clock's agenda
 *   net_stream.c  the client's end of connections: connect, read, write, close
 *   net_names.c   names to addresses
 *   net_query.c   SRV and TXT records
 *   net_load.c    files that are loaded
 *   net_work.c    jobs of other threads
 *   net_server.c  the other end: addresses that listen, connections, bytes on their way
 *   net_script.c  what a scripted server answers; the log
 *   net_hello.c   what its hello says, and hellos that wait for a change
 *   net_handler.c servers that compute their answers (net_handler.h)
 *
 * A stream is a byte pipe with a delay: bytes that a server sends arrive in the client's socket
 * whether or not the loop runs, and lie there until a poll hands them over. So user code that holds
 * the loop is modelled by sim_stall(). */
#ifndef MUV_TESTS_SIM_NET_SIM_H
#define MUV_TESTS_SIM_NET_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct uv_loop_s;

typedef struct sim_world sim_world_t;
typedef struct sim_server sim_server_t;

#define SIM_MS INT64_C(1000)
#define SIM_SECOND INT64_C(1000000)

/* System codes as they reach streams and loads. */
enum {
    SIM_EOF = -4095,
    SIM_ENOENT = -2,
    SIM_EACCES = -13,
    SIM_EFBIG = -27,
    SIM_EPIPE = -32,
    SIM_ECONNRESET = -104,
    SIM_ETIMEDOUT = -110,
    SIM_ECONNREFUSED = -111,
    SIM_ENETUNREACH = -101
};

/* --- the world ---------------------------------------------------------------------------------*/

sim_world_t *sim_new(uint64_t seed);

/* Fails the test when a net, a stream or a name's look-up is left. */
void sim_free(sim_world_t *world);

/* What is given to muv_client_new() as the loop. */
struct uv_loop_s *sim_loop(sim_world_t *world);

int64_t sim_now_us(const sim_world_t *world);

/* The world's seed makes it. 0 <= result < bound. */
uint64_t sim_random(sim_world_t *world, uint64_t bound);

/* From now on polls visit streams in random order. */
void sim_shuffle(sim_world_t *world);

/* Run until nothing keeps the loop alive, as uv_run(). Fails the test when nothing will ever happen
 * while something keeps it alive. */
void sim_run(sim_world_t *world);

void sim_run_for(sim_world_t *world, int64_t duration_us);

/* Run until `*counter` reaches `wanted`; fails the test after `limit_us`. */
void sim_run_until(sim_world_t *world, const unsigned *counter, unsigned wanted, int64_t limit_us);

/* To be called in a callback: user code holds the loop so long, and the network goes on. */
void sim_stall(sim_world_t *world, int64_t duration_us);

/* Call user code from the loop after a time, as a timer of the user's own does. */
void sim_after(sim_world_t *world, int64_t delay_us, void (*fn)(void *data), void *data);

/* How often user code has been able to see polled sockets: the number of turns so far. */
uint64_t sim_turns(const sim_world_t *world);

/* The one variable of the environment. [borrow] `name` NULL: it is empty. */
void sim_environment(const char *name, const char *value);

/* This process is now a forked child; and the parent again. */
void sim_fork(void);
void sim_unfork(void);

/* --- names -------------------------------------------------------------------------------------*/

/* "10.0.0.1 10.0.0.2 ..." answers a look-up of `name` after `delay_us`. Unknown names fail. */
void sim_name(sim_world_t *world, const char *name, const char *addresses, int64_t delay_us);
void sim_name_fails(sim_world_t *world, const char *name, const char *error_text, int64_t delay_us);

/* What a question for SRV records ("a.test:27017 b.test:27018"), or for TXT records (several stand
 * in lines of their own), is answered with from now on; failures with `absent` are final. A
 * question that is on its way keeps the answer of its time. Names without an order are absent. */
#define SIM_NEVER INT64_MAX /* As a delay: no answer comes. */
void sim_srv(sim_world_t *world, const char *name, const char *targets, uint32_t ttl_s,
             int64_t delay_us);
void sim_txt(sim_world_t *world, const char *name, const char *records, int64_t delay_us);
void sim_srv_fails(sim_world_t *world, const char *name, const char *error_text, bool absent,
                   int64_t delay_us);
void sim_txt_fails(sim_world_t *world, const char *name, const char *error_text, bool absent,
                   int64_t delay_us);

/* How many questions for these records came so far. */
unsigned sim_srv_asked(sim_world_t *world, const char *name);
unsigned sim_txt_asked(sim_world_t *world, const char *name);

/* --- files -------------------------------------------------------------------------------------*/

/* What loading the file `path` brings from now on, after `delay_us` (or SIM_NEVER); failures are
 * system codes. A load that is on its way keeps the content of its time. Other files do not exist.
 */
void sim_file(sim_world_t *world, const char *path, const char *content, int64_t delay_us);
void sim_file_fails(sim_world_t *world, const char *path, int status, int64_t delay_us);

/* How often this file was loaded so far. */
unsigned sim_file_loaded(sim_world_t *world, const char *path);

/* Jobs that threads begin from now on take so long. Default 1 ms. */
void sim_work_takes(sim_world_t *world, int64_t duration_us);

/* --- servers -----------------------------------------------------------------------------------*/

typedef enum sim_connect {
    SIM_ACCEPT,
    SIM_REFUSE,
    SIM_HANG,       /* No answer, ever. */
    SIM_UNREACHABLE /* The call fails at once. */
} sim_connect_t;

/* A server at an IPv4 address, or at the path of a Unix socket (`port` 0). It accepts, and gives
 * sensible answers to everything: hello; {echo: <the command's value>, ok: 1}; a find returns the
 * _id it asks for. An address without server refuses. */
sim_server_t *sim_server(sim_world_t *world, const char *address, uint16_t port);

/* One way takes so long. Default 500 us. */
void sim_latency(sim_server_t *server, int64_t latency_us);

/* What the next `times` connection attempts meet (0: all from then on), in the order of calls. */
void sim_on_connect(sim_server_t *server, sim_connect_t action, unsigned times);

/* Each socket takes `window_bytes` (0: any number) until `reopen_us` later (INT64_MAX: never) it
 * has sent them. For connections made afterwards. */
void sim_window(sim_server_t *server, size_t window_bytes, int64_t reopen_us);

typedef enum sim_act {
    SIM_REPLY,   /* `json`, or the default answer. */
    SIM_SILENCE, /* Nothing comes. */
    SIM_GARBAGE, /* `json` as it stands, as bytes. */
    SIM_RESET,   /* The connection breaks. */
    SIM_FINISH   /* The connection ends in order. */
} sim_act_t;

typedef struct sim_step {
    sim_act_t act;
    const char *json;  /* Extended JSON with ' for quotes. [borrow] */
    const void *bytes; /* [borrow] In the place of `json`: of SIM_REPLY the body, which need
                        * not be BSON; of SIM_GARBAGE all that is sent. */
    size_t byte_count;
    int64_t delay_us;        /* The server's own work. */
    size_t piece_bytes;      /* The reply comes in pieces; 0: whole. */
    int64_t gap_us;          /* Between the pieces. */
    size_t padding_bytes;    /* Added to the reply as a binary value. */
    size_t cut_bytes;        /* Only so many bytes leave; 0: all. */
    int32_t response_to_add; /* Makes responseTo wrong. */
    uint32_t flags;          /* Of OP_MSG. */
    sim_act_t then;          /* SIM_RESET or SIM_FINISH behind it. */
    unsigned times;          /* 0: for ever. */
} sim_step_t;

/* Answer the command `name` so ("hello" stands for all its spellings, "*" for any command without
 * steps of its own). Steps of a name are used up in the order of the calls. */
void sim_on(sim_server_t *server, const char *name, const sim_step_t *step);
void sim_forget(sim_server_t *server, const char *name);

/* The script is empty again: no steps, all connections accepted. What is on its way stays so. */
void sim_heal(sim_server_t *server);

/* A message that nobody asked for (it answers request 0) on each open connection that has carried
 * a command; or on each one. */
void sim_push(sim_server_t *server, const char *json);
void sim_push_early(sim_server_t *server, const char *json);

/* Break all connections now; from the outside, at once. */
void sim_reset_all(sim_server_t *server);

/* All writes of existing connections fail from now on. */
void sim_break_writes(sim_server_t *server, int status);

/* From now on the server's hello carries a topologyVersion, and an awaitable hello is answered when
 * it changes or its time is over; with exhaustAllowed again and again. Steps for "awaited" take the
 * place of that, those for "hello" do not: RTT monitors, handshakes and polls say a plain one. */
void sim_stream_hello(sim_server_t *server);

/* The hello changes to `json` (without topologyVersion and ok; NULL: the default one), and all wait
 * for that hear it at once. */
void sim_hello_change(sim_server_t *server, const char *json);

/* The process has begun anew: hello carries another processId. Open connections know nothing of it
 * (sim_reset_all()). */
void sim_hello_restart(sim_server_t *server);

typedef struct sim_counts {
    unsigned accepted; /* Connections ever. */
    unsigned open;
    unsigned users; /* Connections that have carried a command besides hello, ever. */
    unsigned closed_by_client;
    unsigned requests;  /* Without hello. */
    unsigned hellos;    /* The awaitable ones included. */
    unsigned awaitable; /* Requests. */
    unsigned pushed;    /* Replies that announced another one. */
} sim_counts_t;

sim_counts_t sim_counts(const sim_server_t *server);

/* --- the log -----------------------------------------------------------------------------------*/

/* Lines such as "[   1.500] c1 > find" (a request has arrived whole; c1: the first connection that
 * carried a command) and "[   2.000] c1 closed" (by the client). Times in ms since the last
 * sim_log_clear(). Handshakes, and connections that carried nothing else, are not logged. */
/* [borrow] Until the next line is added. */
const char *sim_log(sim_world_t *world);
void sim_log_clear(sim_world_t *world);

/* Lines of a client's own log (muv/log.h) go to `text` when their path is "page"; NULL: nowhere. */
void sim_log_page(char *text, size_t size);

#define CHECK_LOG(world, expected) sim_check_log(world, expected, __FILE__, __LINE__)
void sim_check_log(sim_world_t *world, const char *expected, const char *file, int line);

#endif
