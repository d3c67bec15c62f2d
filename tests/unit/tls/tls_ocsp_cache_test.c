/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered, for how long, and what makes room. */
#include "tls/tls_ocsp_cache.h"

#include <string.h>

#include "support/check.h"

static muv__ocsp_cache_t cache;

static int setup(void **state)
{
    (void)state;
    memset(&cache, 0, sizeof(cache));
    return 0;
}

static const uint8_t *key_of(unsigned number)
{
    static uint8_t key[MUV__OCSP_KEY_BYTES];

    memset(key, 7, sizeof(key));
    key[MUV__OCSP_KEY_BYTES - 1] = (uint8_t)number;
    return key;
}

static void store(unsigned number, muv__ocsp_status_t status, int64_t until_s, int64_t wall_s)
{
    muv__ocsp_cache_store(&cache, key_of(number), status, until_s, wall_s);
}

static muv__ocsp_status_t find(unsigned number, int64_t wall_s)
{
    return muv__ocsp_cache_find(&cache, key_of(number), wall_s);
}

static void an_answer_holds_until_its_end_and_not_at_it(void **state)
{
    (void)state;
    assert_int_equal(find(1, 10000), MUV__OCSP_UNUSABLE);
    store(1, MUV__OCSP_GOOD, 20000, 10000);
    store(2, MUV__OCSP_REVOKED, 15000, 10000);
    assert_int_equal(find(1, 10000), MUV__OCSP_GOOD);
    assert_int_equal(find(1, 19999), MUV__OCSP_GOOD);
    assert_int_equal(find(1, 20000), MUV__OCSP_UNUSABLE);
    assert_int_equal(find(2, 14999), MUV__OCSP_REVOKED);
    assert_int_equal(find(2, 15000), MUV__OCSP_UNUSABLE);
    assert_int_equal(find(3, 10000), MUV__OCSP_UNUSABLE);
}

/* A connection that was begun before the answer came looks for it at its own time. */
static void a_clock_that_was_put_back_makes_an_answer_useless(void **state)
{
    (void)state;
    store(1, MUV__OCSP_GOOD, 20000, 10000);
    assert_int_equal(find(1, 10000 - 300), MUV__OCSP_GOOD);
    assert_int_equal(find(1, 10000 - 301), MUV__OCSP_UNUSABLE);
}

static void the_longer_answer_stays(void **state)
{
    (void)state;
    store(1, MUV__OCSP_GOOD, 20000, 10000);
    store(1, MUV__OCSP_GOOD, 15000, 10001);
    assert_int_equal(find(1, 19999), MUV__OCSP_GOOD);
    store(1, MUV__OCSP_GOOD, 30000, 10002);
    assert_int_equal(find(1, 29999), MUV__OCSP_GOOD);
}

static void what_is_revoked_stays_so_until_that_ends(void **state)
{
    (void)state;
    store(1, MUV__OCSP_GOOD, 30000, 10000);
    store(1, MUV__OCSP_REVOKED, 20000, 10001);
    store(1, MUV__OCSP_GOOD, 40000, 10002);
    assert_int_equal(find(1, 19999), MUV__OCSP_REVOKED);
    assert_int_equal(find(1, 20000), MUV__OCSP_UNUSABLE);
    store(1, MUV__OCSP_GOOD, 40000, 20000);
    assert_int_equal(find(1, 20001), MUV__OCSP_GOOD);
}

static void silence_gives_way_to_every_answer_and_replaces_none(void **state)
{
    (void)state;
    store(1, MUV__OCSP_UNKNOWN, 10060, 10000);
    assert_int_equal(find(1, 10059), MUV__OCSP_UNKNOWN);
    store(1, MUV__OCSP_GOOD, 10030, 10010);
    assert_int_equal(find(1, 10020), MUV__OCSP_GOOD);
    store(1, MUV__OCSP_UNKNOWN, 10080, 10020);
    assert_int_equal(find(1, 10029), MUV__OCSP_GOOD);
    assert_int_equal(find(1, 10030), MUV__OCSP_UNUSABLE);
    store(1, MUV__OCSP_UNKNOWN, 10090, 10030);
    assert_int_equal(find(1, 10031), MUV__OCSP_UNKNOWN);
}

static void what_says_less_makes_room_first(void **state)
{
    (void)state;
    store(0, MUV__OCSP_REVOKED, 20000, 10000);
    store(1, MUV__OCSP_GOOD, 20000, 10000);
    for (unsigned i = 2; i < 5 * MUV__OCSP_CACHE_MAX; i++) {
        store(i, MUV__OCSP_UNKNOWN, 20000, 10001);
    }
    assert_int_equal(find(0, 10002), MUV__OCSP_REVOKED);
    assert_int_equal(find(1, 10002), MUV__OCSP_GOOD);
    for (unsigned i = 200; i < 200 + MUV__OCSP_CACHE_MAX; i++) {
        store(i, MUV__OCSP_GOOD, 20000, 10003);
    }
    assert_int_equal(find(0, 10004), MUV__OCSP_REVOKED);
    assert_int_equal(find(1, 10004), MUV__OCSP_UNUSABLE);
}

static void the_answer_that_came_longest_ago_makes_room(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MUV__OCSP_CACHE_MAX; i++) {
        store(i, MUV__OCSP_GOOD, 20000, 10000);
    }
    store(0, MUV__OCSP_GOOD, 20001, 10000); /* Now the latest. */
    store(100, MUV__OCSP_REVOKED, 20000, 10000);
    assert_int_equal(find(0, 10000), MUV__OCSP_GOOD);
    assert_int_equal(find(1, 10000), MUV__OCSP_UNUSABLE);
    assert_int_equal(find(2, 10000), MUV__OCSP_GOOD);
    assert_int_equal(find(100, 10000), MUV__OCSP_REVOKED);
}

#define CASE(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_answer_holds_until_its_end_and_not_at_it),
        CASE(a_clock_that_was_put_back_makes_an_answer_useless),
        CASE(the_longer_answer_stays),
        CASE(what_is_revoked_stays_so_until_that_ends),
        CASE(silence_gives_way_to_every_answer_and_replaces_none),
        CASE(what_says_less_makes_room_first),
        CASE(the_answer_that_came_longest_ago_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
