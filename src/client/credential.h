/* SPDX-License-Identifier: Apache-2.0 */
/* From the connection string's credential to the one that connections log in with. */
#ifndef MUV__CLIENT_CREDENTIAL_H
#define MUV__CLIENT_CREDENTIAL_H

#include "muv/client.h"

/* Fill client->credential and have connections use it, if a login is wanted. Texts stay in
 * client->uri. Returns 0, or MUV_EINVAL with `reterr` naming the option and no secret. May be
 * called again when DNS has added to the options. */
int muv__client_credential_read(muv_client_t *client, muv_error_t *reterr);

#endif
