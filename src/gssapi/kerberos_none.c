/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of kerberos_mit.c, in a build without a Kerberos library. A client that wants GSSAPI
 * is refused when it is made, so that nothing but muv__krb5_available() is called. */
#include "gssapi/kerberos.h"

#include <string.h>

int muv__krb5_available(void)
{
    return 0;
}

static int refuse(muv__krb5_t *krb5)
{
    static const char why[] = "libmuv was built without GSSAPI";

    memcpy(krb5->why, why, sizeof(why));
    return -1;
}

int muv__krb5_begin(muv__krb5_t *krb5, const muv__krb5_names_t *names)
{
    (void)names;
    return refuse(krb5);
}

int muv__krb5_establish(muv__krb5_t *krb5, muv__span_t token)
{
    (void)token;
    return refuse(krb5);
}

int muv__krb5_unwrap(muv__krb5_t *krb5, muv__span_t message)
{
    (void)message;
    return refuse(krb5);
}

int muv__krb5_wrap(muv__krb5_t *krb5, muv__span_t message)
{
    (void)message;
    return refuse(krb5);
}

void muv__krb5_end(muv__krb5_t *krb5)
{
    (void)krb5;
}
