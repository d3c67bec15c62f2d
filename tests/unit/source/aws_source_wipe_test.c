/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing that a source of AWS keys held is found in the memory that it gave back. */
#include "source/source.h"

#include <string.h>

#include "support/check.h"
#include "support/wipe_watch.h"
#include "unit/source/environment.h"

#define SECRET "s3cretS3CRETs3cret"
#define KEYS(token)                                                                                \
    "{\"AccessKeyId\": \"ASIAKEY\", \"SecretAccessKey\": \"" SECRET "\", \"" token "\": \"" SECRET \
    "\", \"Expiration\": \"2015-08-30T12:36:00Z\"}"

static const uint8_t random_bytes[16];

static muv__source_next_t give(muv__source_t *source, const char *body)
{
    char copy[512];
    size_t size = strlen(body);
    muv__http_response_t response = {.status = 200};

    assert_true(size <= sizeof(copy));
    memcpy(copy, body, size);
    response.body = (muv__buf_t){.data = (uint8_t *)copy, .size = size, .capacity = size};
    return source->ops->on_response(source, &response, NULL);
}

static void check_clean(muv__source_t *source, muv__source_next_t next)
{
    assert_int_equal(next, MUV__SOURCE_DONE);
    source->ops->free(source);
    assert_true(wipe_watch_freed() >= 4);
    assert_int_equal(wipe_watch_dirty(), 0);
}

static muv__source_t *make(environment_t *e)
{
    muv__source_t *source = NULL;

    wipe_watch_for(SECRET);
    CHECK_CODE(muv__aws_source_new(environment_get, e, &source), 0);
    return source;
}

static void a_token_of_web_identity_is_wiped(void **state)
{
    environment_t e = {.count = 0};
    muv__source_t *source = make(&e);

    (void)state;
    environment_set(&e, "AWS_WEB_IDENTITY_TOKEN_FILE", "/t");
    environment_set(&e, "AWS_ROLE_ARN", "arn");
    assert_int_equal(source->ops->begin(source, 0, random_bytes), MUV__SOURCE_READ);
    assert_int_equal(source->ops->on_file(source, muv__span(SECRET, strlen(SECRET)), NULL),
                     MUV__SOURCE_FETCH);
    check_clean(source, give(source, "{\"Credentials\": " KEYS("SessionToken") "}"));
}

static void a_token_of_a_container_is_wiped(void **state)
{
    environment_t e = {.count = 0};
    muv__source_t *source = make(&e);

    (void)state;
    environment_set(&e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/k");
    environment_set(&e, "AWS_CONTAINER_AUTHORIZATION_TOKEN", SECRET);
    assert_int_equal(source->ops->begin(source, 0, random_bytes), MUV__SOURCE_FETCH);
    check_clean(source, give(source, KEYS("Token")));
}

static void a_session_of_ec2_is_wiped(void **state)
{
    environment_t e = {.count = 0};
    muv__source_t *source = make(&e);

    (void)state;
    assert_int_equal(source->ops->begin(source, 0, random_bytes), MUV__SOURCE_FETCH);
    assert_int_equal(give(source, SECRET), MUV__SOURCE_FETCH);
    assert_int_equal(give(source, "role"), MUV__SOURCE_FETCH);
    check_clean(source, give(source, KEYS("Token")));
}

/* In the middle, and with a reply that is refused. */
static void what_a_failed_run_held_is_wiped(void **state)
{
    environment_t e = {.count = 0};
    muv__source_t *source = make(&e);

    (void)state;
    (void)source->ops->begin(source, 0, random_bytes);
    assert_int_equal(give(source, SECRET), MUV__SOURCE_FETCH);
    (void)source->ops->begin(source, 0, random_bytes);
    assert_int_equal(give(source, SECRET), MUV__SOURCE_FETCH);
    assert_int_equal(give(source, "role"), MUV__SOURCE_FETCH);
    assert_int_equal(give(source, "{\"AccessKeyId\": \"" SECRET "\", \"SecretAccessKey\": \"" SECRET
                                  "\", \"Token\": \"" SECRET "\", \"Expiration\": \"" SECRET "\"}"),
                     MUV__SOURCE_FAILED);
    assert_null(strstr(source->why, SECRET));
    source->ops->free(source);
    assert_int_equal(wipe_watch_dirty(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_of_web_identity_is_wiped, wipe_watch_begin,
                                        wipe_watch_end),
        cmocka_unit_test_setup_teardown(a_token_of_a_container_is_wiped, wipe_watch_begin,
                                        wipe_watch_end),
        cmocka_unit_test_setup_teardown(a_session_of_ec2_is_wiped, wipe_watch_begin,
                                        wipe_watch_end),
        cmocka_unit_test_setup_teardown(what_a_failed_run_held_is_wiped, wipe_watch_begin,
                                        wipe_watch_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
