/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake's `client` document (MongoDB Handshake specification: client metadata). */
#include "conn/metadata.h"

#include "base/bson_writer.h"
#include "uri/text.h"

#define MAX_OS_TYPE 64
#define MAX_INT32_DIGITS 10

/* What is left out, one more at each step, until the document fits; last of all the platform is
 * cut. */
typedef enum level { ALL, ENV_NAME_ONLY, OS_TYPE_ONLY, NO_ENV } level_t;

/* What the environment says of a function service. NULL and -1: nothing. */
typedef struct faas {
    const char *name;
    const char *region;
    int32_t memory_mb;
    int32_t timeout_sec;
} faas_t;

/* --- texts -------------------------------------------------------------------------------------*/

/* The longest beginning of at most `max_size` bytes that does not end within a character. */
static size_t cut_size(const char *text, size_t size, size_t max_size)
{
    if (size <= max_size) {
        return size;
    }
    while (max_size > 0 && ((unsigned char)text[max_size] & 0xC0) == 0x80) {
        max_size--;
    }
    return max_size;
}

/* A text that is no UTF-8 would make the whole hello an invalid document: it is left out. One that
 * is too long whatever else is left out need not be copied as a whole to be found so. */
static void write_text(muv__buf_t *buf, const char *key, size_t key_length, const char *text,
                       size_t max_size)
{
    size_t size = text == NULL ? 0 : strlen(text);

    if (size == 0 || !muv__text_is_utf8(text, size)) {
        return;
    }
    size = cut_size(text, size, max_size);
    if (size != 0) {
        muv__bson_utf8(buf, key, key_length, text, size);
    }
}

/* --- the environment ---------------------------------------------------------------------------*/

