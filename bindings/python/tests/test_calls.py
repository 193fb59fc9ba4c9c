"""Threads, interrupts, progress and forks."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import pynomaly
from pynomaly import Detector, IsolationForest


@pytest.fixture(scope="module")
def large():
    return np.random.default_rng(0).normal(size=(400_000, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def forest(large):
    return IsolationForest(random_state=0, n_estimators=200).fit(large)


def test_results_do_not_depend_on_threads(large):
    X = large[:30_000]
    one, two, every = (
        IsolationForest(random_state=0, contamination=0.01, n_jobs=jobs).fit(X)
        for jobs in (1, 2, -1)
    )
    assert one.to_bytes() == two.to_bytes() == every.to_bytes()
    assert np.array_equal(one.score_samples(X), two.score_samples(X))
    assert np.array_equal(one.score_samples(X), every.score_samples(X))
    assert np.array_equal(one.explain(X[:500]), two.explain(X[:500]))


def test_n_jobs_reaches_the_library(monkeypatch):
    from pynomaly import _library, _parameters

    monkeypatch.delitem(sys.modules, "joblib", raising=False)
    processors = len(os.sched_getaffinity(0))
    seen = []
    make = _library.Call
    monkeypatch.setattr(_library, "Call", lambda **o: (seen.append(o["threads"]), make(**o))[1])
    forest = IsolationForest(n_jobs=2).fit(np.eye(100))
    forest.score_samples(np.eye(100))
    forest.explain(np.eye(100))
    assert seen == [2, 2, 2]
    counts = {None: 1, 1: 1, 3: 3, -1: processors, -2: max(1, processors - 1), -99: 1}
    for n_jobs, threads in counts.items():
        assert _parameters.threads(n_jobs) == threads


def test_joblib_contexts_count():
    joblib = pytest.importorskip("joblib")
    from pynomaly import _parameters

    with joblib.parallel_config("threading", n_jobs=3):
        assert _parameters.threads(None) == 3
    assert _parameters.threads(None) == 1


def test_thread_limit():
    assert pynomaly.get_thread_limit() == 0
    pynomaly.set_thread_limit(1)
    try:
        assert pynomaly.get_thread_limit() == 1
    finally:
        pynomaly.set_thread_limit(0)


def test_other_threads_run_during_a_call(forest, large):
    """While one thread scores for long, another goes on counting at nearly its own pace."""
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.perf_counter()
    forest.score_samples(large)
    end = time.perf_counter()
    done.set()
    ticker.join()
    assert end - start > 0.1, "too short to tell"
    during = sum(start < t < end for t in ticks)
    # Were the lock kept, it would be free for a moment only at each call of the progress function.
    assert during > 0.2 * 1000 * (end - start)


def test_many_threads_score_few_rows(forest, large):
    expected = forest.score_samples(large[:2000])
    wrong = []

    def score(seed):
        for i in np.random.default_rng(seed).integers(0, 1990, 2000):
            rows = 1 + i % 7
            if not np.array_equal(
                forest.score_samples(large[i : i + rows]), expected[i : i + rows]
            ):
                wrong.append(i)

    threads = [threading.Thread(target=score, args=(seed,)) for seed in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


def test_signal_handlers_may_score(forest, large):
    """A handler that scores amid a call does not touch that call's buffers."""
    expected = forest.score_samples(large[:100])
    heard = []
    old = signal.signal(
        signal.SIGALRM, lambda *_: heard.append(forest.score_samples(large[50:51])[0])
    )
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        scores = [forest.score_samples(large[i : i + 1])[0] for _ in range(200) for i in range(50)]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert np.array_equal(np.reshape(scores, (200, 50)), np.tile(expected[:50], (200, 1)))
    assert heard
    assert set(heard) == {expected[50]}


# ----------------------------------------------------------------------------- interrupts

