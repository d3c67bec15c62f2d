/* SPDX-License-Identifier: Apache-2.0 */
/* The net on a libuv loop: time, the one timer, posted turns, keeping the loop alive, closing.
 *
 * Due times and polls: user code may hold the loop, and then the timer finds deadlines passed while
 * the answers already lie in the sockets. So a due timer only starts the check handle; the sockets
 * are polled (the idle handle makes the poll return at once), and on_timer runs behind that poll.
 */
#include "net/uv_net.h"

#include "muv/error.h"

#include "base/assert.h"
#include "base/mem.h"

#include <pthread.h>
#include <signal.h>

#define US_PER_MS 1000

/* The timer's longest sleep. Waking once an hour for nothing costs nothing and bounds arithmetic.
 */
#define LONGEST_SLEEP_US (INT64_C(3600) * 1000 * 1000)

int64_t muv__net_now_us(muv__net_t *net)
{
    (void)net;
    return (int64_t)(uv_hrtime() / 1000);
}

static volatile uint32_t fork_count;
static uv_once_t fork_once = UV_ONCE_INIT;

static void count_fork(void)
{
    fork_count++;
}

static void watch_forks(void)
{
    /* Without memory for the registration a fork goes unnoticed; everything else works. */
    (void)pthread_atfork(NULL, NULL, count_fork);
}

uint32_t muv__net_fork_count(void)
{
    return fork_count;
}

int muv__net_on_thread(const muv__net_t *net)
{
    uv_thread_t self = uv_thread_self();

    return uv_thread_equal(&self, &net->thread);
}

void muv__uv_begin(muv__net_t *net)
{
    net->hooks.begin(net->data, muv__net_now_us(net));
}

void muv__uv_end(muv__net_t *net)
{
    net->hooks.end(net->data);
}

static void on_idle(uv_idle_t *idle);
static void on_check(uv_check_t *check);

static void update_idle(muv__net_t *net)
{
    if (net->posted || net->expiring) {
        (void)uv_idle_start(&net->idle, on_idle); /* Fails only without a callback. */
    } else {
        (void)uv_idle_stop(&net->idle);
    }
}

static void on_timer(uv_timer_t *timer)
{
    muv__net_t *net = timer->data;

    net->expiring = 1;
    (void)uv_check_start(&net->check, on_check);
    update_idle(net);
}

static void start_timer(muv__net_t *net, int64_t now_us)
{
    int64_t delay_us = net->due_us > now_us ? net->due_us - now_us : 0;

    delay_us = delay_us > LONGEST_SLEEP_US ? LONGEST_SLEEP_US : delay_us;
    net->armed_us = now_us + delay_us;
    /* uv_timer_start() counts from the loop's cached time, which may be old when user code held the
     * loop: the timer would fire early, and be armed again. */
    (void)uv_timer_start(&net->timer, on_timer, (uint64_t)((delay_us + US_PER_MS - 1) / US_PER_MS),
                         0);
}

static void on_check(uv_check_t *check)
{
    muv__net_t *net = check->data;
    int64_t now_us = muv__net_now_us(net);

    net->expiring = 0;
    (void)uv_check_stop(&net->check);
    update_idle(net);
    if (net->due_us <= now_us) {
        net->due_us = INT64_MAX;
        net->hooks.begin(net->data, now_us);
        net->hooks.on_timer(net->data);
        net->hooks.end(net->data);
    }
    if (!net->closing && !net->expiring) {
        start_timer(net, muv__net_now_us(net));
    }
}

static void on_idle(uv_idle_t *idle)
{
    muv__net_t *net = idle->data;

    if (net->posted) {
        net->posted = 0;
        muv__uv_deliver_answers(net);
        muv__uv_begin(net);
        net->hooks.on_turn(net->data);
        muv__uv_end(net);
    }
    if (!net->closing) {
        update_idle(net);
    }
}

void muv__net_arm(muv__net_t *net, int64_t due_us)
{
    net->due_us = due_us;
    if (due_us < net->armed_us && !net->expiring && !net->closing) {
        start_timer(net, muv__net_now_us(net));
    }
}

void muv__uv_wake(muv__net_t *net)
{
    if (!net->posted && !net->closing) {
        net->posted = 1;
        update_idle(net);
    }
}

