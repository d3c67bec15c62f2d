/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the models, and documents as JSON. */
#include "models.h"

#include <time.h>

static const muv_index_t post_indexes[] = {
    {.fields = MUV_NAMES("-created", "-id")},
    {.fields = MUV_NAMES("-votes", "-created")},
};
static const muv_index_t comment_indexes[] = {
    {.fields = MUV_NAMES("post", "created")},
};

MUV_DEFINE_DOCUMENT(user, USER_FIELDS, "User", .collection = "user");
MUV_DEFINE_DOCUMENT(post, POST_FIELDS, "Post", .collection = "post", MUV_INDEXES(post_indexes));
MUV_DEFINE_DOCUMENT(comment, COMMENT_FIELDS, "Comment", .collection = "comment",
                    MUV_INDEXES(comment_indexes));

int board_now(const muv_field_t *field, void *data, muv_value_t *ret)
{
    struct timespec now;

    (void)field;
    (void)data;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return MUV_EINVAL;
    }
    ret->kind = MUV_KIND_DATETIME;
    ret->as.datetime.ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return 0;
}

int models_registry(muv_error_t *reterr, muv_registry_t **ret)
{
    static const muv_model_t *const models[] = {&user_model, &post_model, &comment_model};

    return muv_models(models, sizeof(models) / sizeof(models[0]), NULL, reterr, ret);
}

void user_json(json_t *json, const char *key, const user_t *user)
{
    json_open(json, key, '{');
    json_oid(json, "id", &user->id);
    json_str(json, "name", user->name);
    json_date(json, "created", user->created);
    json_close(json, '}');
}

/* An author: the whole user when he was loaded, his id when he was not, null when he is gone. */
static void author_json(json_t *json, const muv_ref_t *author)
{
    if (author->state == MUV_REF_LOADED && author->doc != NULL) {
        user_json(json, "author", author->doc);
    } else if (author->state == MUV_REF_MISSING || author->kind != MUV_KIND_OBJECTID) {
        json_null(json, "author");
    } else {
        json_open(json, "author", '{');
        json_oid(json, "id", &author->id.oid);
        json_close(json, '}');
    }
}

void post_json(json_t *json, const char *key, const post_t *post)
{
    json_open(json, key, '{');
    json_oid(json, "id", &post->id);
    author_json(json, &post->author);
    json_str(json, "title", post->title);
    json_str(json, "body", post->body);
    json_open(json, "tags", '[');
    for (uint32_t i = 0; i < post->tags.count; i++) {
        json_str(json, NULL, post->tags.data[i]);
    }
    json_close(json, ']');
    json_int(json, "votes", post->votes);
    json_date(json, "created", post->created);
    json_close(json, '}');
}

void comment_json(json_t *json, const char *key, const comment_t *comment)
{
    json_open(json, key, '{');
    json_oid(json, "id", &comment->id);
    author_json(json, &comment->author);
    json_str(json, "text", comment->text);
    json_date(json, "created", comment->created);
    json_close(json, '}');
}
