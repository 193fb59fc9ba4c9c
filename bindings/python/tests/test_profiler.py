"""The profiler from Python: this process, and others."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pynomaly
import pytest

FLIP = "def known_function():\n  value = 17\n  print('ready', flush=True)\n  while True: pass\nknown_function()"


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
    assert shown.startswith("<iframe sandbox=") and "busy_function" in shown
    ElementTree.fromstring(profiler.flamegraph()._repr_svg_())
    stacks = profiler.stacks()
    assert sum(stacks.values()) == statistics.stacks
    assert any(name.startswith("busy_function (") for stack in stacks for name in stack)


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
    with pytest.raises(pynomaly.FileError, match="no/folder.svg") as caught:
        profiler.save(tmp_path / "no/folder.svg")
    assert isinstance(caught.value, OSError)
    for wrong in ({"slice": 1}, {"on_slice": print}, {"slice": 1, "on_slice": print, "slice_format": "gif"}):
        with pytest.raises(pynomaly.ArgumentError):
            pynomaly.Profiler(**wrong)
    with pytest.raises(pynomaly.ArgumentError, match="slice"):
        pynomaly.Profiler(slice=-1, on_slice=print).start()



def samples(profiler, *names):
    """The samples of the stacks in which frames of these functions are inside each other."""
    total = 0
    for stack, count in profiler.stacks().items():
        left = list(names)
        for frame in stack:
            if left and frame.split(" (")[0].rsplit(".", 1)[-1] == left[0]:
                left.pop(0)
        total += 0 if left else count
    return total


def test_no_sample_is_lost_in_stacks(tmp_path):
    """Of functions with equal names in files with equal names, and of a name with an odd end of a line in it."""
    parts = []
    for folder in ("a", "b"):
        file = tmp_path / folder / "same.py"
        found = {}
        exec(compile("def same(work, seconds): work(seconds)", file, "exec"), found)
        parts.append(found["same"])
    with pynomaly.Profiler(rate=1000, function=True) as profiler:
        for part in parts:
            part(busy_function, 0.1)
        with pynomaly.label("a\u2028b"):
            busy_function(0.1)
    assert sum(profiler.stacks().values()) == profiler.statistics.stacks > 100
    assert samples(profiler, "a\u2028b", "busy_function") > 15


def numpy_part(seconds):
    matrix = np.random.default_rng(0).normal(size=(150, 150))
    end = time.process_time() + seconds
    while time.process_time() < end:
        matrix @ matrix
        np.sort(matrix.ravel())


def test_numpy_is_seen():
    with pynomaly.Profiler(rate=500, native=True) as profiler:
        numpy_part(0.6)
    assert samples(profiler, "numpy_part") > 50
    native = [stack for stack in profiler.stacks() if any("numpy_part" in name for name in stack)]
    assert any("multiarray" in name or "blas" in name for stack in native for name in stack)
    # Python frames stand in the place of the calls of the interpreter's loop.
    assert not any("_PyEval_EvalFrameDefault" in name for stack in native for name in stack)


def test_threads_of_this_process():
    threads = [threading.Thread(target=busy_function, args=(0.4,), name=f"worker {n}") for n in range(2)]
    sleeper = threading.Thread(target=time.sleep, args=(1,))
    with pynomaly.Profiler(rate=500, idle=True, threads=True) as profiler:
        sleeper.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    sleeper.join()
    heads = {stack[0] for stack in profiler.stacks()}
    assert len(heads) >= 4 and all(head.startswith("thread ") for head in heads)
    assert samples(profiler, "busy_function") > 50
    assert samples(profiler, "wait_for", "busy_function") == 0
    with pynomaly.Profiler(rate=500, gil=True) as profiler:
        threads = [threading.Thread(target=busy_function, args=(0.2,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 0 < profiler.statistics.stacks <= profiler.statistics.taken + 5


def test_labels():
    @pynomaly.label("decorated")
    def decorated():
        busy_function(0.15)

    with pynomaly.Profiler(rate=1000) as profiler:
        with pynomaly.label("outer"):
            busy_function(0.15)
            with pynomaly.label("inner"):
                busy_function(0.15)
        decorated()
        numpy_part(0.1)
    assert decorated.__name__ == "decorated"
    assert samples(profiler, "test_labels", "outer", "busy_function") > 100
    assert samples(profiler, "outer", "inner", "busy_function") > 15
    assert samples(profiler, "call", "decorated", "decorated", "busy_function") > 15
    assert samples(profiler, "outer", "numpy_part") == samples(profiler, "decorated", "numpy_part") == 0
    with pytest.raises(ValueError, match="NUL"):
        pynomaly.label("a\0b")


def test_labels_among_native_frames():
    X = np.random.default_rng(0).normal(size=(4000, 8))
    forest = pynomaly.Detector("IsolationForest")
    with pynomaly.Profiler(rate=1000, native=True) as profiler:
        end = time.process_time() + 0.6
        with pynomaly.label("days"):
            while time.process_time() < end:
                forest.fit(X)
    # Of the library in a wheel, which is stripped, only the name of its file is to be had.
    inside = sum(
        count
        for stack, count in profiler.stacks().items()
        if "days" in stack
        and any("pyn_detector_fit" in frame or "libpynomaly" in frame for frame in stack[stack.index("days") :])
    )
    assert inside > 20


def test_labels_of_coroutines():
    """Each is around what its own task does, though they take turns."""

    def work_one():
        busy_function(0.01)

    def work_other():
        busy_function(0.01)

    async def labelled(name, work):
        with pynomaly.label(name):
            for _ in range(20):
                work()
                await asyncio.sleep(0)

    @pynomaly.label("third")
    async def third():
        for _ in range(5):
            busy_function(0.01)
            await asyncio.sleep(0)

    async def both():
        await asyncio.gather(labelled("one", work_one), labelled("other", work_other), third())

    with pynomaly.Profiler(rate=1000) as profiler:
        asyncio.run(both())
    assert samples(profiler, "one", "work_one") > 15 and samples(profiler, "other", "work_other") > 15
    assert samples(profiler, "one", "work_other") == samples(profiler, "other", "work_one") == 0
    assert samples(profiler, "third", "third", "busy_function") > 10


def test_labels_of_generators():
    """Decorated: of both kinds, and what is sent and thrown comes through."""

    @pynomaly.label("generator")
    def generator():
        heard = []
        for number in range(10):
            busy_function(0.01)
            try:
                heard.append((yield number))
            except KeyError:
                heard.append("thrown")
        return heard

    @pynomaly.label("asynchronous")
    async def asynchronous():
        heard = []
        try:
            for number in range(10):
                busy_function(0.01)
                await asyncio.sleep(0)
                try:
                    heard.append((yield number))
                except KeyError:
                    heard.append("thrown")
        finally:
            await asyncio.sleep(0)
            closed.append(heard)

    def between():
        busy_function(0.01)

    def listen():
        walk = generator()
        assert [next(walk), walk.send("a"), walk.throw(KeyError())] == [0, 1, 2]
        for _ in walk:
            between()

    async def listen_too():
        walk = asynchronous()
        assert [await walk.__anext__(), await walk.asend("a"), await walk.athrow(KeyError())] == [0, 1, 2]
        await walk.aclose()
        assert closed == [["a", "thrown"]]
        async for number in asynchronous():
            between()
        walk = asynchronous()
        await walk.__anext__()
        with pytest.raises(ZeroDivisionError):
            await walk.athrow(ZeroDivisionError())

    closed = []
    with pynomaly.Profiler(rate=1000) as profiler:
        listen()
        asyncio.run(listen_too())
    assert closed == [["a", "thrown"], [None] * 10, []]
    assert samples(profiler, "generator", "generator", "busy_function") > 15
    assert samples(profiler, "asynchronous", "asynchronous", "busy_function") > 15
    assert samples(profiler, "listen", "between") > 20
    assert samples(profiler, "generator", "between") == samples(profiler, "asynchronous", "between") == 0


def test_labels_of_exit_stacks():
    def work():
        busy_function(0.1)

    def close(stack):
        stack.close()

    stacked, closed = pynomaly.label("stacked"), pynomaly.label("closed")
    with pynomaly.Profiler(rate=1000) as profiler:
        with contextlib.ExitStack() as stack:
            stack.enter_context(stacked)
            work()
        numpy_part(0.1)
        stack = contextlib.ExitStack()
        stack.enter_context(closed)
        busy_function(0.1)
        close(stack)
        numpy_part(0.1)
    assert samples(profiler, "stacked", "work", "busy_function") > 15
    assert samples(profiler, "closed", "busy_function") > 15
    assert samples(profiler, "numpy_part") > 15
    assert samples(profiler, "stacked", "numpy_part") == samples(profiler, "closed", "numpy_part") == 0
    with pytest.raises(RuntimeError, match="'stacked' was not entered"):
        stacked.__exit__(None, None, None)


def test_a_label_that_is_used_by_threads_and_tasks_at_once():
    """Each takes off its own, in whatever order they end."""
    shared = pynomaly.label("shared")
    entered, left = threading.Barrier(2), threading.Event()

    def first():
        with shared:
            entered.wait()
        left.set()
        numpy_part(0.1)

    def second():
        with shared:
            entered.wait()
            left.wait()
            busy_function(0.1)
        numpy_part(0.1)

    async def task(turns, work):
        with shared:
            for _ in range(turns):
                await asyncio.sleep(0)
            work(0.1)
        numpy_part(0.1)

    async def both():
        await asyncio.gather(task(1, busy_function), task(5, busy_function))

    for work in (lambda: run_threads(first, second), lambda: asyncio.run(both())):
        with pynomaly.Profiler(rate=1000) as profiler:
            work()
        assert samples(profiler, "shared", "busy_function") > 15
        assert samples(profiler, "numpy_part") > 30
        assert samples(profiler, "shared", "numpy_part") == 0


def run_threads(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_generator_that_goes_on_in_another_thread():
    """It takes off its own label, not that of the thread in which it ends."""

    def walk():
        with pynomaly.label("begun here"):
            yield
            yield

    def finish():
        with pynomaly.label("of this thread"):
            list(walked)
            busy_function(0.1)

    for _ in range(40):  # They do not fill what there is room for.
        walked = walk()
        next(walked)
        run_threads(lambda: list(walked))
    walked = walk()
    next(walked)
    with pynomaly.Profiler(rate=1000) as profiler:
        run_threads(finish)
        with pynomaly.label("after"):
            busy_function(0.1)
    assert samples(profiler, "of this thread", "busy_function") > 15
    assert samples(profiler, "after", "busy_function") > 15
    assert samples(profiler, "begun here") == 0


def test_exceptions_inside():
    profiler = pynomaly.Profiler(rate=500)
    with pytest.raises(RuntimeError, match="inside"), profiler, pynomaly.label("fails"):
        busy_function(0.2)
        raise RuntimeError("inside")
    assert samples(profiler, "fails", "busy_function") > 20
    with pynomaly.Profiler(rate=500) as profiler:  # the label is off again
        busy_function(0.1)
    assert samples(profiler, "fails") == 0 and samples(profiler, "busy_function") > 10


def test_nested_and_two_at_once():
    with pynomaly.Profiler(rate=500) as outer:
        busy_function(0.1)
        with pynomaly.Profiler(rate=900) as inner:
            numpy_part(0.2)
        busy_function(0.1)
    assert samples(inner, "numpy_part") > 20 > samples(inner, "busy_function")
    assert samples(outer, "numpy_part") > 12 and samples(outer, "busy_function") > 12


def test_pause():
    with pynomaly.Profiler(rate=1000) as profiler:
        busy_function(0.15)
        profiler.pause()
        numpy_part(0.3)
        profiler.resume()
        busy_function(0.15)
    # A thread that waits for a processor answers late, and for all moments until then.
    assert samples(profiler, "numpy_part") < 30 and samples(profiler, "busy_function") > 60


def test_slices():
    slices = []
    with pynomaly.Profiler(rate=500, slice=0.1, slice_format="raw", on_slice=slices.append) as profiler:
        busy_function(0.5)
    assert len(slices) >= 3 and profiler.stacks() == {}
    counts = [int(line.rsplit(b" ", 1)[1]) for part in slices for line in part.splitlines()]
    assert sum(counts) == profiler.statistics.stacks
    with pynomaly.Profiler(rate=500) as profiler:
        busy_function(0.2)
        first = profiler.take_slice()
        numpy_part(0.2)
    assert b"busy_function" in first and b"numpy_part" not in first
    assert samples(profiler, "numpy_part") > 25 > samples(profiler, "busy_function")

    def fails(_):
        raise ZeroDivisionError("in a slice")

    profiler = pynomaly.Profiler(rate=500, slice=0.05, on_slice=fails).start()
    while profiler.wait(1):
        pass
    assert "slice callback returned 1" in profiler._started().content("summary").decode()
    with pytest.raises(ZeroDivisionError, match="in a slice"):
        profiler.stop()


def test_fork_while_this_process_is_sampled(tmp_path):
    with pynomaly.Profiler(rate=1000) as profiler:
        for number in range(5):
            busy_function(0.03)
            pid = os.fork()
            if pid == 0:
                try:
                    code = 3
                    profiler.stop()  # nothing to stop here
                    with pynomaly.Profiler(rate=1000) as own:
                        busy_function(0.1)
                    code = 0 if samples(own, "busy_function") > 10 else 4
                finally:
                    os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert samples(profiler, "busy_function") > 12


def test_a_profiler_started_in_a_fork_samples_that():
    profiler = pynomaly.Profiler(rate=1000)
    assert profiler.pid == os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            code = 3
            with profiler:
                busy_function(0.1)
            code = 0 if samples(profiler, "busy_function") > 10 and profiler.pid == os.getpid() else 4
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_program_that_does_not_stop_it_ends(tmp_path):
    for more in ("", ", slice=0.01, on_slice=lambda content: None"):
        program = f"import pynomaly\np = pynomaly.Profiler(rate=1000{more}).start()\nsum(range(10**6))"
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0 and result.stderr == ""


EXEC = """
import os, sys, pynomaly
def begin():
    return pynomaly.Profiler(rate=10000, slice=%s, on_slice=%s).start()
