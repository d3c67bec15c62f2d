/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake's `client` document: byte-exact, for every environment of the specification, and
 * with the rule of 512 bytes. */
#include "conn/metadata.h"

#include "support/check.h"

#include <string.h>

#include "base/bson_writer.h"

/* NAME, value, ..., NULL: the environment of a test. */
static const char *get_variable(const char *name, void *data)
{
    const char *const *pair;

    for (pair = data; pair != NULL && pair[0] != NULL; pair += 2) {
        if (strcmp(pair[0], name) == 0) {
            return pair[1];
        }
    }
    return NULL;
}

static muv__metadata_t metadata_with(const char *const *variables)
{
    return (muv__metadata_t){.driver_name = "libmuv",
                             .driver_version = "0.1.0",
                             .os_type = "Linux",
                             .get = get_variable,
                             .get_data = (void *)(uintptr_t)variables};
}

/* The written document as libbson's, so that its bytes are checked as well. [own] */
static bson_t *write_client(const muv__metadata_t *metadata)
{
    muv__buf_t buf;
    muv__bson_mark_t mark;
    bson_iter_t iter;
    bson_t view;
    bson_t *client;
    const uint8_t *bytes;
    uint32_t size;

    muv__buf_init(&buf, 4096);
    mark = muv__bson_begin(&buf);
    muv__metadata_write(&buf, metadata);
    muv__bson_end(&buf, mark);
    assert_int_equal(buf.error, 0);
    assert_true(bson_init_static(&view, buf.data, buf.size));
    assert_true(bson_validate(&view, BSON_VALIDATE_UTF8, NULL));
    assert_true(bson_iter_init_find(&iter, &view, "client"));
    bson_iter_document(&iter, &size, &bytes);
    client = bson_new_from_data(bytes, size);
    assert_non_null(client);
    assert_true(size <= 512);
    assert_false(bson_iter_next(&iter));
    muv__buf_done(&buf);
    return client;
}

#define CHECK_CLIENT(metadata, json)                                                               \
    do {                                                                                           \
        bson_t *client_ = write_client(metadata);                                                  \
        CHECK_BSON_IDENTICAL(client_, json);                                                       \
        bson_destroy(client_);                                                                     \
    } while (0)

#define DRIVER "\"driver\": {\"name\": \"libmuv\", \"version\": \"0.1.0\"}"
#define OS "\"os\": {\"type\": \"Linux\"}"

#define CHECK_ENV(json, ...)                                                                       \
    do {                                                                                           \
        const char *const variables_[] = {__VA_ARGS__, NULL};                                      \
        muv__metadata_t metadata_ = metadata_with(variables_);                                     \
        CHECK_CLIENT(&metadata_, "{" DRIVER ", " OS json "}");                                     \
    } while (0)

/* --- the whole document ------------------------------------------------------------------------*/

static void everything_known_is_written_in_order(void **state)
{
    static const char *const variables[] = {"AWS_EXECUTION_ENV",
                                            "AWS_Lambda_java8",
                                            "AWS_REGION",
                                            "us-east-2",
                                            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                                            "1024",
                                            "KUBERNETES_SERVICE_HOST",
                                            "1",
                                            NULL};
    muv__metadata_t metadata = metadata_with(variables);

    (void)state;
    metadata.app_name = "board";
    metadata.os_name = "Debian";
    metadata.os_version = "12";
    metadata.architecture = "x86_64";
    metadata.platform = "gcc 12.2";
    metadata.in_docker = 1;
    CHECK_CLIENT(&metadata,
                 "{\"application\": {\"name\": \"board\"}, " DRIVER ","
                 " \"os\": {\"type\": \"Linux\", \"name\": \"Debian\","
                 " \"architecture\": \"x86_64\", \"version\": \"12\"},"
                 " \"platform\": \"gcc 12.2\","
                 " \"env\": {\"name\": \"aws.lambda\", \"memory_mb\": 1024,"
                 " \"region\": \"us-east-2\","
                 " \"container\": {\"runtime\": \"docker\", \"orchestrator\": \"kubernetes\"}}}");
}

