"""`pynomaly record`, on real processes."""

import json
import os
import re
import signal
import subprocess
import threading
import time
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import BINARY, INTERPRETERS, PROGRAMS, comes_to, needs_root, state, user_time

PYTHON = INTERPRETERS[sorted(INTERPRETERS)[-1]]
SAID = re.compile(
    r"pynomaly: (\d+) of (\d+) samples taken at ([\d.]+) a second in ([\d.]+) s, (\d+) stacks; late (\d+)"
)


def record(cli, *arguments, timeout=60):
    """The stacks, outermost frame first, with their counts; and what it said."""
    result = cli("record", "--format", "raw", "-o", "-", *arguments, timeout=timeout)
    assert result.code == 0, result.err
    stacks = []
    for line in result.out.splitlines():
        if line == "ready":  # of a program that we started through it
            continue
        stack, count = line.rsplit(" ", 1)
        stacks.append((stack.split(";"), int(count)))
    said = SAID.search(result.err)
    assert said, result.err
    taken, due = int(said[1]), int(said[2])
    lost = sum(int(n) for n in re.findall(r"(?:skipped|dropped|failed) (\d+)", result.err))
    assert taken + lost == due, result.err  # nothing is lost unsaid
    assert sum(count for _, count in stacks) == int(said[5])
    return stacks, result.err


def functions(stack):
    return [frame.split(" (")[0].rsplit(".", 1)[-1] for frame in stack]


def chains(stacks, first):
    """The stacks without what is around the known functions."""
    for stack, count in stacks:
        names = [name for name in functions(stack) if re.fullmatch(r"main|[ab][123]", name)]
        yield names[names.index(first) :] if first in names else names, count


WHOLE = [["main"] + [letter + str(n) for n in range(1, depth + 1)] for letter in "ab" for depth in range(4)]


@pytest.mark.parametrize("options", [[], ["--native"], ["--nonblocking"]], ids=["python", "native", "nonblocking"])
def test_no_stack_that_did_not_exist(cli, start, python, options):
    target = start(python, PROGRAMS / "flip.py")
    stacks, said = record(cli, "--pid", target.pid, "--rate", 3000, "--duration", 1, *options)
    assert sum(count for _, count in stacks) > 300, said
    wrong = [(chain, count) for chain, count in chains(stacks, "main") if chain not in WHOLE]
    assert not wrong
    assert {"a3", "b3"} <= {name for stack, _ in stacks for name in functions(stack)}


@pytest.mark.parametrize("options", [[], ["--nonblocking"]], ids=["python", "nonblocking"])
def test_no_stack_that_did_not_exist_while_the_target_moves(cli, start, python, options):
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        pytest.skip("there is one processor only")
    target = start(python, PROGRAMS / "flip.py")
    done = threading.Event()

    def move():
        while not done.is_set():
            for processor in processors[:2]:
                os.sched_setaffinity(target.pid, {processor})
                time.sleep(0.0002)

    mover = threading.Thread(target=move)
    mover.start()
    try:
        stacks, said = record(cli, "--pid", target.pid, "--rate", 5000, "--duration", 2, *options)
    finally:
        done.set()
        mover.join()
    assert sum(count for _, count in stacks) > 300, said
    wrong = [(chain, count) for chain, count in chains(stacks, "main") if chain not in WHOLE]
    assert not wrong


def test_no_native_stack_that_did_not_exist(cli, start, build):
    target = start(build("flip.c"))
    stacks, said = record(cli, "--pid", target.pid, "--rate", 3000, "--duration", 2, "--native")
    assert sum(count for _, count in stacks) > 300, said
    wrong = [(chain, count) for chain, count in chains(stacks, "main") if chain not in WHOLE]
    assert not wrong


@pytest.mark.parametrize("options", [[], ["--native"]], ids=["python", "native"])
def test_shares_are_the_known_ones(cli, options):
    stacks, said = record(cli, "--rate", 500, *options, "--", PYTHON, PROGRAMS / "shares.py", 3)
    assert "ended because the process has ended" in said
    count = {"one": 0, "three": 0}
    for stack, number in stacks:
        for name in count:
            count[name] += number if name in functions(stack) else 0
    total = sum(count.values())
    assert total > 300
    # One standard deviation of so many samples is 0.75 to 1.5 points; this is no test of luck.
    assert abs(count["three"] / total - 0.75) < 0.08, count


def test_recursion_is_whole(cli, start):
    target = start(PYTHON, PROGRAMS / "deep.py", 5000)
    stacks, _ = record(cli, "--pid", target.pid, "--idle", "--rate", 20, "--duration", 0.5)
    assert max(len(stack) for stack, _ in stacks) >= 5000