killed = 0
for number in range(30):
    pid = os.fork()
    if pid == 0:
        profiler = begin()
        sum(range(200_000))
        try:
            os.execv("/no/such/program", ["no"])
        except OSError:
            assert not profiler.wait()
            again = begin()
            sum(range(200_000))
            os.execv("/bin/true", ["true"])
    killed += os.waitpid(pid, 0)[1] != 0
print(killed)
"""


@pytest.mark.parametrize("slices", [("0", "None"), ("0.02", "lambda content: None")], ids=["plain", "slices"])
def test_exec_while_this_process_is_sampled(slices):
    """The next program does not know the signal, and must not find one that waits."""
    result = subprocess.run([sys.executable, "-c", EXEC % slices], capture_output=True, text=True, timeout=120)
    assert result.stdout == "0\n", result.stdout + result.stderr


def test_exec_on_the_thread_that_gets_slices():
    program = """
import os, time, pynomaly
def go(_): os.execv("/bin/echo", ["echo", "well"])
profiler = pynomaly.Profiler(rate=10000, slice=0.02, on_slice=go).start()
end = time.monotonic() + 20
while time.monotonic() < end: pass
"""
    for _ in range(5):
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert (result.returncode, result.stdout) == (0, "well\n"), result.stderr


LETS_GO = """
import gc, time, pynomaly
held = {}
def on_slice(_):
    held.clear()
    gc.collect()
