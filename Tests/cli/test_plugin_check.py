"""plugin check: a good plugin passes everything; a plugin with one defect is told which."""

import json
import os
import signal
import subprocess
import time

import pytest

import plugins

QUICK = ("--timeout", "20")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    folder.chmod(0o755)
    made = {}

    def build(**how):
        key = json.dumps(how, sort_keys=True)
        if key not in made:
            made[key] = plugins.build(folder / f"plugin{len(made)}.so", **how)
        return made[key]

    return build


def checks(result):
    """The results by their id."""
    report = json.loads(result.out)
    return report, {check["id"]: check for check in report["checks"]}


GOOD = {
    "C": {},
    "C++": {"cpp": True},
    "labels": {"LABELS": 1},
    "slow": {"SLOW": 2000},
    "refuses small data": {"MINIMUM_ROWS": 50},
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_plugin_passes(cli, built, name):
    result = cli("plugin", "check", built(**GOOD[name]), "--json")
    report, found = checks(result)
    failed = [check for check in report["checks"] if check["verdict"] == "failed"]
    assert not failed and result.code == 0 and result.err == ""
    assert report["verdict"] == "passed" and report["plugin"]["name"] == "distance"
    assert report["plugin"]["version"] == "1.2.3" and report["plugin"]["abi_version"] == 1
    skipped = {check["id"] for check in report["checks"] if check["verdict"] == "skipped"}
    assert skipped == (set() if name == "labels" else {"labels"})
    assert report["passed"] == len(report["checks"]) - len(skipped)
    figures = found["speed"]["figures"]
    assert figures["nanoseconds_per_row"] > 0 and figures["nanoseconds_one_row"] > 0
    if name == "slow":
        assert "fit stops after" in found["cancellation"]["detail"]
        assert "score stops after" in found["cancellation"]["detail"]
    if name == "refuses small data":
        assert "at least 50 are needed" in found["shapes"]["detail"]


def test_table(cli, built):
    result = cli("plugin", "check", built(), "--only", "saving", "--only", "options")
    assert result.code == 0 and result.err == ""
    lines = result.out.splitlines()
    assert lines[0].startswith("distance 1.2.3 (/")
    assert any(line.startswith("  save and load        passed   ") for line in lines)
    assert lines[-1] == "5 passed, 0 failed, 0 skipped"


# What is broken, which checks must say so, and words that the first must have.
BROKEN = {
    "CRASH_IN_INIT": (["load"], ["SIGSEGV", "address 0x0", "in load"]),
    "CRASH_IN_SCORE": (["fit"], ["SIGSEGV", "address 0x10", "fit on 400 x 4"]),
    "CRASH_ON_ONE_ROW": (["shapes", "rows"], ["SIGSEGV", "fit on 1 x 4"]),
    "CRASH_IN_THREAD": (["fit"], ["SIGSEGV", "address 0x8"]),
    "STACK_OVERFLOW": (["fit"], ["SIGSEGV", "fit on 400 x 4"]),
    "CALLS_NULL": (["fit"], ["SIGSEGV", "address 0x0"]),
    "ABORT_IN_LOAD": (["damage"], ["SIGABRT", "abort was called", "load of a damaged model: cut from"]),
    "EXIT_IN_SCORE": (["fit"], ["ends the process (exit status 3) in fit on 400 x 4", "must not exit"]),
    "PRINTS": (["process"], ["prints (\"scoring", "host->log"]),
    "CHANGES_FOLDER": (["process"], ["changes the working folder"]),
    "NOT_DETERMINISTIC": (["determinism"], ["a second fit with the same options, seed and data is another"]),
    "THREAD_DEPENDENT": (["determinism"], ["with 2 threads is another than with 1"]),
    "ADDRESS_DEPENDENT": (["determinism"], ["in two processes gives other scores"]),
    "UNSET_BYTES": (["determinism"], ["memory that was never set"]),
    "LEAKS_IN_SCORE": (["leaks"], ["score: ", "bytes more each time are not given back"]),
    "LEAKS_INSTANCES": (["leaks"], ["load and destroy: 64 bytes"]),
    "LEAKS_HOST_MEMORY": (["leaks"], ["score: ", "blocks of host->allocate", "host->release"]),
    "NAN_SCORES": (["fit"], ["score gave nan for row 7"]),
    "IGNORES_CANCELLATION": (["cancellation"], ["goes on for", "ms after it is asked to stop", "host->progress"]),
    "WRONG_STRUCT_SIZE": (["load"], ["struct_size of pyn_plugin_class is 8", "152"]),
    "MISSING_SLOT": (["load"], ["required function save is NULL"]),
    "WRONG_ABI": (["load"], ["it has plugin ABI 7 to 7"]),
    "BAD_DEFAULT": (["load"], ["option shrink: the default 11.0 is not allowed"]),
    "THROWS": (["load"], ["threw a C++ exception"]),
    "THROWS_IN_SCORE": (["fit"], ["score threw a C++ exception"]),
    "LOSES_STATE": (["saving"], ["scores otherwise after save and load"]),
    "READS_BEYOND": (["damage"], ["SIGSEGV", "load of a damaged model"]),
    "TAKES_CUT_MODELS": (["damage"], ["cut from", "check every length", "MODEL_FORMAT"]),
    "BATCH_DEPENDENT": (["rows"], ["among 5000 rows than among 1", "that row alone"]),
    "FAILS_SILENTLY": (["shapes", "errors"], ["INVALID_DATA", "did not say why", "host->fail"]),
    "READS_FLOATS_AS_DOUBLES": (["shapes"], ["f32"]),
    "IGNORES_STRIDES": (["shapes"], ["row-major than column-major (f64)"]),
    "NEGATIVE_SHARES": (["explain"], ["share", "not negative"]),
    "NOT_THREAD_SAFE": (["threads"], ["while other threads score with the same detector"]),
    "IGNORES_LABELS": (["labels"], ["fit does not read them"]),
    "IGNORES_WEIGHTS": (["weights"], ["fit does not read them"]),
    "HANG_IN_FIT": (["fit"], ["does not come back within 1 s in fit on 400 x 4", "ended"]),
}
STACKS = {
    "CRASH_IN_INIT": "pynomaly_plugin_init", "CRASH_IN_SCORE": "score", "CRASH_IN_THREAD": "crash",
    "STACK_OVERFLOW": "deep", "CALLS_NULL": "learn", "HANG_IN_FIT": "learn", "ABORT_IN_LOAD": "abort",
    "READS_BEYOND": "load", "CRASH_ON_ONE_ROW": "score",
}


def test_every_defect_is_looked_for():
    assert set(BROKEN) == set(plugins.DEFECTS)


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_plugin_is_told(cli, built, defect):
    ids, words = BROKEN[defect]
    how = {"defect": defect, "cpp": defect.startswith("THROWS")}
    if defect == "IGNORES_CANCELLATION":
        how["SLOW"] = 2000
    if defect == "IGNORES_LABELS":
        how["LABELS"] = 1
    timeout = ("--timeout", "1") if defect == "HANG_IN_FIT" else QUICK
    only = [word for name in ids if name != "process" for word in ("--only", name)]
    result = cli("plugin", "check", built(**how), "--json", *timeout, *(only or ["--only", "rows"]))
    assert result.code == 1 and result.err == ""
    report, found = checks(result)
    assert report["verdict"] == "failed"
    failed = {check["id"] for check in report["checks"] if check["verdict"] == "failed"}
    assert failed == set(ids), {check["id"]: check["detail"] for check in report["checks"]}
    for word in words:
        assert word in found[ids[0]]["detail"]
    if defect in STACKS:
        assert any(frame.startswith(STACKS[defect]) for frame in found[ids[0]]["stack"]), found[ids[0]]["stack"]
    else:
        assert found[ids[0]]["stack"] == []


def test_what_cannot_be_looked_at_is_skipped(cli, built):
    result = cli("plugin", "check", built(defect="NAN_SCORES"))
    assert result.code == 1
    assert "  fit and score        FAILED   " in result.out
    assert '  save and load        skipped  "fit and score" must pass first' in result.out
    assert result.out.splitlines()[-1].startswith("2 passed, 1 failed, ")


def test_not_a_plugin(cli, write):
    write("text.so", "hello")
    for name, words in {"text.so": "not a shared object", "missing.so": "No such file"}.items():
        result = cli("plugin", "check", name)
        assert result.code == 1 and words in result.out, result.out
        report, found = checks(cli("plugin", "check", name, "--json"))
        assert report["plugin"] is None and words in found["load"]["detail"]


def test_usage(cli, built):
    result = cli("plugin", "check", built(), "--detector", "Other")
    assert result.code == 2 and "Distance" in result.err and result.out.count("\n") <= 2
    assert cli("plugin", "check").code == 2
    assert cli("plugin", "check", built(), "--timeout", "0").code == 2
    assert cli("plugin", "check", built(), "--only", "nothing").code == 2


def test_interrupting_leaves_no_child(cli, built):
    path = built(defect="HANG_IN_FIT")
    process = subprocess.Popen(
        [cli.binary, "plugin", "check", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )

    def children():
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
            return file.read().split()

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        if line == b"Distance\n":
            break
    time.sleep(0.3)
    left = children()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert left and not any(os.path.exists(f"/proc/{child}") for child in left)
