/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts, filling, labels, copies. */
#include "base/error.h"

#include <string.h>

#include "support/check.h"
#include "unit/base/counting_alloc.h"

static void every_code_has_a_name_a_text_and_a_domain(void **state)
{
    (void)state;
#define CHECK_ROW(suffix, value, domain_, text_)                                                   \
    assert_int_equal(MUV_##suffix, value);                                                         \
    assert_string_equal(muv_error_name(value), "MUV_" #suffix);                                    \
    assert_string_equal(muv_error_text(value), text_);                                             \
    assert_int_equal(muv__error_domain(value), MUV_DOMAIN_##domain_);
    MUV_ERROR_MAP(CHECK_ROW)
#undef CHECK_ROW
}

static void success_and_unknown_codes_have_texts_too(void **state)
{
    (void)state;
    assert_string_equal(muv_error_name(0), "MUV_OK");
    assert_string_equal(muv_error_text(0), "success");
    assert_string_equal(muv_error_name(1), "unknown");
    assert_string_equal(muv_error_text(INT32_MIN), "unknown error");
    assert_int_equal(muv__error_domain(12345), MUV_DOMAIN_NONE);
}

static void setting_an_error_clears_what_was_there(void **state)
{
    muv_error_t error;

    (void)state;
    memset(&error, 0x5a, sizeof(error));
    CHECK_CODE(muv__error_set(&error, MUV_EAUTH, "user %s, step %d", "ann", 2), MUV_EAUTH);
    CHECK_ERROR(&error, MUV_EAUTH);
    assert_int_equal(error.domain, MUV_DOMAIN_AUTH);
    assert_string_equal(error.message, "user ann, step 2");
    assert_int_equal(error.server_code, 0);
    assert_int_equal(error.system_code, 0);
    assert_int_equal(error.labels, 0);
    assert_int_equal(error.in_doubt, 0);
    assert_null(error.reply);
    assert_string_equal(error.code_name, "");
    assert_string_equal(error.host, "");
}

static void a_code_alone_gives_its_own_text(void **state)
{
    muv_error_t error;

    (void)state;
    CHECK_CODE(muv__error_code(&error, MUV_ENOMEM), MUV_ENOMEM);
    assert_string_equal(error.message, "out of memory");
    CHECK_CODE(muv__error_code(NULL, MUV_ENOMEM), MUV_ENOMEM);
    CHECK_CODE(muv__error_set(NULL, MUV_EAUTH, "%d", 1), MUV_EAUTH);
}

static void a_long_message_is_cut(void **state)
{
    muv_error_t error;

    (void)state;
    (void)muv__error_set(&error, MUV_EINVAL, "%0500d", 7);
    assert_int_equal(strlen(error.message), MUV_ERROR_MESSAGE_SIZE - 1);
}

static void labels_have_bits_by_their_exact_name(void **state)
{
    (void)state;
#define CHECK_LABEL(suffix, bit, text)                                                             \
    assert_int_equal(muv__error_label_bit(text, strlen(text)), MUV_LABEL_##suffix);                \
    assert_int_equal(muv__error_label_bit(text "x", strlen(text) + 1), 0);                         \
    assert_int_equal(muv__error_label_bit(text, strlen(text) - 1), 0);
    MUV_LABEL_MAP(CHECK_LABEL)
#undef CHECK_LABEL
    assert_int_equal(muv__error_label_bit("", 0), 0);
}

static void known_labels_are_bits_and_unknown_ones_are_in_the_reply(void **state)
{
    bson_t *reply = bson_from("{\"ok\": 0, \"errorLabels\": [1, \"RetryableError\", \"Strange\"]}");
    muv_error_t error;

    (void)state;
    muv__error_clear(&error);
    assert_int_equal(muv_error_has_label(&error, "Strange"), 0);
    error.labels = MUV_LABEL_RETRYABLE_WRITE;
    error.reply = bson_get_data(reply);
    error.reply_size = reply->len;
    assert_int_equal(muv_error_has_label(&error, "RetryableWriteError"), 1);
    assert_int_equal(muv_error_has_label(&error, "NoWritesPerformed"), 0);
    assert_int_equal(muv_error_has_label(&error, "Strange"), 1);
    assert_int_equal(muv_error_has_label(&error, "Strang"), 0);
    /* A known label counts by its bit: a later layer may have taken it away. */
    assert_int_equal(muv_error_has_label(&error, "RetryableError"), 0);
    assert_int_equal(muv_error_has_label(NULL, "Strange"), 0);
    assert_int_equal(muv_error_has_label(&error, NULL), 0);
    bson_destroy(reply);
}

static void labels_of_a_strange_reply_are_none(void **state)
{
    bson_t *reply = bson_from("{\"errorLabels\": \"Strange\"}");
    muv_error_t error;

    (void)state;
    muv__error_clear(&error);
    error.reply = bson_get_data(reply);
    error.reply_size = reply->len;
    assert_int_equal(muv_error_has_label(&error, "Strange"), 0);
    error.reply_size--;
    assert_int_equal(muv_error_has_label(&error, "Strange"), 0);
    bson_destroy(reply);
}

static void a_copy_has_the_reply_and_lives_on_its_own(void **state)
{
    bson_t *reply = bson_from("{\"ok\": 0}");
    muv_error_t error;
    muv_error_t *copy = NULL;

    (void)state;
    (void)muv__error_set(&error, MUV_ESERVER, "%s", "no");
    error.reply = bson_get_data(reply);
    error.reply_size = reply->len;
    CHECK_CODE(muv_error_copy(&error, &copy), 0);
    bson_destroy(reply);
    memset(&error, 0, sizeof(error));
    CHECK_ERROR(copy, MUV_ESERVER);
    assert_string_equal(copy->message, "no");
    CHECK_BYTES_BSON_EQUAL(copy->reply, copy->reply_size, "{\"ok\": 0}");
    muv_error_free(copy);
    muv_error_free(NULL);
}

static void a_copy_without_a_reply_has_none(void **state)
{
    muv_error_t error;
    muv_error_t *copy = NULL;

    (void)state;
    (void)muv__error_code(&error, MUV_ETIMEOUT);
    CHECK_CODE(muv_error_copy(&error, &copy), 0);
    assert_null(copy->reply);
    muv_error_free(copy);
    CHECK_CODE(muv_error_copy(NULL, &copy), MUV_EINVAL);
    CHECK_CODE(muv_error_copy(&error, NULL), MUV_EINVAL);
}

static void a_copy_without_memory_is_an_error(void **state)
{
    muv_error_t error;
    muv_error_t *copy = NULL;

    (void)state;
    (void)muv__error_code(&error, MUV_ETIMEOUT);
    CHECK_CODE(counting_start(1, 1), 0);
    CHECK_CODE(muv_error_copy(&error, &copy), MUV_ENOMEM);
    assert_null(copy);
    CHECK_CODE(counting_stop(), 0);
}

static void assigning_leaves_the_reply_behind(void **state)
{
    muv_error_t error;
    muv_error_t other;

    (void)state;
    (void)muv__error_code(&error, MUV_ETIMEOUT);
    error.reply = (const uint8_t *)"";
    error.reply_size = 1;
    error.in_doubt = 1;
    muv__error_assign(&other, &error);
    CHECK_ERROR(&other, MUV_ETIMEOUT);
    assert_int_equal(other.in_doubt, 1);
    assert_null(other.reply);
    assert_int_equal(other.reply_size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_a_text_and_a_domain),
        cmocka_unit_test(success_and_unknown_codes_have_texts_too),
        cmocka_unit_test(setting_an_error_clears_what_was_there),
        cmocka_unit_test(a_code_alone_gives_its_own_text),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(labels_have_bits_by_their_exact_name),
        cmocka_unit_test(known_labels_are_bits_and_unknown_ones_are_in_the_reply),
        cmocka_unit_test(labels_of_a_strange_reply_are_none),
        cmocka_unit_test(a_copy_has_the_reply_and_lives_on_its_own),
        cmocka_unit_test(a_copy_without_a_reply_has_none),
        cmocka_unit_test(a_copy_without_memory_is_an_error),
        cmocka_unit_test(assigning_leaves_the_reply_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
