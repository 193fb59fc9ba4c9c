"""The shared library: its size, what it needs, how long it takes to load."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from statistics import median

import compiler
import locations
from plan import Plan
from report import Report, duration, megabytes

SIZE_LIMIT = 8_000_000
LOAD_LIMIT = 5e-3
# What every machine with a C++ program has.
SYSTEM = re.compile(r"(libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s|ld-linux[\w-]*)\.so\.\d+")


def run(plan: Plan, report: Report) -> None:
    """The library that Python has loaded, stripped as it is installed."""
    table = report.table("The shared library", "What", "Measured")
    goals = {
        "size": ("libpynomaly.so, stripped", f"<= {megabytes(SIZE_LIMIT)}"),
        "load": ("dlopen, warm, median", f"<= {duration(LOAD_LIMIT)}"),
        "needs": ("needed libraries", "only those of the C and C++ compiler"),
    }
    original = locations.library()
    if original is None:
        for what, target in goals.values():
            report.not_measured(what, target, "the library was not found")
        return
    with locations.temporary_folder() as name:
        folder = Path(name)
        stripped = folder / "libpynomaly.so"
        shutil.copyfile(original, stripped)
        table.add("as built", megabytes(original.stat().st_size))
        if strip(stripped):
            size = stripped.stat().st_size
            table.add("stripped", megabytes(size))
            report.check(*goals["size"], megabytes(size), size <= SIZE_LIMIT)
        else:
            report.not_measured(*goals["size"], "no strip")

        try:
            seconds = load_times(stripped, folder, plan.library_starts)
        except (compiler.NotBuilt, subprocess.CalledProcessError) as error:
            report.not_measured(*goals["load"], str(getattr(error, "stderr", "") or error).strip())
        else:
            report.raw["dlopen"] = seconds
            extremes = f"{duration(min(seconds))} - {duration(max(seconds))}"
            table.add(f"dlopen in {len(seconds)} new processes, range", extremes)
            took = median(seconds)
            report.check(*goals["load"], duration(took), took <= LOAD_LIMIT)

        libraries = needed(stripped)
        if libraries is None:
            report.not_measured(*goals["needs"], "no readelf")
        else:
            foreign = [one for one in libraries if not SYSTEM.fullmatch(one)]
            report.check(*goals["needs"], ", ".join(libraries), not foreign)


def strip(path: Path) -> bool:
    """Take symbols and debugging information out; False where there is no tool for it."""
    if shutil.which("strip") is None:
        return False
    return subprocess.run(["strip", str(path)], capture_output=True, check=False).returncode == 0


def load_times(path: Path, folder: Path, starts: int) -> list[float]:
    """Seconds of dlopen, each in a new process, after three to warm the file up."""
    program = compiler.build("load.c", folder, links=False)
    command = [str(program), str(path)]
    outputs = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for _ in range(starts + 3)
    ]
    return [float(output) for output in outputs[3:]]


def needed(path: Path) -> list[str] | None:
    """The libraries that the loader must find."""
    if shutil.which("readelf") is None:
        return None
    done = subprocess.run(["readelf", "-dW", str(path)], capture_output=True, text=True, check=True)
    return re.findall(r"\(NEEDED\).*\[(.+)\]", done.stdout)
