/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are read, and for how long their bytes are kept. */
#include "client/tls_settings.h"

#include "base/error.h"
#include "base/mem.h"
#include "client/client_inner.h"
#include "conn/secure.h"
#include "net/net.h"

#include <openssl/crypto.h>

/* A system's list of authorities has a few hundred KiB. */
#define MAX_FILE_BYTES (8 * 1024 * 1024)

typedef struct file {
    uint8_t *bytes;
    size_t size;
} file_t;

/* It may hold a private key. */
static void drop_file(file_t *file)
{
    if (file->bytes != NULL) {
        OPENSSL_cleanse(file->bytes, file->size);
        muv__mem_free(file->bytes);
        file->bytes = NULL;
    }
}

static int read_file(const char *option, const char *path, file_t *file, muv_error_t *reterr)
{
    int status;

    if (path == NULL) {
        return 0;
    }
    status = muv__net_read_file(path, MAX_FILE_BYTES, &file->bytes, &file->size);
    if (status == 0 || status == MUV_ENOMEM) {
        return status == 0 ? 0 : muv__error_code(reterr, MUV_ENOMEM);
    }
    return muv__error_set(reterr, MUV_EINVAL, "%s: %s: %s", option, path,
                          muv__net_error_text(status));
}

/* The authorities this system trusts, in one file: a directory of them would have to be looked into
 * during handshakes. */
static int read_system_authorities(file_t *file, muv_error_t *reterr)
{
    const char *const paths[] = {
        muv__net_environment("SSL_CERT_FILE", NULL),
        "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Alpine */
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL */
        "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem", /* macOS, the BSDs */
    };

    for (size_t i = 0; i < MUV__COUNT_OF(paths); i++) {
        int status = paths[i] == NULL
                         ? -1
                         : muv__net_read_file(paths[i], MAX_FILE_BYTES, &file->bytes, &file->size);

        if (status == 0 || status == MUV_ENOMEM) {
            return status == 0 ? 0 : muv__error_code(reterr, MUV_ENOMEM);
        }
        if (i == 0 && paths[i] != NULL) {
            return muv__error_set(reterr, MUV_EINVAL, "SSL_CERT_FILE: %s: %s", paths[i],
                                  muv__net_error_text(status));
        }
    }
    return muv__error_set(reterr, MUV_EINVAL,
                          "tls: this system has no file of trusted authorities; give tlsCAFile, or "
                          "name one in the environment's SSL_CERT_FILE");
}

typedef struct files {
    file_t authorities;
    file_t certificate_key;
    file_t revoked;
} files_t;

static int read_files(const muv__options_t *options, const char *revoked_path, files_t *files,
                      muv_error_t *reterr)
{
    int verify = !options->tls_insecure && !options->tls_allow_invalid_certificates;
    int status = read_file("tlsCertificateKeyFile", options->tls_certificate_key_file,
                           &files->certificate_key, reterr);

    if (status == 0) {
        status = read_file("tlsCAFile", options->tls_ca_file, &files->authorities, reterr);
    }
    if (status == 0) {
        status = read_file("tls_crl_file", revoked_path, &files->revoked, reterr);
    }
    if (status == 0 && verify && options->tls_ca_file == NULL) {
        status = read_system_authorities(&files->authorities, reterr);
    }
    return status;
}

int muv__tls_settings_read(muv_client_t *client, const muv_client_opts_t *opts, muv_error_t *reterr)
{
    const muv__options_t *options = &client->uri->options;
    muv__tls_options_t tls = {
        .password = options->tls_certificate_key_file_password,
        .allow_invalid_certificates =
            options->tls_insecure != 0 || options->tls_allow_invalid_certificates != 0,
        .allow_invalid_hostnames =
            options->tls_insecure != 0 || options->tls_allow_invalid_hostnames != 0,
        .no_revocation_check = options->tls_disable_certificate_revocation_check != 0,
        .no_responder_check = options->tls_disable_ocsp_endpoint_check != 0,
    };
    files_t files = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    int status;

    if (!options->tls) {
        return 0;
    }
    status = read_files(options, opts == NULL ? NULL : opts->tls_crl_file, &files, reterr);
    if (status == 0) {
        tls.authorities = muv__span(files.authorities.bytes, files.authorities.size);
        tls.certificate_key = muv__span(files.certificate_key.bytes, files.certificate_key.size);
        tls.revoked = muv__span(files.revoked.bytes, files.revoked.size);
        status = muv__secure_context_new(&tls, reterr, &client->context.secure);
    }
    drop_file(&files.authorities);
    drop_file(&files.certificate_key);
    drop_file(&files.revoked);
    return status;
}

int muv__tls_settings_read_fetches(muv_client_t *client, muv_error_t *reterr)
{
    muv__tls_options_t tls = {.no_responder_check = 1}; /* Nobody asks during a fetch. */
    file_t authorities = {NULL, 0};
    int status = read_system_authorities(&authorities, reterr);

    if (status == 0) {
        tls.authorities = muv__span(authorities.bytes, authorities.size);
        status = muv__tls_context_new(&tls, reterr, &client->fetches.tls);
    }
    drop_file(&authorities);
    return status;
}
