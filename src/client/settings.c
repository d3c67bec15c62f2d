/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the struct go through the same table and rules as those of the connection string. */
#include "client/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/host.h"
#include "base/mem.h"
#include "client/client_inner.h"
#include "client/credential.h"
#include "client/tls_settings.h"
#include "conn/hello.h"
#include "conn/metadata.h"
#include "net/net.h"

#define US_PER_MS 1000
#define PLATFORM_TEXT_SIZE 160
#define DEFAULT_MAX_WAITING 100000
#define DEFAULT_MAX_PENDING_BYTES (INT64_C(256) * 1024 * 1024)

/* --- the struct --------------------------------------------------------------------------------*/

static int set_number(muv__uri_t *uri, const char *name, int64_t value, muv_error_t *reterr)
{
    if (value == 0) {
        return 0;
    }
    if (value == MUV_ZERO || value == MUV_INFINITE) {
        value = 0;
    }
    return muv__uri_set_int(uri, name, value, reterr);
}

/* -1 is a level here. */
static int set_level(muv__uri_t *uri, int32_t value, muv_error_t *reterr)
{
    if (value == 0) {
        return 0;
    }
    return muv__uri_set_int(uri, "zlibCompressionLevel", value == MUV_ZERO ? 0 : value, reterr);
}

static int set_flag(muv__uri_t *uri, const char *name, int8_t value, muv_error_t *reterr)
{
    if (value == MUV_UNSET) {
        return 0;
    }
    return muv__uri_set_bool(uri, name, value == MUV_YES, reterr);
}

static int set_text(muv__uri_t *uri, const char *name, const char *value, muv_error_t *reterr)
{
    return value == NULL ? 0 : muv__uri_set_text(uri, name, value, reterr);
}

