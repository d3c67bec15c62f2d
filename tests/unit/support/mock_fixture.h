/* SPDX-License-Identifier: Apache-2.0 */
/* A mock and one raw client on a loop: the setting of most tests of the mock. */
#ifndef MUV_TESTS_UNIT_SUPPORT_MOCK_FIXTURE_H
#define MUV_TESTS_UNIT_SUPPORT_MOCK_FIXTURE_H

#include "support/mock.h"
#include "unit/support/raw_client.h"

#define WAIT_MS 5000
#define PING "{\"ping\": 1, \"$db\": \"admin\"}"

typedef struct fixture {
    uv_loop_t loop;
    muv_mock_t *mock;
    raw_client_t client;
} fixture_t;

/* Setup and teardown of cmocka; `*state` is the fixture. */
int open_fixture(void **state);
int close_fixture(void **state);

/* The client reads the end of its stream, with this code of libuv. */
void wait_for_end(fixture_t *f, int code);

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

#endif
