"""Plugins for the tests, compiled from plugin.c as they are asked for."""

import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parents[1] / "include"
SOURCE = HERE / "plugin.c"

# The names of plugin.c's defects and their numbers.
DEFECTS = {
    name: int(number)
    for name, number in re.findall(r"^#define ([A-Z_]+) (\d+)$", SOURCE.read_text(), re.MULTILINE)
    if name != "DEFECT"
}


def build(target, *, defect=None, cpp=False, source=SOURCE, **macros):
    """Compiles the plugin to `target`; a macro's value is C, a text in quotes too."""
    if defect:
        macros["DEFECT"] = DEFECTS[defect]
    # Compilers warn about some of the defects, rightly.
    warnings = ["-w"] if defect else ["-Wall", "-Wextra", "-Werror"]
    language = ["g++", "-x", "c++", "-std=c++11"] if cpp else ["gcc", "-std=gnu11"]
    subprocess.run(
        [*language, "-O2", *warnings, "-fPIC", "-shared", "-I", INCLUDE, *(f"-D{name}={value}" for name, value in macros.items()),
         source, "-o", target, "-lm"],
        check=True,
    )
    target.chmod(0o755)
    return target
