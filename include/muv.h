/* SPDX-License-Identifier: Apache-2.0 */
/* All public headers of the client. The mapper's are included by muv/odm.h. */
#ifndef MUV_H
#define MUV_H

#include "muv/aggregate.h"
#include "muv/allocator.h"
#include "muv/auth.h"
#include "muv/client.h"
#include "muv/collection.h"
#include "muv/command.h"
#include "muv/cursor.h"
#include "muv/database.h"
#include "muv/error.h"
#include "muv/events.h"
#include "muv/export.h"
#include "muv/find.h"
#include "muv/find_and_modify.h"
#include "muv/index.h"
#include "muv/log.h"
#include "muv/op.h"
#include "muv/reply.h"
#include "muv/session.h"
#include "muv/types.h"
#include "muv/version.h"
#include "muv/write.h"

#endif
