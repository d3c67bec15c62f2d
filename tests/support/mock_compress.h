/* SPDX-License-Identifier: Apache-2.0 */
/* A mock that speaks OP_COMPRESSED, through the compressors' own functions. It reads compressed
 * requests always, whether it has agreed to that or not; a test looks at `request->compressor`.
 * What it lists in its hello is said with mock_set_hello(mock, MOCK_ANY, "{\"compression\":
 * [...]}"). */
#ifndef MUV_TESTS_SUPPORT_MOCK_COMPRESS_H
#define MUV_TESTS_SUPPORT_MOCK_COMPRESS_H

#include "support/mock.h"

enum { MOCK_PLAIN = 0, MOCK_SNAPPY = 1, MOCK_ZLIB = 2, MOCK_ZSTD = 3 };

/* How compressed requests are answered. MOCK_PLAIN, the default: not compressed. */
void mock_compress_replies(muv_mock_t *mock, int compressor);

/* An OP_COMPRESSED of these parts, whatever they are worth. [own] free() the bytes. */
uint8_t *mock_envelope(int32_t op_code, int32_t size, uint8_t compressor, const void *data,
                       size_t data_size, size_t *ret_size);

#endif
