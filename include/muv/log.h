/* SPDX-License-Identifier: Apache-2.0 */
/* Log messages of a client, as the MongoDB driver specifications word them: commands, server
 * selection, topology and connections. Nothing is logged unless a level is set.
 *
 * Without muv_client_opts_t.log the environment decides, read once when a client is made:
 *   MONGODB_LOG_COMMAND, _TOPOLOGY, _SERVER_SELECTION, _CONNECTION
 *                       a level's name in any case ("debug", "off"): the least severe one logged
 *   MONGODB_LOG_ALL     the same for components whose own variable is not set
 *   MONGODB_LOG_PATH    "stderr" (default), "stdout", or a file that is appended to
 *   MONGODB_LOG_MAX_DOCUMENT_LENGTH
 *                       bytes of a document in a message, default 1000, or "unlimited"; what is cut
 *                       ends in "..."
 * Invalid values count as not set. Members of muv_log_opts_t win over the environment; a program
 * that wants it the other way round asks the environment itself:
 *
 *   const char *wanted = getenv("MONGODB_LOG_COMMAND");
 *   muv_log_opts_t log = {.command = muv_log_level(wanted)};
 *   if (log.command == MUV_UNSET) { log.command = MUV_LOG_INFO; }
 *
 * Messages are made and delivered like events (muv/events.h): from the loop, in order, never inside
 * a call of the program, from a queue with a limit. Lines to a file or a stream are written by the
 * loop's thread when the messages of a turn are through: a slow disk or pipe holds the loop up, and
 * a program that minds gives a callback. No credential is ever part of a message. */
#ifndef MUV_LOG_H
#define MUV_LOG_H

#include "muv/types.h"

MUV_BEGIN_DECLS

/* X(suffix, value, name): how severe a message is, from the most severe on. */
#define MUV_LOG_LEVEL_MAP(X)                                                                       \
    X(EMERGENCY, 1, "emergency")                                                                   \
    X(ALERT, 2, "alert")                                                                           \
    X(CRITICAL, 3, "critical")                                                                     \
    X(ERROR, 4, "error")                                                                           \
    X(WARN, 5, "warn")                                                                             \
    X(NOTICE, 6, "notice")                                                                         \
    X(INFO, 7, "info")                                                                             \
    X(DEBUG, 8, "debug")                                                                           \
    X(TRACE, 9, "trace")

#define MUV_LOG_LEVEL_(suffix, value, name) MUV_LOG_##suffix = (value),
enum { MUV_LOG_LEVEL_MAP(MUV_LOG_LEVEL_) MUV_LOG_OFF = -1 };
#undef MUV_LOG_LEVEL_

/* X(suffix, value, name): what a message speaks of. */
#define MUV_LOG_COMPONENT_MAP(X)                                                                   \
    X(COMMAND, 0, "command")                                                                       \
    X(TOPOLOGY, 1, "topology")                                                                     \
    X(SERVER_SELECTION, 2, "serverSelection")                                                      \
    X(CONNECTION, 3, "connection")

#define MUV_LOG_COMPONENT_(suffix, value, name) MUV_LOG_##suffix = (value),
enum { MUV_LOG_COMPONENT_MAP(MUV_LOG_COMPONENT_) MUV_LOG_COMPONENTS };
#undef MUV_LOG_COMPONENT_

/* One message. All of it is [borrow] until the callback returns. */
typedef struct muv_log_message {
    int32_t level;              /* MUV_LOG_*. */
    int32_t component;          /* MUV_LOG_COMMAND, ... */
    const char *level_name;     /* "debug" */
    const char *component_name; /* "serverSelection" */
    const char *text;           /* "Connection checked out" */
    const bson_t *data;         /* All of it as a document: `message`, then what the specification
                                 * names for it ("serverHost", "serverPort", "durationMS", ...). */
    int64_t at_us;              /* When it happened, on a clock that only goes forward. */
    muv_client_t *client;
} muv_log_message_t;

/* Called from the loop for each message. Every function may be called inside. */
typedef void (*muv_log_cb)(const muv_log_message_t *message, void *data);

typedef struct muv_log_opts {
    muv_log_cb cb;               /* NULL: lines of text go to `path`. */
    void *data;                  /* [borrow] Until muv_client_close() has called back. */
    int8_t all;                  /* MUV_LOG_*: the least severe level that is logged, for */
    int8_t command;              /* components that have none of their own here. Unset: as the
                                  * environment says, else MUV_LOG_OFF. */
    int8_t topology;             /* MUV_LOG_*. */
    int8_t server_selection;     /* MUV_LOG_*. */
    int8_t connection;           /* MUV_LOG_*. */
    int32_t max_document_length; /* In bytes; MUV_ZERO, MUV_INFINITE. Default as above. */
    const char *path;            /* [borrow] "stdout", "stderr", or a file. Default as above.
                                  * When it cannot be opened stderr is taken. */
} muv_log_opts_t;

/* The level that a name means, without regard to case: MUV_LOG_*, or 0 when there is none of that
 * name or it is NULL. */
MUV_API int8_t muv_log_level(const char *name);

/* The name of a level or component; "" for another number. */
MUV_API const char *muv_log_level_name(int level);
MUV_API const char *muv_log_component_name(int component);

MUV_END_DECLS

#endif
