"""pynomaly dump: stacks that are known, of every version of CPython and of native programs."""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from conftest import BINARY, INTERPRETERS, PROGRAMS, comes_to, needs_gdb, needs_root, own_name, state, user_time

KNOWN = str(PROGRAMS / "known.py")
LINES = (PROGRAMS / "known.py").read_text().split("\n")


def line_of(text, nth=0):
    return [number for number, line in enumerate(LINES, 1) if text in line][nth]


def dump(cli, pid, *options):
    result = cli("dump", "--pid", pid, "--json", *options)
    assert result.code == 0, result.err
    return json.loads(result.out)


def names(thread, kind=None):
    return [frame["name"] for frame in thread["frames"] if kind in (None, frame["kind"])]


def thread_of(found, tid):
    return next(thread for thread in found["threads"] if thread["thread_id"] == tid)


def short(names):
    """Without the class and the function around, which 3.11 and later tell."""
    return [name.split(".")[-1] for name in names]


EXPECTED = ["spin", "<lambda>", "method", "<genexpr>", "generator", "<lambda>", "<module>"]


def check_known(found, pid):
    main = thread_of(found, pid)
    python = [frame for frame in main["frames"] if frame["kind"] == "python"]
    assert short(names(main, "python")) == EXPECTED
    assert main["active"] and main["remark"] is None
    assert all(frame["filename"] == KNOWN for frame in python)
    lines = [frame["line"] for frame in python]
    assert lines[0] in range(line_of("while True"), line_of("while True") + 3)
    assert lines[1:] == [
        line_of("sorted("), line_of("sorted("), line_of("yield from"), line_of("yield from"),
        line_of("list(map"), line_of("list(map"),
    ]
    # Three threads that sleep, as deep as each was told to go.
    sleeping = [short(names(thread, "python")) for thread in found["threads"] if thread is not main]
    assert sorted(stack.count("sleep_at") for stack in sleeping) == [1, 2, 3]
    for thread in found["threads"]:
        if thread is not main:
            assert not thread["active"]
            frames = [frame for frame in thread["frames"] if frame["name"].endswith("sleep_at")]
            assert [frame["line"] for frame in frames] == [line_of("time.sleep(1000)")] + [
                line_of("return sleep_at")
            ] * (len(frames) - 1)


def test_python_stacks(cli, start, python):
    process = start(python, KNOWN)
    found = dump(cli, process.pid)
    check_known(found, process.pid)
    assert all(frame["kind"] == "python" for thread in found["threads"] for frame in thread["frames"])
    version = subprocess.run([python, "-V"], capture_output=True, text=True).stdout.split()[1]
    assert version.startswith(found["python"])
    assert [thread["owns_gil"] for thread in found["threads"]].count(True) <= 1
    assert state(process.pid) == "R"


def test_native_stacks_are_merged(cli, start, python):
    process = start(python, KNOWN)
    found = dump(cli, process.pid, "--native")
    check_known(found, process.pid)
    main = thread_of(found, process.pid)
    text = " ".join(short(names(main)))
    # Where Python calls C and C calls Python, each stands in its place.
    assert re.search(r"spin .*<lambda> .*method .*<genexpr> .*generator .*<lambda> .*<module> .*_start", text)
    assert re.search(r"<lambda> (?!.*method.*sort).*sort.* method ", text) or "sort" not in text
    assert "_PyEval_EvalFrameDefault" not in text
    for thread in found["threads"]:
        assert thread["remark"] is None
        if thread is not main:
            assert "nanosleep" in text or any("sleep" in name or "select" in name for name in names(thread, "native"))


def test_nonblocking(cli, start, python):
    process = start(python, KNOWN)
    found = dump(cli, process.pid, "--nonblocking")
    assert found["pause_ns"] == 0
    sleeping = [short(names(thread)) for thread in found["threads"] if thread["thread_id"] != process.pid]
    assert sorted(stack.count("sleep_at") for stack in sleeping) == [1, 2, 3]


@pytest.mark.parametrize("options", [[], ["--native"]], ids=["python", "native"])
def test_deep_recursion_is_whole(cli, start, python, options):
    process = start(python, PROGRAMS / "deep.py")
    time.sleep(0.05)
    found = dump(cli, process.pid, *options)
    depths = [names(thread).count("down") for thread in found["threads"]]
    assert max(depths) == 5001


