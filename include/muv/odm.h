/* SPDX-License-Identifier: Apache-2.0 */
/* The document mapper: models, documents, validation, queries. */
#ifndef MUV_ODM_H
#define MUV_ODM_H

#include "muv/odm/declare.h"
#include "muv/odm/document.h"
#include "muv/odm/mapper.h"
#include "muv/odm/model.h"
#include "muv/odm/query.h"
#include "muv/odm/types.h"
#include "muv/odm/update.h"
#include "muv/odm/validate.h"

#endif
