/* SPDX-License-Identifier: Apache-2.0 */
/* From the connection string's credential to the one that connections log in with. */
#ifndef MUV__CLIENT_CREDENTIAL_H
#define MUV__CLIENT_CREDENTIAL_H

#include "muv/client.h"

/* Fill client->credential and have connections use it, if a login is wanted; make client->provider
 * for AWS and OIDC. Texts of the connection string stay in client->uri. Returns 0, MUV_ENOMEM, or
 * MUV_EINVAL with `reterr` naming the option and no secret.
 *
 * opts  NULL: nothing but the connection string. */
int muv__client_credential_read(muv_client_t *client, const muv_client_opts_t *opts,
                                muv_error_t *reterr);

/* DNS has added to the options: once more, with the same `opts`. */
int muv__client_credential_resolved(muv_client_t *client, muv_error_t *reterr);

#endif