def test_stripped_interpreter(cli, start, tmp_path):
    """Only what the dynamic linker needs is left: .dynsym and .eh_frame."""
    python = INTERPRETERS.get("3.12")
    if not python:
        pytest.skip("no CPython 3.12 here")
    maps = subprocess.run([python, "-c", "print(open('/proc/self/maps').read())"], capture_output=True, text=True)
    library = re.search(r"(/\S*libpython3\.12\.so\S*)", maps.stdout)
    if not library:
        pytest.skip("this CPython has no libpython")
    stripped = tmp_path / os.path.basename(library.group(1))
    subprocess.run(["strip", "-o", stripped, library.group(1)], check=True)
    process = start(python, KNOWN, env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)})
    for options in [[], ["--native"]]:
        check_known(dump(cli, process.pid, *options), process.pid)


def native_names(found, tid):
    return [re.sub(r"\(.*", "", name) for name in names(thread_of(found, tid))]


CHAIN = ["in_handler", "handler"]
OUTER = ["aligned", "middle", "middle", "middle", "middle", "compare"]


def check_chain(found, pid):
    stack = native_names(found, pid)
    assert stack[stack.index("innermost") :][:3] == ["innermost", *CHAIN]
    begin = stack.index("aligned")
    assert stack[begin : begin + 6] == OUTER
    assert stack.index("handler") < begin and "main" in stack[begin:] and stack[-1] == "_start"
    other = next(thread for thread in found["threads"] if thread["thread_id"] != pid)
    assert "innermost" in names(other) and "in_thread" in names(other)
    assert all(thread["remark"] is None for thread in found["threads"])


def test_native_program(cli, start, build):
    """Through a signal handler on its own stack, a frame with an expression, a callback of libc."""
    process = start(build("chain.c"))
    time.sleep(0.1)
    found = dump(cli, process.pid, "--native")
    assert found["python"] is None
    check_chain(found, process.pid)


def test_frame_pointers_left_out_and_sections_stripped(cli, start, build, tmp_path):
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, build("chain.c")], check=True)
    process = start(stripped)
    time.sleep(0.1)
    stack = names(thread_of(dump(cli, process.pid, "--native"), process.pid))
    # No names, but as many frames, each with its place in the file.
    assert sum(name.startswith("stripped+0x") for name in stack) >= 10


def test_deleted_binary(cli, start, build, tmp_path):
    program = tmp_path / "gone"
    shutil.copy(build("chain.c"), program)
    process = start(program)
    program.unlink()
    time.sleep(0.1)
    check_chain(dump(cli, process.pid, "--native"), process.pid)


def test_cpp_names_lines_and_inlined_functions(cli, start, build):
    process = start(build("names.cpp", "-g"))
    time.sleep(0.1)
    frames = thread_of(dump(cli, process.pid, "--native"), process.pid)["frames"]
    text = [frame["name"] for frame in frames]
    box = next(index for index, name in enumerate(text) if name.startswith("shapes::Box<std::"))
    assert text[box].split("(")[0].endswith("::open")
    assert text[box + 1].startswith("inlined_here") and text[box + 2].startswith("outer(std::vector<")
    assert frames[box + 2]["line"] == 20 and frames[box + 2]["filename"].endswith("names.cpp")
    assert frames[box + 1]["line"] == 16


TAIL_CALLS = {"PyObject_Call", "PyRun_AnyFileExFlags", "PyEval_EvalCode", "PyEval_EvalCodeEx", "gen_iternext"}


