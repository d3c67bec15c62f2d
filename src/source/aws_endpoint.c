/* SPDX-License-Identifier: Apache-2.0 */
/* URLs out of variables, and whom may be asked without TLS. */
#include "source/aws_endpoint.h"

#include "muv/error.h"

#include <stdio.h>
#include <string.h>

#define STS_GLOBAL "https://sts.amazonaws.com/"
#define CONTAINER_BASE "http://169.254.170.2"
#define METADATA_BASE "http://169.254.169.254"

/* Names like "us-gov-west-1". */
#define REGION_MAX 32

/* A URL of the longest target. */
#define URL_TEXT_SIZE (MUV__URL_TARGET_MAX + 64)

const char *muv__aws_variable(const muv__aws_environment_t *environment, const char *name)
{
    const char *value = environment->get(name, environment->data);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

static int refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return MUV_EINVAL;
}

/* ASCII only, whatever the locale. */
static int is_equal(const char *text, const char *lower)
{
    for (; *text != '\0' && *lower != '\0'; text++, lower++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;

        if (c != *lower) {
            return 0;
        }
    }
    return *text == *lower;
}

/* https, this machine, or the agents of ECS and EKS. Names other than "localhost" are not looked
 * up: what they mean now need not be what they mean then. */
static int is_confidential(const muv__url_t *url)
{
    static const char *const names[] = {"localhost", "169.254.170.2", "169.254.170.23", "::1",
                                        "fd00:ec2::23"};

    if (url->secure ||
        (url->host.kind == MUV__HOST_IPV4 && strncmp(url->host.name, "127.", 4) == 0)) {
        return 1;
    }
    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        if (strcmp(url->host.name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* --- STS ---------------------------------------------------------------------------------------*/

static int is_region(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return length <= REGION_MAX && text[length] == '\0' && text[0] != '-' &&
           text[length - 1] != '-';
}

/* Those have domains of their own, which we do not know all of. */
static int is_far_partition(const char *region)
{
    static const char *const prefixes[] = {"us-iso", "eu-iso", "eusc-"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(region, prefixes[i], strlen(prefixes[i])) == 0) {
            return 1;
        }
    }
    return 0;
}

static int regional_url(const muv__aws_environment_t *environment, muv__url_t *ret,
                        const char **ret_why)
{
    const char *region = muv__aws_variable(environment, "AWS_REGION");
    char text[REGION_MAX + 64];
    int length;

    if (region == NULL) {
        return refuse(ret_why, "AWS_STS_REGIONAL_ENDPOINTS asks for the endpoint of AWS_REGION,"
                               " which is not set");
    }
    if (!is_region(region)) {
        return refuse(ret_why, "AWS_REGION is not the name of a region");
    }
    if (is_far_partition(region)) {
        return refuse(ret_why, "AWS_REGION is in a partition whose endpoint AWS_ENDPOINT_URL_STS"
                               " has to name");
    }
    /* The partition of China has a domain of its own. */
    length = snprintf(text, sizeof(text), "https://sts.%s.amazonaws.com%s/", region,
                      strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    return muv__url_parse(text, (size_t)length, ret);
}

int muv__aws_sts_url(const muv__aws_environment_t *environment, muv__url_t *ret,
                     const char **ret_why)
{
    const char *endpoint = muv__aws_variable(environment, "AWS_ENDPOINT_URL_STS");
    const char *regional = muv__aws_variable(environment, "AWS_STS_REGIONAL_ENDPOINTS");

    if (endpoint != NULL) {
        if (muv__url_parse(endpoint, strlen(endpoint), ret) != 0) {
            return refuse(ret_why, "AWS_ENDPOINT_URL_STS is not a valid URL");
        }
        return is_confidential(ret) ? 0
                                    : refuse(ret_why, "AWS_ENDPOINT_URL_STS must begin with"
                                                      " https:// unless it is on this machine");
    }
    if (regional != NULL && is_equal(regional, "regional")) {
        return regional_url(environment, ret, ret_why);
    }
    return muv__url_parse(STS_GLOBAL, sizeof(STS_GLOBAL) - 1, ret);
}

/* --- containers --------------------------------------------------------------------------------*/

static int relative_url(const char *path, muv__url_t *ret, const char **ret_why)
{
    char text[URL_TEXT_SIZE];
    /* The slash between host and path is never left to the variable: it could name another host. */
    int length =
        snprintf(text, sizeof(text), CONTAINER_BASE "/%s", path[0] == '/' ? path + 1 : path);

    if ((size_t)length >= sizeof(text) || muv__url_parse(text, (size_t)length, ret) != 0) {
        return refuse(ret_why, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a valid path");
    }
    return 1;
}

int muv__aws_container_url(const muv__aws_environment_t *environment, muv__url_t *ret,
                           const char **ret_why)
{
    const char *relative = muv__aws_variable(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = muv__aws_variable(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI");

    if (relative != NULL) {
        return relative_url(relative, ret, ret_why);
    }
    if (full == NULL) {
        return 0;
    }
    if (muv__url_parse(full, strlen(full), ret) != 0) {
        return refuse(ret_why, "AWS_CONTAINER_CREDENTIALS_FULL_URI is not a valid URL");
    }
    if (!is_confidential(ret)) {
        return refuse(ret_why, "AWS_CONTAINER_CREDENTIALS_FULL_URI must begin with https://, or"
                               " name this machine or an agent of ECS or EKS");
    }
    return 1;
}

/* --- EC2 ---------------------------------------------------------------------------------------*/

int muv__aws_metadata_url(const muv__aws_environment_t *environment, muv__url_t *ret,
                          const char **ret_why)
{
    const char *disabled = muv__aws_variable(environment, "AWS_EC2_METADATA_DISABLED");
    const char *base = muv__aws_variable(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    size_t length;

    if (disabled != NULL && is_equal(disabled, "true")) {
        return refuse(ret_why, "no variable of the environment names a source of keys, and"
                               " AWS_EC2_METADATA_DISABLED forbids to ask EC2");
    }
    base = base == NULL ? METADATA_BASE : base;
    if (muv__url_parse(base, strlen(base), ret) != 0 || strchr(ret->target, '?') != NULL) {
        return refuse(ret_why, "AWS_EC2_METADATA_SERVICE_ENDPOINT is not a valid URL");
    }
    length = strlen(ret->target);
    while (length > 0 && ret->target[length - 1] == '/') {
        ret->target[--length] = '\0';
    }
    return 0;
}
