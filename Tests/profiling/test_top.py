"""`pynomaly top`, in a real terminal and without one."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from conftest import BINARY, INTERPRETERS, PROGRAMS, comes_to, needs_root, own_name
from terminal import Terminal

PYTHON = INTERPRETERS[sorted(INTERPRETERS)[-1]]
ROW = re.compile(r" *([\d.]+)% +([\d.]+)% +([\d.]+)s +([\d.]+)s  (.+)")


def rows(lines):
    """(%own, %total, own time, total time, label) of each row of a table."""
    found = [ROW.fullmatch(line) for line in lines]
    return [(*map(float, row.groups()[:4]), row[5]) for row in found if row]


def samples(lines):
    """How many it says were taken."""
    for line in lines:
        found = re.match(r"([\d,]+) samples at", line)
        if found:
            return int(found[1].replace(",", ""))
    return 0


@pytest.fixture
def terminal():
    made = []

    def make(*arguments, **options):
        made.append(Terminal(BINARY, "top", *arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def flip(start):
    return start(PYTHON, PROGRAMS / "flip.py")


def test_a_live_table(terminal, start, python):
    target = start(python, PROGRAMS / "threads.py")
    top = terminal("--pid", target.pid, "--delay", 0.3)
    top.until(lambda t: samples(t.lines) > 60)
    assert top.lines[0].startswith(f"pynomaly top: process {target.pid}: {own_name(target.pid)} ")
    head = re.fullmatch(
        r"[\d,]+ samples at 100 a second in [\d.]+ s; GIL ([\d.]+)%, active ([\d.]+)%, threads 2", top.lines[1]
    )
    assert 80 < float(head[1]) < 110 and 90 < float(head[2]) < 110
    assert top.lines[3].rstrip() == "  %Own %Total  OwnTime  TotalTime  Function (file:line)"
    assert re.fullmatch(r"late \d+, lost \d+.* q quit, \? help", top.lines[-1])
    assert len(top.lines) == top.height and all(len(line) <= top.width for line in top.lines)
    table = rows(top.lines)
    compute = [row for row in table if row[4].startswith("compute (threads.py:")]
    assert sum(row[0] for row in compute) > 80
    # One thread computes: each sample ends in one frame, and goes through the module's.
    assert 90 < sum(row[0] for row in table) < 110
    module = [row for row in table if row[4].startswith("<module> (threads.py:")]
    assert module and module[0][0] < 10 and 90 < module[0][1] < 110
    assert not any(row[4].startswith("wait ") for row in table)


def test_shares_are_the_known_ones(terminal):
    top = terminal("--function", "--rate", 500, "--", PYTHON, PROGRAMS / "shares.py", 3)
    assert top.end(40) == 0
    table = {row[4].split(" ")[0]: row for row in rows(top.normal) if "(shares.py)" in row[4]}
    for column in (1, 3):
        one, three = table["one"][column], table["three"][column]
        assert abs(three / (one + three) - 0.75) < 0.08
    assert table["inner"][0] > 80 and table["<module>"][0] < 10 and table["<module>"][1] > 90
    # Seconds on the processor; we may have had to wait for it.
    assert 2.5 < table["inner"][2] <= table["<module>"][3] < 15


def test_keys_sort(terminal, flip):
    top = terminal("--pid", flip.pid, "--delay", 0.3, "--rate", 500)
    top.until(lambda t: samples(t.lines) > 200)
    heads = ["%Own", "%Total", "OwnTime", "TotalTime"]
    for key in "2341":
        column = int(key) - 1
        top.raw = ""
        top.press(key)
        # The head of the column that sorts stands out.
        top.until(lambda t: re.search(rf"\x1b\[1;4m *{heads[column]}\x1b\[22;24m[^\x1b]*.*\x1b\[J", t.raw, re.S))
        values = [row[column] for row in rows(top.lines)]
        assert len(values) > 5 and values == sorted(values, reverse=True)


def test_by_line_and_by_function(terminal, flip):
    top = terminal("--pid", flip.pid, "--delay", 0.3, "--rate", 500)
    top.until(lambda t: samples(t.lines) > 200)
    lines = [row for row in rows(top.lines) if row[4].startswith("main (")]
    assert {row[4] for row in lines} <= {f"main (flip.py:{line})" for line in (30, 31, 32)} and len(lines) > 1
    top.press("l")
    top.until(lambda t: "Function (file) " in t.lines[3] + " ")
    (main,) = [row for row in rows(top.lines) if row[4].startswith("main (")]
    assert main[4] == "main (flip.py)" and main[1] > 90
    top.press("L")
    top.until(lambda t: "(file:line)" in t.lines[3])


def test_a_frame_that_calls_itself_counts_once(cli, start):
    program = "def f(n):\n    if n: return f(n - 1)\n    print('ready', flush=True)\n    while True: pass\nf(30)\n"
    target = start(PYTHON, "-c", program)
    result = cli("top", "--once", "--function", "--delay", 0.5, "--pid", target.pid)
    table = {row[4]: row for row in rows(result.out.splitlines())}
    own, total = table["f (<string>)"][:2]
    assert own == total and 90 < own <= 100


def test_help_and_beginning_anew(terminal, flip):
    top = terminal("--pid", flip.pid, "--delay", 0.2)
    top.until(lambda t: samples(t.lines) > 60)
    top.press("?")
    top.until(lambda t: any("sort by %Own" in line for line in t.lines))
    assert len(top.lines) == top.height
    top.press("x")
    top.until(lambda t: not any("sort by %Own" in line for line in t.lines))
    before = samples(top.lines)
    top.press("r")
    now = top.until(lambda t: samples(t.lines) < before and samples(t.lines))
    assert now < before and rows(top.lines)


def test_resizing(terminal, flip):
    top = terminal("--pid", flip.pid, "--delay", 0.3, "--rate", 500, width=120, height=20)
    top.until(lambda t: samples(t.lines) > 200)
    assert len(top.lines) == 20
    for width, height in ((40, 8), (20, 3), (5, 1), (200, 50), (100, 30)):
        top.resize(width, height)
        top.until(lambda t: len(t.lines) == height and max(map(len, t.lines)) <= width)
        assert all(len(line) <= width for line in top.lines)
    top.until(lambda t: any("main (flip.py:" in line for line in t.lines))


@pytest.mark.parametrize("way", ["q", "Ctrl-C", "SIGTERM", "SIGHUP", "SIGQUIT", "target", "duration"])
def test_the_terminal_is_as_before(terminal, flip, way):
    options = ["--duration", 1] if way == "duration" else []
    top = terminal("--pid", flip.pid, "--delay", 0.2, *options)
    top.until(lambda t: samples(t.lines) > 20)
    assert top.modes == {1049: True, 25: False, 7: False} and not top.is_restored
    if way == "q":
        top.press("q")
    elif way == "Ctrl-C":
        top.press("\x03")
    elif way.startswith("SIG"):
        top.process.send_signal(signal.Signals[way])
    elif way == "target":
        flip.kill()
    assert top.end() == 0
    assert top.is_restored
    # What it showed stays, on the screen that was there before.
    assert any("main (flip.py:" in row[4] for row in rows(top.normal))
    assert top.normal[0].startswith(f"process {flip.pid}: ")
    why = {"target": "the process has ended", "duration": "the time is over"}.get(way, "it was stopped")
    assert top.errors == f"pynomaly: ended because {why}\n"
    if way != "target":
        assert comes_to(flip.pid, "R")


@pytest.mark.parametrize("key", ["\x1a", "\x1c"], ids=["Ctrl-Z", "Ctrl-Backslash"])
def test_keys_that_would_leave_the_target_or_the_terminal_standing(terminal, flip, key):
    top = terminal("--pid", flip.pid, "--native", "--delay", 0.2)
    top.until(lambda t: samples(t.lines) > 20)
    top.press(key)
    before = samples(top.lines)
    top.until(lambda t: samples(t.lines) > before + 40)
    top.press("q")
    assert top.end() == 0 and top.is_restored


def test_a_terminal_that_hangs_up_ends_it(flip):
    """Also where the signal for that is ignored: else it would read its end again and again."""
    command = f'trap "" HUP; exec "{BINARY}" top --delay 0.2 --pid {flip.pid}'
    top = Terminal("sh", "-c", command)
    try:
        top.until(lambda t: samples(t.lines) > 20)
        os.close(top.master)
        top.master = os.open(os.devnull, os.O_RDONLY)
        top.process.wait(20)
        assert comes_to(flip.pid, "R")
    finally:
        top.close()


def test_the_terminal_goes_away(terminal, flip):
    top = terminal("--pid", flip.pid, "--delay", 0.2)
    top.until(lambda t: samples(t.lines) > 20)
    os.close(top.slave)
    os.close(top.master)
    top.process.wait(timeout=20)
    top.master, top.slave = os.openpty()
    assert comes_to(flip.pid, "R")


def test_a_command_does_not_write_into_the_table(terminal, tmp_path):
    program = tmp_path / "loud.py"
    program.write_text(
        "import sys, time\nend = time.time() + 1.5\n"
        "while time.time() < end: print('LOUD'); print('ERRORS' * 1000, file=sys.stderr)\n"
        "assert sys.stdin.read() == ''\nraise RuntimeError('the end')\n"
    )
    top = terminal("--delay", 0.2, "--", PYTHON, program)
    assert top.end() == 0 and top.is_restored
    assert "LOUD" not in top.raw and "ERRORS" not in top.raw
    assert "standard error ended with" in top.errors and "RuntimeError: the end" in top.errors
    assert len(top.errors) < 5000
    assert rows(top.normal)


def test_quitting_ends_the_command(terminal, tmp_path):
    top = terminal("--delay", 0.2, "--", PYTHON, PROGRAMS / "flip.py")
    top.until(lambda t: samples(t.lines) > 20)
    pid = int(re.search(r"process (\d+)", top.lines[0])[1])
    top.press("q")
    assert top.end() == 0 and top.is_restored
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_without_a_terminal(cli, flip):
    result = cli("top", "--pid", flip.pid, "--duration", 1, "--rate", 200)
    assert result.code == 0 and "\x1b" not in result.out
    lines = result.out.splitlines()
    assert lines[0].startswith(f"process {flip.pid}: ") and lines[3].startswith("  %Own %Total")
    table = rows(lines)
    assert len(table) == len(lines) - 4
    assert 98 < sum(row[0] for row in table) <= 101
    times = [row[2] for row in table]
    assert times == sorted(times, reverse=True) and 0.8 < sum(times) < 1.2
    assert result.err == "pynomaly: ended because the time is over\n"


def test_once(cli, terminal, flip):
    begin = time.time()
    result = cli("top", "--once", "--delay", 0.3, "--pid", flip.pid)
    assert result.code == 0 and 10 < samples(result.out.splitlines()) <= 31 and time.time() - begin < 10
    top = terminal("--once", "--pid", flip.pid)
    assert top.end() == 0 and top.modes == {} and rows(top.normal)


def test_a_terminal_that_cannot_be_drawn_on(terminal, flip):
    top = terminal("--pid", flip.pid, "--duration", 0.5, env={**os.environ, "TERM": "dumb"})
    assert top.end() == 0 and "\x1b" not in top.raw and rows(top.normal)


def test_in_the_background(flip):
    command = f"set -m; {BINARY} top --native --duration 0.5 --pid {flip.pid} & wait $!; exit $?"
    shell = Terminal("bash", "-c", command)
    try:
        assert shell.end() == 0 and shell.is_restored
        assert "\x1b" not in shell.raw and rows(shell.normal) and comes_to(flip.pid, "R")
    finally:
        shell.close()


def test_native_frames_and_children(cli, start):
    target = start(PYTHON, PROGRAMS / "threads.py", "child")
    time.sleep(0.5)
    child = int(open(f"/proc/{target.pid}/task/{target.pid}/children").read().split()[0])
    try:
        result = cli("top", "--duration", 1, "--native", "--subprocesses", "--function", "--pid", target.pid)
        labels = [row[4] for row in rows(result.out.splitlines())]
        assert any("in_child (<string>)" == label for label in labels)
        assert any("compute (threads.py)" == label for label in labels)
        assert any(label.startswith(("builtin_sum", "long_add", "_PyLong", "range")) for label in labels), labels
        assert {f"process {child}", f"process {target.pid}"} <= {label.split(":")[0] for label in labels}
    finally:
        os.kill(child, signal.SIGKILL)


def test_nothing_in_a_name_steers_the_terminal(terminal, start):
    target = start(PYTHON, "-c", open(PROGRAMS / "flip.py").read(), "\x1b[31m\x9b")
    top = terminal("--pid", target.pid, "--delay", 0.2)
    top.until(lambda t: samples(t.lines) > 20)
    assert "\x1b[31m" not in top.raw and "\x9b" not in top.raw
    top.press("q")
    assert top.end() == 0


def test_errors_leave_the_terminal_alone(cli, terminal, start):
    top = terminal("--pid", 2**22 + 5)
    assert top.end() == 1 and top.raw == "" and "there is no process" in top.errors
    sleeper = start("sh", "-c", "echo ready; sleep 100; true")
    top = terminal("--pid", sleeper.pid)
    assert top.end() == 1 and top.raw == "" and "runs no Python interpreter" in top.errors
    for options, word in (
        ([], "--pid"),
        (["--pid", sleeper.pid, "--", "true"], "one of the two"),
        (["--pid", sleeper.pid, "--delay", 0], "--delay must be"),
        (["--pid", sleeper.pid, "--rate", "nan"], "--rate must be"),
        (["--pid", sleeper.pid, "--native", "--nonblocking"], "does not go with"),
    ):
        result = cli("top", *options)
        assert result.code == 2 and word in result.err
    result = cli("top", "--", "/no/such/program")
    assert result.code == 1 and "cannot run" in result.err