@needs_gdb
def test_stacks_are_those_of_gdb(cli, start, python):
    """All native frames, inlined ones too, of all threads of a stopped process."""
    process = start(python, KNOWN)
    if os.readlink(f"/proc/{process.pid}/root") != "/":
        pytest.skip("gdb looks for the files of such a process in our own root")
    time.sleep(0.05)
    os.kill(process.pid, signal.SIGSTOP)
    assert comes_to(process.pid, "T")
    ours = dump(cli, process.pid, "--native")
    assert comes_to(process.pid, "T")
    text = subprocess.run(
        ["gdb", "-nx", "-batch", "-iex", "set auto-load off", "-iex", "set debuginfod enabled off",
         "-p", str(process.pid), "-ex", "thread apply all bt -frame-info location -frame-arguments none"],
        capture_output=True, text=True,
    ).stdout
    stacks = {}
    for block in re.split(r"\nThread \d+ ", text)[1:]:
        tid = int(re.search(r"LWP (\d+)", block).group(1))
        # What stands without an address is the function into which the one before was inlined.
        groups = []
        for address, name in re.findall(r"^#\d+ +(0x[0-9a-f]+ in )?(\S+) \(", block, flags=re.MULTILINE):
            if address or not groups:
                groups.append([])
            groups[-1].append(re.sub(r"\..*", "", name))
        # We show what the loop runs instead of the loop.
        stacks[tid] = [name for group in groups if "_PyEval_EvalFrameDefault" not in group for name in group]
    assert stacks, text
    for tid, gdb in stacks.items():
        mine = names(thread_of(ours, tid), "native")

        def plain(stack):
            # gdb reads names of libc's functions elsewhere.
            unlike = r"\+0x|nanosleep|_start|start_thread|clone|select|libc|@plt|\?\?"
            return [name for name in stack if not re.search(unlike, name)]

        # It also guesses the frames that tail calls took down; nothing else may differ.
        rest = iter(plain(gdb))
        assert all(name in rest for name in plain(mine)), f"thread {tid}\nours {mine}\ngdb {gdb}"
        extra = collections.Counter(plain(gdb)) - collections.Counter(plain(mine))
        assert set(extra) <= TAIL_CALLS, f"thread {tid}\nours {mine}\ngdb {gdb}"


def test_text_output(cli, start, python):
    process = start(python, KNOWN)
    result = cli("dump", "--pid", process.pid)
    assert result.code == 0
    assert result.out.startswith(f"Process {process.pid}: {own_name(process.pid)} {KNOWN}\nPython 3.")
    assert re.search(rf"^Thread {process.pid} \(active(\+gil)?\): \"", result.out, flags=re.MULTILINE)
    assert re.search(rf"^    spin \({re.escape(KNOWN)}:\d+\)$", result.out, flags=re.MULTILINE)


def test_no_such_process(cli):
    process = subprocess.Popen(["true"])
    process.wait()
    result = cli("dump", "--pid", process.pid)
    assert result.code == 1 and f"no process {process.pid}" in result.err
    assert cli("dump", "--pid", "-3").code in (1, 2)


def test_zombie(cli):
    process = subprocess.Popen(["true"])
    time.sleep(0.1)
    result = cli("dump", "--pid", process.pid)
    process.wait()
    assert result.code == 1 and "zombie" in result.err


def test_thread_id_is_not_a_process(cli, start):
    process = start(next(iter(INTERPRETERS.values())), KNOWN)
    thread = max(map(int, os.listdir(f"/proc/{process.pid}/task")))
    result = cli("dump", "--pid", thread)
    assert result.code == 1 and f"thread of process {process.pid}" in result.err


