"""Processes and files that lie: nothing they hold may crash the one that looks."""

import os
import random
import signal
import subprocess
import time

import pytest
from conftest import BINARY, PROGRAMS


@pytest.mark.parametrize("version", [f"0x03{minor:02x}00f0" for minor in range(11, 16)])
@pytest.mark.parametrize("seed", range(3))
def test_memory_that_is_nonsense_and_changes(cli, start, build, version, seed):
    process = start(build("liar.c", "-rdynamic", name="python3.11"), version, seed)
    for options in [["--nonblocking", "--locals"], ["--locals"], ["--native", "--json", "--locals"], []]:
        for _ in range(4):
            result = cli("dump", "--pid", process.pid, *options)
            assert result.code in (0, 1), result.err


@pytest.mark.parametrize("name", ["python3.8", "python3.9", "python3.10"])
def test_nonsense_of_older_versions(cli, start, build, name):
    process = start(build("liar.c", "-rdynamic", "-DPy_Version=other_name", name=name), "0", 7)
    for options in [["--nonblocking"], [], ["--native"], ["--locals"], ["--locals", "--nonblocking"]]:
        assert cli("dump", "--pid", process.pid, *options).code in (0, 1)


@pytest.mark.parametrize("seed", range(3))
def test_variables_that_are_nonsense(cli, start, python, seed):
    process = start(python, PROGRAMS / "corrupt.py", seed)
    seen = set()
    for options in [["--locals"], ["--locals", "--nonblocking", "--json"]] * 8:
        result = cli("dump", "--pid", process.pid, *options)
        assert result.code == 0, result.err
        assert len(result.out) < 50_000
        # Without a stop the stack may change under the reader, too.
        assert "a_list" in result.out or "--nonblocking" in options
        seen.add(result.out)
        time.sleep(0.005)
    assert len(seen) > 8 and process.poll() is None


@pytest.mark.parametrize(
    "version, word",
    [
        ("0x031000f0", "runs Python 3.16.0; releases 3.8 to 3.15 can be read"),
        # A pre-release, whose table is not that of the release.
        ("0x030f00a3", "runs Python 3.15.0a3; releases 3.8 to 3.15 can be read"),
        ("0x030700f0", "runs Python 3.7.0; releases 3.8 to 3.15 can be read"),
        ("0x02070000", "version is not to be found"),
        ("0xffffffff", "version is not to be found"),
    ],
)
def test_unknown_versions_are_refused(cli, start, build, version, word):
    process = start(build("liar.c", "-rdynamic", name="embedding"), version, 1)
    result = cli("dump", "--pid", process.pid)
    assert result.code == 1 and word in result.err


def test_damaged_files(cli, start, build, tmp_path):
    """The library that the process runs is damaged in place: section headers, symbols, DWARF, .eh_frame."""
    source = tmp_path / "library.c"
    source.write_text(
        "#include <unistd.h>\nvolatile int sink;\n"
        "void deep(int n) { if (n) deep(n - 1); else for (;;) pause(); sink++; }\n"
    )
    library = tmp_path / "liblibrary.so"
    subprocess.run(["gcc", "-g", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    program = tmp_path / "main.c"
    program.write_text(
        '#include <stdio.h>\nvoid deep(int);\nint main(void) { puts("ready"); fflush(stdout); deep(5); }\n'
    )
    subprocess.run(
        ["gcc", "-o", tmp_path / "main", program, library, f"-Wl,-rpath,{tmp_path}"], check=True
    )
    process = start(tmp_path / "main")
    time.sleep(0.05)
    good = cli("dump", "--native", "--pid", process.pid)
    assert good.out.count("deep (") == 6
    whole = library.read_bytes()
    # What the process itself needs while it waits lies in its first pages; only the rest is damaged.
    headers = subprocess.run(["readelf", "-SW", library], capture_output=True, text=True).stdout
    import re

    places = []
    for name, offset, size in re.findall(r"\] (\.\S+) +\S+ +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)", headers):
        if name.startswith((".debug", ".symtab", ".strtab", ".eh_frame", ".shstrtab", ".note")):
            places.append((int(offset, 16), int(size, 16)))
    table = int.from_bytes(whole[40:48], "little")
    places += [(table, len(whole) - table), (table, len(whole) - table), (0, 64)]
    chance = random.Random(5)
    with open(library, "r+b") as file:
        for _ in range(60):
            damaged = bytearray(whole)
            for _ in range(chance.choice([1, 4, 64])):
                offset, size = chance.choice(places)
                damaged[offset + chance.randrange(size)] = chance.choice([0, 0xFF, 0x80, chance.randrange(256)])
            file.seek(0)
            file.write(damaged)
            file.flush()
            result = cli("dump", "--native", "--pid", process.pid)
            assert result.code in (0, 1), result.err


def test_a_file_that_is_cut_short_while_it_is_read(cli, start, tmp_path):
    """As a linker does that writes a library anew: what the process needs of it stays, the rest is gone."""
    def filler(name):
        # Enough to be more than a page of DWARF.
        return "".join(f"struct {name}{i} {{ int a{i}; }} {name}v{i};" for i in range(400))

    early, late = tmp_path / "early.c", tmp_path / "late.c"
    early.write_text(filler("e") + "volatile int x;\nvoid early(long n) { while (n--) x++; }\n")
    late.write_text(filler("l") + "volatile int y;\nvoid late(long n) { while (n--) y++; }\n")
    library, program = tmp_path / "liblate.so", tmp_path / "main.c"
    subprocess.run(["gcc", "-g", "-O1", "-shared", "-fPIC", "-o", library, early, late], check=True)
    program.write_text(
        "#include <signal.h>\n#include <stdio.h>\nvoid early(long), late(long);\nvolatile int go;\n"
        "void next(int s) { go = s; }\nint main(void) {\n  signal(SIGUSR1, next);\n"
        '  puts("ready");\n  fflush(stdout);\n  while (!go) early(1000);\n  for (;;) late(1000);\n}\n'
    )
    subprocess.run(["gcc", "-o", tmp_path / "main", program, library, f"-Wl,-rpath,{tmp_path}"], check=True)
    process = start(tmp_path / "main")
    sampler = subprocess.Popen(
        [BINARY, "record", "--native", "--rate", "200", "--duration", "3", "--format", "raw", "-o", "-"]
        + ["--pid", str(process.pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    time.sleep(1)
    # All that is loaded, and not a page more.
    headers = subprocess.run(["readelf", "-lW", library], capture_output=True, text=True).stdout
    loaded = [line.split() for line in headers.splitlines() if line.split()[:1] == ["LOAD"]]
    end = max(int(words[1], 16) + int(words[4], 16) for words in loaded)
    assert library.stat().st_size > end + 20_000
    os.truncate(library, end)
    os.kill(process.pid, signal.SIGUSR1)
    out, err = sampler.communicate(timeout=60)
    assert sampler.returncode == 0, err
    # What is written to a file does not tell of the code that runs.
    assert "early (early.c:2)" in out and "late (liblate.so)" in out and process.poll() is None
