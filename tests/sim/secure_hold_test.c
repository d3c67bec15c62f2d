/* SPDX-License-Identifier: Apache-2.0 */
/* Servers and connections that leave a responder little time: its answer must count all the same.
 */
#include "secure_rig.h"

#include <string.h>

#include <openssl/ocsp.h>

static bool hold; /* The server's first flight is held back for 9.9 s. */

static void flush_to(sim_link_t *link, int64_t at_us)
{
    tls_peer_t *peer = sim_link_data(link);
    uint8_t cipher[32 * 1024];
    size_t size;
    while ((size = tls_peer_take(peer, cipher, sizeof cipher)) != 0)
        sim_wire(link, cipher, size, at_us);
}
static void from_client(void *data, sim_link_t *link, const uint8_t *bytes, size_t size)
{
    secure_rig_t *rig = data;
    tls_peer_t *peer = sim_link_data(link);
    uint8_t plain[32 * 1024];
    int64_t delay = 0;
    int status;
    if (peer == NULL) {
        peer = &rig->peers[rig->peer_count++];
        tls_peer_init(peer, &rig->tls_server);
        sim_link_set_data(link, peer);
        delay = hold ? 9900 * SIM_MS : 0;
    }
    tls_peer_put(peer, bytes, size);
    status = tls_peer_handshake(peer);
    flush_to(link, sim_now_us(rig->world) + delay);
    if (status == 1 && (size = tls_peer_read(peer, plain, sizeof plain)) != 0)
        sim_plain(link, plain, size);
}
static void from_server(void *data, sim_link_t *link, const uint8_t *bytes, size_t size,
                        int64_t at_us)
{
    (void)data;
    tls_peer_write(sim_link_data(link), bytes, size);
    flush_to(link, at_us);
}
static const sim_cipher_t cipher = {.from_client = from_client, .from_server = from_server};

static void open_rig(secure_rig_t *rig, int64_t answer_us)
{
    secure_rig_open(rig, NULL, NULL);
    rig->context.connect_timeout_us = 10 * SIM_SECOND;
    secure_rig_plan(
        rig, 0, &(responder_plan_t){.status = V_OCSP_CERTSTATUS_REVOKED, .delay_us = answer_us});
}

static void check_refused(const member_t *member)
{
    assert_true(member->failed_us > 0);
    CHECK_ERROR(&member->error, MUV_ETLS);
}

static void a_server_that_waits_takes_no_time_from_its_responder(void **state)
{
    static secure_rig_t rig;
    member_t *member;

    (void)state;
    open_rig(&rig, 60 * SIM_MS);
    sim_encrypt(rig.server, &cipher, &rig);
    hold = true;
    member = secure_rig_connect(&rig);
    sim_run_for(rig.world, 30 * SIM_SECOND);
    hold = false;
    check_refused(member);
    secure_rig_end(&rig);
}

static void an_impatient_connection_does_not_speak_for_the_others(void **state)
{
    static secure_rig_t rig;
    member_t *first;
    member_t *second;

    (void)state;
    open_rig(&rig, 200 * SIM_MS);
    rig.context.connect_timeout_us = 200 * SIM_MS;
    first = secure_rig_connect(&rig);
    sim_run_for(rig.world, SIM_SECOND);
    assert_true(first->ready_us > 0);
    rig.context.connect_timeout_us = 10 * SIM_SECOND;
    second = secure_rig_connect(&rig);
    sim_run_for(rig.world, 15 * SIM_SECOND);
    check_refused(second);
    secure_rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_waits_takes_no_time_from_its_responder),
        cmocka_unit_test(an_impatient_connection_does_not_speak_for_the_others),
    };

    return cmocka_run_group_tests(tests, secure_certs_setup, secure_certs_teardown);
}
