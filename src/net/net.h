/* SPDX-License-Identifier: Apache-2.0 */
/* The only seam between libmuv and the outside world: time, one timer, streams, names, randomness.
 * src/net/uv_*.c implements it on the caller's libuv loop; tests/sim implements it on a virtual
 * clock and network. Everything above links unchanged with either.
 *
 * A *net event* is anything that enters from outside: bytes, a connection, the timer, a posted
 * turn. Each is bracketed by hooks->begin (which carries the time, read once) and hooks->end (in
 * which the client drains its completions). No function here calls an owner or a hook from inside.
 */
#ifndef MUV__NET_H
#define MUV__NET_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct uv_loop_s;

typedef struct muv__net muv__net_t;
typedef struct muv__stream muv__stream_t;
typedef struct muv__resolve muv__resolve_t;
typedef struct muv__load muv__load_t;
typedef struct muv__work muv__work_t;

typedef struct muv__net_hooks {
    void (*begin)(void *data, int64_t now_us);
    void (*end)(void *data);
    void (*on_timer)(void *data); /* The armed time has come, and what the sockets held by then has
                                   * been delivered. */
    void (*on_turn)(void *data);  /* Asked for with muv__net_post(). */
} muv__net_hooks_t;

/* Attach to a loop. `loop` and the strings of `hooks` are borrowed until the net is closed.
 * Returns 0, MUV_ENOMEM or MUV_EINVAL (the loop refuses handles). */
int muv__net_new(struct uv_loop_s *loop, const muv__net_hooks_t *hooks, void *data,
                 muv__net_t **ret);

/* End it; all streams, resolves, loads and works must have ended. `on_closed` runs in a later turn,
 * outside any bracket, as the last thing that touches the net: when cancelled loads and works are
 * gone. */
void muv__net_close(muv__net_t *net, void (*on_closed)(void *data));

/* Monotonic time, read from the clock. Inside a bracket use the time that begin() brought. */
int64_t muv__net_now_us(muv__net_t *net);

/* Ask for on_timer at `due_us` or a little later; INT64_MAX: never. Only a time earlier than the
 * one asked for before reaches the loop's timer: it may fire early, and then on_timer is not
 * called. */
void muv__net_arm(muv__net_t *net, int64_t due_us);

/* Ask for on_turn in the next turn of the loop, after the sockets were polled if this is called
 * inside on_turn. Any number of calls until then count as one. */
void muv__net_post(muv__net_t *net);

/* 1: keep the loop alive; 0 (at first): idle handles of this net do not. */
void muv__net_keep_alive(muv__net_t *net, int alive);

/* Fill with unpredictable bytes. Returns 0 or MUV_EINVAL when the system gives none. */
int muv__net_random(muv__net_t *net, void *bytes, size_t size);

/* The wall clock in seconds since 1970, for the time in ObjectIds. */
int64_t muv__net_wall_s(muv__net_t *net);

#define MUV__NET_SYSTEM_TEXT_SIZE 64

/* What the system says of itself; "" where it says nothing. */
typedef struct muv__net_system {
    char os_type[MUV__NET_SYSTEM_TEXT_SIZE]; /* "Linux" */
    char os_version[MUV__NET_SYSTEM_TEXT_SIZE];
    char architecture[MUV__NET_SYSTEM_TEXT_SIZE];
    char loop_library[MUV__NET_SYSTEM_TEXT_SIZE]; /* "libuv 1.44.2" */
    int8_t in_docker;                             /* The file /.dockerenv exists. */
} muv__net_system_t;

void muv__net_system(muv__net_system_t *ret);

/* The value of an environment variable, or NULL. Valid until the environment is changed. `data` is
 * not used: the shape is that of muv__metadata_get_t. */
const char *muv__net_environment(const char *name, void *data);

/* The whole content of a regular file of at most `max_size` bytes; [own] muv__mem_free(). Blocking:
 * for files of certificates and keys, when a client is made. Returns 0, MUV_ENOMEM or a negative
 * system code. */
int muv__net_read_file(const char *path, size_t max_size, uint8_t **ret_bytes, size_t *ret_size);

