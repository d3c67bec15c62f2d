/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a response may be a key or a token: no block that is given back holds it. */
#include "http/response.h"

#include <string.h>

#include "support/check.h"
#include "support/wipe_watch.h"

#define SECRET "p3ncil-s3cret"

/* Feed a head, then a body that begins with the secret and grows to `size` bytes. */
static muv__http_result_t read_body(muv__http_response_t *response, const char *head, size_t size)
{
    char body[64];
    muv__http_result_t result;

    memset(body, 'x', sizeof body);
    muv__http_response_init(response, 100000);
    wipe_watch_for(SECRET);
    result = muv__http_response_feed(response, muv__span(head, strlen(head)));
    if (result == MUV__HTTP_MORE) {
        result = muv__http_response_feed(response, muv__span(SECRET, strlen(SECRET)));
    }
    for (size_t done = strlen(SECRET); done < size && result == MUV__HTTP_MORE;
         done += sizeof body) {
        size_t count = size - done < sizeof body ? size - done : sizeof body;

        result = muv__http_response_feed(response, muv__span(body, count));
    }
    return result;
}

static void an_announced_body_never_moves(void **state)
{
    muv__http_response_t response;

    (void)state;
    assert_int_equal(read_body(&response, "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", 9000),
                     MUV__HTTP_DONE);
    assert_int_equal(wipe_watch_freed(), 0);
    assert_memory_equal(response.body.data, SECRET, strlen(SECRET));
    muv__http_response_done(&response);
    assert_int_equal(wipe_watch_freed(), 2);
    assert_int_equal(wipe_watch_dirty(), 0);
}

static void a_growing_body_leaves_no_copy_behind(void **state)
{
    muv__http_response_t response;

    (void)state;
    assert_int_equal(read_body(&response, "HTTP/1.1 200 OK\r\n\r\n", 9000), MUV__HTTP_MORE);
    assert_int_equal(muv__http_response_ended(&response), MUV__HTTP_DONE);
    assert_true(wipe_watch_freed() > 3);
    assert_int_equal(response.body.size, 9000);
    assert_memory_equal(response.body.data, SECRET, strlen(SECRET));
    muv__http_response_done(&response);
    assert_int_equal(wipe_watch_dirty(), 0);
}

static void a_body_that_turns_out_bad_is_wiped_at_once(void **state)
{
    muv__http_response_t response;

    (void)state;
    assert_int_equal(
        read_body(&response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n", 50),
        MUV__HTTP_BAD);
    assert_int_equal(wipe_watch_freed(), 1);
    muv__http_response_done(&response);
    assert_int_equal(wipe_watch_dirty(), 0);
}

/* Headers may carry one, too. */
static void lines_are_wiped(void **state)
{
    muv__http_response_t response;

    (void)state;
    assert_int_equal(
        read_body(&response, "HTTP/1.1 200 OK\r\nX-Key: " SECRET "\r\nContent-Length: 5", 0),
        MUV__HTTP_MORE);
    muv__http_response_done(&response);
    assert_int_equal(wipe_watch_dirty(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_announced_body_never_moves),
        cmocka_unit_test(a_growing_body_leaves_no_copy_behind),
        cmocka_unit_test(a_body_that_turns_out_bad_is_wiped_at_once),
        cmocka_unit_test(lines_are_wiped),
    };

    return cmocka_run_group_tests(tests, wipe_watch_begin, wipe_watch_end);
}
