/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding of hello. */
#include "conn/hello.h"

#include "base/bson_writer.h"
#include "conn/metadata.h"

void muv__hello_write_name(muv__buf_t *buf, int hello_ok)
{
    if (hello_ok) {
        muv__bson_int32(buf, MUV__KEY("hello"), 1);
        return;
    }
    muv__bson_int32(buf, MUV__KEY("isMaster"), 1);
    muv__bson_bool(buf, MUV__KEY("helloOk"), 1);
}

void muv__hello_write_first(muv__buf_t *buf, const muv__hello_options_t *options)
{
    /* Servers that know either of the two know `hello` (Handshake: legacy hello otherwise). */
    muv__hello_write_name(buf, options->server_api || options->load_balanced);
    if (options->load_balanced) {
        muv__bson_bool(buf, MUV__KEY("loadBalanced"), 1);
    }
    /* (Handshake: the version of the back-pressure protocol, a string.) */
    muv__bson_utf8(buf, MUV__KEY("backpressure"), MUV__KEY("2"));
    muv__metadata_write(buf, options->metadata);
    muv__bson_utf8(buf, MUV__KEY("$db"), MUV__KEY("admin"));
}
