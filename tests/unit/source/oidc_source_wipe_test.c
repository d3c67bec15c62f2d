/* SPDX-License-Identifier: Apache-2.0 */
/* No token that a source of OIDC held is found in the memory that it gave back. */
#include "source/source.h"

#include <stdio.h>
#include <string.h>

#include "support/check.h"
#include "support/wipe_watch.h"
#include "unit/source/environment.h"

#define SECRET "s3cretS3CRETs3cret"

static const uint8_t random_bytes[16];

static muv__source_t *begin(environment_t *e, const char *name, muv__source_next_t expected)
{
    muv__oidc_source_config_t config = {
        .environment = name, .token_resource = "r", .get = environment_get, .data = e};
    muv__source_t *source = NULL;

    wipe_watch_for(SECRET);
    CHECK_CODE(muv__oidc_source_new(&config, &source), 0);
    assert_int_equal(source->ops->begin(source, 0, random_bytes), expected);
    return source;
}

static muv__source_next_t give(muv__source_t *source, const char *body)
{
    char text[256];
    int size = snprintf(text, sizeof text, "%s", body);
    muv__http_response_t response = {.status = 200};

    assert_in_range(size, 0, sizeof text - 1);
    response.body = (muv__buf_t){.data = (uint8_t *)text, .size = (size_t)size};
    return source->ops->on_response(source, &response, NULL);
}

static void check_clean(muv__source_t *source, size_t freed)
{
    source->ops->free(source);
    assert_true(wipe_watch_freed() >= freed);
    assert_int_equal(wipe_watch_dirty(), 0);
}

static void a_token_of_a_file_is_wiped(void **state)
{
    environment_t e = {.count = 0};
    muv__source_t *source;

    (void)state;
    environment_set(&e, "OIDC_TOKEN_FILE", "/t");
    source = begin(&e, "test", MUV__SOURCE_READ);
    assert_int_equal(source->ops->on_file(source, muv__span(SECRET "\n", strlen(SECRET) + 1), NULL),
                     MUV__SOURCE_DONE);
    check_clean(source, 4);
}

static void a_token_in_json_is_wiped(void **state)
{
    environment_t e = {.count = 0};
    muv__source_t *source = begin(&e, "azure", MUV__SOURCE_FETCH);

    (void)state;
    assert_int_equal(give(source, "{\"access_token\": \"" SECRET "\\u0041\"}"), MUV__SOURCE_DONE);
    assert_string_equal(source->credentials->oidc_token, SECRET "A");
    check_clean(source, 4);
}

static void a_token_that_is_refused_is_wiped(void **state)
{
    environment_t e = {.count = 0};
    muv__source_t *source = begin(&e, "azure", MUV__SOURCE_FETCH);

    (void)state;
    assert_int_equal(give(source, "{\"access_token\": \"" SECRET " " SECRET "\"}"),
                     MUV__SOURCE_FAILED);
    assert_null(strstr(source->why, "s3cret"));
    check_clean(source, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wipe_watch_begin, wipe_watch_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_of_a_file_is_wiped),
        TEST(a_token_in_json_is_wiped),
        TEST(a_token_that_is_refused_is_wiped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
