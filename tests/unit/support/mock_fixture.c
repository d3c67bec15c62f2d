/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/support/mock_fixture.h"

#include "support/check.h"

#include <stdlib.h>

int open_fixture(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);

    if (f == NULL || uv_loop_init(&f->loop) != 0) {
        return -1;
    }
    f->mock = mock_new(&f->loop);
    raw_connect(&f->client, &f->loop, mock_port(f->mock, 0));
    *state = f;
    return 0;
}

int close_fixture(void **state)
{
    fixture_t *f = *state;

    raw_close(&f->client);
    mock_close(f->mock);
    close_loop(&f->loop);
    free(f);
    return 0;
}

void wait_for_end(fixture_t *f, int code)
{
    run_until(&f->loop, &f->client.ended, WAIT_MS);
    assert_int_equal(f->client.end_code, code);
}
