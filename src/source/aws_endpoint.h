/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints of AWS the environment names, by the variables of AWS's own SDKs. What goes to
 * them and comes from them is secret: without TLS only this machine and the fixed addresses of
 * AWS's agents are asked, EC2's metadata service aside, whose address is link-local and which the
 * operator may place elsewhere. */
#ifndef MUV__AWS_ENDPOINT_H
#define MUV__AWS_ENDPOINT_H

#include "http/url.h"
#include "source/source.h"

typedef struct muv__aws_environment {
    muv__source_get_t get;
    void *data;
} muv__aws_environment_t;

/* The value of a variable; NULL also when it is empty. */
const char *muv__aws_variable(const muv__aws_environment_t *environment, const char *name);

/* The next three return MUV_EINVAL with a static text, which names the variable that is wrong. */

/* STS: AWS_ENDPOINT_URL_STS, the one of AWS_REGION with AWS_STS_REGIONAL_ENDPOINTS=regional, or the
 * global one. Returns 0 or MUV_EINVAL. */
int muv__aws_sts_url(const muv__aws_environment_t *environment, muv__url_t *ret,
                     const char **ret_why);

/* ECS, EKS and their like: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, or
 * AWS_CONTAINER_CREDENTIALS_FULL_URI. Returns 1, 0 when neither is set, or MUV_EINVAL. */
int muv__aws_container_url(const muv__aws_environment_t *environment, muv__url_t *ret,
                           const char **ret_why);

/* EC2's metadata service: AWS_EC2_METADATA_SERVICE_ENDPOINT or the fixed address. Its target does
 * not end in '/' and may be empty: a path is to follow. Returns 0 or MUV_EINVAL, also when
 * AWS_EC2_METADATA_DISABLED is true. */
int muv__aws_metadata_url(const muv__aws_environment_t *environment, muv__url_t *ret,
                          const char **ret_why);

#endif
