"""The program around the work: help, version, signals, pipes, the manual."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from tables import planted_csv

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = ["detect", "fit", "score", "detectors", "describe", "select", "tune", "plugin"] + [
    f"plugin {command}" for command in ("list", "info", "check", "new", "install", "remove")
]


def test_version(cli):
    result = cli("--version")
    assert result.code == 0
    assert re.fullmatch(r"pynomaly \d+\.\d+\.\d+ \(ABI \d+, kernels [\w-]+\)\n", result.out)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(cli, command):
    result = cli(*command.split(), "--help")
    assert result.code == 0 and result.err == "" and "USAGE: pynomaly" in result.out


def test_help_says_exit_codes(cli):
    out = cli("--help").out
    assert "EXIT CODES" in out and "--fail-on-anomaly" in out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions(cli, shell):
    result = cli("--generate-completion-script", shell)
    assert result.code == 0 and "detect" in result.out


def test_manual_has_every_option(cli):
    manual = (ROOT / "Sources/PynomalyCLI/Manual/pynomaly.1").read_text().replace("\\-", "-")
    for command in COMMANDS:
        assert f".SS {command}" in manual or f"pynomaly {command}" in manual
        for option in re.findall(r"--[a-z][a-z-]+", cli(*command.split(), "--help").out):
            if option not in ("--version", "--help"):
                assert option in manual, f"{command} {option}"


def test_detectors(cli):
    assert "IsolationForest" in cli("detectors").out
    names = [detector["name"] for detector in json.loads(cli("detectors", "--json").out)]
    assert "IsolationForest" in names and names == sorted(names)
    one = json.loads(cli("detectors", "IsolationForest", "--json").out)
    options = {option["name"]: option for option in one["options"]}
    assert options["n_estimators"]["default"] == 100 and "int" in options["n_estimators"]["types"]
    words = cli("detectors", "IsolationForest").out
    for option in options.values():
        assert option["name"] in words and option["description"].split()[0] in words


def heed_signals():
    """Whoever runs the tests in the background may have SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("sent, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("threads", [1, 2])
def test_signals_leave_nothing(cli, write, sent, code, threads):
    text, _, _ = planted_csv(rows=50_000, columns=8)
    header, body = text.split("\n", 1)
    with open(cli.folder / "t.csv", "w") as file:
        file.write(header + "\n")
        for _ in range(8):
            file.write(body)
    process = subprocess.Popen(
        [cli.binary, "detect", "t.csv", "-o", "s.csv", "--set", "n_estimators=3000",
         "--report", "r.html", "--save-model", "m", "--threads", str(threads)],
        cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_signals,
    )
    deadline = time.monotonic() + 60
    while len(os.listdir(cli.folder)) < 3 and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    time.sleep(0.2)
    begun = time.monotonic()
    process.send_signal(sent)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 5
    assert process.returncode == code
    assert out == b"" and err == b""
    assert os.listdir(cli.folder) == ["t.csv"]


def test_signal_while_waiting_for_input(cli):
    process = subprocess.Popen(
        [cli.binary, "detect", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, preexec_fn=heed_signals,
    )
    process.stdin.write(b"a,b\n1,2\n")
    process.stdin.flush()
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    assert process.stderr.read() == b""


def test_closed_pipe_is_quiet(cli, write):
    text, _, _ = planted_csv(rows=30_000, columns=2)
    write("t.csv", text)
    done = subprocess.run(
        f"'{cli.binary}' detect t.csv -o - -q | head -n 1; echo ${{PIPESTATUS[0]}}",
        shell=True, executable="/bin/bash", cwd=cli.folder, capture_output=True, text=True,
    )
    assert done.stdout == "row,score,label\n141\n" and done.stderr == ""


def test_no_progress_in_a_pipe(cli, write):
    text, _, _ = planted_csv(rows=20_000)
    write("t.csv", text)
    assert cli("detect", "t.csv", "--set", "n_estimators=500").err == ""


def test_progress_on_a_terminal(cli, write):
    import pty

    text, _, _ = planted_csv(rows=120_000)
    write("t.csv", text)
    try:
        leader, follower = pty.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminal to be had here: {error}")
    process = subprocess.Popen(
        [cli.binary, "detect", "t.csv", "--set", "n_estimators=4000", "--threads", "1"],
        cwd=cli.folder, stdout=subprocess.DEVNULL, stderr=follower,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    assert process.wait() == 0
    assert b"scoring" in shown and shown.endswith(b"\r\x1b[K")
