/* SPDX-License-Identifier: Apache-2.0 */
/* Which credentials a client can be made with, and what is said of the others. */
#include "net_sim.h"

#include <string.h>

#include "muv.h"

#include "support/alloc.h"
#include "support/check.h"

#define HOST "mongodb://10.0.0.1/?authMechanism="

static void on_oidc(muv_credential_request_t *request, const muv_oidc_params_t *params, void *data)
{
    (void)params;
    (void)data;
    (void)muv_oidc_finish(request, NULL, NULL);
}

static void on_aws(muv_credential_request_t *request, void *data)
{
    (void)data;
    (void)muv_aws_finish(request, NULL, NULL);
}

static const char *const hosts[] = {"*.example.com"};

typedef struct row {
    const char *uri;
    muv_oidc_opts_t oidc; /* Of use with `has_oidc`. */
    muv_aws_opts_t aws;
    int has_oidc;
    int has_aws;
    const char *message; /* NULL: it is made. */
} row_t;

static const row_t rows[] = {
    {.uri = HOST "MONGODB-OIDC", .has_oidc = 1, .oidc = {.callback = on_oidc}},
    {.uri = HOST "MONGODB-OIDC",
     .has_oidc = 1,
     .oidc =
         {.callback = on_oidc, .human = MUV_YES, .allowed_hosts = hosts, .allowed_host_count = 1}},
    {.uri = HOST "MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s"},
    {.uri = HOST "MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:azure,TOKEN_RESOURCE:r"},
    {.uri = HOST "MONGODB-AWS"},
    {.uri = HOST "MONGODB-AWS", .has_aws = 1, .aws = {.callback = on_aws}},
    {.uri = HOST "MONGODB-AWS",
     .has_aws = 1,
     .aws = {.access_key_id = "id", .secret_access_key = "secret"}},
    {.uri = HOST "MONGODB-OIDC",
     .message = "MONGODB-OIDC: needs ENVIRONMENT in authMechanismProperties, or a callback"},
    {.uri = HOST "MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s",
     .has_oidc = 1,
     .oidc = {.callback = on_oidc},
     .message = "MONGODB-OIDC: takes either ENVIRONMENT or a callback, not both"},
    {.uri = HOST "MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s",
     .has_oidc = 1,
     .message = "oidc: there is no callback"},
    {.uri = HOST "MONGODB-OIDC",
     .has_oidc = 1,
     .oidc = {.callback = on_oidc, .allowed_hosts = hosts, .allowed_host_count = 1},
     .message = "oidc: allowed_hosts are for `human` only"},
    {.uri = HOST "MONGODB-AWS",
     .has_oidc = 1,
     .oidc = {.callback = on_oidc},
     .message = "oidc: authMechanism is not MONGODB-OIDC"},
    {.uri = "mongodb://10.0.0.1/",
     .has_oidc = 1,
     .oidc = {.callback = on_oidc},
     .message = "oidc: authMechanism is not MONGODB-OIDC"},
    {.uri = "mongodb://10.0.0.1/",
     .has_aws = 1,
     .aws = {.callback = on_aws},
     .message = "aws: authMechanism is not MONGODB-AWS"},
    {.uri = HOST "MONGODB-AWS",
     .has_aws = 1,
     .aws = {.callback = on_aws, .access_key_id = "id"},
     .message = "aws: either keys or a callback, not both"},
    {.uri = HOST "MONGODB-AWS", .has_aws = 1, .message = "aws: access_key_id is missing"},
    {.uri = HOST "MONGODB-AWS",
     .has_aws = 1,
     .aws = {.access_key_id = "id", .session_token = "token"},
     .message = "aws: secret_access_key is missing"},
    {.uri = HOST "MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:t",
     .message = "authMechanismProperties: property 1 is not known to MONGODB-AWS"},
};

static void on_closed(void *data)
{
    (void)data;
}

/* Returns the code. */
static int make(const row_t *row, muv_error_t *error)
{
    sim_world_t *world = sim_new(1);
    muv_client_opts_t opts = {.oidc = row->has_oidc ? &row->oidc : NULL,
                              .aws = row->has_aws ? &row->aws : NULL};
    muv_client_t *client;
    int status = muv_client_new(sim_loop(world), row->uri, &opts, error, &client);

    if (status == 0) {
        assert_int_equal(muv_client_close(client, MUV_CLOSE_ABORT, on_closed, NULL), 0);
    }
    sim_run(world);
    sim_free(world);
    return status;
}

static void each_credential_is_taken_or_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        muv_error_t error;
        int status = make(&rows[i], &error);

        if (rows[i].message == NULL) {
            CHECK_CODE(status, 0);
        } else {
            CHECK_CODE(status, MUV_EINVAL);
            assert_string_equal(error.message, rows[i].message);
        }
        assert_int_equal(alloc_live_blocks(), 0);
    }
}

static void make_under_failing_memory(void *data)
{
    muv_error_t error;
    int status = make(data, &error);

    assert_true(status == 0 || (status == MUV_ENOMEM && alloc_has_failed()));
}

static void without_memory_there_is_an_error_and_no_leak(void **state)
{
    row_t row;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rows[i].message == NULL; i++) {
        row = rows[i];
        assert_true(alloc_sweep(make_under_failing_memory, &row) > 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_credential_is_taken_or_refused_by_name),
        cmocka_unit_test_teardown(without_memory_there_is_an_error_and_no_leak, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
