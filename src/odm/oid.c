/* SPDX-License-Identifier: Apache-2.0 */
/* ObjectIds as text. */
#include "muv/odm/types.h"

#include "muv/error.h"

void muv_oid_to_text(const muv_oid_t *oid, char text[25])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof(oid->bytes); i++) {
        text[i * 2] = digits[oid->bytes[i] >> 4];
        text[i * 2 + 1] = digits[oid->bytes[i] & 15];
    }
    text[24] = '\0';
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int muv_oid_from_text(const char *text, muv_oid_t *ret)
{
    muv_oid_t oid;

    if (text == NULL || ret == NULL) {
        return MUV_EINVAL;
    }
    for (size_t i = 0; i < sizeof(oid.bytes); i++) {
        int high = digit_of(text[i * 2]);
        int low = high < 0 ? -1 : digit_of(text[i * 2 + 1]);

        if (low < 0) {
            return MUV_EINVAL;
        }
        oid.bytes[i] = (uint8_t)(high << 4 | low);
    }
    if (text[24] != '\0') {
        return MUV_EINVAL;
    }
    *ret = oid;
    return 0;
}
