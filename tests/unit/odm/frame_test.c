/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, and errors that carry them. */
#include "support/check.h"
#include "support/odm_models.h"

#include "odm/frame.h"

static muv_registry_t *registry;
static muv__frame_t frames[3];

static int make_frames(void **state)
{
    const muv_schema_t *post;
    const muv_schema_t *comment;

    (void)state;
    registry = odm_registry();
    post = muv_registry_find(registry, &post_model);
    comment = muv_registry_find(registry, &comment_model);
    frames[0] = (muv__frame_t){NULL, &post->fields[post_field_comments], 0};
    frames[1] = (muv__frame_t){&frames[0], NULL, 12};
    frames[2] = (muv__frame_t){&frames[1], &comment->fields[comment_field_text], 0};
    return 0;
}

static int free_frames(void **state)
{
    (void)state;
    muv_registry_free(registry);
    return 0;
}

static void a_path_has_member_names_or_stored_names(void **state)
{
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 100);
    muv__frame_path(&frames[2], 0, &buf);
    muv__buf_append(&buf, " ", 1);
    muv__frame_path(&frames[2], 1, &buf);
    muv__buf_append(&buf, "", 1);
    assert_string_equal((const char *)buf.data, "comments.12.text cm.12.t");
    muv__buf_done(&buf);
}

static void an_error_begins_with_model_and_path(void **state)
{
    const muv_schema_t *post = muv_registry_find(registry, &post_model);
    muv_error_t error;

    (void)state;
    CHECK_CODE(muv__frame_fail(&error, post, &frames[2], MUV_EDECODE, "wrong by %d", 5),
               MUV_EDECODE);
    assert_string_equal(error.message, "Post.comments.12.text: wrong by 5");
    CHECK_CODE(muv__frame_fail(&error, post, NULL, MUV_EBSON, "bad"), MUV_EBSON);
    assert_string_equal(error.message, "Post: bad");
    CHECK_CODE(muv__frame_fail(NULL, post, NULL, MUV_EBSON, "bad"), MUV_EBSON);
}

static void a_long_path_is_cut(void **state)
{
    const muv_schema_t *post = muv_registry_find(registry, &post_model);
    muv__frame_t many[60];
    muv_error_t error;

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(many); i++) {
        many[i] =
            (muv__frame_t){i == 0 ? NULL : &many[i - 1], &post->fields[post_field_comments], 0};
    }
    (void)muv__frame_fail(&error, post, &many[59], MUV_EDECODE, "wrong");
    CHECK_CONTAINS(error.message, "Post.comments.comments.");
    CHECK_CONTAINS(error.message, ": wrong");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_frames, free_frames)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_path_has_member_names_or_stored_names),
        TEST(an_error_begins_with_model_and_path),
        TEST(a_long_path_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
