/* SPDX-License-Identifier: Apache-2.0 */
/* A name with addresses that never answer, on real sockets: the one that answers is used, long
 * before connectTimeoutMS. The rules of the race are proved in virtual time (tests/sim). */
#include "integration/client_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/dns_stub.h"

#define NAME "db.example.test"

/* A listener whose queue is full drops further attempts without a word. */
typedef struct silent {
    int listener;
    int fillers[4];
} silent_t;

static struct sockaddr_in address_of(const char *ip, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    assert_int_equal(inet_pton(AF_INET, ip, &address.sin_addr), 1);
    return address;
}

static void silent_open(silent_t *silent, const char *ip, int port)
{
    struct sockaddr_in address = address_of(ip, port);
    const struct sockaddr *any = (const struct sockaddr *)(const void *)&address;

    silent->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(silent->listener >= 0);
    assert_int_equal(bind(silent->listener, any, sizeof address), 0);
    assert_int_equal(listen(silent->listener, 0), 0);
    for (size_t i = 0; i < MUV__COUNT_OF(silent->fillers); i++) {
        silent->fillers[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(silent->fillers[i] >= 0);
        assert_true(fcntl(silent->fillers[i], F_SETFL, O_NONBLOCK) == 0);
        (void)connect(silent->fillers[i], any, sizeof address); /* In progress. */
    }
}

static void silent_close(const silent_t *silent)
{
    (void)close(silent->listener);
    for (size_t i = 0; i < MUV__COUNT_OF(silent->fillers); i++) {
        (void)close(silent->fillers[i]);
    }
}

static void silent_addresses_cost_a_quarter_of_a_second_each(void **state)
{
    client_fixture_t *f = *state;
    int port = mock_port(f->mock, 0);
    dns_stub_t *dns = dns_new(&f->loop);
    uint64_t started_ns = uv_hrtime();
    silent_t first;
    silent_t second;

    silent_open(&first, "127.0.0.2", port);
    silent_open(&second, "127.0.0.3", port);
    dns_add_a(dns, NAME, "127.0.0.2");
    dns_add_a(dns, NAME, "127.0.0.3");
    dns_add_a(dns, NAME, "127.0.0.1");
    open_client_at(f, text_of("mongodb://" NAME ":%d/?directConnection=true", port),
                   &(muv_client_opts_t){.dns_servers = dns_address(dns),
                                        .connect_timeout_ms = 60000,
                                        .server_selection_timeout_ms = 60000});
    warm_up(f);
    assert_true(uv_hrtime() - started_ns < UINT64_C(15000000000));
    close_client(f, MUV_CLOSE_ABORT);
    silent_close(&first);
    silent_close(&second);
    dns_close(dns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(silent_addresses_cost_a_quarter_of_a_second_each,
                                        open_fixture, close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
