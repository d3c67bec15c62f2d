/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding of hello. */
#include "conn/hello.h"

#include <string.h>

#include "base/assert.h"
#include "base/bson_writer.h"
#include "conn/metadata.h"
#include "uri/options.h"

void muv__hello_write_name(muv__buf_t *buf, int hello_ok)
{
    if (hello_ok) {
        muv__bson_int32(buf, MUV__KEY("hello"), 1);
        return;
    }
    muv__bson_int32(buf, MUV__KEY("isMaster"), 1);
    muv__bson_bool(buf, MUV__KEY("helloOk"), 1);
}

void muv__hello_write_await(muv__buf_t *buf, const muv__topology_version_t *version,
                            int64_t max_await_ms)
{
    muv__bson_mark_t mark = muv__bson_begin_document(buf, MUV__KEY("topologyVersion"));

    muv__bson_oid(buf, MUV__KEY("processId"), version->process_id);
    muv__bson_int64(buf, MUV__KEY("counter"), version->counter);
    muv__bson_end(buf, mark);
    muv__bson_int64(buf, MUV__KEY("maxAwaitTimeMS"), max_await_ms);
}

static void write_compressors(muv__buf_t *buf, const muv__hello_options_t *options)
{
    static const char *const indexes[] = {"0", "1", "2"};
    muv__bson_mark_t mark;

    if (options->compressor_count == 0) {
        return;
    }
    MUV__ASSERT(options->compressor_count <= MUV__COUNT_OF(indexes));
    mark = muv__bson_begin_array(buf, MUV__KEY("compression"));
    for (uint8_t i = 0; i < options->compressor_count; i++) {
        const char *name = muv__compressor_name(options->compressors[i]);

        muv__bson_utf8(buf, indexes[i], 1, name, strlen(name));
    }
    muv__bson_end(buf, mark);
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
    write_compressors(buf, options);
    muv__metadata_write(buf, options->metadata);
    muv__bson_utf8(buf, MUV__KEY("$db"), MUV__KEY("admin"));
}
