"""Builds the C programs of this folder against the library that is measured."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import locations


class NotBuilt(Exception):
    """Why there is no program."""


def build(source: str, folder: Path, *, links: bool = True) -> Path:
    """The program that `source` of this folder makes, in `folder`."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if shutil.which(compiler[0]) is None:
        raise NotBuilt(f"no C compiler ({compiler[0]})")
    program = folder / Path(source).stem
    command = [*compiler, "-std=c11", "-O2", "-Wall", "-o", str(program)]
    command += [str(locations.HERE / source), *(_library_flags(folder) if links else []), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotBuilt((done.stderr.strip().splitlines() or ["the compiler failed"])[-1])
    return program


def _library_flags(folder: Path) -> list[str]:
    """The loaded library under the names that linker and loader look for, with this header."""
    library = locations.library()
    if library is None:
        raise NotBuilt("the library that Python has loaded was not found")
    for name in ("libpynomaly.so", "libpynomaly.so.1"):
        link = folder / name
        if not link.exists():
            link.symlink_to(library)
    return [f"-I{locations.include_folder()}", f"-L{folder}", f"-Wl,-rpath,{folder}", "-lpynomaly"]