def test_no_python_in_it(cli, start, build):
    process = start(build("chain.c"))
    result = cli("dump", "--pid", process.pid)
    assert result.code == 1 and "no Python interpreter" in result.err and "native" in result.err


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")
def test_traced_already(cli, start, build, tmp_path):
    process = start(build("chain.c"))
    tracer = subprocess.Popen(["strace", "-f", "-o", tmp_path / "log", "-p", str(process.pid)], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    result = cli("dump", "--pid", process.pid, "--native")
    tracer.terminate()
    tracer.wait()
    assert result.code == 1 and f"process {tracer.pid}" in result.err and "tracing it already" in result.err


@needs_root
def test_another_users_process(cli, start, build, tmp_path):
    process = start(build("chain.c"))
    binary = tmp_path / "cli"
    shutil.copy(BINARY, binary)
    for folder in [tmp_path, *tmp_path.parents]:
        if str(folder).startswith(str(tmp_path.parents[1])):
            folder.chmod(0o755)
    answer = subprocess.run(
        [binary, "dump", "--native", "--pid", str(process.pid)], capture_output=True, text=True, user=65534, group=65534,
    )
    assert answer.returncode == 1
    assert "belongs to user 0, and this is user 65534" in answer.stderr and "sudo" in answer.stderr


def test_stopped_before_stays_stopped(cli, start, python):
    process = start(python, KNOWN)
    time.sleep(0.05)
    os.kill(process.pid, signal.SIGSTOP)
    assert comes_to(process.pid, "T")
    found = dump(cli, process.pid, "--native")
    assert short(names(thread_of(found, process.pid), "python")) == EXPECTED
    assert comes_to(process.pid, "T")
    time.sleep(0.1)
    assert state(process.pid) == "T"
    os.kill(process.pid, signal.SIGCONT)
    assert comes_to(process.pid, "R")


def test_killed_sampler_leaves_the_target_running(start):
    process = start(next(iter(INTERPRETERS.values())), KNOWN)
    for step in range(40):
        dumper = subprocess.Popen([BINARY, "dump", "--native", "--pid", str(process.pid)], stdout=subprocess.DEVNULL)
        time.sleep(0.002 * step)
        dumper.kill()
        dumper.wait()
        assert state(process.pid) in "RS"
    before = user_time(process.pid)
    deadline = time.time() + 10
    while user_time(process.pid) < before + 3:
        assert time.time() < deadline, "the target stands still"
        time.sleep(0.02)


def test_signals_arrive(cli, start, tmp_path):
    """Signals that come while it is stopped are not lost."""
    program = tmp_path / "count.py"
    program.write_text(
        "import signal, sys\ncount = 0\n"
        "def handler(*_):\n    global count\n    count += 1\n    print(count, flush=True)\n"
        "signal.signal(signal.SIGUSR1, handler)\nprint('ready', flush=True)\nwhile True: pass\n"
    )
    process = start(next(iter(INTERPRETERS.values())), program)
    for count in range(1, 31):
        dumper = subprocess.Popen(
            [BINARY, "dump", "--pid", str(process.pid)],
            stdout=subprocess.DEVNULL,
        )
        time.sleep(0.001 * count)
        os.kill(process.pid, signal.SIGUSR1)
        assert process.stdout.readline() == f"{count}\n"
        assert dumper.wait() == 0


def test_free_threaded(cli, start, build):
    """Threads have copies of code of their own; there is no lock, and who is attached runs Python code."""
    process = start(build("free.c", "-rdynamic", name="embedding"))
    found = dump(cli, process.pid, "--locals")
    assert found["python"] == "3.14.10"
    (thread,) = found["threads"]
    assert thread["owns_gil"] and thread["remark"] is None
    places = [(frame["name"], frame["filename"], frame["line"]) for frame in thread["frames"]]
    assert places == [("inner", "free.py", 22), ("outer", "free.py", 11)]
    locals = [[(one["name"], one["value"]) for one in frame["locals"]] for frame in thread["frames"]]
    assert locals == [[("word", "'seventeen'")], [("number", "17")]]


def hidden(start, tmp_path, outside, *commands):
    """Run the last command in a mount namespace of its own, in which `place` is another folder."""
    place = tmp_path / "place"
    place.mkdir()
    for file in outside:
        shutil.copy(file, place)
    script = f"set -e; mount --make-rprivate /; {'; '.join(command.replace('PLACE', str(place)) for command in commands)}"
    if subprocess.run(["unshare", "--mount", "mount", "--make-rprivate", "/"], capture_output=True).returncode:
        pytest.skip("mount namespaces cannot be made here")
    return start("unshare", "--mount", "sh", "-c", script)


@needs_root
def test_other_mount_namespace(cli, start, build, tmp_path):
    """Its files are another program's, or none, where we see their paths."""
    chain, flip = build("chain.c"), build("flip.c", name="chain-of-another-kind")
    other = tmp_path / chain.name
    shutil.copy(flip, other)
    process = hidden(
        start, tmp_path, [other], "mount -t tmpfs none PLACE", f"cp {chain} PLACE", f"exec PLACE/{chain.name}"
    )
    for _ in range(2):
        check_chain(dump(cli, process.pid, "--native"), process.pid)


@needs_root
def test_python_in_other_mount_namespace(cli, start, python, tmp_path):
    prefix = subprocess.run(
        [python, "-c", "import sys; print(sys.base_prefix)"], capture_output=True, text=True
    ).stdout.strip()
    program = f"{prefix}/bin/python3"
    if prefix == "/usr" or not os.path.exists(program):
        pytest.skip("this interpreter has no folder of its own")
    process = hidden(
        start, tmp_path, [], f"mount --bind {prefix} PLACE", f"export LD_LIBRARY_PATH=PLACE/lib PYTHONHOME=PLACE",
        f"exec PLACE/bin/python3 {KNOWN}",
    )  # fmt: skip
    for options in [[], ["--native"], ["--nonblocking"]]:
        found = dump(cli, process.pid, *options)
        if options != ["--nonblocking"]:
            check_known(found, process.pid)
        else:
            assert found["python"].startswith("3.") and len(found["threads"]) == 4
