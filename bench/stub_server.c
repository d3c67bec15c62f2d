/* SPDX-License-Identifier: Apache-2.0 */
/* A server that costs as little CPU as one can, so that benchmarks measure the client: one thread,
 * level-triggered epoll, one read and one write for all complete requests of a connection. What
 * it answers is in stub_reply.c.
 *
 *     stub_server [--port P] [--delay-us N] [--unix PATH]
 *
 * prints `port N` when it listens. With a delay, finished replies lie in their connection's output
 * buffer and a FIFO of (connection, bytes, due time) releases them; one timerfd wakes for the head.
 */
#include "stub_reply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 256 * 1024,
    KEPT_BYTES = 1024 * 1024,
    /* Replies not yet taken by the peer; above it, the connection's requests wait. */
    UNSENT_BYTES_MAX = 32 * 1024 * 1024,
    EVENTS_MAX = 256
};

typedef struct {
    int fd; /* -1: closed, and kept only because delayed replies name it. */
    int32_t id;
    bool polls_for_write;
    bool stalled; /* Complete requests may lie in `in` until the peer reads. */
    size_t delayed_count;
    stub_buf_t in; /* Only what is incomplete (or stalled). */
    stub_buf_t out;
    size_t sent;
    size_t released;
} conn_t;

typedef struct {
    conn_t *conn;
    size_t bytes;
    int64_t due_us;
} delayed_t;

static struct {
    int epoll_fd;
    int timer_fd;
    int listen_fd;
    int unix_fd;
    int64_t delay_us;
    delayed_t *delayed; /* A ring; the delay is one for all, so it is in order of time. */
    size_t delayed_head;
    size_t delayed_count;
    size_t delayed_cap;
    int32_t last_connection_id;
    uint8_t scratch[READ_BYTES];
} loop;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* --- connections ---------------------------------------------------------------------------- */

static void watch(int op, int fd, uint32_t events, void *data)
{
    struct epoll_event ev = {.events = events, .data = {.ptr = data}};

    if (epoll_ctl(loop.epoll_fd, op, fd, &ev) != 0) {
        fail("epoll_ctl");
    }
}

static void close_conn(conn_t *c)
{
    if (c->fd >= 0) {
        (void)close(c->fd);
        c->fd = -1;
    }
    if (c->delayed_count == 0) {
        stub_buf_done(&c->in);
        stub_buf_done(&c->out);
        free(c);
    }
}

static void poll_conn(conn_t *c)
{
    uint32_t events =
        (c->polls_for_write ? (uint32_t)EPOLLOUT : 0U) | (c->stalled ? 0U : (uint32_t)EPOLLIN);
    watch(EPOLL_CTL_MOD, c->fd, events, c);
}

/* A peer that is always a little behind must not let the sent bytes pile up. */
static void drop_sent(conn_t *c)
{
    if (c->sent == c->out.len) {
        c->sent = c->released = c->out.len = 0;
        if (c->out.cap > KEPT_BYTES) {
            stub_buf_done(&c->out);
        }
    } else if (c->sent > KEPT_BYTES && c->sent > c->out.len / 2) {
        memmove(c->out.data, c->out.data + c->sent, c->out.len - c->sent);
        c->out.len -= c->sent;
        c->released -= c->sent;
        c->sent = 0;
    }
}

/* Returns -1 when the connection is lost. */
static int flush_conn(conn_t *c)
{
    while (c->sent < c->released) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->released - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno != EAGAIN) {
            return -1;
        }
        if (n < 0) {
            break;
        }
        c->sent += (size_t)n;
    }
    bool unsent = c->sent < c->released;
    drop_sent(c);
    if (unsent != c->polls_for_write) {
        c->polls_for_write = unsent;
        poll_conn(c);
    }
    return 0;
}

/* --- delayed replies ------------------------------------------------------------------------ */