static int apply_numbers(muv__uri_t *uri, const muv_client_opts_t *opts, muv_error_t *reterr)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"maxPoolSize", opts->max_pool_size},
        {"minPoolSize", opts->min_pool_size},
        {"maxConnecting", opts->max_connecting},
        {"maxIdleTimeMS", opts->max_idle_ms},
        {"connectTimeoutMS", opts->connect_timeout_ms},
        {"serverSelectionTimeoutMS", opts->server_selection_timeout_ms},
        {"waitQueueTimeoutMS", opts->wait_queue_timeout_ms},
        {"heartbeatFrequencyMS", opts->heartbeat_frequency_ms},
        {"localThresholdMS", opts->local_threshold_ms},
        {"timeoutMS", opts->timeout_ms},
        {"socketTimeoutMS", opts->socket_timeout_ms},
        {"maxAdaptiveRetries", opts->max_adaptive_retries},
        {"srvMaxHosts", opts->srv_max_hosts},
        {"proxyPort", opts->proxy_port},
    };

    for (size_t i = 0; i < MUV__COUNT_OF(numbers); i++) {
        int status = set_number(uri, numbers[i].name, numbers[i].value, reterr);

        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int apply_flags(muv__uri_t *uri, const muv_client_opts_t *opts, muv_error_t *reterr)
{
    const struct {
        const char *name;
        int8_t value;
    } flags[] = {
        {"directConnection", opts->direct_connection},
        {"loadBalanced", opts->load_balanced},
        {"retryReads", opts->retry_reads},
        {"retryWrites", opts->retry_writes},
        {"enableOverloadRetargeting", opts->enable_overload_retargeting},
        {"tls", opts->tls},
        {"tlsInsecure", opts->tls_insecure},
        {"tlsAllowInvalidCertificates", opts->tls_allow_invalid_certificates},
        {"tlsAllowInvalidHostnames", opts->tls_allow_invalid_hostnames},
        {"tlsDisableOCSPEndpointCheck", opts->tls_disable_ocsp_endpoint_check},
        {"tlsDisableCertificateRevocationCheck", opts->tls_disable_certificate_revocation_check},
    };

    for (size_t i = 0; i < MUV__COUNT_OF(flags); i++) {
        int status = set_flag(uri, flags[i].name, flags[i].value, reterr);

        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int apply_texts(muv__uri_t *uri, const muv_client_opts_t *opts, muv_error_t *reterr)
{
    const struct {
        const char *name;
        const char *value;
    } texts[] = {
        {"appName", opts->app_name},
        {"replicaSet", opts->replica_set},
        {"srvServiceName", opts->srv_service_name},
        {"serverMonitoringMode", opts->server_monitoring_mode},
        {"compressors", opts->compressors},
        {"proxyHost", opts->proxy_host},
        {"proxyUsername", opts->proxy_username},
        {"proxyPassword", opts->proxy_password},
        {"tlsCAFile", opts->tls_ca_file},
        {"tlsCertificateKeyFile", opts->tls_certificate_key_file},
        {"tlsCertificateKeyFilePassword", opts->tls_certificate_key_file_password},
    };

    for (size_t i = 0; i < MUV__COUNT_OF(texts); i++) {
        int status = set_text(uri, texts[i].name, texts[i].value, reterr);

        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int apply_struct(muv__uri_t *uri, const muv_client_opts_t *opts, muv_error_t *reterr)
{
    int status = apply_numbers(uri, opts, reterr);

    if (status == 0) {
        status = apply_texts(uri, opts, reterr);
    }
    if (status == 0) {
        status = set_level(uri, opts->zlib_compression_level, reterr);
    }
    if (status == 0) {
        status = apply_flags(uri, opts, reterr);
    }
    if (status == 0 && (opts->max_waiting < 0 || opts->max_pending_bytes < 0)) {
        status = muv__error_set(reterr, MUV_EINVAL, "%s: must not be negative",
                                opts->max_waiting < 0 ? "max_waiting" : "max_pending_bytes");
    }
    return status;
}

/* Each is an address, as names could not be looked up without a server. */
static int check_dns_server(const char *text, size_t length)
{
    muv__host_t host;

    return muv__host_parse(text, length, &host) == 0 &&
           (host.kind == MUV__HOST_IPV4 || host.kind == MUV__HOST_IPV6);
}

static int copy_dns_servers(muv_client_t *client, const char *servers, muv_error_t *reterr)
{
    const char *at = servers;

    for (;;) {
        size_t length = strcspn(at, ",");

        if (!check_dns_server(at, length)) {
            return muv__error_set(reterr, MUV_EINVAL,
                                  "dns_servers: not a list of \"address:port\"");
        }
        if (at[length] == '\0') {
            break;
        }
        at += length + 1;
    }
    client->dns_servers = muv__mem_strdup(servers);
    return client->dns_servers != NULL ? 0 : muv__error_code(reterr, MUV_ENOMEM);
}

/* --- units of the inside -----------------------------------------------------------------------*/

/* 0 means no limit in the connection string. */
static int64_t limit_us(int64_t value_ms)
{
    return value_ms <= 0 || value_ms > INT64_MAX / US_PER_MS / 2 ? INT64_MAX : value_ms * US_PER_MS;
}

/* (SDAM monitoring: serverMonitoringMode; a function is frozen between two calls, and would find a
 * stream broken at the next one.) */
static int may_stream(const muv__options_t *options)
{
    const muv__metadata_t metadata = {.get = muv__net_environment};

    return options->server_monitoring_mode == MUV__MONITORING_STREAM ||
           (options->server_monitoring_mode == MUV__MONITORING_AUTO &&
            !muv__metadata_in_faas(&metadata));
}

static void convert(muv__settings_t *settings, const muv__options_t *options,
                    const muv_client_opts_t *opts)
{
    settings->pool.max_size = (uint32_t)options->max_pool_size;
    settings->pool.min_size = (uint32_t)options->min_pool_size;
    settings->pool.max_connecting = (uint32_t)options->max_connecting;
    settings->pool.max_idle_us = options->max_idle_time_ms * US_PER_MS;
    settings->pool.max_waiting =
        opts != NULL && opts->max_waiting > 0 ? (uint32_t)opts->max_waiting : DEFAULT_MAX_WAITING;
    settings->connect_timeout_us = limit_us(options->connect_timeout_ms);
    settings->selection_timeout_us = limit_us(options->server_selection_timeout_ms);
    settings->wait_queue_timeout_us = limit_us(options->wait_queue_timeout_ms);
    settings->heartbeat_interval_us = options->heartbeat_frequency_ms * US_PER_MS;
    settings->local_threshold_us = options->local_threshold_ms * US_PER_MS;
    settings->socket_timeout_us = limit_us(options->socket_timeout_ms);
    settings->timeout_ms = options->timeout_ms;
    if (options->timeout_ms == 0 && muv__options_has(options, MUV__OPTION_TIMEOUT)) {
        settings->timeout_ms = MUV_INFINITE; /* (CSOT: no limit, but the older options are out.) */
    }
    settings->retry.retry_reads = options->retry_reads != 0;
    settings->retry.retry_writes = options->retry_writes != 0;
    settings->retry.overload_retargeting = options->enable_overload_retargeting != 0;
    settings->retry.max_adaptive_retries = options->max_adaptive_retries < UINT32_MAX
                                               ? (uint32_t)options->max_adaptive_retries
                                               : UINT32_MAX;
    settings->jitter = -1;
    settings->stream_checks = (int8_t)may_stream(options);
    settings->max_pending_bytes =
        (size_t)(opts != NULL && opts->max_pending_bytes > 0 ? opts->max_pending_bytes
                                                             : DEFAULT_MAX_PENDING_BYTES);
}

/* --- the handshake -----------------------------------------------------------------------------*/

/* The first hello is the same on every connection: it is encoded once. */
static void write_hello(muv_client_t *client)
{
    const muv__options_t *options = &client->uri->options;
    muv__span_t server_api = client->context.server_api;
    muv__buf_t *buf = &client->hello;
    muv__net_system_t system;
    char platform[PLATFORM_TEXT_SIZE];
    muv__metadata_t metadata = {.app_name = options->app_name,
                                .driver_name = "libmuv",
                                .driver_version = MUV_VERSION_STRING,
                                .os_type = system.os_type,
                                .os_version = system.os_version,
                                .architecture = system.architecture,
                                .platform = platform,
                                .get = muv__net_environment};
    muv__hello_options_t hello = {.metadata = &metadata,
                                  .load_balanced = options->load_balanced != 0,
                                  .server_api = server_api.size != 0,
                                  .compressor_count = options->compressor_count,
                                  .compressors = options->compressors};

    muv__net_system(&system);
    metadata.in_docker = system.in_docker;
    (void)snprintf(platform, sizeof(platform), "%s %d.%d / libbson %s / %s", MUV__COMPILER_NAME,
                   MUV__COMPILER_MAJOR, MUV__COMPILER_MINOR, bson_get_version(),
                   system.loop_library);
    muv__hello_write_first(buf, &hello);
    muv__buf_append(buf, server_api.data, server_api.size);
}

/* --- the proxy ---------------------------------------------------------------------------------*/

static void take_proxy(muv_client_t *client)
{
    const muv__options_t *options = &client->uri->options;

    if (options->proxy_host != NULL && options->proxy_host[0] != '\0') {
        client->proxy = (muv__socks5_proxy_t){.host = options->proxy_host,
                                              .port = (uint16_t)options->proxy_port,
                                              .username = options->proxy_username,
                                              .password = options->proxy_password};
        client->context.proxy = &client->proxy;
    }
}

int muv__settings_read(muv_client_t *client, const char *uri, const muv_client_opts_t *opts,
                       muv_error_t *reterr)
{
    int status = muv__uri_new(uri, strlen(uri), reterr, &client->uri);

    if (status == 0 && opts != NULL) {
        status = apply_struct(client->uri, opts, reterr);
    }
    if (status == 0) {
        status = muv__uri_finish(client->uri, reterr);
    }
    if (status == 0) {
        take_proxy(client);
        status = muv__tls_settings_read(client, opts, reterr);
    }
    if (status == 0) {
        status = muv__client_credential_read(client, opts, reterr);
    }
    if (status == 0 && opts != NULL) {
        status = muv__server_api_read(client, opts->server_api, reterr);
    }
    if (status == 0 && opts != NULL && opts->dns_servers != NULL) {
        status = copy_dns_servers(client, opts->dns_servers, reterr);
    }
    if (status != 0) {
        return status;
    }
    client->concerns =
        muv__concerns_new(&client->uri->options.read_concern, &client->uri->options.write_concern,
                          &client->uri->options.read_pref);
    if (client->concerns == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    convert(&client->settings, &client->uri->options, opts);
    write_hello(client);
    return client->hello.error == 0 ? 0 : muv__error_code(reterr, client->hello.error);
}

int muv__settings_resolved(muv_client_t *client, muv_error_t *reterr)
{
    int status = muv__client_credential_resolved(client, reterr);

    if (status != 0) {
        return status;
    }
    muv__buf_reset(&client->hello, client->hello.capacity);
    write_hello(client);
    client->context.hello = muv__span(client->hello.data, client->hello.size);
    client->context.load_balanced = client->uri->options.load_balanced != 0;
    return client->hello.error == 0 ? 0 : muv__error_code(reterr, client->hello.error);
}