static void nothing_known_leaves_driver_and_os_type(void **state)
{
    muv__metadata_t metadata = metadata_with(NULL);

    (void)state;
    CHECK_CLIENT(&metadata, "{" DRIVER ", " OS "}");
    metadata.get = NULL;
    metadata.os_type = NULL;
    metadata.app_name = "";
    metadata.platform = "";
    CHECK_CLIENT(&metadata, "{" DRIVER ", \"os\": {\"type\": \"unknown\"}}");
}

static void text_that_is_no_utf8_is_left_out(void **state)
{
    static const char *const variables[] = {"VERCEL", "1", "VERCEL_REGION", "\xff", NULL};
    muv__metadata_t metadata = metadata_with(variables);

    (void)state;
    metadata.app_name = "\xc3(";
    metadata.os_type = "\xed\xa0\x80";
    metadata.platform = "gcc\xe2\x82";
    CHECK_CLIENT(&metadata, "{" DRIVER ", \"os\": {\"type\": \"unknown\"},"
                            " \"env\": {\"name\": \"vercel\"}}");
}

/* --- the environment ---------------------------------------------------------------------------*/

static void lambda_is_told_by_either_variable(void **state)
{
    (void)state;
    CHECK_ENV(", \"env\": {\"name\": \"aws.lambda\", \"memory_mb\": 1024, \"region\": \"r\"}",
              "AWS_EXECUTION_ENV", "AWS_Lambda_java8", "AWS_REGION", "r",
              "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024");
    CHECK_ENV(", \"env\": {\"name\": \"aws.lambda\"}", "AWS_LAMBDA_RUNTIME_API", "x");
    CHECK_ENV("", "AWS_EXECUTION_ENV", "EC2", "AWS_REGION", "r");
    CHECK_ENV("", "AWS_EXECUTION_ENV", "AWS_Lambda");
}

static void azure_tells_its_name_only(void **state)
{
    (void)state;
    CHECK_ENV(", \"env\": {\"name\": \"azure.func\"}", "FUNCTIONS_WORKER_RUNTIME", "node",
              "AWS_REGION", "r", "FUNCTION_MEMORY_MB", "7");
}

static void gcp_is_told_by_either_variable(void **state)
{
    (void)state;
    CHECK_ENV(", \"env\": {\"name\": \"gcp.func\", \"timeout_sec\": 60, \"memory_mb\": 1024,"
              " \"region\": \"us-central1\"}",
              "K_SERVICE", "servicename", "FUNCTION_MEMORY_MB", "1024", "FUNCTION_TIMEOUT_SEC",
              "60", "FUNCTION_REGION", "us-central1");
    CHECK_ENV(", \"env\": {\"name\": \"gcp.func\"}", "FUNCTION_NAME", "f");
}

static void vercel_wins_over_lambda(void **state)
{
    (void)state;
    CHECK_ENV(", \"env\": {\"name\": \"vercel\", \"region\": \"cdg1\"}", "VERCEL", "1",
              "VERCEL_REGION", "cdg1");
    CHECK_ENV(", \"env\": {\"name\": \"vercel\"}", "AWS_EXECUTION_ENV", "AWS_Lambda_x", "VERCEL",
              "1", "AWS_REGION", "r");
}

static void two_services_at_once_say_nothing(void **state)
{
    (void)state;
    CHECK_ENV("", "AWS_EXECUTION_ENV", "AWS_Lambda_x", "FUNCTIONS_WORKER_RUNTIME", "node");
    CHECK_ENV("", "K_SERVICE", "s", "FUNCTIONS_WORKER_RUNTIME", "node", "FUNCTION_REGION", "r");
    CHECK_ENV("", "VERCEL", "1", "K_SERVICE", "s", "VERCEL_REGION", "r");
    CHECK_ENV("", "VERCEL", "1", "AWS_EXECUTION_ENV", "AWS_Lambda_x", "FUNCTION_NAME", "f");
    CHECK_ENV(", \"env\": {\"container\": {\"orchestrator\": \"kubernetes\"}}", "K_SERVICE", "s",
              "FUNCTIONS_WORKER_RUNTIME", "node", "KUBERNETES_SERVICE_HOST", "10.0.0.1");
}

static int in_faas(const char *name, const char *value, const char *second)
{
    const char *const variables[] = {name, value, second, value, NULL};
    muv__metadata_t metadata = metadata_with(variables);

    return muv__metadata_in_faas(&metadata);
}

