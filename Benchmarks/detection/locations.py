"""Where things are: the repository, the shared data, the Python package, the library, the tool."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
RELEASE = REPOSITORY / ".build" / "release"


def prepare_package() -> None:
    """Make `import pynomaly` work here and in child processes.

    An installed package is taken as it is. Without one the package of this repository is taken, with
    the library that PYNOMALY_LIBRARY names, or else the release build of this repository.
    """
    try:
        import pynomaly  # noqa: F401

        return
    except ImportError:
        sys.modules.pop("pynomaly", None)
    source = str(REPOSITORY / "bindings" / "python" / "src")
    sys.path.insert(0, source)
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([source, inherited] if inherited else [source])
    built = RELEASE / "libpynomaly.so"
    if "PYNOMALY_LIBRARY" not in os.environ and built.exists():
        os.environ["PYNOMALY_LIBRARY"] = str(built)


def adbench() -> Path | None:
    """The folder with the labelled data sets, if there is one."""
    beside = REPOSITORY.parent / "shared" / "data"
    folder = Path(os.environ.get("PYNOMALY_SHARED_DATA", beside)) / "adbench"
    return folder if folder.is_dir() else None


def library() -> Path | None:
    """The file of libpynomaly that this process has loaded."""
    import pynomaly

    pynomaly.library_version()
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            path = line.rstrip("\n").partition("/")
            if path[1] and Path(path[1] + path[2]).name.startswith("libpynomaly.so"):
                return Path(path[1] + path[2])
    return None


def include_folder() -> Path:
    """The folder of pynomaly.h."""
    return REPOSITORY / "include"


def tool() -> Path | None:
    """The command-line tool: PYNOMALY_CLI, this repository's release build, or an installed one."""
    named = os.environ.get("PYNOMALY_CLI")
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    built = RELEASE / "pynomaly-cli"
    if built.exists():
        return built
    installed = shutil.which("pynomaly")
    return Path(installed) if installed else None


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes away with the object."""
    return tempfile.TemporaryDirectory(prefix="pynomaly-bench-")
