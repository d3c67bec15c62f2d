/* SPDX-License-Identifier: Apache-2.0 */
/* MIT's Kerberos library through GSSAPI (RFC 2744, 4121), and a little of its own interface for the
 * realm of a host. */
#include "gssapi/kerberos.h"

#include "base/assert.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#include <openssl/crypto.h>

#include <stdio.h>
#include <string.h>

/* A principal: service, host, realm, each perhaps escaped. */
#define PRINCIPAL_SIZE 2048

/* (RFC 4752, 3.1) A server that would like to protect messages needs these; we accept no such
 * protection, but it can refuse a context without. */
#define WANTED_FLAGS (GSS_C_MUTUAL_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_INTEG_FLAG)

int muv__krb5_available(void)
{
    return 1;
}

/* --- texts -------------------------------------------------------------------------------------*/

/* Append a text; parts of it can come from the network. */
static void add_why(muv__krb5_t *krb5, const char *text, size_t length)
{
    size_t used = strlen(krb5->why);

    if (used != 0) {
        (void)snprintf(krb5->why + used, sizeof(krb5->why) - used, ": ");
        used = strlen(krb5->why);
    }
    for (size_t i = 0; i < length && used + 1 < sizeof(krb5->why); i++) {
        krb5->why[used++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    krb5->why[used] = '\0';
}

static int refuse(muv__krb5_t *krb5, const char *text)
{
    krb5->why[0] = '\0';
    add_why(krb5, text, strlen(text));
    return -1;
}

/* Append what the library says of a code, behind what `krb5->why` has. It keeps the text of a minor
 * code for the thread that saw it. */
static void add_text(muv__krb5_t *krb5, OM_uint32 code, int type)
{
    static const char no_text[] = "Success"; /* It has none for this code. */
    OM_uint32 minor;
    OM_uint32 more = 0;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 major = gss_display_status(&minor, code, type, gss_mech_krb5, &more, &text);

    if (!GSS_ERROR(major) && !(text.length == sizeof(no_text) - 1 &&
                               memcmp(text.value, no_text, sizeof(no_text) - 1) == 0)) {
        add_why(krb5, text.value, text.length);
    }
    (void)gss_release_buffer(&minor, &text);
}

/* "Unspecified GSS failure" says nothing that the mechanism's own text does not. */
static int fail(muv__krb5_t *krb5, OM_uint32 major, OM_uint32 minor)
{
    krb5->why[0] = '\0';
    if (GSS_ROUTINE_ERROR(major) != GSS_S_FAILURE || minor == 0) {
        add_text(krb5, major, GSS_C_GSS_CODE);
    }
    if (minor != 0) {
        add_text(krb5, minor, GSS_C_MECH_CODE);
    }
    if (krb5->why[0] == '\0') {
        (void)snprintf(krb5->why, sizeof(krb5->why), "GSSAPI status %#x", (unsigned)major);
    }
    return -1;
}

/* --- names -------------------------------------------------------------------------------------*/

static int import(muv__krb5_t *krb5, const char *text, gss_OID type, gss_name_t *ret)
{
    char copy[PRINCIPAL_SIZE];
    gss_buffer_desc buffer = {.length = strlen(text), .value = copy};
    OM_uint32 minor;
    OM_uint32 major;

    if (buffer.length >= sizeof(copy)) {
        return refuse(krb5, "the user's name is too long");
    }
    memcpy(copy, text, buffer.length + 1);
    major = gss_import_name(&minor, &buffer, type, ret);
    return GSS_ERROR(major) ? fail(krb5, major, minor) : 0;
}

/* What krb5.conf says of the host ([domain_realm]). `ret` stays empty when it says nothing: the key
 * server of the user's realm will know. Importing "service@host" would do the same, but look names
 * up even when we were told not to (dns_canonicalize_hostname). */
static void realm_of(const char *host, char *ret, size_t size)
{
    krb5_context context;
    char **realms = NULL;

    if (krb5_init_context(&context) != 0) {
        return;
    }
    if (krb5_get_host_realm(context, host, &realms) == 0) {
        if (realms[0] != NULL && strlen(realms[0]) < size) {
            memcpy(ret, realms[0], strlen(realms[0]) + 1);
        }
        (void)krb5_free_host_realm(context, realms);
    }
    krb5_free_context(context);
}

static int import_target(muv__krb5_t *krb5, const muv__krb5_names_t *names)
{
    char host[MUV__HOST_NAME_MAX + 1];
    char mapped[PRINCIPAL_SIZE] = "";
    char text[PRINCIPAL_SIZE];
    const char *realm = names->service_realm;
    gss_name_t target = GSS_C_NO_NAME;

    muv__gssapi_canonical_host(names->service_host, names->canonicalize, host);
    if (realm == NULL) {
        realm_of(host, mapped, sizeof(mapped));
        realm = mapped;
    }
    if (muv__gssapi_principal(names->service_name, host, realm, text, sizeof(text)) == 0) {
        return refuse(krb5, "the service's name is too long");
    }
    if (import(krb5, text, GSS_KRB5_NT_PRINCIPAL_NAME, &target) != 0) {
        return -1;
    }
    krb5->target = target;
    return 0;
}

/* --- credentials -------------------------------------------------------------------------------*/

static int acquire(muv__krb5_t *krb5, const muv__krb5_names_t *names, gss_name_t user)
{
    gss_OID_set_desc mechanisms = {.count = 1, .elements = gss_mech_krb5};
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    OM_uint32 major;
    OM_uint32 minor = 0;

    if (names->password == NULL) {
        major = gss_acquire_cred(&minor, user, GSS_C_INDEFINITE, &mechanisms, GSS_C_INITIATE,
                                 &credential, NULL, NULL);
    } else {
        union {
            const char *text;
            void *value;
        } password = {.text = names->password};
        gss_buffer_desc buffer = {.length = strlen(names->password), .value = password.value};

        major = gss_acquire_cred_with_password(&minor, user, &buffer, GSS_C_INDEFINITE, &mechanisms,
                                               GSS_C_INITIATE, &credential, NULL, NULL);
    }
    if (GSS_ERROR(major)) {
        return fail(krb5, major, minor);
    }
    krb5->credential = credential;
    return 0;
}

int muv__krb5_begin(muv__krb5_t *krb5, const muv__krb5_names_t *names)
{
    gss_name_t user = GSS_C_NO_NAME;
    OM_uint32 minor;
    int status;

    MUV__ASSERT(krb5->credential == NULL && krb5->target == NULL);
    if (import(krb5, names->username, GSS_C_NT_USER_NAME, &user) != 0) {
        return -1;
    }
    status = acquire(krb5, names, user);
    (void)gss_release_name(&minor, &user);
    return status == 0 ? import_target(krb5, names) : -1;
}

/* --- messages ----------------------------------------------------------------------------------*/

static void drop_output(muv__krb5_t *krb5)
{
    gss_buffer_desc buffer = {.length = krb5->output_size, .value = krb5->output};
    OM_uint32 minor;

    if (buffer.value != NULL) {
        OPENSSL_cleanse(buffer.value, buffer.length);
        (void)gss_release_buffer(&minor, &buffer);
    }
    krb5->output = NULL;
    krb5->output_size = 0;
}

static void set_output(muv__krb5_t *krb5, const gss_buffer_desc *buffer)
{
    drop_output(krb5);
    krb5->output = buffer->value;
    krb5->output_size = buffer->length;
}

/* The library takes inputs as void *, and does not write into them. */
static gss_buffer_desc input_of(muv__span_t span)
{
    union {
        const uint8_t *bytes;
        void *value;
    } data = {.bytes = span.data};

    return (gss_buffer_desc){.length = span.size, .value = data.value};
}

int muv__krb5_establish(muv__krb5_t *krb5, muv__span_t token)
{
    gss_ctx_id_t context = krb5->context;
    gss_buffer_desc input = input_of(token);
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 flags = 0;
    OM_uint32 minor = 0;
    OM_uint32 major = gss_init_sec_context(
        &minor, krb5->credential, &context, krb5->target, gss_mech_krb5, WANTED_FLAGS, 0,
        GSS_C_NO_CHANNEL_BINDINGS, token.size == 0 ? GSS_C_NO_BUFFER : &input, NULL, &output,
        &flags, NULL);

    krb5->context = context;
    set_output(krb5, &output);
    if (GSS_ERROR(major)) {
        return fail(krb5, major, minor);
    }
    if (major & GSS_S_CONTINUE_NEEDED) {
        return krb5->output_size == 0 ? refuse(krb5, "the library has no token") : 0;
    }
    return (flags & GSS_C_MUTUAL_FLAG) == 0 ? refuse(krb5, "the server did not show who it is") : 1;
}

int muv__krb5_unwrap(muv__krb5_t *krb5, muv__span_t message)
{
    gss_buffer_desc input = input_of(message);
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0;
    OM_uint32 major = gss_unwrap(&minor, krb5->context, &input, &output, NULL, NULL);

    set_output(krb5, &output);
    return GSS_ERROR(major) ? fail(krb5, major, minor) : 0;
}

int muv__krb5_wrap(muv__krb5_t *krb5, muv__span_t message)
{
    gss_buffer_desc input = input_of(message);
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0;
    OM_uint32 major = gss_wrap(&minor, krb5->context, 0, GSS_C_QOP_DEFAULT, &input, NULL, &output);

    set_output(krb5, &output);
    return GSS_ERROR(major) ? fail(krb5, major, minor) : 0;
}

void muv__krb5_end(muv__krb5_t *krb5)
{
    gss_cred_id_t credential = krb5->credential;
    gss_name_t target = krb5->target;
    gss_ctx_id_t context = krb5->context;
    OM_uint32 minor;

    drop_output(krb5);
    (void)gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    (void)gss_release_name(&minor, &target);
    (void)gss_release_cred(&minor, &credential);
    krb5->context = NULL;
    krb5->target = NULL;
    krb5->credential = NULL;
}