void muv__net_post(muv__net_t *net)
{
    muv__uv_wake(net);
}

void muv__net_keep_alive(muv__net_t *net, int alive)
{
    if (alive) {
        uv_ref((uv_handle_t *)&net->timer);
    } else {
        uv_unref((uv_handle_t *)&net->timer);
    }
}

int muv__net_random(muv__net_t *net, void *bytes, size_t size)
{
    /* Without a request and callback uv_random() is synchronous and uses no thread. */
    return uv_random(net->loop, NULL, bytes, size, 0, NULL) == 0 ? 0 : MUV_EINVAL;
}

int64_t muv__net_wall_s(muv__net_t *net)
{
    uv_timeval64_t now;

    (void)net;
    return uv_gettimeofday(&now) == 0 ? now.tv_sec : 0;
}

void muv__net_set_dns_servers(muv__net_t *net, const char *servers)
{
    net->dns_servers = servers;
}

/* libuv writes with write(): to a connection that the server has closed this raises SIGPIPE, whose
 * default ends the program. Only the default is replaced: a handler of the program's stays. */
static void ignore_sigpipe(void)
{
    struct sigaction action;

    if (sigaction(SIGPIPE, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
        action.sa_handler == SIG_DFL) {
        action.sa_handler = SIG_IGN;
        (void)sigaction(SIGPIPE, &action, NULL); /* Fails only on invalid arguments. */
    }
}

int muv__net_new(struct uv_loop_s *loop, const muv__net_hooks_t *hooks, void *data,
                 muv__net_t **ret)
{
    muv__net_t *net = muv__mem_zalloc(sizeof(*net));

    if (net == NULL) {
        return MUV_ENOMEM;
    }
    uv_once(&fork_once, watch_forks);
    ignore_sigpipe();
    net->thread = uv_thread_self();
    net->loop = loop;
    net->hooks = *hooks;
    net->data = data;
    net->due_us = INT64_MAX;
    muv__list_init(&net->questions);
    muv__list_init(&net->answered);
    muv__list_init(&net->queued_work);
    /* These three cannot fail on any platform: they only initialise memory. */
    (void)uv_timer_init(loop, &net->timer);
    (void)uv_idle_init(loop, &net->idle);
    (void)uv_check_init(loop, &net->check);
    net->timer.data = net;
    net->idle.data = net;
    net->check.data = net;
    net->open_handles = 3;
    uv_unref((uv_handle_t *)&net->timer);
    uv_unref((uv_handle_t *)&net->check);
    start_timer(net, muv__net_now_us(net));
    *ret = net;
    return 0;
}

void muv__uv_handle_closed(muv__net_t *net)
{
    void (*on_closed)(void *) = net->on_closed;
    void *data = net->data;

    if (--net->open_handles == 0) {
        muv__mem_free(net->dns);
        muv__mem_free(net);
        on_closed(data);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    muv__uv_handle_closed(handle->data);
}

void muv__net_close(muv__net_t *net, void (*on_closed)(void *data))
{
    MUV__ASSERT(!net->closing);
    MUV__ASSERT(net->loads == 0 && net->works == 0);
    net->closing = 1;
    net->on_closed = on_closed;
    muv__uv_dns_close(net);
    MUV__ASSERT(muv__list_empty(&net->questions) && muv__list_empty(&net->answered));
    uv_close((uv_handle_t *)&net->timer, on_handle_closed);
    uv_close((uv_handle_t *)&net->idle, on_handle_closed);
    uv_close((uv_handle_t *)&net->check, on_handle_closed);
}

const char *muv__net_error_text(int status)
{
    return status == UV_EOF ? "the server closed the connection" : uv_strerror(status);
}

int muv__net_is_timeout(int status)
{
    return status == UV_ETIMEDOUT;
}

int muv__net_is_end(int status)
{
    return status == UV_EOF;
}

int muv__net_is_unreachable(int status)
{
    return status == UV_ENETUNREACH || status == UV_EHOSTUNREACH || status == UV_ENETDOWN ||
           status == UV_EADDRNOTAVAIL || status == UV_EAFNOSUPPORT;
}
