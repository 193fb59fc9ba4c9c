"""Puts libpynomaly.so into the wheel, and names the wheel after what the library needs.

The library is the one that PYNOMALY_LIBRARY names, else the release build of the project this folder
belongs to, which is made if it is not there yet.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ENVIRONMENT_VARIABLE = "PYNOMALY_LIBRARY"
NAME = "libpynomaly.so"


class LibraryHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        self._folder = tempfile.TemporaryDirectory(prefix="pynomaly-")
        library = stripped(find_library(Path(self.root)), Path(self._folder.name))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag(library)}"
        notices = Path(self.root).parent / "packaging" / "THIRD-PARTY.md"
        if notices.is_file():
            build_data["force_include"][str(notices)] = "pynomaly/THIRD-PARTY.md"
        if version == "editable":  # the package is imported from its sources: put the library there
            shutil.copy2(library, Path(self.root, "src", "pynomaly", NAME))
        else:
            build_data["force_include"][str(library)] = f"pynomaly/{NAME}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self.target_name == "wheel":
            self._folder.cleanup()


def find_library(root: Path) -> Path:
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise SystemExit(f"{ENVIRONMENT_VARIABLE} is {named}, which is not a file.")
        return Path(named)
    project = root.parent.parent
    library = project / ".build" / "release" / NAME
    if library.is_file():
        return library
    if not (project / "Package.swift").is_file():
        raise SystemExit(
            f"{NAME} is needed to build this wheel. Set {ENVIRONMENT_VARIABLE} to its path, "
            "or build in a checkout of the whole project: pip install ./bindings/python"
        )
    swift = shutil.which("swift")
    if swift is None:
        raise SystemExit(
            f"{NAME} has not been built yet, and there is no Swift to build it with.\n"
            "Do one of these, then run the same command again:\n"
            "  - install Swift 6.1 or later (https://www.swift.org/install/) so that `swift` is on the PATH;\n"
            f"  - have {NAME} from elsewhere, and set {ENVIRONMENT_VARIABLE} to its path;\n"
            "  - install a finished wheel: pip install pynomaly"
        )
    # The options of the Makefile, so that neither makes the other build anew.
    options = ["--static-swift-stdlib", "--disable-local-rpath", "--product", "pynomaly"]
    command = [swift, "build", "-c", "release", *options]
    subprocess.run(command, cwd=project, check=True)
    if not library.is_file():
        raise SystemExit(f"`{' '.join(command)}` in {project} did not make {library}.")
    return library


def stripped(library: Path, folder: Path) -> Path:
    """A copy without the symbols that only debuggers want."""
    copy = folder / NAME
    shutil.copy(library, copy)
    strip = shutil.which("strip") or shutil.which("llvm-strip")
    if strip is not None:
        subprocess.run([strip, "--strip-unneeded", str(copy)], check=True)
    return copy


def platform_tag(library: Path) -> str:
    """manylinux for the newest glibc symbols the library asks for; linux where that means nothing."""
    machine = platform.machine()
    versions = re.findall(rb"GLIBC_2\.(\d+)\b", library.read_bytes())
    if platform.libc_ver()[0] != "glibc" or not versions:
        return f"linux_{machine}"
    return f"manylinux_2_{max(17, *map(int, versions))}_{machine}"
