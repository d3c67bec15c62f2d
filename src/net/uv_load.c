/* SPDX-License-Identifier: Apache-2.0 */
/* Small files, read whole by libuv's threads: tokens that others renew while the program runs.
 *
 *   OPENING --> LOOKING --> READING --> CLOSING --> ended
 *                  |           +--(more)--^  ^
 *                  +-- failure, cancel ------+
 *
 * Suspended in all of them, for a thread. One request goes from step to step, and a cancelled load
 * takes the shortest way to its end. */
#include "net/uv_net.h"

#include "muv/error.h"

#include "auth/secret.h"
#include "base/assert.h"
#include "base/mem.h"

#include <fcntl.h>
#include <sys/stat.h>

struct muv__load {
    muv__net_t *net;
    muv__load_cb cb;
    void *owner;
    size_t max_size;
    uv_fs_t request;
    uv_file file;
    int status;
    uint8_t cancelled;
    uint8_t closing;
    size_t size; /* What has been read. */
    muv__secret_t content;
};

static void end_load(muv__load_t *load)
{
    muv__net_t *net = load->net;

    if (!load->cancelled) {
        net->loads--;
        muv__uv_begin(net);
        load->cb(load->owner,
                 load->status == 0 ? muv__span(load->content.data, load->size) : muv__span(NULL, 0),
                 load->status);
        muv__uv_end(net);
    }
    muv__secret_done(&load->content);
    muv__mem_free(load);
    muv__uv_handle_closed(net);
}

/* A request that has been handed over to a thread. Only paths and lists of buffers make that fail
 * (they are copied), and here are none. */
static void expect_begun(int status)
{
    MUV__ASSERT(status == 0);
}

/* The result of the step that has ended; the request is free for the next one. */
static int64_t take_result(uv_fs_t *request)
{
    int64_t result = request->result;

    uv_fs_req_cleanup(request);
    return result;
}

static void on_close(uv_fs_t *request)
{
    uv_fs_req_cleanup(request); /* Nothing was written: how it closed does not matter. */
    end_load(request->data);
}

static void begin_close(muv__load_t *load, int status)
{
    load->status = status;
    load->closing = 1;
    expect_begun(uv_fs_close(load->net->loop, &load->request, load->file, on_close));
}

static void on_read(uv_fs_t *request);

static void begin_read(muv__load_t *load)
{
    size_t rest = load->content.size - load->size;
    uv_buf_t buf = uv_buf_init((char *)load->content.data + load->size, (unsigned)rest);

    expect_begun(uv_fs_read(load->net->loop, &load->request, load->file, &buf, 1, -1, on_read));
}

static void on_read(uv_fs_t *request)
{
    muv__load_t *load = request->data;
    int64_t count = take_result(request);

    load->size += count > 0 ? (size_t)count : 0;
    if (load->cancelled || count <= 0 || load->size == load->content.size) {
        begin_close(load, count < 0 ? (int)count : 0);
    } else {
        begin_read(load);
    }
}

/* What the file is, as a status: whether it may be read. */
static int judge(const uv_stat_t *stat, size_t max_size)
{
    if (S_ISDIR(stat->st_mode)) {
        return UV_EISDIR;
    }
    if (!S_ISREG(stat->st_mode)) {
        return UV_EINVAL; /* A pipe might never end. */
    }
    return stat->st_size > max_size ? UV_EFBIG : 0;
}

static void on_stat(uv_fs_t *request)
{
    muv__load_t *load = request->data;
    size_t size = (size_t)request->statbuf.st_size;
    int status = (int)request->result;

    if (status == 0) {
        status = judge(&request->statbuf, load->max_size);
    }
    uv_fs_req_cleanup(request);
    if (status == 0 && !load->cancelled && size != 0 &&
        muv__secret_alloc(&load->content, size) != 0) {
        status = UV_ENOMEM;
    }
    if (load->content.data == NULL) {
        begin_close(load, status);
    } else {
        begin_read(load);
    }
}

static void on_open(uv_fs_t *request)
{
    muv__load_t *load = request->data;
    int64_t result = take_result(request);

    if (result < 0) {
        load->status = (int)result;
        end_load(load);
        return;
    }
    load->file = (uv_file)result;
    if (load->cancelled) {
        begin_close(load, 0);
    } else {
        expect_begun(uv_fs_fstat(load->net->loop, &load->request, load->file, on_stat));
    }
}

int muv__net_load_file(muv__net_t *net, const char *path, size_t max_size, muv__load_cb cb,
                       void *owner, muv__load_t **ret)
{
    muv__load_t *load = muv__mem_zalloc(sizeof(*load));

    if (load == NULL) {
        return MUV_ENOMEM;
    }
    /* No uv_buf_t is larger. */
    load->max_size = max_size < INT32_MAX ? max_size : INT32_MAX;
    load->net = net;
    load->cb = cb;
    load->owner = owner;
    load->request.data = load;
    /* libuv adds O_CLOEXEC. Without O_NONBLOCK a pipe would hold the thread until somebody writes.
     */
    if (uv_fs_open(net->loop, &load->request, path, O_RDONLY | O_NONBLOCK, 0, on_open) != 0) {
        muv__mem_free(load); /* The path could not be copied. */
        return MUV_ENOMEM;
    }
    net->loads++;
    net->open_handles++;
    *ret = load;
    return 0;
}

void muv__load_cancel(muv__load_t *load)
{
    MUV__ASSERT(!load->cancelled);
    load->cancelled = 1;
    load->net->loads--;
    /* A close that is cancelled would not be done. The others fail to be when a thread has them,
     * and then are awaited. */
    if (!load->closing) {
        (void)uv_cancel((uv_req_t *)&load->request);
    }
}
