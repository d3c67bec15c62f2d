/* SPDX-License-Identifier: Apache-2.0 */
#include "support/kdc.h"

#include "support/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS 5
#define POLL_US 10000
#define POLLS_MAX 2000

struct kdc {
    char folder[64];
    char krb5kdc[64]; /* Programs. */
    char kdb5_util[64];
    char kadmin_local[64];
    char kinit[64];
    int port;
    int silent_port;
    int silent; /* Socket; -1: none. */
    unsigned caches;
    time_t expiry_s; /* Of the tickets in use, or a little later. */
    pid_t pid;
};

/* --- programs ----------------------------------------------------------------------------------*/

static bool find_program(const char *name, char path[64])
{
    static const char *const folders[] = {"/usr/sbin", "/usr/bin", "/usr/local/sbin",
                                          "/usr/local/bin"};

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        (void)snprintf(path, 64, "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

static const char *find_programs(kdc_t *kdc)
{
    const struct {
        const char *name;
        char *path;
    } programs[] = {{"krb5kdc", kdc->krb5kdc},
                    {"kdb5_util", kdc->kdb5_util},
                    {"kadmin.local", kdc->kadmin_local},
                    {"kinit", kdc->kinit}};

    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (!find_program(programs[i].name, programs[i].path)) {
            return programs[i].name;
        }
    }
    return NULL;
}

const char *kdc_missing(void)
{
    kdc_t kdc;

    return find_programs(&kdc);
}

/* Its output goes into the folder's log; its input is `input`. */
static pid_t spawn(const kdc_t *kdc, const char *const *arguments, int input)
{
    const char *log = text_of("%s/log", kdc->folder);
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        int output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        char *copies[16];

        memset(copies, 0, sizeof copies);
        for (size_t i = 0; i < 15 && arguments[i] != NULL; i++) {
            memcpy(&copies[i], &arguments[i], sizeof copies[i]);
        }
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(input, STDIN_FILENO);
        (void)dup2(output, STDOUT_FILENO);
        (void)dup2(output, STDERR_FILENO);
        (void)execv(copies[0], copies);
        _exit(127);
    }
    return child;
}

