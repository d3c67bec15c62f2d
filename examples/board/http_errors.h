/* SPDX-License-Identifier: Apache-2.0 */
/* Errors that h2o answers by itself (a body that is too large, broken chunks) in the form of ours.
 */
#ifndef BOARD_HTTP_ERRORS_H
#define BOARD_HTTP_ERRORS_H

#include <h2o.h>

void http_errors_register(h2o_pathconf_t *path);

#endif
