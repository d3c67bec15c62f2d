/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of protocol errors. */
#include "wire/wire_error.h"

#define ERROR_TEXT(suffix, text) text,
static const char *const texts[] = {"no error", MUV__WIRE_ERROR_MAP(ERROR_TEXT)};
#undef ERROR_TEXT

const char *muv__wire_error_text(muv__wire_error_t error)
{
    return error < MUV__WIRE_ERROR_COUNT ? texts[error] : "unknown protocol error";
}
