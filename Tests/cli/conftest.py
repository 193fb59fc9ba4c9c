"""The built binary as a fixture. PYNOMALY_CLI says which; by default the release build."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(os.environ.get("PYNOMALY_CLI", ROOT / ".build/release/pynomaly-cli"))


class Result:
    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout.decode()
        self.err = process.stderr.decode()


@pytest.fixture
def cli(tmp_path):
    """Runs the program in a folder of the test's own; files are named without a path there."""

    def run(*arguments, stdin=b"", env=None, timeout=120):
        process = subprocess.run(
            [BINARY, *map(str, arguments)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=tmp_path,
            timeout=timeout,
            env={**os.environ, **(env or {})},
        )
        result = Result(process)
        # A trap ends in a signal; that is never right.
        assert result.code >= 0, f"died of signal {-result.code}\n{result.err}"
        return result

    run.folder = tmp_path
    run.binary = BINARY
    return run


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        return name

    return write
