"""Real processes to look into: every CPython that is here, and C programs made on the spot."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(os.environ.get("PYNOMALY_CLI", ROOT / ".build/release/pynomaly-cli"))
PROGRAMS = pathlib.Path(__file__).parent / "programs"


def interpreters():
    """One of each version from 3.8 to 3.15: pyenv's, the system's, and those that PYNOMALY_PYTHONS names: paths
    of programs, with ":" between them (or of scripts that exec one, as in another root). Free-threaded ones are
    versions of their own ("3.14t")."""
    found = {}
    places = sorted(pathlib.Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python3"))
    places += [pathlib.Path(f"/usr/bin/python3.{minor}") for minor in range(8, 16)]
    places.append(pathlib.Path(sys.base_exec_prefix) / "bin/python3")
    places += map(pathlib.Path, filter(None, os.environ.get("PYNOMALY_PYTHONS", "").split(":")))
    for place in places:
        if not place.exists():
            continue
        answer = subprocess.run(
            [place, "-c", "import sys; print(*sys.version_info[:2], getattr(sys, 'abiflags', ''))"],
            capture_output=True,
            text=True,
        )
        words = answer.stdout.split()
        if answer.returncode == 0 and words[0] == "3" and 8 <= int(words[1]) <= 15:
            key = f"3.{words[1]}" + ("t" if "t" in words[2:] else "")
            key += "-system" if str(place).startswith("/usr/bin") else ""
            found.setdefault(key, str(place))
    return found


INTERPRETERS = interpreters()


class Result:
    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout.decode()
        self.err = process.stderr.decode()


def run_cli(*arguments, timeout=60, **options):
    process = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, timeout=timeout, **options)
    result = Result(process)
    # A trap ends in a signal; that is never right.
    assert result.code >= 0, f"died of signal {-result.code}\n{result.err}"
    return result


@pytest.fixture
def cli():
    return run_cli


@pytest.fixture
def start():
    """Start a program that writes a line when it is ready; it ends with the test."""
    running = []

    def start(*command, **options):
        process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, **options
        )
        running.append(process)
        assert process.stdout.readline(), f"{command} did not start"
        return process

    yield start
    for process in running:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """Compile one of programs/ (or a given text) and give the path of what comes out."""
    folder = tmp_path_factory.mktemp("programs")

    def build(source, *flags, name=None):
        source = PROGRAMS / source
        output = folder / (name or source.stem)
        compiler = "g++" if source.suffix == ".cpp" else "gcc"
        subprocess.run([compiler, "-O1", "-pthread", "-o", output, source, *flags], check=True)
        return output

    return build


@pytest.fixture(params=sorted(INTERPRETERS), ids=str)
def python(request):
    return INTERPRETERS[request.param]


def state(pid):
    """The letter of the process's state, as ps shows it."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2]


def comes_to(pid, letter):
    """Whether the process gets to that state: one let go is on its way for a moment."""
    deadline = time.time() + 10
    while state(pid) != letter and time.time() < deadline:
        time.sleep(0.005)
    return state(pid) == letter


def own_name(pid):
    """What the process was started as: in another root, or through a script, that is another path."""
    return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]


def user_time(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return int(text[text.rindex(")") + 2 :].split()[11])


needs_gdb = pytest.mark.skipif(not shutil.which("gdb"), reason="gdb is not here")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