static void print_log(const kdc_t *kdc)
{
    char line[512];
    FILE *file = fopen(text_of("%s/log", kdc->folder), "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        print_message("kdc: %s", line);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

/* Run a program to its end, with `text` as its input. Returns its exit code. */
static int call(const kdc_t *kdc, const char *const *arguments, const char *text)
{
    int ends[2];
    int status = -1;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    /* It fits into the pipe. */
    if (write(ends[1], text, strlen(text)) != (ssize_t)strlen(text)) {
        status = -1;
    }
    (void)close(ends[1]);
    child = spawn(kdc, arguments, ends[0]);
    (void)close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

/* The same; it must succeed. */
static void must(const kdc_t *kdc, const char *const *arguments, const char *text)
{
    int code = call(kdc, arguments, text);

    if (code != 0) {
        print_log(kdc);
        fail_msg("%s: exit code %d", arguments[0], code);
    }
}

static void ask_admin(const kdc_t *kdc, const char *query)
{
    const char *arguments[] = {kdc->kadmin_local, "-r", KDC_REALM, "-q", query, NULL};

    must(kdc, arguments, "");
}

/* --- sockets -----------------------------------------------------------------------------------*/

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A socket on a free port, listening if asked to; -1 on failure. */
static int bind_socket(int type, bool listening, int *port)
{
    struct sockaddr_in address = loopback(*port);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
        (!listening || listen(fd, 64) == 0)) {
        *port = ntohs(address.sin_port);
        return fd;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

/* One that is free for TCP and UDP now; 0: none. */
static int free_port(void)
{
    int port = 0;
    int tcp = bind_socket(SOCK_STREAM, false, &port);
    int udp = bind_socket(SOCK_DGRAM, false, &port);
    bool both = tcp >= 0 && udp >= 0;

    (void)close(tcp);
    (void)close(udp);
    return both ? port : 0;
}

static bool is_up(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

    (void)close(fd);
    return up;
}

/* --- life --------------------------------------------------------------------------------------*/

static bool write_file(const kdc_t *kdc, const char *name, const char *text)
{
    FILE *file = fopen(text_of("%s/%s", kdc->folder, name), "w");
    bool written = file != NULL && fputs(text, file) >= 0;

    return file != NULL && fclose(file) == 0 && written;
}

/* TCP first: a connection that ends tells the library at once. */
static bool write_configuration(const kdc_t *kdc)
{
    return write_file(kdc, "krb5.conf",
                      text_of("[libdefaults]\n"
                              " default_realm = " KDC_REALM "\n"
                              " dns_lookup_kdc = false\n"
                              " dns_lookup_realm = false\n"
                              " udp_preference_limit = 1\n"
                              "[realms]\n"
                              " " KDC_REALM " = {\n  kdc = 127.0.0.1:%d\n }\n"
                              " " KDC_SILENT_REALM " = {\n  kdc = 127.0.0.1:%d\n }\n"
                              "[domain_realm]\n"
                              " db.test = " KDC_REALM "\n",
                              kdc->port, kdc->silent_port)) &&
           write_file(kdc, "kdc.conf",
                      text_of("[kdcdefaults]\n"
                              " kdc_listen = 127.0.0.1:%d\n"
                              " kdc_tcp_listen = 127.0.0.1:%d\n"
                              "[realms]\n"
                              " " KDC_REALM " = {\n"
                              "  database_name = %s/principal\n"
                              "  key_stash_file = %s/stash\n"
                              " }\n"
                              "[logging]\n"
                              " kdc = FILE:%s/log\n"
                              " admin_server = FILE:%s/log\n",
                              kdc->port, kdc->port, kdc->folder, kdc->folder, kdc->folder,
                              kdc->folder));
}

static void lead_here(const kdc_t *kdc)
{
    (void)setenv("KRB5_CONFIG", text_of("%s/krb5.conf", kdc->folder), 1);
    (void)setenv("KRB5_KDC_PROFILE", text_of("%s/kdc.conf", kdc->folder), 1);
    (void)setenv("KRB5_KTNAME", text_of("FILE:%s/keytab", kdc->folder), 1);
    (void)setenv("KRB5RCACHENAME", "none:", 1);
}

static void stop_server(kdc_t *kdc)
{
    if (kdc->pid > 0) {
        (void)kill(kdc->pid, SIGTERM);
        (void)waitpid(kdc->pid, NULL, 0);
        kdc->pid = 0;
    }
}

/* The port may be taken between the look and the start: then it ends, and another one is tried. */
static bool start_server(kdc_t *kdc)
{
    char pid_file[96];
    const char *arguments[] = {kdc->krb5kdc, "-n", "-r", KDC_REALM, "-P", pid_file, NULL};

    (void)snprintf(pid_file, sizeof pid_file, "%s/pid", kdc->folder);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        kdc->port = free_port();
        if (kdc->port == 0 || !write_configuration(kdc)) {
            continue;
        }
        kdc->pid = spawn(kdc, arguments, STDIN_FILENO);
        for (int i = 0; i < POLLS_MAX && kdc->pid > 0; i++) {
            if (waitpid(kdc->pid, NULL, WNOHANG) != 0) {
                kdc->pid = 0;
            } else if (is_up(kdc->port)) {
                return true;
            } else {
                (void)usleep(POLL_US);
            }
        }
        stop_server(kdc);
    }
    return false;
}

static bool create_realm(kdc_t *kdc)
{
    const char *arguments[] = {kdc->kdb5_util, "-r",     KDC_REALM, "-P",
                               "master-key",   "create", "-s",      NULL};

    return write_configuration(kdc) && call(kdc, arguments, "") == 0;
}

kdc_t *kdc_start(void)
{
    kdc_t *kdc = calloc(1, sizeof *kdc);

    if (kdc == NULL || find_programs(kdc) != NULL) {
        free(kdc);
        return NULL;
    }
    (void)snprintf(kdc->folder, sizeof kdc->folder, "/tmp/muv-kdc-XXXXXX");
    kdc->silent = -1;
    kdc->silent_port = 1; /* Nobody. */
    if (mkdtemp(kdc->folder) == NULL) {
        free(kdc);
        return NULL;
    }
    lead_here(kdc);
    kdc_use_tickets(kdc, NULL, NULL, 0);
    if (!create_realm(kdc) || !start_server(kdc)) {
        print_log(kdc);
        kdc_stop(kdc);
        return NULL;
    }
    return kdc;
}

void kdc_stop(kdc_t *kdc)
{
    if (kdc != NULL) {
        const char *arguments[] = {"/bin/rm", "-rf", kdc->folder, NULL};

        stop_server(kdc);
        kdc_end_silence(kdc);
        (void)call(kdc, arguments, "");
        free(kdc);
    }
}

void kdc_begin_silence(kdc_t *kdc)
{
    kdc_end_silence(kdc);
    kdc->silent_port = 0;
    kdc->silent = bind_socket(SOCK_STREAM, true, &kdc->silent_port);
    assert_true(kdc->silent >= 0);
    assert_true(write_configuration(kdc));
}

void kdc_end_silence(kdc_t *kdc)
{
    if (kdc->silent >= 0) {
        (void)close(kdc->silent);
        kdc->silent = -1;
    }
}

bool kdc_is_asked(void *data)
{
    const kdc_t *kdc = data;
    struct pollfd listening = {.fd = kdc->silent, .events = POLLIN};

    return poll(&listening, 1, 0) == 1;
}

/* --- principals and tickets --------------------------------------------------------------------*/

void kdc_add_user(kdc_t *kdc, const char *principal, const char *password)
{
    ask_admin(kdc, text_of("addprinc -pw %s %s", password, principal));
}

void kdc_add_service(kdc_t *kdc, const char *principal)
{
    ask_admin(kdc, text_of("addprinc -randkey %s", principal));
    ask_admin(kdc, text_of("ktadd -k %s/keytab %s", kdc->folder, principal));
}

void kdc_change_service(kdc_t *kdc, const char *principal)
{
    ask_admin(kdc, text_of("change_password -randkey %s", principal));
}

void kdc_use_tickets(kdc_t *kdc, const char *user, const char *password, int lifetime_s)
{
    char cache[96];
    char lifetime[32];
    const char *arguments[] = {kdc->kinit, "-l", lifetime, "-c", cache, user, NULL};

    (void)snprintf(cache, sizeof cache, "FILE:%s/tickets-%u", kdc->folder, ++kdc->caches);
    (void)snprintf(lifetime, sizeof lifetime, "%ds", lifetime_s);
    (void)setenv("KRB5CCNAME", cache, 1);
    (void)setenv("KRB5_CLIENT_KTNAME", text_of("FILE:%s/no-keytab", kdc->folder), 1);
    if (user != NULL) {
        must(kdc, arguments, text_of("%s\n", password));
        kdc->expiry_s = time(NULL) + lifetime_s;
    }
}

void kdc_use_keytab(kdc_t *kdc, const char *user)
{
    kdc_use_tickets(kdc, NULL, NULL, 0);
    ask_admin(kdc, text_of("ktadd -norandkey -k %s/client-keytab %s", kdc->folder, user));
    (void)setenv("KRB5_CLIENT_KTNAME", text_of("FILE:%s/client-keytab", kdc->folder), 1);
}

void kdc_await_expiry(kdc_t *kdc)
{
    while (time(NULL) <= kdc->expiry_s) {
        (void)usleep(POLL_US);
    }
}