/* NULL when it is not set or empty. */
static const char *lookup(const muv__metadata_t *metadata, const char *name)
{
    const char *value = metadata->get == NULL ? NULL : metadata->get(name, metadata->get_data);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* -1 unless it is a whole number that fits. */
static int32_t lookup_number(const muv__metadata_t *metadata, const char *name)
{
    const char *text = lookup(metadata, name);
    int64_t value = 0;
    size_t i = 0;

    if (text == NULL) {
        return -1;
    }
    for (; text[i] >= '0' && text[i] <= '9' && i < MAX_INT32_DIGITS; i++) {
        value = value * 10 + (text[i] - '0');
    }
    return text[i] == '\0' && value <= INT32_MAX ? (int32_t)value : -1;
}

static int is_lambda(const muv__metadata_t *metadata)
{
    static const char prefix[] = "AWS_Lambda_";
    const char *value = lookup(metadata, "AWS_EXECUTION_ENV");

    return (value != NULL && strncmp(value, prefix, sizeof(prefix) - 1) == 0) ||
           lookup(metadata, "AWS_LAMBDA_RUNTIME_API") != NULL;
}

/* Vercel runs on Lambda, and says both; any other two names contradict each other, and then nothing
 * is said. */
static faas_t read_faas(const muv__metadata_t *metadata)
{
    faas_t faas = {.memory_mb = -1, .timeout_sec = -1};
    int vercel = lookup(metadata, "VERCEL") != NULL;
    int lambda = !vercel && is_lambda(metadata);
    int azure = lookup(metadata, "FUNCTIONS_WORKER_RUNTIME") != NULL;
    int gcp = lookup(metadata, "K_SERVICE") != NULL || lookup(metadata, "FUNCTION_NAME") != NULL;

    if (vercel + lambda + azure + gcp != 1) {
        return faas;
    }
    if (vercel) {
        faas.name = "vercel";
        faas.region = lookup(metadata, "VERCEL_REGION");
    } else if (lambda) {
        faas.name = "aws.lambda";
        faas.region = lookup(metadata, "AWS_REGION");
        faas.memory_mb = lookup_number(metadata, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
    } else if (gcp) {
        faas.name = "gcp.func";
        faas.region = lookup(metadata, "FUNCTION_REGION");
        faas.memory_mb = lookup_number(metadata, "FUNCTION_MEMORY_MB");
        faas.timeout_sec = lookup_number(metadata, "FUNCTION_TIMEOUT_SEC");
    } else {
        faas.name = "azure.func";
    }
    return faas;
}

int muv__metadata_in_faas(const muv__metadata_t *metadata)
{
    return read_faas(metadata).name != NULL;
}

static void write_container(muv__buf_t *buf, const muv__metadata_t *metadata)
{
    int in_kubernetes = lookup(metadata, "KUBERNETES_SERVICE_HOST") != NULL;
    muv__bson_mark_t mark;

    if (!metadata->in_docker && !in_kubernetes) {
        return;
    }
    mark = muv__bson_begin_document(buf, MUV__KEY("container"));
    if (metadata->in_docker) {
        muv__bson_utf8(buf, MUV__KEY("runtime"), MUV__KEY("docker"));
    }
    if (in_kubernetes) {
        muv__bson_utf8(buf, MUV__KEY("orchestrator"), MUV__KEY("kubernetes"));
    }
    muv__bson_end(buf, mark);
}

static void write_env(muv__buf_t *buf, const muv__metadata_t *metadata, level_t level)
{
    size_t before = buf->size;
    muv__bson_mark_t mark;
    faas_t faas;

    if (level >= NO_ENV) {
        return;
    }
    faas = read_faas(metadata);
    mark = muv__bson_begin_document(buf, MUV__KEY("env"));
    write_text(buf, MUV__KEY("name"), faas.name, MUV__METADATA_MAX_SIZE);
    if (level == ALL) {
        if (faas.timeout_sec >= 0) {
            muv__bson_int32(buf, MUV__KEY("timeout_sec"), faas.timeout_sec);
        }
        if (faas.memory_mb >= 0) {
            muv__bson_int32(buf, MUV__KEY("memory_mb"), faas.memory_mb);
        }
        write_text(buf, MUV__KEY("region"), faas.region, MUV__METADATA_MAX_SIZE);
        write_container(buf, metadata);
    }
    if (buf->size == mark.start + sizeof(int32_t)) {
        buf->size = before; /* (Handshake: an empty env is omitted.) */
        return;
    }
    muv__bson_end(buf, mark);
}

/* --- the document ------------------------------------------------------------------------------*/

static void write_application(muv__buf_t *buf, const char *name)
{
    muv__bson_mark_t mark;

    if (name == NULL || name[0] == '\0' || !muv__text_is_utf8(name, strlen(name))) {
        return;
    }
    mark = muv__bson_begin_document(buf, MUV__KEY("application"));
    write_text(buf, MUV__KEY("name"), name, MUV__METADATA_MAX_APP_NAME);
    muv__bson_end(buf, mark);
}

static void write_os(muv__buf_t *buf, const muv__metadata_t *metadata, level_t level)
{
    muv__bson_mark_t mark = muv__bson_begin_document(buf, MUV__KEY("os"));
    const char *type = metadata->os_type;

    if (type == NULL || type[0] == '\0' || !muv__text_is_utf8(type, strlen(type))) {
        type = "unknown"; /* (Handshake: os.type is required.) */
    }
    write_text(buf, MUV__KEY("type"), type, MAX_OS_TYPE);
    if (level < OS_TYPE_ONLY) {
        write_text(buf, MUV__KEY("name"), metadata->os_name, MUV__METADATA_MAX_SIZE);
        write_text(buf, MUV__KEY("architecture"), metadata->architecture, MUV__METADATA_MAX_SIZE);
        write_text(buf, MUV__KEY("version"), metadata->os_version, MUV__METADATA_MAX_SIZE);
    }
    muv__bson_end(buf, mark);
}

/* Returns the document's size, 0 when the buffer has failed. */
static size_t write_client(muv__buf_t *buf, const muv__metadata_t *metadata, level_t level,
                           size_t max_platform)
{
    muv__bson_mark_t client = muv__bson_begin_document(buf, MUV__KEY("client"));
    muv__bson_mark_t driver;

    write_application(buf, metadata->app_name);
    driver = muv__bson_begin_document(buf, MUV__KEY("driver"));
    write_text(buf, MUV__KEY("name"), metadata->driver_name, MUV__METADATA_MAX_SIZE);
    write_text(buf, MUV__KEY("version"), metadata->driver_version, MUV__METADATA_MAX_SIZE);
    muv__bson_end(buf, driver);
    write_os(buf, metadata, level);
    write_text(buf, MUV__KEY("platform"), metadata->platform, max_platform);
    write_env(buf, metadata, level);
    muv__bson_end(buf, client);
    return buf->error != 0 ? 0 : buf->size - client.start;
}

void muv__metadata_write(muv__buf_t *buf, const muv__metadata_t *metadata)
{
    static const level_t levels[] = {ALL, ENV_NAME_ONLY, OS_TYPE_ONLY, NO_ENV};
    const char *platform = metadata->platform == NULL ? "" : metadata->platform;
    size_t platform_size = cut_size(platform, strlen(platform), MUV__METADATA_MAX_SIZE);
    size_t start = buf->size;
    size_t excess = 0;

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        size_t size = write_client(buf, metadata, levels[i], MUV__METADATA_MAX_SIZE);

        if (size <= MUV__METADATA_MAX_SIZE) {
            return;
        }
        excess = size - MUV__METADATA_MAX_SIZE;
        buf->size = start;
    }
    (void)write_client(buf, metadata, NO_ENV, platform_size > excess ? platform_size - excess : 0);
}