/* `content` with `status` 0, or a negative system code. Borrowed for the call and wiped behind it,
 * as it may be a secret. */
typedef void (*muv__load_cb)(void *owner, muv__span_t content, int status);

/* Read such a file without blocking: for tokens that are renewed while the program runs. `path` is
 * copied. The callback comes in a later net event, exactly once, unless it is cancelled.
 *
 * This uses libuv's own threads, as nothing else does but GSSAPI: they start with the first file of
 * MONGODB-OIDC or MONGODB-AWS, and never without these. A file that hangs (a network's) occupies
 * one of them. Loads keep the loop alive. Returns 0 or MUV_ENOMEM. */
int muv__net_load_file(muv__net_t *net, const char *path, size_t max_size, muv__load_cb cb,
                       void *owner, muv__load_t **ret);

/* The callback will not come. What a thread has begun goes on unseen, and the net waits for that
 * when it is closed. */
void muv__load_cancel(muv__load_t *load);

/* So many jobs of one net run at a time; the others wait for their turn. */
#define MUV__NET_WORK_AT_ONCE 2

/* Call run(job) on another thread: for a library that knows only blocking calls (GSSAPI). done()
 * comes in a later net event, exactly once, unless it is cancelled; until then the job is the
 * thread's, and nobody else looks at it. run() may use nothing of libmuv that is not made for it,
 * muv__mem_*() included.
 *
 * This and muv__net_load_file() are the only ones that use libuv's own threads; without the
 * mechanisms that need them (GSSAPI; MONGODB-OIDC and MONGODB-AWS with a file) no thread is ever
 * started. Works keep the loop alive. Returns 0 or MUV_ENOMEM. */
int muv__net_work(muv__net_t *net, void (*run)(void *job), void (*done)(void *owner), void *job,
                  void *owner, muv__work_t **ret);

/* done() will not come. The job is given to drop(), inside this call or on the loop's thread when
 * run() has come back; the net waits for that when it is closed. */
void muv__work_cancel(muv__work_t *work, void (*drop)(void *job));

/* Where lines of the log go: "stdout", "stderr", or a file that is appended to (stderr when it
 * cannot be opened). Not bound to a loop: writing may block, and what fails is lost. Returns NULL
 * when out of memory. */
typedef struct muv__net_log muv__net_log_t;

muv__net_log_t *muv__net_log_open(const char *path);
void muv__net_log_write(muv__net_log_t *log, const void *bytes, size_t size);
void muv__net_log_flush(muv__net_log_t *log);
void muv__net_log_close(muv__net_log_t *log); /* NULL is allowed. */

/* How often this process was forked from another one since the first net was made: a client must
 * not be used on the child's side. */
uint32_t muv__net_fork_count(void);

/* 1 on the thread that made the net. For assertions. */
int muv__net_on_thread(const muv__net_t *net);

enum { MUV__NET_UNIX = 0, MUV__NET_IPV4 = 4, MUV__NET_IPV6 = 6 };

#define MUV__NET_PATH_SIZE 108

/* One address to connect to. */
typedef struct muv__net_addr {
    uint8_t family;
    uint16_t port;
    uint32_t scope_id;             /* IPv6. */
    uint8_t ip[16];                /* Network order; the first 4 for IPv4. */
    char path[MUV__NET_PATH_SIZE]; /* Unix socket. */
} muv__net_addr_t;

/* Status codes of streams are 0 or a negative system code as libuv gives it. */
typedef struct muv__stream_ops {
    /* `stream` tells apart the attempts of one owner. */
    void (*on_connect)(void *owner, muv__stream_t *stream, int status);
    /* Where to read; NULL: nothing now (the stream asks again in a later turn). */
    uint8_t *(*on_space)(void *owner, size_t *ret_size);
    /* `size` bytes were read into that space; negative: the stream has ended. */
    void (*on_read)(void *owner, int64_t size);
    /* All bytes of an earlier muv__stream_write() that was not complete have left. */
    void (*on_written)(void *owner, int status);
    /* After muv__stream_close(): the stream is gone, bytes to write are released. Outside any
     * bracket is not promised; it may start nothing. */
    void (*on_closed)(void *owner);
} muv__stream_ops_t;

