/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a mock and of its members: listeners, addresses, going down and coming up, counters. */
#include "support/mock.h"

#include "support/check.h"
#include "support/mock_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024

/* --- Memory ----------------------------------------------------------------------------------- */

void *mock__alloc(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

void *mock__copy(const void *bytes, size_t size)
{
    void *copy = mock__alloc(size + 1);

    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

char *mock__copy_text(const char *text)
{
    return mock__copy(text, strlen(text));
}

static void free_mock(muv_mock_t *mock)
{
    for (int i = 0; i < mock->member_count; i++) {
        bson_destroy(mock->members[i].hello);
        bson_destroy(mock->members[i].tags);
    }
    mock__fail_done(mock);
    if (mock->socket_folder[0] != '\0') {
        (void)rmdir(mock->socket_folder);
    }
    mock__script_done(mock);
    mock__log_done(mock);
    free(mock->set_name);
    free(mock);
}

void mock__handle_closed(muv_mock_t *mock)
{
    if (--mock->open_handles == 0 && mock->closing) {
        free_mock(mock);
    }
}

/* --- Listeners -------------------------------------------------------------------------------- */

static void check_uv(int code, const char *what)
{
    if (code < 0) {
        fail_msg("mock: %s: %s", what, uv_strerror(code));
    }
}

static void on_connection(uv_stream_t *stream, int status)
{
    if (status == 0) {
        mock__conn_accept(stream->data);
    }
}

static void on_listener_closed(uv_handle_t *handle)
{
    mock__listener_t *listener = handle->data;
    muv_mock_t *mock = listener->mock;

    free(listener);
    mock__handle_closed(mock);
}

static void close_listener(mock__listener_t **listener)
{
    if (*listener != NULL) {
        uv_close((uv_handle_t *)&(*listener)->socket.stream, on_listener_closed);
        *listener = NULL;
    }
}

static mock__listener_t *new_listener(mock__member_t *member, bool is_tcp)
{
    mock__listener_t *listener = mock__alloc(sizeof *listener);
    uv_loop_t *loop = member->mock->loop;

    listener->mock = member->mock;
    listener->member = member->index;
    listener->is_tcp = is_tcp;
    check_uv(is_tcp ? uv_tcp_init(loop, &listener->socket.tcp)
                    : uv_pipe_init(loop, &listener->socket.pipe, 0),
             "init");
    listener->socket.stream.data = listener;
    member->mock->open_handles++;
    return listener;
}

static void start_listening(mock__listener_t *listener)
{
    check_uv(uv_listen(&listener->socket.stream, BACKLOG, on_connection), "listen");
    uv_unref((uv_handle_t *)&listener->socket.stream);
}

/* On the port that it had before, else on a free one. */
static void listen_tcp(mock__member_t *member)
{
    struct sockaddr_in address;
    int size = sizeof address;

    member->tcp = new_listener(member, true);
    check_uv(uv_ip4_addr("127.0.0.1", member->port, &address), "address");
    check_uv(uv_tcp_bind(&member->tcp->socket.tcp, (const struct sockaddr *)&address, 0), "bind");
    start_listening(member->tcp);
    check_uv(uv_tcp_getsockname(&member->tcp->socket.tcp, (struct sockaddr *)&address, &size),
             "name");
    member->port = ntohs(address.sin_port);
    (void)snprintf(member->address, sizeof member->address, "127.0.0.1:%d", member->port);
}

static void listen_pipe(mock__member_t *member)
{
    muv_mock_t *mock = member->mock;

    if (mock->socket_path[0] == '\0') {
        const char *folder = getenv("TMPDIR");
        (void)snprintf(mock->socket_folder, sizeof mock->socket_folder, "%s/muv-mock-XXXXXX",
                       folder != NULL && strlen(folder) < 32 ? folder : "/tmp");
        if (mkdtemp(mock->socket_folder) == NULL) {
            fail_msg("mock: no folder %s", mock->socket_folder);
        }
        (void)snprintf(mock->socket_path, sizeof mock->socket_path, "%s/mongod.sock",
                       mock->socket_folder);
    }
    member->pipe = new_listener(member, false);
    check_uv(uv_pipe_bind(&member->pipe->socket.pipe, mock->socket_path), "bind");
    start_listening(member->pipe);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void dump_mock(void *mock)
{
    mock_dump(mock);
}

mock__member_t *mock__member_add(muv_mock_t *mock)
{
    assert_in_range(mock->member_count, 0, MOCK__MAX_MEMBERS - 1);
    mock__member_t *member = &mock->members[mock->member_count];

    member->mock = mock;
    member->index = mock->member_count++;
    mock__set_restart(member);
    listen_tcp(member);
    return member;
}

muv_mock_t *mock__new(uv_loop_t *loop, int count)
{
    assert_in_range(count, 1, MOCK__MAX_MEMBERS);
    muv_mock_t *mock = mock__alloc(sizeof *mock);

    mock->loop = loop;
    mock->next_message_id = 1000001;
    mock__log_init(mock);
    for (int i = 0; i < count; i++) {
        (void)mock__member_add(mock);
    }
    check_add_dump(dump_mock, mock);
    return mock;
}

muv_mock_t *mock_new(uv_loop_t *loop)
{
    return mock__new(loop, 1);
}

muv_mock_t *mock_new_replica_set(uv_loop_t *loop, const char *set_name, int count)
{
    muv_mock_t *mock = mock__new(loop, count);

    mock->set_name = mock__copy_text(set_name);
    for (int i = 0; i < count; i++) {
        mock->members[i].role = i == 0 ? MOCK_PRIMARY : MOCK_SECONDARY;
    }
    return mock;
}

void mock_close(muv_mock_t *mock)
{
    char faults[MOCK__MAX_FAULTS * MOCK__FAULT_SIZE] = "";
    bool failed = mock->fault_count > 0 && !mock->allow_faults;

    for (unsigned i = 0; mock_fault(mock, i) != NULL; i++) {
        (void)strncat(faults, mock_fault(mock, i), MOCK__FAULT_SIZE - 2);
        (void)strncat(faults, "\n", 2);
    }
    check_remove_dump(mock);
    mock->closing = true;
    mock_drop_connections(mock, MOCK_ANY, MOCK_CLOSE);
    for (int i = 0; i < mock->member_count; i++) {
        close_listener(&mock->members[i].tcp);
        close_listener(&mock->members[i].pipe);
    }
    if (mock->open_handles == 0) {
        free_mock(mock);
    }
    if (failed) {
        fail_msg("the client broke the protocol:\n%s", faults);
    }
}

/* --- Addresses -------------------------------------------------------------------------------- */

/* Appends formatted text to the URI of the mock. */
static void append_uri(muv_mock_t *mock, const char *format, ...) MUV__PRINTF(2, 3);

static void append_uri(muv_mock_t *mock, const char *format, ...)
{
    size_t used = strlen(mock->uri);
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(mock->uri + used, sizeof mock->uri - used, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof mock->uri - used) {
        fail_msg("mock: URI too long: %s", mock->uri);
    }
}

const char *mock_uri(muv_mock_t *mock, const char *options)
{
    const char *separator = "";

    mock->uri[0] = '\0';
    append_uri(mock, "mongodb://");
    for (int i = 0; i < mock->member_count; i++) {
        if (!mock->members[i].left) {
            append_uri(mock, "%s%s", separator, mock->members[i].address);
            separator = ",";
        }
    }
    append_uri(mock, "/");
    separator = "?";
    if (mock->set_name != NULL) {
        append_uri(mock, "%sreplicaSet=%s", separator, mock->set_name);
        separator = "&";
    }
    if (mock->set.services > 0) {
        append_uri(mock, "%sloadBalanced=true", separator);
        separator = "&";
    }
    if (options != NULL && options[0] != '\0') {
        append_uri(mock, "%s%s", separator, options);
    }
    return mock->uri;
}

const char *mock_unix_path(muv_mock_t *mock)
{
    if (mock->members[0].pipe == NULL) {
        listen_pipe(&mock->members[0]);
    }
    return mock->socket_path;
}

const char *mock_unix_uri(muv_mock_t *mock, const char *options)
{
    const char *path = mock_unix_path(mock);

    mock->uri[0] = '\0';
    append_uri(mock, "mongodb://");
    for (size_t i = 0; path[i] != '\0'; i++) {
        char letter[2] = {path[i], '\0'};
        append_uri(mock, "%s", path[i] == '/' ? "%2F" : letter);
    }
    append_uri(mock, "/%s%s", options != NULL ? "?" : "", options != NULL ? options : "");
    return mock->uri;
}

int mock_port(const muv_mock_t *mock, int member)
{
    return mock->members[member].port;
}

const char *mock_address(const muv_mock_t *mock, int member)
{
    return mock->members[member].address;
}

/* --- Members ---------------------------------------------------------------------------------- */

void mock_set_role(muv_mock_t *mock, int member, mock_role_t role)
{
    mock->members[member].role = role;
    mock__set_changed(mock, member);
}

void mock_set_hello(muv_mock_t *mock, int member, const char *json)
{
    bson_destroy(mock->members[member].hello);
    mock->members[member].hello = bson_from(json);
    mock__set_changed(mock, member);
}

void mock_set_welcome(muv_mock_t *mock, int member, mock_then_t then)
{
    mock->members[member].welcome = then;
}

void mock_member_down(muv_mock_t *mock, int member)
{
    close_listener(&mock->members[member].tcp);
    close_listener(&mock->members[member].pipe);
    mock_drop_connections(mock, member, MOCK_RESET);
}

void mock_member_up(muv_mock_t *mock, int member)
{
    if (mock->members[member].tcp == NULL) {
        mock__set_restart(&mock->members[member]);
        listen_tcp(&mock->members[member]);
    }
    if (member == 0 && mock->socket_path[0] != '\0' && mock->members[member].pipe == NULL) {
        listen_pipe(&mock->members[member]);
    }
}

void mock_drop_connection(muv_mock_t *mock, unsigned connection, mock_then_t then)
{
    mock__conn_t *conn = mock__conn_find(mock, connection);

    if (conn != NULL) {
        mock__conn_end(conn, then);
    }
}

void mock_drop_connections(muv_mock_t *mock, int member, mock_then_t then)
{
    for (mock__conn_t *conn = mock->conns; conn != NULL; conn = conn->next) {
        if (member == MOCK_ANY || conn->member == member) {
            mock__conn_end(conn, then);
        }
    }
}

/* --- Counters --------------------------------------------------------------------------------- */

unsigned mock_accepted(const muv_mock_t *mock)
{
    return mock->accepted;
}

unsigned mock_open(const muv_mock_t *mock)
{
    return mock->open;
}

unsigned mock_open_peak(const muv_mock_t *mock)
{
    return mock->open_peak;
}

unsigned mock_closed_by_client(const muv_mock_t *mock)
{
    return mock->closed_by_client;
}

unsigned mock_unanswered(const muv_mock_t *mock)
{
    return mock->unanswered;
}

unsigned mock_unanswered_peak(const muv_mock_t *mock)
{
    return mock->unanswered_peak;
}

void mock_allow_faults(muv_mock_t *mock)
{
    mock->allow_faults = true;
}

void mock_allow_pipelining(muv_mock_t *mock)
{
    mock->allow_pipelining = true;
}
