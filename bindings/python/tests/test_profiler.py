"""The profiler from Python: this process, and others."""

import json
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import pynomaly
import pytest

FLIP = "print('ready', flush=True)\ndef known_function():\n  while True: pass\nknown_function()"


def busy_function(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(100))


@pytest.fixture
def target():
    process = subprocess.Popen([sys.executable, "-c", FLIP], stdout=subprocess.PIPE)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("native", [False, True])
def test_this_process(native, tmp_path):
    with pynomaly.Profiler(rate=200, native=native) as profiler:
        busy_function(0.5)
    raw = profiler.content("raw").decode()
    assert "busy_function (test_profiler.py:" in raw
    statistics = profiler.statistics
    lost = statistics.skipped + statistics.torn + statistics.failed
    assert statistics.taken > 10 and statistics.taken + lost == statistics.due
    assert sum(int(line.rsplit(" ", 1)[1]) for line in raw.splitlines()) == statistics.stacks
    for name in ("a.svg", "a.json", "a.txt", "a.pb"):
        profiler.save(tmp_path / name)
    ElementTree.parse(tmp_path / "a.svg")
    assert json.loads((tmp_path / "a.json").read_text())["profiles"][0]["type"] == "sampled"
    assert (tmp_path / "a.txt").read_text() == raw
    assert "samples taken at 200 a second" in profiler.summary
    shown = profiler.flamegraph()._repr_html_()
    assert shown.startswith("<iframe ") and "busy_function" in shown


def test_another_process(target):
    profiler = pynomaly.Profiler(target.pid, rate=200, duration=0.5).start()
    with pytest.raises(pynomaly.ArgumentError, match="stop it first"):
        profiler.content("raw")
    while profiler.wait(1):
        pass
    assert "known_function" in profiler.content("raw").decode()
    assert profiler.summary.endswith("the time is over")


def test_errors(target, tmp_path):
    with pytest.raises(pynomaly.NoProcessError, match="there is no process") as caught:
        pynomaly.Profiler(2**22 + 5).start()
    assert caught.value.status == "PYN_ERROR_NO_PROCESS" and isinstance(caught.value, ProcessLookupError)
    for wrong in ({"rate": 0}, {"rate": float("nan")}, {"duration": -1}):
        with pytest.raises(pynomaly.ArgumentError, match=next(iter(wrong))):
            pynomaly.Profiler(target.pid, **wrong).start()
        with pytest.raises(pynomaly.ArgumentError, match=next(iter(wrong))):
            pynomaly.Profiler(**wrong).start()
    with pytest.raises(pynomaly.ArgumentError, match="not been started"):
        pynomaly.Profiler().stop()
    with pynomaly.Profiler(target.pid) as profiler:
        with pytest.raises(pynomaly.ArgumentError, match="before"):
            profiler.start()
    with pytest.raises(pynomaly.ArgumentError, match="give the format"):
        profiler.save(tmp_path / "a.what")
    with pytest.raises(pynomaly.ArgumentError, match="allowed are"):
        profiler.content("gif")
    with pytest.raises(FileNotFoundError):
        profiler.save(tmp_path / "no/folder.svg")


def test_module(tmp_path):
    output = tmp_path / "a.txt"
    program = "def known_function():\n  for _ in range(20_000_000): pass\nknown_function()"
    command = [sys.executable, "-m", "pynomaly", "record", "-f", "raw", "-o", str(output)]
    result = subprocess.run([*command, "--", sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "known_function" in output.read_text() and "samples taken" in result.stderr
    result = subprocess.run([*command, "--pid", str(2**22 + 5)], capture_output=True, text=True)
    assert result.returncode == 1 and "there is no process" in result.stderr
    assert subprocess.run(command, capture_output=True).returncode == 2
