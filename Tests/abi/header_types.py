"""Writes a C file that mentions every function and every structure of a header, so that a compiler puts their
types into debug information, which abidiff compares.

    header_types.py HEADER >types.c
"""

import pathlib
import re
import subprocess
import sys

header = pathlib.Path(sys.argv[1]).resolve()
plain = subprocess.run(
    ["cc", "-E", "-P", "-x", "c", str(header)], capture_output=True, text=True, check=True
).stdout
own = plain[plain.index("PYN_OK") :] if "PYN_OK" in plain else plain
functions = sorted(set(re.findall(r"\b(pyn(?:omaly)?_\w+)\s*\(", own)) - {"pyn_status"})
types = sorted(set(re.findall(r"typedef (?:struct|int\w*|pyn_status)[^;{]*\{[^}]*\}\s*(pyn_\w+);", own)))
types += sorted(set(re.findall(r"^(?:typedef )?struct (pyn_\w+)\s*\{", own, re.MULTILINE)) - set(types))
print(f'#include "{header}"')
for name in functions:
    print(f"__typeof__({name}) *abi_function_{name};")
for name in types:
    print(f"{name} *abi_type_{name};")
