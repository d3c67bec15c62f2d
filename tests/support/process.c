/* SPDX-License-Identifier: Apache-2.0 */
/* Runs scripts/server, which knows how to start the server and when it answers. */
#include "support/process.h"

#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_SIZE 512
#define MAX_ARGUMENTS 16

struct server_process {
    char root[PATH_SIZE];
    char name[64];
    char storage[64];
    char port_text[16];
    char uri[1024];
    char value[1024];
    server_opts_t opts;
    int port;
    pid_t pid;        /* The server. 0: killed. */
    pid_t restarting; /* scripts/server, while it runs. 0: none. */
};

/* --- Where things are ------------------------------------------------------------------------- */

static void skip_without_server(const char *why)
{
    if (getenv("MUV_REQUIRE_SERVER") != NULL) {
        fail_msg("a test server is required: %s", why);
    }
    print_message("skipped: %s\n", why);
    skip();
}

const char *test_uri(void)
{
    const char *uri = getenv("MUV_TEST_URI");

    if (uri == NULL || uri[0] == '\0') {
        skip_without_server("MUV_TEST_URI is not set (scripts/with-server -- PROGRAM sets it)");
    }
    return uri != NULL ? uri : "";
}

/* The source tree: named by ctest, else the first folder upwards that has scripts/server. */
static bool find_root(char *root)
{
    const char *named = getenv("MUV_SOURCE_DIR");
    char path[PATH_SIZE + 32];

    if (named != NULL) {
        bson_strncpy(root, named, PATH_SIZE);
        return true;
    }
    if (getcwd(root, PATH_SIZE) == NULL) {
        return false;
    }
    for (;;) {
        char *slash = strrchr(root, '/');
        (void)snprintf(path, sizeof path, "%s/scripts/server", root);
        if (access(path, X_OK) == 0) {
            return true;
        }
        if (slash == NULL || slash == root) {
            return false;
        }
        *slash = '\0';
    }
}

/* --- Running scripts/server ------------------------------------------------------------------- */

/* Start it with its output going into a pipe, whose reading end is written to `ret_output`; NULL
 * there: the output goes nowhere. */
static pid_t run_script(const server_process_t *server, const char *const *arguments,
                        int *ret_output)
{
    char script[PATH_SIZE + 32];
    const char *line[MAX_ARGUMENTS] = {script};
    int ends[2] = {-1, open("/dev/null", O_WRONLY | O_CLOEXEC)};

    (void)snprintf(script, sizeof script, "%s/scripts/server", server->root);
    for (size_t i = 0; arguments[i] != NULL && i + 2 < MAX_ARGUMENTS; i++) {
        line[i + 1] = arguments[i];
    }
    if (ret_output != NULL) {
        (void)close(ends[1]);
        if (pipe2(ends, O_CLOEXEC) != 0) {
            fail_msg("pipe: %s", strerror(errno));
        }
        *ret_output = ends[0];
    }
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        char *copies[MAX_ARGUMENTS];
        memcpy(copies, line, sizeof copies);
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)execv(script, copies);
        _exit(127);
    }
    (void)close(ends[1]);
    if (child < 0) {
        fail_msg("fork: %s", strerror(errno));
    }
    return child;
}