static void arm_timer(int64_t due_us)
{
    struct itimerspec spec = {
        .it_value = {.tv_sec = due_us / 1000000, .tv_nsec = (due_us % 1000000) * 1000}};

    if (timerfd_settime(loop.timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0) {
        fail("timerfd_settime");
    }
}

static void grow_delayed(void)
{
    size_t cap = loop.delayed_cap == 0 ? 1024 : loop.delayed_cap * 2;
    delayed_t *ring = malloc(cap * sizeof *ring);

    if (ring == NULL) {
        fail("malloc");
    }
    for (size_t i = 0; i < loop.delayed_count; i++) {
        ring[i] = loop.delayed[(loop.delayed_head + i) % loop.delayed_cap];
    }
    free(loop.delayed);
    loop.delayed = ring;
    loop.delayed_head = 0;
    loop.delayed_cap = cap;
}

static void delay_replies(conn_t *c, size_t bytes)
{
    if (loop.delayed_count == loop.delayed_cap) {
        grow_delayed();
    }
    size_t tail = (loop.delayed_head + loop.delayed_count) % loop.delayed_cap;
    int64_t due_us = now_us() + loop.delay_us;
    loop.delayed[tail] = (delayed_t){.conn = c, .bytes = bytes, .due_us = due_us};
    loop.delayed_count++;
    c->delayed_count++;
    if (loop.delayed_count == 1) {
        arm_timer(due_us);
    }
}

static int serve_stalled(conn_t *c);

static void on_timer(void)
{
    uint64_t expirations = 0;
    int64_t now = now_us();

    if (read(loop.timer_fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN) {
        fail("timerfd read");
    }
    while (loop.delayed_count > 0 && loop.delayed[loop.delayed_head].due_us <= now) {
        delayed_t first = loop.delayed[loop.delayed_head];
        loop.delayed_head = (loop.delayed_head + 1) % loop.delayed_cap;
        loop.delayed_count--;
        first.conn->delayed_count--;
        first.conn->released += first.bytes;
        if (first.conn->fd < 0 || flush_conn(first.conn) != 0 || serve_stalled(first.conn) != 0) {
            close_conn(first.conn);
        }
    }
    if (loop.delayed_count > 0) {
        arm_timer(loop.delayed[loop.delayed_head].due_us);
    }
}

/* --- requests ------------------------------------------------------------------------------- */

/* Answer complete messages at `data`; returns how many bytes they took, or SIZE_MAX to close. */
static size_t answer_messages(conn_t *c, const uint8_t *data, size_t len)
{
    size_t at = 0;

    while (len - at >= 16) {
        uint32_t size = stub_load32(data + at);
        if (size < 16 || size > STUB_MESSAGE_BYTES_MAX) {
            return SIZE_MAX;
        }
        if (size > len - at) {
            break;
        }
        if (c->out.len - c->sent > UNSENT_BYTES_MAX) {
            c->stalled = true;
            break;
        }
        if (stub_reply(data + at, size, c->id, &c->out) != 0) {
            return SIZE_MAX;
        }
        at += size;
    }
    return at;
}

static int send_replies(conn_t *c, size_t out_before)
{
    size_t bytes = c->out.len - out_before;

    if (bytes == 0) {
        return 0;
    }
    if (loop.delay_us > 0) {
        delay_replies(c, bytes);
        return 0;
    }
    c->released = c->out.len;
    return flush_conn(c);
}

static int serve(conn_t *c, const uint8_t *data, size_t len)
{
    bool was_stalled = c->stalled;
    size_t before = c->out.len;

    c->stalled = false;
    size_t taken = answer_messages(c, data, len);
    if (taken == SIZE_MAX) {
        /* Requests before the broken one are answered, as a server that reads one at a time does.
         */
        (void)send_replies(c, before);
        return -1;
    }
    if (data == c->in.data) {
        memmove(c->in.data, c->in.data + taken, len - taken);
        c->in.len = len - taken;
        if (c->in.len == 0) {
            stub_buf_done(&c->in);
        }
    } else if (taken < len) {
        stub_put(&c->in, data + taken, len - taken);
    }
    if (c->stalled != was_stalled) {
        poll_conn(c);
    }
    return send_replies(c, before);
}

static int serve_stalled(conn_t *c)
{
    while (c->stalled && c->out.len - c->sent <= UNSENT_BYTES_MAX) {
        if (serve(c, c->in.data, c->in.len) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Where the rest of an incomplete message goes: its length is known as soon as four bytes are. */
static size_t room_for_rest(conn_t *c)
{
    size_t want = READ_BYTES;

    if (c->in.len >= 4) {
        size_t size = stub_load32(c->in.data);
        if (size > c->in.len && size <= STUB_MESSAGE_BYTES_MAX) {
            want = size - c->in.len;
        }
    }
    stub_buf_reserve(&c->in, want);
    return c->in.cap - c->in.len;
}

static int on_readable(conn_t *c)
{
    bool fresh = c->in.len == 0;
    size_t room = fresh ? sizeof loop.scratch : room_for_rest(c);
    uint8_t *at = fresh ? loop.scratch : c->in.data + c->in.len;
    ssize_t n = recv(c->fd, at, room, 0);

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    if (n == 0) {
        return -1;
    }
    if (fresh) {
        return serve(c, at, (size_t)n);
    }
    c->in.len += (size_t)n;
    /* A message of many megabytes is looked at once, not once per read. */
    if (c->in.len >= 4 && stub_load32(c->in.data) > c->in.len &&
        stub_load32(c->in.data) <= STUB_MESSAGE_BYTES_MAX) {
        return 0;
    }
    return serve(c, c->in.data, c->in.len);
}

static void on_conn(conn_t *c, uint32_t events)
{
    int rc = 0;

    if ((events & (uint32_t)EPOLLOUT) != 0) {
        rc = flush_conn(c);
        if (rc == 0) {
            rc = serve_stalled(c);
        }
    }
    if (rc == 0 && (events & (uint32_t)EPOLLIN) != 0) {
        rc = on_readable(c);
    } else if (rc == 0 && (events & (uint32_t)(EPOLLERR | EPOLLHUP)) != 0) {
        rc = -1;
    }
    if (rc != 0) {
        close_conn(c);
    }
}

/* --- listening ------------------------------------------------------------------------------ */

static void on_listener(int listen_fd)
{
    int one = 1;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        return;
    }
    conn_t *c = calloc(1, sizeof *c);
    if (c == NULL) {
        fail("calloc");
    }
    /* Fails on a Unix socket, where there is nothing to turn off. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->fd = fd;
    c->id = ++loop.last_connection_id;
    watch(EPOLL_CTL_ADD, fd, (uint32_t)EPOLLIN, c);
}

static int listen_tcp(uint16_t port)
{
    int one = 1;
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (const struct sockaddr *)&addr, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
        fail("listen");
    }
    printf("port %d\n", ntohs(addr.sin_port));
    (void)fflush(stdout);
    return fd;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len >= sizeof addr.sun_path) {
        errno = ENAMETOOLONG;
        fail(path);
    }
    memcpy(addr.sun_path, path, len + 1);
    (void)unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof addr) != 0 ||
        listen(fd, 4096) != 0) {
        fail(path);
    }
    return fd;
}

static long number_option(const char *text, long max)
{
    char *end = NULL;
    long v = strtol(text, &end, 10);

    if (end == text || *end != '\0' || v < 0 || v > max) {
        fprintf(stderr, "stub_server: bad number %s\n", text);
        exit(2);
    }
    return v;
}

static void run_forever(void)
{
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        int n = epoll_wait(loop.epoll_fd, events, EVENTS_MAX, -1);
        if (n < 0 && errno != EINTR) {
            fail("epoll_wait");
        }
        /* The timer goes last: it may close connections whose events are still in this array. */
        bool timer = false;
        for (int i = 0; i < n; i++) {
            void *what = events[i].data.ptr;
            if (what == &loop.listen_fd || what == &loop.unix_fd) {
                on_listener(*(int *)what);
            } else if (what == &loop.timer_fd) {
                timer = true;
            } else {
                on_conn(what, events[i].events);
            }
        }
        if (timer) {
            on_timer();
        }
    }
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    const char *unix_path = NULL;

    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--port") == 0) {
            port = (uint16_t)number_option(argv[i + 1], 65535);
        } else if (i + 1 < argc && strcmp(argv[i], "--delay-us") == 0) {
            loop.delay_us = number_option(argv[i + 1], 3600L * 1000000);
        } else if (i + 1 < argc && strcmp(argv[i], "--unix") == 0) {
            unix_path = argv[i + 1];
        } else {
            fprintf(stderr, "usage: stub_server [--port P] [--delay-us N] [--unix PATH]\n");
            return 2;
        }
    }
    /* Replies of 16 MiB come and go: without this each would be mapped, zeroed and unmapped. */
    (void)mallopt(M_MMAP_THRESHOLD, 64 * 1024 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 512 * 1024 * 1024);
    stub_reply_setup();
    loop.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop.epoll_fd < 0 || loop.timer_fd < 0) {
        fail("epoll");
    }
    loop.listen_fd = listen_tcp(port);
    watch(EPOLL_CTL_ADD, loop.listen_fd, (uint32_t)EPOLLIN, &loop.listen_fd);
    watch(EPOLL_CTL_ADD, loop.timer_fd, (uint32_t)EPOLLIN, &loop.timer_fd);
    if (unix_path != NULL) {
        loop.unix_fd = listen_unix(unix_path);
        watch(EPOLL_CTL_ADD, loop.unix_fd, (uint32_t)EPOLLIN, &loop.unix_fd);
    }
    run_forever();
}
