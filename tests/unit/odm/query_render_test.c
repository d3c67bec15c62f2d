/* SPDX-License-Identifier: Apache-2.0 */
/* Whole commands of query sets. */
#include "query_support.h"

static muv_query_t *full(void)
{
    muv_query_t *query = muv_query_filter(posts(), muv_gte(post_fields.votes, 10));
    bson_t *collation = bson_from("{\"locale\":\"en\"}");

    muv_query_order(query, "-votes, +home__city");
    muv_query_only(query, "title");
    muv_query_skip(muv_query_limit(query, 5), 2);
    muv_query_batch_size(query, 3);
    muv_query_hint(query, "v_-1");
    muv_query_max_time_ms(muv_query_comment(query, "why"), 50);
    muv_query_collation(query, collation);
    bson_destroy(collation);
    return query;
}

static void find_carries_every_option(void **state)
{
    (void)state;
    CHECK_COMMAND(full(), render_all,
                  "{'find':'post','filter':{'v':{'$gte':10}},'sort':{'v':-1,'h.c':1},"
                  "'projection':{'t':1},'hint':'v_-1','skip':2,'limit':5,'batchSize':3,"
                  "'comment':'why','collation':{'locale':'en'}}");
}

static void the_models_order_is_used_unless_another_is_given(void **state)
{
    (void)state;
    CHECK_COMMAND(posts(), render_all, "{'find':'post','filter':{},'sort':{'v':-1}}");
    CHECK_COMMAND(muv_query_order(posts(), ""), render_all, "{'find':'post','filter':{}}");
    CHECK_COMMAND(muv_query_order(muv_query_order(posts(), "title"), "-pk"), render_all,
                  "{'find':'post','filter':{},'sort':{'_id':-1}}");
}

static void first_get_exists_and_ids_ask_for_what_they_need(void **state)
{
    (void)state;
    CHECK_COMMAND(muv_query_limit(posts(), 9), render_first,
                  "{'find':'post','filter':{},'sort':{'v':-1},'limit':1,'singleBatch':true}");
    CHECK_COMMAND(muv_query_skip(posts(), 1), render_get,
                  "{'find':'post','filter':{},'skip':1,'limit':2,'singleBatch':true}");
    /* Scenario 31: test_queryset::bool_performance. */
    CHECK_COMMAND(posts(), render_exists,
                  "{'find':'post','filter':{},'projection':{'_id':1},'limit':1,"
                  "'singleBatch':true}");
    CHECK_COMMAND(muv_query_limit(posts(), 2), render_ids,
                  "{'find':'post','filter':{},'sort':{'v':-1},'projection':{'_id':1},'limit':2}");
}

/* Scenario 31: test_queryset::count_limit_and_skip. */
static void count_is_an_aggregate_with_skip_and_limit(void **state)
{
    (void)state;
    CHECK_COMMAND(posts(), muv__query_render_count,
                  "{'aggregate':'post','pipeline':[{'$match':{}},{'$group':{'_id':1,'n':"
                  "{'$sum':1}}}],'cursor':{}}");
    CHECK_COMMAND(full(), muv__query_render_count,
                  "{'aggregate':'post','pipeline':[{'$match':{'v':{'$gte':10}}},{'$skip':2},"
                  "{'$limit':5},{'$group':{'_id':1,'n':{'$sum':1}}}],'cursor':{},'comment':'why',"
                  "'collation':{'locale':'en'},'hint':'v_-1'}");
}

static void render_distinct_titles(const muv_query_t *query, muv_writer_t *writer)
{
    muv__query_render_distinct(query, "h.c", writer);
}

static void distinct_takes_a_stored_path(void **state)
{
    muv_query_t *query = posts();
    const char *path = NULL;
    muv_error_t error;

    (void)state;
    assert_int_equal(muv__query_stored_path(query, "home__city", &error, &path), 0);
    assert_string_equal(path, "h.c");
    assert_int_equal(muv__query_stored_path(query, "x", &error, &path), MUV_EINVAL);
    assert_string_equal(error.message, "Post: Cannot resolve field \"x\"");
    CHECK_COMMAND(query, render_distinct_titles, "{'distinct':'post','key':'h.c','query':{}}");
}

static void delete_removes_all_or_one(void **state)
{
    (void)state;
    CHECK_COMMAND(muv_query_comment(muv_query_filter(posts(), muv_eq(post_fields.votes, 1)), "c"),
                  render_delete_many,
                  "{'delete':'post','deletes':[{'q':{'v':1},'limit':0}],'comment':'c'}");
    CHECK_COMMAND(muv_query_hint(posts(), "i"), render_delete_one,
                  "{'delete':'post','deletes':[{'q':{},'limit':1,'hint':'i'}]}");
}

static void render_update_with_filters(const muv_query_t *query, muv_writer_t *writer)
{
    muv_update_t *update = muv_update_by(changes(), "inc__comments__$[c]__votes", 1);
    bson_t *filter = bson_from("{\"c.v\":{\"$lt\":3}}");
    muv__update_render_t render = {.upsert = 1};
    const uint8_t *data = NULL;

    muv_update_array_filter(update, filter);
    bson_destroy(filter);
    assert_int_equal(muv_update_bson(update, &data, &render.update.size), 0);
    render.update.data = data;
    render.filters = update->filters;
    render.filter_count = update->filter_count;
    muv__query_render_update(query, &render, writer);
    muv_update_free(update);
}

/* Scenario 22: test_queryset::update_array_filters. */
static void update_changes_all_with_array_filters(void **state)
{
    (void)state;
    CHECK_COMMAND(posts(), render_update_with_filters,
                  "{'update':'post','updates':[{'q':{},'u':{'$inc':{'cm.$[c].v':1}},'upsert':true,"
                  "'multi':true,'arrayFilters':[{'c.v':{'$lt':3}}]}]}");
}

static void check_whole_refuses(muv_query_t *query, const char *text)
{
    muv_error_t error;

    assert_int_equal(muv__query_check_whole(query, "update", &error), MUV_EINVAL);
    assert_string_equal(error.message, text);
    muv_query_free(query);
}

/* D12 and scenario 37: what an update or delete cannot honour is refused, never ignored. */
static void writes_refuse_limit_skip_order_and_projection(void **state)
{
    muv_query_t *query = posts();

    (void)state;
    check_whole_refuses(muv_query_limit(posts(), 1),
                        "Post: update works on all matches and takes no limit");
    check_whole_refuses(muv_query_skip(posts(), 1),
                        "Post: update works on all matches and takes no skip");
    check_whole_refuses(muv_query_order(posts(), "votes"),
                        "Post: update works on all matches and takes no order");
    check_whole_refuses(muv_query_only(posts(), "pk"),
                        "Post: update works on all matches and takes no only() or exclude()");
    assert_int_equal(muv__query_check_whole(query, "update", NULL), 0);
    muv_query_free(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find_carries_every_option),
        cmocka_unit_test(the_models_order_is_used_unless_another_is_given),
        cmocka_unit_test(first_get_exists_and_ids_ask_for_what_they_need),
        cmocka_unit_test(count_is_an_aggregate_with_skip_and_limit),
        cmocka_unit_test(distinct_takes_a_stored_path),
        cmocka_unit_test(delete_removes_all_or_one),
        cmocka_unit_test(update_changes_all_with_array_filters),
        cmocka_unit_test(writes_refuse_limit_skip_order_and_projection),
    };

    return cmocka_run_group_tests(tests, query_setup, query_teardown);
}
