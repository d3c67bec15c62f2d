/* SPDX-License-Identifier: Apache-2.0 */
/* TLS before a server that has none, for benchmarks of handshakes:
 *
 *     stub_tls TARGET_PORT CA_FILE [tickets]
 *
 * writes its certificate (of 127.0.0.1, P-256, signed by an authority of the same kind) to CA_FILE
 * and prints `port N` when it listens. Each connection has a thread of its own, that passes plain
 * bytes on to TARGET_PORT of this machine and back. Without `tickets` no handshake is a short one:
 * the client verifies a chain in each.
 */
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, PIECE_BYTES = 16 * 1024, LIFE_SECONDS = 86400 };

static SSL_CTX *context;
static uint16_t target_port;

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

/* --- certificates --------------------------------------------------------------------------- */

static void add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX names;

    X509V3_set_ctx_nodb(&names);
    X509V3_set_ctx(&names, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &names, kind, value);
    check(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, "extension");
    X509_EXTENSION_free(extension);
}

/* `issuer` NULL: it signs itself. */
static X509 *make_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_NAME_new();

    check(certificate != NULL && subject != NULL && key != NULL, "certificate");
    check(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                     -1, 0) == 1,
          "name");
    check(X509_set_version(certificate, X509_VERSION_3) == 1 &&
              ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer == NULL ? 1 : 2) == 1 &&
              X509_set_subject_name(certificate, subject) == 1 &&
              X509_set_issuer_name(certificate,
                                   issuer == NULL ? subject : X509_get_subject_name(issuer)) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(certificate), -LIFE_SECONDS) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(certificate), LIFE_SECONDS) != NULL &&
              X509_set_pubkey(certificate, key) == 1,
          "certificate");
    if (issuer == NULL) {
        add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
    } else {
        add_extension(certificate, issuer, NID_subject_alt_name, "IP:127.0.0.1");
    }
    check(X509_sign(certificate, issuer == NULL ? key : issuer_key, EVP_sha256()) > 0, "signature");
    X509_NAME_free(subject);
    return certificate;
}

static void make_context(const char *ca_path, int tickets)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = make_certificate("bench authority", ca_key, NULL, NULL);
    X509 *certificate = make_certificate("bench", key, ca, ca_key);
    FILE *file = fopen(ca_path, "w");

    check(file != NULL && PEM_write_X509(file, ca) == 1 && fclose(file) == 0, ca_path);
    context = SSL_CTX_new(TLS_server_method());
    check(context != NULL && SSL_CTX_use_certificate(context, certificate) == 1 &&
              SSL_CTX_use_PrivateKey(context, key) == 1,
          "SSL_CTX");
    if (!tickets) {
        (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        (void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        check(SSL_CTX_set_num_tickets(context, 0) == 1, "tickets");
    }
    X509_free(certificate);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
}

/* --- connections ---------------------------------------------------------------------------- */

static int connect_to_target(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(target_port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* Returns 0 when the client has gone. */
static int pass_on(SSL *ssl, int target)
{
    char bytes[PIECE_BYTES];
    int size = SSL_read(ssl, bytes, sizeof bytes);

    return size > 0 && send(target, bytes, (size_t)size, MSG_NOSIGNAL) == size;
}

static int pass_back(SSL *ssl, int target)
{
    char bytes[PIECE_BYTES];
    ssize_t size = recv(target, bytes, sizeof bytes, 0);

    return size > 0 && SSL_write(ssl, bytes, (int)size) == size;
}

static void *serve(void *data)
{
    SSL *ssl = data;
    int fd = SSL_get_fd(ssl);
    int target = SSL_accept(ssl) == 1 ? connect_to_target() : -1;
    int open = target >= 0;

    while (open) {
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = target, .events = POLLIN}};
        if (SSL_pending(ssl) == 0 && poll(fds, 2, -1) < 0) {
            break;
        }
        if (SSL_pending(ssl) > 0 || fds[0].revents != 0) {
            open = pass_on(ssl, target);
        }
        if (open && fds[1].revents != 0) {
            open = pass_back(ssl, target);
        }
    }
    if (target >= 0) {
        (void)close(target);
    }
    (void)close(fd);
    SSL_free(ssl);
    return NULL;
}

static void accept_one(int listener)
{
    int fd = accept(listener, NULL, NULL);
    int on = 1;
    pthread_t thread;
    SSL *ssl;

    if (fd < 0) {
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ssl = SSL_new(context);
    check(ssl != NULL && SSL_set_fd(ssl, fd) == 1, "SSL");
    check(pthread_create(&thread, NULL, serve, ssl) == 0, "thread");
    (void)pthread_detach(thread);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unsigned long port = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;

    if (port == 0 || port > 65535 || argc > 4 || (argc == 4 && strcmp(argv[3], "tickets") != 0)) {
        fprintf(stderr, "usage: stub_tls TARGET_PORT CA_FILE [tickets]\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    target_port = (uint16_t)port;
    make_context(argv[2], argc == 4);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0, "bind");
    check(listen(listener, BACKLOG) == 0, "listen");
    check(getsockname(listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
    printf("port %d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    for (;;) {
        accept_one(listener);
    }
}