@pytest.mark.parametrize("options", [[], ["--native", "--idle"]], ids=["python", "native"])
def test_target_runs_on_when_the_sampler_is_killed(start, options):
    target = start(PYTHON, PROGRAMS / "flip.py")
    for wait in (0.2, 0.31, 0.42):
        sampler = subprocess.Popen(
            [BINARY, "record", "--pid", str(target.pid), "--rate", "5000", "-o", os.devnull, *options],
            stderr=subprocess.DEVNULL,
        )
        time.sleep(wait)
        sampler.kill()
        sampler.wait()
        assert comes_to(target.pid, "R")
        before = user_time(target.pid)
        deadline = time.time() + 20
        while user_time(target.pid) < before + 3 and time.time() < deadline:
            time.sleep(0.02)
        assert user_time(target.pid) >= before + 3
    assert "TracerPid:\t0" in open(f"/proc/{target.pid}/status").read()


def test_a_stopped_target_stays_stopped(cli, start):
    target = start(PYTHON, PROGRAMS / "flip.py")
    target.send_signal(signal.SIGSTOP)
    assert comes_to(target.pid, "T")
    for options in ([], ["--native"]):
        record(cli, "--pid", target.pid, "--idle", "--rate", 100, "--duration", 0.3, *options)
        assert state(target.pid) == "T"
    target.send_signal(signal.SIGCONT)
    assert comes_to(target.pid, "R")


def test_signals_of_the_target_arrive(cli, start):
    program = (
        "import signal, sys\n"
        "n = [0]\n"
        "def on(*_): n[0] += 1\n"
        "signal.signal(signal.SIGUSR1, on)\n"
        "print('ready', flush=True)\n"
        "while n[0] < 200: pass\n"
        "print('all', flush=True)\n"
    )
    target = start(PYTHON, "-c", program)
    sampler = subprocess.Popen(
        [BINARY, "record", "--pid", str(target.pid), "--native", "--rate", "2000", "-o", os.devnull, "-q"]
    )
    for _ in range(4000):
        if target.poll() is not None:
            break
        target.send_signal(signal.SIGUSR1)
        time.sleep(0.002)
    assert target.stdout.readline() == "all\n"
    target.wait()
    assert sampler.wait(timeout=20) == 0


def test_which_threads(cli, start):
    target = start(PYTHON, PROGRAMS / "threads.py")
    where = ["--pid", target.pid, "--rate", 200, "--duration", 0.5]
    names = lambda stacks: {name for stack, _ in stacks for name in functions(stack)}
    busy, _ = record(cli, *where)
    assert "compute" in names(busy) and "wait" not in names(busy)
    idle, _ = record(cli, *where, "--idle", "--threads")
    assert {"compute", "wait"} <= names(idle)
    assert all(stack[0].startswith("thread ") for stack, _ in idle)
    gil, _ = record(cli, *where, "--idle", "--gil")
    assert "compute" in names(gil) and "wait" not in names(gil)


def test_lines(cli, start):
    target = start(PYTHON, PROGRAMS / "flip.py")
    where = ["--pid", target.pid, "--rate", 500, "--duration", 0.5]

    def labels(*options):
        stacks, _ = record(cli, *where, *options)
        return {frame for stack, _ in stacks for frame in stack if frame.startswith("main")}

    assert labels() <= {"main (flip.py:31)", "main (flip.py:32)", "main (flip.py:30)"}
    assert labels("--function") == {"main (flip.py:28)"}
    assert labels("--nolineno") == {"main (flip.py)"}


def test_children(cli, start):
    target = start(PYTHON, PROGRAMS / "threads.py", "child")
    time.sleep(0.5)
    child = int(open(f"/proc/{target.pid}/task/{target.pid}/children").read().split()[0])
    try:
        stacks, _ = record(cli, "--pid", target.pid, "--subprocesses", "--rate", 200, "--duration", 1)
        heads = {stack[0].split(":")[0] for stack, _ in stacks}
        assert heads == {f"process {target.pid}", f"process {child}"}
        assert any("in_child" in functions(stack) for stack, _ in stacks)
    finally:
        os.kill(child, signal.SIGKILL)