/* Run it to its end; its first line of output goes to `ret_line`. Returns its exit code. */
static int call_script(const server_process_t *server, const char *const *arguments, char *ret_line,
                       size_t line_size)
{
    int output = -1;
    int status = 0;
    size_t size = 0;
    ssize_t count = 1;
    pid_t child = run_script(server, arguments, &output);

    while (size + 1 < line_size && count > 0) {
        count = read(output, ret_line + size, line_size - 1 - size);
        size += count > 0 ? (size_t)count : 0;
    }
    ret_line[size] = '\0';
    ret_line[strcspn(ret_line, "\n")] = '\0';
    (void)close(output);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

typedef struct arguments {
    const char *items[MAX_ARGUMENTS];
} arguments_t;

static arguments_t start_arguments(const server_process_t *server, const char *owner)
{
    arguments_t arguments = {
        {"start", "--name", server->name, "--storage", server->storage, "--owner", owner}};
    size_t count = 7;

    if (server->port != 0) {
        arguments.items[count++] = "--port";
        arguments.items[count++] = server->port_text;
    }
    if (server->opts.auth) {
        arguments.items[count++] = "--auth";
    }
    if (server->opts.tls) {
        arguments.items[count++] = "--tls";
    }
    if (server->opts.standalone) {
        arguments.items[count++] = "--standalone";
    }
    return arguments;
}

/* --- Values ----------------------------------------------------------------------------------- */

const char *server_value(server_process_t *server, const char *name)
{
    char path[PATH_SIZE + 96];
    char line[sizeof server->value];
    size_t name_size = strlen(name);
    bool found = false;

    (void)snprintf(path, sizeof path, "%s/.server-%s.env", server->root, server->name);
    FILE *file = fopen(path, "r");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        /* NAME='value' */
        if (strncmp(line, name, name_size) == 0 && strncmp(line + name_size, "='", 2) == 0) {
            char *value = line + name_size + 2;
            value[strcspn(value, "'")] = '\0';
            bson_strncpy(server->value, value, sizeof server->value);
            found = true;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found ? server->value : NULL;
}

static long number_value(server_process_t *server, const char *name)
{
    const char *value = server_value(server, name);

    return value != NULL ? strtol(value, NULL, 10) : 0;
}

const char *server_uri(const server_process_t *server)
{
    return server->uri;
}

int server_port(const server_process_t *server)
{
    return server->port;
}

/* --- Life ------------------------------------------------------------------------------------- */

static void read_identity(server_process_t *server)
{
    server->pid = (pid_t)number_value(server, "MUV_TEST_PID");
    server->port = (int)number_value(server, "MUV_TEST_PORT");
    (void)snprintf(server->port_text, sizeof server->port_text, "%d", server->port);
}

server_process_t *server_start(const server_opts_t *opts)
{
    static unsigned next;
    server_process_t *server = calloc(1, sizeof *server);
    const char *const ask[] = {"available", NULL};
    char line[64];

    if (server == NULL) {
        abort();
    }
    if (!find_root(server->root) || call_script(server, ask, line, sizeof line) != 0) {
        free(server);
        skip_without_server("no test server is installed (scripts/setup)");
        return NULL;
    }
    server->opts = opts != NULL ? *opts : (server_opts_t){0};
    (void)snprintf(server->name, sizeof server->name, "test-%ld-%u", (long)getpid(), next++);
    bson_strncpy(server->storage, "/tmp/muv-data-XXXXXX", sizeof server->storage);
    if (mkdtemp(server->storage) == NULL) {
        free(server);
        fail_msg("mkdtemp: %s", strerror(errno));
        return NULL;
    }
    const char *owner = text_of("%ld", (long)getpid());
    arguments_t arguments = start_arguments(server, owner);
    int code = call_script(server, arguments.items, server->uri, sizeof server->uri);
    read_identity(server);
    if (code != 0 || server->pid <= 0) {
        server_stop(server);
        fail_msg("the test server did not start (%d)", code);
    }
    return server;
}

void server_kill(server_process_t *server)
{
    if (server->pid > 0) {
        (void)kill(server->pid, SIGKILL);
        server->pid = 0;
    }
}

void server_restart_begin(server_process_t *server)
{
    const char *owner = text_of("%ld", (long)getpid());
    arguments_t arguments = start_arguments(server, owner);

    assert_int_equal(server->pid, 0);
    assert_int_equal(server->restarting, 0);
    server->restarting = run_script(server, arguments.items, NULL);
}

/* Takes the result of the script that has ended with `status`. */
static void end_restart(server_process_t *server, int status)
{
    server->restarting = 0;
    read_identity(server);
    if (status != 0 || server->pid <= 0) {
        fail_msg("the test server did not start again (status %#x)", (unsigned)status);
    }
    const char *uri = server_value(server, "MUV_TEST_URI");
    bson_strncpy(server->uri, uri != NULL ? uri : "", sizeof server->uri);
}

bool server_is_up(void *data)
{
    server_process_t *server = data;
    int status = 0;

    if (server->restarting != 0 &&
        waitpid(server->restarting, &status, WNOHANG) == server->restarting) {
        end_restart(server, status);
    }
    return server->pid != 0;
}

void server_restart(server_process_t *server)
{
    int status = 0;

    server_restart_begin(server);
    if (waitpid(server->restarting, &status, 0) != server->restarting) {
        fail_msg("waitpid: %s", strerror(errno));
    }
    end_restart(server, status);
}

void server_stop(server_process_t *server)
{
    char line[64];

    if (server == NULL) {
        return;
    }
    if (server->restarting != 0) {
        (void)waitpid(server->restarting, NULL, 0);
    }
    const char *const stop[] = {"stop", "--name", server->name, "--kill", NULL};
    (void)call_script(server, stop, line, sizeof line);
    /* The folder is one that mkdtemp() made for this object alone. */
    pid_t child = fork();
    if (child == 0) {
        (void)execlp("rm", "rm", "-rf", server->storage, (char *)NULL);
        _exit(127);
    }
    if (child > 0) {
        (void)waitpid(child, NULL, 0);
    }
    free(server);
}
