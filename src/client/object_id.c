/* SPDX-License-Identifier: Apache-2.0 */
/* A client's ObjectIds: where the pure generator gets time and randomness. */
#include "client/write.h"

int muv__object_ids_begin(muv_client_t *client)
{
    uint8_t seed[MUV__OID_SEED_SIZE];

    if (MUV__LIKELY(client->oids.seeded)) {
        return 0;
    }
    if (muv__net_random(client->net, seed, sizeof(seed)) != 0) {
        return muv__client_refuse(client, MUV_EINVAL, "the system gives no random bytes");
    }
    muv__oid_seed(&client->oids, seed);
    return 0;
}

int muv_client_object_id(muv_client_t *client, uint8_t ret[12])
{
    int status;

    if (client == NULL || ret == NULL) {
        return MUV_EINVAL;
    }
    status = muv__client_enter(client);
    if (status == 0) {
        status = muv__object_ids_begin(client);
    }
    if (status == 0) {
        muv__oid_next(&client->oids, muv__net_wall_s(client->net), ret);
    }
    return status;
}