class Circle: pass
def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
gc.disable()
for number in range(6):
    profiler = pynomaly.Profiler(rate=1000, slice=0.02, on_slice=on_slice).start()
    if number % 2:
        circle = Circle()
        circle.own, circle.profiler = circle, profiler
        del circle
    else:
        held["p"] = profiler
    del profiler
    spin(0.1)
end = time.monotonic() + 20
while pynomaly._profiler._leaving or pynomaly._profiler._running:
    assert time.monotonic() < end
    time.sleep(0.01)
pynomaly.Profiler(rate=1000, slice=0.02, on_slice=on_slice).start()
print("alive", flush=True)
"""


def test_a_profiler_that_a_slice_lets_go_of():
    """Its end is not waited for on the thread that it waits for."""
    result = subprocess.run([sys.executable, "-c", LETS_GO], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (0, "alive\n"), result.stderr


def test_waiting_can_be_interrupted(target):
    program = f"""
import os, signal, threading, pynomaly
profiler = pynomaly.Profiler({target.pid}).start()
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
profiler.wait(60)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert result.stderr.endswith("KeyboardInterrupt\n")
    with pytest.raises(pynomaly.ArgumentError, match="seconds"):
        pynomaly.Profiler().start().wait(-1)


def test_dump(target):
    # Not "known_function()", which the command line says.
    assert "known_function (" in pynomaly.dump(target.pid)
    found = pynomaly.dump(target.pid, native=True, format="json")
    assert found["pid"] == target.pid
    assert any(frame["name"] == "known_function" for thread in found["threads"] for frame in thread["frames"])
    # Not "value = 17", which the command line says.
    assert "        Locals:\n            value: 17\n" in pynomaly.dump(target.pid, locals=True)
    assert "Locals:" not in pynomaly.dump(target.pid)
    variables = [
        frame["locals"]
        for thread in pynomaly.dump(target.pid, locals=True, format="json")["threads"]
        for frame in thread["frames"]
        if frame["name"] == "known_function"
    ]
    assert variables == [[{"name": "value", "value": "17", "argument": False}]]
    with pytest.raises(pynomaly.ArgumentError, match="allowed are"):
        pynomaly.dump(target.pid, format="xml")
    with pytest.raises(pynomaly.NoProcessError):
        pynomaly.dump(2**22 + 5)


