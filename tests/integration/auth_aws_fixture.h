/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of MONGODB-AWS share: a client's fixture whose mock checks signatures, an environment
 * without anything of AWS, and an HTTP server in the place of STS, of the agents of ECS and EKS,
 * and of EC2's metadata service. */
#ifndef MUV_TESTS_INTEGRATION_AUTH_AWS_FIXTURE_H
#define MUV_TESTS_INTEGRATION_AUTH_AWS_FIXTURE_H

#include "integration/client_fixture.h"
#include "muv/auth.h"
#include "support/http_server.h"
#include "support/mock_aws.h"

#define OPTIONS "authMechanism=MONGODB-AWS&heartbeatFrequencyMS=500"

/* What the server takes until a test says otherwise. */
#define ID "ASIAEXAMPLE"
#define SECRET "s3cr3tK3y/EXAMPLE+"
#define TOKEN "t0kenEXAMPLE=="

/* In the token file, and of EC2's metadata service. */
#define IDENTITY "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"
#define SESSION "AQAEAsessionEXAMPLE=="
#define ROLES "/latest/meta-data/iam/security-credentials/"

#define HOUR_S 3600

#define AWS_VARIABLES 16
#define AWS_PATH_SIZE 64

typedef struct aws_fixture {
    client_fixture_t *f;
    mock_aws_t server;
    http_server_t *endpoint;
    char token_path[AWS_PATH_SIZE];
    char *saved[AWS_VARIABLES]; /* The environment as it was. */
} aws_fixture_t;

/* Setup and teardown of cmocka. Nobody may have sent a command without a login. */
int aws_open(void **state);
int aws_close(void **state);

/* Set a variable until the test ends. */
void set_variable(const char *name, const char *value);

/* A reply with keys that end so many seconds from now; `token_name` is what the endpoint calls the
 * session token. Static memory as of text_of(). */
const char *keys_text(const char *secret, const char *token_name, int in_s);

/* What the endpoint answers. */
void endpoint_answers(aws_fixture_t *a, const char *method, const char *prefix, const char *body);

/* A file of this content at a path of its own. */
void write_file(char path[AWS_PATH_SIZE], const char *content);

/* The same at `token_path`; the teardown removes it. */
void write_token_file(aws_fixture_t *a, const char *content);

/* The environment of a container whose keys end so many seconds from now; of EKS with web identity
 * (the answer is the test's); of an instance of EC2. */
void use_container(aws_fixture_t *a, int in_s);
void use_web_identity(aws_fixture_t *a);
void use_instance(aws_fixture_t *a);

/* A find that succeeds; one that fails with MUV_EAUTH, this text, and no secret. */
void find_once(aws_fixture_t *a);
void fail_once(aws_fixture_t *a, const char *part);

/* A find that the server holds back, so that the next one needs a connection, and a login, of its
 * own; and the end of all of them. */
void hold_one(aws_fixture_t *a, outcome_t *o);
void release_all(aws_fixture_t *a, outcome_t *o, unsigned count);

#endif