def test_exec_while_sampling(cli, start, build):
    program = (
        "import os, sys, time\n"
        "print('ready', flush=True)\n"
        "end = time.time() + 0.7\n"
        "while time.time() < end: pass\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    flip = build("flip.c")
    target = start(PYTHON, "-c", program, flip)
    stacks, _ = record(cli, "--pid", target.pid, "--native", "--rate", 500, "--duration", 2.5)
    names = {name for stack, _ in stacks for name in functions(stack)}
    assert "<module>" in names and {"a3", "b3"} & names
    for stack, _ in stacks:  # nothing of the one program in the stacks of the other
        assert not ("<module>" in functions(stack) and {"a1", "b1"} & set(functions(stack)))


def test_ctrl_c_writes_what_there_is(start, tmp_path):
    target = start(PYTHON, PROGRAMS / "flip.py")
    output = tmp_path / "flame.svg"
    sampler = subprocess.Popen(
        [BINARY, "record", "--pid", str(target.pid), "-o", str(output)], stderr=subprocess.PIPE, text=True
    )
    time.sleep(1)
    sampler.send_signal(signal.SIGINT)
    said = sampler.communicate(timeout=20)[1]
    assert sampler.returncode == 0 and "ended because it was stopped" in said
    ElementTree.parse(output)


def test_two_samplers_on_one_target(start):
    target = start(PYTHON, PROGRAMS / "flip.py")
    command = [BINARY, "record", "--pid", str(target.pid), "--native", "--rate", "500", "--duration", "1"]
    both = [
        subprocess.Popen([*command, "-o", os.devnull], stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for sampler in both:
        said = sampler.communicate(timeout=30)[1]
        assert sampler.returncode == 0, said
        assert int(SAID.search(said)[1]) > 50, said
    assert comes_to(target.pid, "R")


def test_errors(cli, start, tmp_path):
    result = cli("record", "--pid", 2**22 + 5, "-o", os.devnull)
    assert result.code != 0 and "there is no process" in result.err
    result = cli("record", "-o", os.devnull, "--", tmp_path / "nothing")
    assert result.code != 0 and "cannot run" in result.err
    sleeper = start("sh", "-c", "echo ready; sleep 100; true")
    result = cli("record", "--pid", sleeper.pid, "-o", os.devnull)
    assert result.code != 0 and "runs no Python interpreter; ask for native" in result.err
    target = start(PYTHON, PROGRAMS / "flip.py")
    for option, value in (("--rate", 0), ("--rate", "nan"), ("--rate", 20000), ("--duration", -1)):
        result = cli("record", "--pid", target.pid, option, value)
        assert result.code != 0 and option in result.err
    result = cli("record", "--pid", target.pid, "--native", "--nonblocking")
    assert result.code != 0 and "does not go with --nonblocking" in result.err
    result = cli("record", "--pid", target.pid, "--duration", 0.2, "-o", "/dev/full")
    assert result.code != 0 and "No space left" in result.err
    result = cli("record", "--pid", target.pid, "--duration", 0.2, "-o", tmp_path / "no/such/folder.svg")
    assert result.code != 0 and "No such file" in result.err
    assert comes_to(target.pid, "R")


@needs_root
def test_not_permitted(start, tmp_path):
    target = start(PYTHON, PROGRAMS / "flip.py")
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    result = subprocess.run(
        [*as_nobody, BINARY, "record", "--pid", str(target.pid), "-o", os.devnull],
        capture_output=True,
        text=True,
    )
    if "xecution of" in result.stderr or "cannot execute" in result.stderr or "Permission denied" in result.stderr:
        pytest.skip("user 65534 cannot reach the tool's folder")
    assert result.returncode != 0 and "belongs to user 0" in result.stderr


def test_chrome_trace(cli, start, tmp_path):
    target = start(PYTHON, PROGRAMS / "flip.py")
    output = tmp_path / "a.json"
    result = cli("record", "--pid", target.pid, "--rate", 200, "--duration", 1, "-f", "chrometrace", "-o", output)
    assert result.code == 0, result.err
    events = json.loads(output.read_text())["traceEvents"]
    assert {event["ph"] for event in events} == {"X"} and {"main", "a3", "b3"} <= {event["name"] for event in events}
    (root,) = [event for event in events if event["name"] == "<module>"]
    assert root["args"]["samples"] == int(SAID.search(result.err)[5])
    assert all(event["dur"] == event["args"]["samples"] * 5000 for event in events)
    # They nest: sorted as the viewer does it, each lies inside the one it opens in, or behind it.
    opened = []
    for event in sorted(events, key=lambda event: (event["ts"], -event["dur"])):
        while opened and opened[-1] <= event["ts"]:
            opened.pop()
        assert not opened or event["ts"] + event["dur"] <= opened[-1]
        opened.append(event["ts"] + event["dur"])


def test_flame_graph(cli, start, tmp_path):
    target = start(PYTHON, "-c", open(PROGRAMS / "flip.py").read(), "]]>", "<&\x01'\"")
    output = tmp_path / "flame.svg"
    assert cli("record", "--pid", target.pid, "--native", "--duration", 1, "-o", output).code == 0
    root = ElementTree.parse(output).getroot()
    titles = [element.text for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert any(re.fullmatch(r"all: \d+ samples, 100 %", title) for title in titles)
    assert any(re.fullmatch(r"main \(<string>:\d+\): \d+ samples, [\d.]+ %", title) for title in titles)
    assert not any("href" in key for element in root.iter() for key in element.attrib)
