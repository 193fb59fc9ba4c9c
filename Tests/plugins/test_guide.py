"""The commands of the authors' guide, one after another, as written (but for installing and uploading wheels)."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import ROOT

CLI = pathlib.Path(os.environ.get("PYNOMALY_CLI", ROOT / ".build/release/pynomaly-cli"))
GUIDE = ROOT / "Sources/Plugins/Plugins.docc/WritingPlugins.md"


def test_the_commands_run(tmp_path):
    if not CLI.is_file() or subprocess.run([CLI, "plugin", "new", "--help"], capture_output=True).returncode:
        pytest.skip("this build has no `pynomaly plugin new`")
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    commands = [block for block in blocks if "pip install" not in block]
    assert len(commands) >= 4
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/pynomaly").symlink_to(CLI)
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", "umask 022\n" + "".join(commands) + "ls dist/*.whl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "XDG_DATA_HOME": str(tmp_path / "share"),
            "PYNOMALY_PLUGIN_PATH": "",
            "PYTHON": sys.executable,
            "PIP_NO_BUILD_ISOLATION": "0",  # which means: no isolation
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 failed" in done.stdout
    assert "installed tail-distance 0.1.0 (TailDistance)" in done.stdout
    assert re.search(r"pynomaly_tail_distance-0\.1\.0-py3-none-\w+\.whl", done.stdout)