/* The most bytes taken from one stream before the loop gets its turn. */
#define MUV__STREAM_TURN_BYTES (256 * 1024)

/* Begin to connect to one address; on_connect follows in a later net event, reading begins with it.
 * TCP streams have TCP_NODELAY and keep-alive. Returns 0, MUV_ENOMEM or a negative system code. */
int muv__stream_connect(muv__net_t *net, const muv__net_addr_t *addr, const muv__stream_ops_t *ops,
                        void *owner, muv__stream_t **ret);

/* Write now what the socket takes. Returns the number of bytes that left, or a negative system
 * code. If it is less than all, the rest is queued, must stay valid, and on_written follows; until
 * then no other write may begin. */
int64_t muv__stream_write(muv__stream_t *stream, const muv__span_t *parts, unsigned count);

/* Pause and go on reading. */
void muv__stream_read_stop(muv__stream_t *stream);
int muv__stream_read_start(muv__stream_t *stream);

/* Close without delay. Only on_closed follows. */
void muv__stream_close(muv__stream_t *stream);

/* The text of a system code: static memory or the loop's. */
const char *muv__net_error_text(int status);

/* 1: the status says that the other side took too long (as opposed to refusing or resetting). */
int muv__net_is_timeout(int status);

/* 1: the other side has ended the stream in order, as opposed to breaking it. */
int muv__net_is_end(int status);

/* 1: no packet got as far as the other side: this system has no way there, or not for that family.
 */
int muv__net_is_unreachable(int status);

#define MUV__RESOLVE_MAX_ADDRS 16

/* `count` addresses, best first; 0 and a text on failure. Both are borrowed for the call. */
typedef void (*muv__resolve_cb)(void *owner, const muv__net_addr_t *addrs, size_t count,
                                const char *error_text);

/* Look up the addresses (A and AAAA) of a name. The callback comes in a later net event, always.
 * Returns 0 or MUV_ENOMEM. */
int muv__net_resolve(muv__net_t *net, const char *name, uint16_t port, muv__resolve_cb cb,
                     void *owner, muv__resolve_t **ret);

/* The callback will not come. */
void muv__resolve_cancel(muv__resolve_t *resolve);

/* One SRV record; its priority and weight are not told. */
typedef struct muv__net_srv {
    const char *target; /* A name, perhaps with a dot at its end. */
    uint16_t port;
} muv__net_srv_t;

/* One TXT record, its strings put together. Any bytes may be in it. */
typedef struct muv__net_txt {
    const char *text;
    size_t size;
} muv__net_txt_t;

/* More records of one name are an error. */
#define MUV__NET_MAX_RECORDS 1000

typedef struct muv__net_records {
    const char *error_text; /* Why there is none; NULL when there is at least one. */
    int8_t absent;          /* With `error_text`: the name or such a record does not exist. A name
                             * server said so; asking again soon brings nothing else. */
    uint32_t count;
    uint32_t lowest_ttl_s; /* Among the records, in seconds; 0 also when it is not known. */
    const muv__net_srv_t *srv;
    const muv__net_txt_t *txt;
} muv__net_records_t;

typedef struct muv__query muv__query_t;

/* `records` is borrowed for the call. */
typedef void (*muv__query_cb)(void *owner, const muv__net_records_t *records);

/* Ask for the SRV or the TXT records of a name, which is taken as it is: no search domains. The
 * callback comes in a later net event, always. Returns 0 or MUV_ENOMEM. */
int muv__net_query_srv(muv__net_t *net, const char *name, muv__query_cb cb, void *owner,
                       muv__query_t **ret);
int muv__net_query_txt(muv__net_t *net, const char *name, muv__query_cb cb, void *owner,
                       muv__query_t **ret);

/* The callback will not come. */
void muv__query_cancel(muv__query_t *query);

/* Ask these name servers ("127.0.0.1:5300,...") instead of the system's. Before the first question.
 * `servers` is borrowed as long as the net lives. */
void muv__net_set_dns_servers(muv__net_t *net, const char *servers);

#endif