TESTS = """
import pytest, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
def test_burns(): burn(0.2)
@pytest.mark.parametrize("way", ["a/b", "a:b"])
def test_ways(way): burn(0.1)
def test_fails():
    burn(0.1)
    assert False
"""
BENCHMARKS = """
import pytest
@pytest.fixture
def benchmark(): return lambda f: f()
def test_other(): pass
def test_measured(benchmark): benchmark(lambda: sum(range(3_000_000)))
"""


def run_pytest(folder, text, *options):
    (folder / "test_some.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_pynomaly", "-p", "no:cacheprovider"]
    where = [str(Path(pynomaly.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [*command, *options, "test_some.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(where)},
        capture_output=True,
        text=True,
    )


def test_plugin_of_pytest(tmp_path):
    pictures = tmp_path / "pictures"
    result = run_pytest(tmp_path, TESTS, "--pynomaly-profile", str(pictures))
    assert result.returncode == 1 and "1 failed, 3 passed" in result.stdout, result.stdout + result.stderr
    assert "pynomaly: 4 flame graphs in" in result.stdout
    names = sorted(path.name for path in pictures.iterdir())
    assert names == [
        "test_some.py.test_burns.svg",
        "test_some.py.test_fails.svg",
        "test_some.py.test_ways[a_b]-2.svg",
        "test_some.py.test_ways[a_b].svg",
    ]
    for path in pictures.iterdir():
        text = path.read_text()
        ElementTree.fromstring(text)
        assert re.search(r"burn \(test_some.py:\d+\)", text)


ELSEWHERE = """
import pytest, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
def test_goes_elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    burn(0.1)
@pytest.mark.parametrize("way", ["x" * 300 + end for end in "12345678"])
def test_long(way): burn(0.05)
def test_%s(): burn(0.1)
""" % ("\u00fc" * 120)


@pytest.mark.parametrize("workers", [0, 4])
def test_plugin_of_pytest_with_odd_tests(tmp_path, workers):
    """They go elsewhere, have long names, and run in several processes."""
    options = ["--pynomaly-profile", "pictures"]
    if workers:
        pytest.importorskip("xdist", reason="pytest-xdist is not here")
        options += ["-p", "xdist", "-n", str(workers)]
    result = run_pytest(tmp_path, ELSEWHERE, *options)
    assert result.returncode == 0 and "10 passed" in result.stdout, result.stdout + result.stderr
    pictures = tmp_path / "pictures"
    assert f"pynomaly: 10 flame graphs in {pictures}\n" in result.stdout
    names = {path.name for path in pictures.iterdir()}
    assert len(names) == 10 and all(len(name.encode()) <= 204 for name in names)
    assert "test_some.py.test_goes_elsewhere.svg" in names


def test_plugin_of_pytest_with_benchmarks(tmp_path):
    result = run_pytest(tmp_path, BENCHMARKS, "--pynomaly-profile", str(tmp_path / "pictures"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["test_some.py.test_measured.svg"]
    result = run_pytest(tmp_path, BENCHMARKS)
    assert result.returncode == 0 and "flame graphs" not in result.stdout


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


def test_module_ends_a_program_that_does_not_want_to():
    program = """
import os, signal
parent = os.getppid()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while os.getppid() == parent: pass
"""
    command = [sys.executable, "-m", "pynomaly", "top", "--interval", "60", "--rate", "1000", "--"]
    top = subprocess.Popen([*command, sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert top.stdout.readline() == "ready\n"
        time.sleep(0.5)
        top.send_signal(signal.SIGINT)
        assert top.wait(20) == 0
        assert "stacks just now" not in top.stdout.read()
    finally:
        top.kill()
        top.wait()
        top.stdout.close()


def test_module_dump_and_top(target, tmp_path):
    command = [sys.executable, "-m", "pynomaly"]
    pid = ["--pid", str(target.pid)]
    result = subprocess.run([*command, "dump", *pid], capture_output=True, text=True)
    assert result.returncode == 0 and "known_function" in result.stdout
    result = subprocess.run([*command, "dump", *pid, "--native", "--json"], capture_output=True, text=True)
    assert json.loads(result.stdout)["pid"] == target.pid
    result = subprocess.run([*command, "dump", "--pid", str(2**22 + 5)], capture_output=True, text=True)
    assert result.returncode == 1 and "there is no process" in result.stderr
    look = ["top", *pid, "--interval", "0.3", "--duration", "1", "--rate", "200"]
    result = subprocess.run([*command, *look], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if "known_function" in line]
    assert len(lines) >= 2 and re.match(r"100.0%  100.0%\s+100.0%  known_function", lines[0])
