#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the files of a new module: tools/new_module.py LAYER/NAME "What it is."

    src/LAYER/NAME.h  src/LAYER/NAME.c  tests/unit/LAYER/NAME_test.c

The build finds them by their place. The test fails until it is written: an empty one would hide
that nothing is tested. Existing files are never touched.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("base", "wire", "uri", "auth", "tls", "session", "topology", "pool", "op", "net", "conn",
          "client", "odm")
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"

HEADER = SPDX + """/* {what} */
#ifndef MUV__{guard}_H
#define MUV__{guard}_H

typedef struct {{
    int value;
}} muv__{name}_t;

/* Zero bytes are a valid state too: muv__{name}_done() may follow either. */
void muv__{name}_init(muv__{name}_t *{name});
void muv__{name}_done(muv__{name}_t *{name});

#endif
"""

SOURCE = SPDX + """/* {what} */
#include "{layer}/{name}.h"

#include "base/assert.h"

#include <stddef.h>

void muv__{name}_init(muv__{name}_t *{name})
{{
    MUV__ASSERT({name} != NULL);
    {name}->value = 0;
}}

void muv__{name}_done(muv__{name}_t *{name})
{{
    MUV__ASSERT({name} != NULL);
    {name}->value = 0;
}}
"""

TEST = SPDX + """/* Tests of src/{layer}/{name}.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "{layer}/{name}.h"

static void init_then_done_is_said_as_a_sentence(void **state)
{{
    (void)state;
    muv__{name}_t {name};

    muv__{name}_init(&{name});
    muv__{name}_done(&{name});
    fail_msg("write the tests of {layer}/{name}");
}}

int main(void)
{{
    const struct CMUnitTest tests[] = {{
        cmocka_unit_test(init_then_done_is_said_as_a_sentence),
    }};
    return cmocka_run_group_tests(tests, NULL, NULL);
}}
"""


def main():
    match = re.fullmatch(r"(\w+)/([a-z][a-z0-9_]*)", sys.argv[1]) if len(sys.argv) == 3 else None
    if not match or match[1] not in LAYERS:
        print(__doc__)
        print("Layers:", " ".join(LAYERS))
        return 2
    layer, name = match.groups()
    what = sys.argv[2].strip().rstrip(".") + "."
    values = {"layer": layer, "name": name, "what": what, "guard": f"{layer}_{name}".upper()}
    files = {
        ROOT / "src" / layer / f"{name}.h": HEADER,
        ROOT / "src" / layer / f"{name}.c": SOURCE,
        ROOT / "tests" / "unit" / layer / f"{name}_test.c": TEST,
    }
    existing = [path for path in files if path.exists()]
    for path in existing:
        print(f"{path.relative_to(ROOT)} exists", file=sys.stderr)
    if existing:
        return 1
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template.format(**values))
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