/* serverMonitoringMode "auto" asks. */
static void one_service_is_one_and_two_are_none(void **state)
{
    (void)state;
    assert_false(in_faas(NULL, NULL, NULL));
    assert_false(in_faas("PATH", "/bin", NULL));
    assert_true(in_faas("K_SERVICE", "s", NULL));
    assert_true(in_faas("FUNCTIONS_WORKER_RUNTIME", "node", NULL));
    assert_true(in_faas("VERCEL", "1", "AWS_LAMBDA_RUNTIME_API"));
    assert_false(in_faas("K_SERVICE", "s", "FUNCTIONS_WORKER_RUNTIME"));
}

static void empty_variables_count_as_not_set(void **state)
{
    (void)state;
    CHECK_ENV("", "VERCEL", "", "KUBERNETES_SERVICE_HOST", "");
    CHECK_ENV(", \"env\": {\"name\": \"gcp.func\"}", "K_SERVICE", "s", "FUNCTION_REGION", "",
              "FUNCTION_MEMORY_MB", "");
}

static void what_is_no_number_is_left_out(void **state)
{
    static const char *const wrong[] = {
        "big", "12 ", " 12", "1.5", "-1", "2147483648", "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_ENV(", \"env\": {\"name\": \"aws.lambda\"}", "AWS_LAMBDA_RUNTIME_API", "x",
                  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", wrong[i]);
    }
    CHECK_ENV(", \"env\": {\"name\": \"aws.lambda\", \"memory_mb\": 2147483647}",
              "AWS_LAMBDA_RUNTIME_API", "x", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2147483647");
}

static void container_stands_alone_too(void **state)
{
    muv__metadata_t metadata = metadata_with(NULL);

    (void)state;
    metadata.in_docker = 1;
    CHECK_CLIENT(&metadata,
                 "{" DRIVER ", " OS ", \"env\": {\"container\": {\"runtime\": \"docker\"}}}");
}

/* --- 512 bytes ---------------------------------------------------------------------------------*/

/* `size` bytes of 'x'; four results live at a time. */
static const char *run_of(size_t size)
{
    static char texts[4][1024];
    static unsigned next;
    char *text = texts[next++ % 4];

    assert_true(size < sizeof(texts[0]));
    memset(text, 'x', size);
    text[size] = '\0';
    return text;
}

static uint32_t size_of(const muv__metadata_t *metadata)
{
    bson_t *client = write_client(metadata);
    uint32_t size = client->len;

    bson_destroy(client);
    return size;
}

static void the_limit_itself_is_allowed(void **state)
{
    muv__metadata_t metadata = metadata_with(NULL);
    uint32_t empty = size_of(&metadata);
    /* Type byte, "platform" with its NUL, length, NUL. */
    size_t overhead = 1 + 9 + 4 + 1;

    (void)state;
    metadata.platform = run_of(512 - empty - overhead);
    assert_int_equal(size_of(&metadata), 512);
    metadata.platform = run_of(512 - empty - overhead + 1);
    assert_int_equal(size_of(&metadata), 512);
}

static void a_long_region_takes_the_environment_but_for_its_name(void **state)
{
    const char *const variables[] = {
        "AWS_LAMBDA_RUNTIME_API",          "x",    "AWS_REGION", run_of(512),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024", NULL};
    muv__metadata_t metadata = metadata_with(variables);

    (void)state;
    metadata.in_docker = 1;
    metadata.os_version = "6.1";
    CHECK_CLIENT(&metadata, "{" DRIVER ", \"os\": {\"type\": \"Linux\", \"version\": \"6.1\"},"
                            " \"env\": {\"name\": \"aws.lambda\"}}");
}

static void then_the_system_goes_but_for_its_type(void **state)
{
    static const char *const variables[] = {"VERCEL", "1", "VERCEL_REGION", "cdg1", NULL};
    muv__metadata_t metadata = metadata_with(variables);

    (void)state;
    metadata.os_name = run_of(500);
    metadata.os_version = "6.1";
    metadata.platform = "gcc";
    CHECK_CLIENT(&metadata, "{" DRIVER ", " OS ", \"platform\": \"gcc\","
                            " \"env\": {\"name\": \"vercel\"}}");
}

static void then_the_environment_goes_entirely(void **state)
{
    static const char *const variables[] = {"VERCEL", "1", NULL};
    muv__metadata_t metadata = metadata_with(NULL);
    size_t fits = 512 - size_of(&metadata) - (1 + 9 + 4 + 1);
    const char *platform = run_of(fits);

    (void)state;
    metadata = metadata_with(variables);
    metadata.os_version = "6.1";
    metadata.platform = platform;
    CHECK_CLIENT(&metadata, text_of("{" DRIVER ", " OS ", \"platform\": \"%s\"}", platform));
}

static void last_of_all_the_platform_is_cut_between_characters(void **state)
{
    muv__metadata_t metadata = metadata_with(NULL);
    size_t fits = 512 - size_of(&metadata) - (1 + 9 + 4 + 1);
    char platform[600];

    (void)state;
    /* The euro sign has three bytes; the limit falls behind its first one, then its second one. */
    for (size_t inside = 1; inside <= 2; inside++) {
        memset(platform, 'x', sizeof(platform));
        memcpy(platform + fits - inside, "\xe2\x82\xac", 3);
        platform[sizeof(platform) - 1] = '\0';
        metadata.platform = platform;
        CHECK_CLIENT(&metadata,
                     text_of("{" DRIVER ", " OS ", \"platform\": \"%s\"}", run_of(fits - inside)));
    }
}

static void the_application_name_ends_at_128_bytes(void **state)
{
    muv__metadata_t metadata = metadata_with(NULL);
    char name[140];

    (void)state;
    memset(name, 'x', sizeof(name));
    memcpy(name + 127, "\xc3\xbc", 3); /* A character over bytes 127 and 128. */
    metadata.app_name = name;
    CHECK_CLIENT(&metadata,
                 text_of("{\"application\": {\"name\": \"%s\"}, " DRIVER ", " OS "}", run_of(127)));
}

static void everything_too_long_still_fits(void **state)
{
    const char *const variables[] = {"K_SERVICE", "s", "FUNCTION_REGION", run_of(1000), NULL};
    muv__metadata_t metadata = metadata_with(variables);

    (void)state;
    metadata.app_name = run_of(128);
    metadata.os_type = run_of(1000);
    metadata.os_name = metadata.os_type;
    metadata.os_version = metadata.os_type;
    metadata.architecture = metadata.os_type;
    metadata.platform = metadata.os_type;
    metadata.in_docker = 1;
    assert_int_equal(size_of(&metadata), 512);
}

static void a_full_buffer_is_an_error_and_no_loop(void **state)
{
    muv__metadata_t metadata = metadata_with(NULL);
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 40);
    muv__metadata_write(&buf, &metadata);
    assert_int_equal(buf.error, MUV_ETOOLARGE);
    muv__buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_known_is_written_in_order),
        cmocka_unit_test(nothing_known_leaves_driver_and_os_type),
        cmocka_unit_test(text_that_is_no_utf8_is_left_out),
        cmocka_unit_test(lambda_is_told_by_either_variable),
        cmocka_unit_test(azure_tells_its_name_only),
        cmocka_unit_test(gcp_is_told_by_either_variable),
        cmocka_unit_test(vercel_wins_over_lambda),
        cmocka_unit_test(two_services_at_once_say_nothing),
        cmocka_unit_test(one_service_is_one_and_two_are_none),
        cmocka_unit_test(empty_variables_count_as_not_set),
        cmocka_unit_test(what_is_no_number_is_left_out),
        cmocka_unit_test(container_stands_alone_too),
        cmocka_unit_test(the_limit_itself_is_allowed),
        cmocka_unit_test(a_long_region_takes_the_environment_but_for_its_name),
        cmocka_unit_test(then_the_system_goes_but_for_its_type),
        cmocka_unit_test(then_the_environment_goes_entirely),
        cmocka_unit_test(last_of_all_the_platform_is_cut_between_characters),
        cmocka_unit_test(the_application_name_ends_at_128_bytes),
        cmocka_unit_test(everything_too_long_still_fits),
        cmocka_unit_test(a_full_buffer_is_an_error_and_no_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
