/* SPDX-License-Identifier: Apache-2.0 */
/* mongodb+srv:// for real: a dnsmasq of the test's own on loopback has the records, c-ares asks it
 * on the loop, and what they lead to is the real test server. */
#include "integration/client_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/process.h"

#define NAME "cluster.muv.test"
#define TARGET "db.muv.test"
#define ATTEMPTS 5
#define EXIT_SKIPPED 77

static pid_t dnsmasq_pid;
static int dns_port;

/* --- dnsmasq -----------------------------------------------------------------------------------*/

static const char *find_dnsmasq(void)
{
    static const char *const places[] = {"/usr/sbin/dnsmasq", "/usr/bin/dnsmasq",
                                         "/usr/local/sbin/dnsmasq"};

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (access(places[i], X_OK) == 0) {
            return places[i];
        }
    }
    return NULL;
}

/* A port that is free for UDP and TCP now. */
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int port = 0;

    if (bind(tcp, (struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(tcp, (struct sockaddr *)&address, &size) == 0 &&
        bind(udp, (struct sockaddr *)&address, sizeof address) == 0) {
        port = ntohs(address.sin_port);
    }
    (void)close(tcp);
    (void)close(udp);
    return port;
}

/* It asks nobody else and reads no file of the system's. */
static void run_dnsmasq(const char *program, int server_port, const char *set_name)
{
    char port[32];
    char srv[128];
    char txt[128];
    const char *lines[16] = {program,
                             port,
                             srv,
                             "--srv-host=_mongodb._tcp.foreign.muv.test,db.elsewhere.test,27017",
                             "--no-daemon",
                             "--conf-file=/dev/null",
                             "--no-resolv",
                             "--no-hosts",
                             "--pid-file=",
                             "--bind-interfaces",
                             "--listen-address=127.0.0.1",
                             "--local=/muv.test/",
                             "--address=/" TARGET "/127.0.0.1",
                             set_name[0] != '\0' ? txt : NULL};
    char *copies[16];

    (void)snprintf(port, sizeof port, "--port=%d", dns_port);
    (void)snprintf(srv, sizeof srv, "--srv-host=_mongodb._tcp." NAME "," TARGET ",%d", server_port);
    (void)snprintf(txt, sizeof txt, "--txt-record=" NAME ",replicaSet=,%s", set_name);
    memcpy(copies, lines, sizeof copies);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (freopen("/dev/null", "w", stderr) != NULL) {
        (void)execv(program, copies);
    }
    _exit(127);
}

static bool is_up(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)dns_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

    (void)close(fd);
    return up;
}

static void stop_dnsmasq(void)
{
    if (dnsmasq_pid > 0) {
        (void)kill(dnsmasq_pid, SIGTERM);
        (void)waitpid(dnsmasq_pid, NULL, 0);
        dnsmasq_pid = 0;
    }
}

/* The port may be taken between the look and the start: then it ends, and another one is tried. */
static void start_dnsmasq(const char *program, int server_port, const char *set_name)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        dns_port = free_port();
        (void)fflush(NULL);
        dnsmasq_pid = fork();
        if (dnsmasq_pid == 0) {
            run_dnsmasq(program, server_port, set_name);
        }
        while (dnsmasq_pid > 0 && waitpid(dnsmasq_pid, NULL, WNOHANG) == 0) {
            if (is_up()) {
                return;
            }
            (void)usleep(10000);
        }
    }
    dnsmasq_pid = 0;
    fail_msg("dnsmasq does not start");
}

/* --- fixture -----------------------------------------------------------------------------------*/

/* The port in "mongodb://127.0.0.1:PORT/..." and its replicaSet, or "". */
static int read_server(char *set_name, size_t size)
{
    const char *uri = test_uri();
    const char *option = strstr(uri, "replicaSet=");
    const char *port = strchr(uri + strlen("mongodb://"), ':');

    set_name[0] = '\0';
    if (option != NULL) {
        option += strlen("replicaSet=");
        (void)snprintf(set_name, size, "%.*s", (int)strcspn(option, "&"), option);
    }
    return port == NULL ? 0 : (int)strtol(port + 1, NULL, 10);
}

static int open_all(void **state)
{
    char set_name[64];
    int port = read_server(set_name, sizeof set_name);

    start_dnsmasq(find_dnsmasq(), port, set_name);
    return open_fixture_without_mock(state);
}

static int close_all(void **state)
{
    client_fixture_t *f = *state;

    if (f->client != NULL) {
        close_client(f, MUV_CLOSE_ABORT);
    }
    stop_dnsmasq();
    return close_fixture(state);
}

static void open_srv(client_fixture_t *f, const char *name)
{
    open_client_at(f, text_of("mongodb+srv://%s/?tls=false", name),
                   &(muv_client_opts_t){.dns_servers = text_of("127.0.0.1:%d", dns_port)});
}

/* --- cases -------------------------------------------------------------------------------------*/

static void the_server_is_found_by_its_service(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_srv(f, NAME);
    start_ping(f, &o, 0);
    await_success(&o);
    CHECK_ONE_THREAD();
    outcome_clear(&o);
}

static void many_operations_share_one_look_up(void **state)
{
    enum { COUNT = 100 };
    client_fixture_t *f = *state;
    static outcome_t o[COUNT];

    open_srv(f, NAME);
    for (int i = 0; i < COUNT; i++) {
        start_ping(f, &o[i], 0);
    }
    for (int i = 0; i < COUNT; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
}

static void expect_error(client_fixture_t *f, const char *name, const char *part)
{
    outcome_t o = {0};

    open_srv(f, name);
    start_ping(f, &o, 0);
    await_error(&o, MUV_EDNS);
    CHECK_CONTAINS(o.error.message, part);
    CHECK_CONTAINS(o.error.message, name);
    outcome_clear(&o);
}

static void a_name_without_records_is_an_error_at_once(void **state)
{
    expect_error(*state, "nothing.muv.test", "not found");
}

static void a_service_of_another_domain_is_refused(void **state)
{
    expect_error(*state, "foreign.muv.test", "domain");
}

static void closing_during_the_look_up_leaves_nothing(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_srv(f, NAME);
    start_ping(f, &o, 0);
    close_client(f, MUV_CLOSE_ABORT);
    CHECK_ERROR(&o.error, MUV_ECLOSED);
    outcome_clear(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_server_is_found_by_its_service),
        TEST(many_operations_share_one_look_up),
        TEST(a_name_without_records_is_an_error_at_once),
        TEST(a_service_of_another_domain_is_refused),
        TEST(closing_during_the_look_up_leaves_nothing),
    };

    if (find_dnsmasq() == NULL) {
        print_message("no dnsmasq (scripts/setup installs it)\n");
        return getenv("MUV_REQUIRE_SERVER") != NULL ? 1 : EXIT_SKIPPED;
    }

    return cmocka_run_group_tests_name("srv_dnsmasq", tests, NULL, NULL);
}