INTERRUPTED = """
import sys, threading, time
import numpy as np
from pynomaly import IsolationForest

X = np.random.default_rng(0).normal(size=(2_000_000, 8)).astype(np.float32)
forest = IsolationForest(n_estimators=50, random_state=0).fit(X[:5000])
before = forest.score_samples(X[:100])
long = {
    "fit": lambda: forest.set_params(n_estimators=1_000_000).fit(X),
    "score": lambda: [forest.score_samples(X) for _ in range(1000)],
    "explain": lambda: [forest.explain(X[:200_000]) for _ in range(1000)],
}[sys.argv[1]]
print("ready", flush=True)
try:
    long()
except KeyboardInterrupt:
    assert np.array_equal(forest.score_samples(X[:100]), before)
    forest.set_params(n_estimators=10).fit(X[:100]).predict(X[:10])
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("step", ["fit", "score", "explain"])
def test_ctrl_c(step):
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, step],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background may have SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    giving_up = threading.Timer(60, child.kill)
    giving_up.start()
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.7)
    assert child.poll() is None, child.communicate()
    start = time.perf_counter()
    child.send_signal(signal.SIGINT)
    said = child.stdout.readline()
    elapsed = time.perf_counter() - start
    giving_up.cancel()
    _, errors = child.communicate(timeout=30)
    assert said == "interrupted\n", errors
    assert errors == ""
    assert elapsed < 1


def test_exceptions_of_signal_handlers_stop_a_call(large):
    class TimeIsUp(Exception):
        pass

    def alarm(*_):
        raise TimeIsUp

    detector = Detector("IsolationForest").fit(large[:1000])
    before = detector.score(large[:10])
    old = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    start = time.perf_counter()
    try:
        with pytest.raises(TimeIsUp):
            detector.set_options(n_estimators=1_000_000).fit(large)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert time.perf_counter() - start < 1
    assert np.array_equal(detector.score(large[:10]), before)


# ------------------------------------------------------------------------------- progress


def test_progress_function(large):
    heard = []
    detector = Detector("IsolationForest", n_estimators=20_000)
    detector.fit(large, threads=1, progress=lambda *said: heard.append(said))
    assert len(heard) > 3
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    assert {stage for _, stage in heard} == {"fit"}


def test_progress_function_can_stop(large):
    detector = Detector("IsolationForest", n_estimators=20_000)
    with pytest.raises(pynomaly.CancelledError) as caught:
        detector.fit(large, progress=lambda *_: True)
    assert caught.value.status == "PYN_ERROR_CANCELLED"
    assert not detector.is_fitted


def test_progress_function_can_raise(large):
    def fail(fraction, stage):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        Detector("IsolationForest", n_estimators=20_000).fit(large, progress=fail)


@pytest.mark.parametrize("with_tqdm", [True, False])
def test_progress_bar(large, monkeypatch, with_tqdm):
    if with_tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    quiet = IsolationForest(n_estimators=20_000, random_state=0).fit(large)
    assert said.getvalue() == ""
    loud = IsolationForest(n_estimators=20_000, random_state=0, verbose=1).fit(large)
    shown = said.getvalue().split("\r")
    assert "fit:" in shown[-1]
    assert "100%" in shown[-1]
    assert len(shown) > 3
    assert loud.to_bytes() == quiet.to_bytes()
    loud.score_samples(large[:1000])
    assert "score: 100%" in said.getvalue()
    few = IsolationForest(verbose=1).fit(large[:300])
    length = len(said.getvalue())
    few.score_samples(large[:1])
    assert len(said.getvalue()) == length, "one row is no work to report"


# ---------------------------------------------------------------------------------- forks


def test_a_forked_child_can_work(forest, large):
    expected = forest.score_samples(large[:5000]).tobytes()
    fitted = IsolationForest(random_state=1, n_jobs=2).fit(large[:5000]).to_bytes()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            two = IsolationForest(random_state=1, n_jobs=2).fit(large[:5000])
            right = (
                forest.score_samples(large[:5000]).tobytes() == expected
                and forest.set_params(n_jobs=2).score_samples(large[:5000]).tobytes() == expected
                and two.to_bytes() == fitted
            )
            os.write(writer, b"right" if right else b"wrong")
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said == b"right"
