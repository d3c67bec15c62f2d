/* SPDX-License-Identifier: Apache-2.0 */
/* From the TLS options to what all connections of the client share. Files are read here, once. */
#ifndef MUV__TLS_SETTINGS_H
#define MUV__TLS_SETTINGS_H

#include "muv/client.h"

/* Make client->context.secure when the connection string or the struct asks for TLS. Returns 0,
 * MUV_EINVAL or MUV_ENOMEM with `reterr` naming the option. */
int muv__tls_settings_read(muv_client_t *client, const muv_client_opts_t *opts,
                           muv_error_t *reterr);

/* Make client->fetches.tls, with the authorities that this system trusts: for https services that
 * give credentials. Returns as above. */
int muv__tls_settings_read_fetches(muv_client_t *client, muv_error_t *reterr);

#endif
