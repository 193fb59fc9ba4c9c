"""`pynomaly dump --locals`: the values of variables, of every version of CPython."""

import json
import re

import pytest
from conftest import INTERPRETERS, PROGRAMS

VALUES = PROGRAMS / "values.py"


def dump(cli, pid, *options):
    result = cli("dump", "--pid", pid, "--json", "--locals", *options)
    assert result.code == 0, result.err
    return json.loads(result.out)


def frame_of(thread, name):
    return next(frame for frame in thread["frames"] if frame["name"].split(".")[-1] == name)


EXPECTED = {
    "first": "'one'",
    "second": "2.5",
    "only": "False",
    "args": "(3, 'four')",
    "more": "{'key': 'value'}",
    "zero": "0",
    "negative": "-17",
    "long": str(2**100 + 1),
    "low": str(-(10**27)),
    "yes": "True",
    "no": "False",
    "nothing": "None",
    "small": "0.1",
    "exponent": "1e-300",
    "infinite": "-inf",
    "text": "'plain'",
    "quoted": "'it\\'s\\n\\\\\\x1b'",
    "unicode": "'żółw €'",
    "wide": "'\U0001f40d!'",
    "word": "<Word 'sub'>",
    "raw": "b'\\x00ab\\'\\xff\\n'",
    "empty": "([], (), {}, '', b'', <set of length 0>)",
    "items": "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 90 more]",
    "nested": "[[[[... 1 more]]], (1,), {'k': [None]}]",
    "mapping": "{'a': 1, 2: 'b', (3, 4): None}",
    "removed": "{45: 45, 46: 46, 47: 47, 48: 48, 49: 49}",
    "split": "{'inside': 1}",
    "color": "<Color 2>",
    "point": "<Point (1, 2.0)>",
    "numbers": "<set of length 3>",
    "loop": "[[[[... 1 more]]]]",
    "captured": "'outer'",
    "n": "44",
}


@pytest.mark.parametrize("options", [[], ["--native"], ["--nonblocking"]], ids=["python", "native", "nonblocking"])
def test_values(cli, start, python, options):
    process = start(python, VALUES)
    found = dump(cli, process.pid, *options)
    main = next(thread for thread in found["threads"] if thread["thread_id"] == process.pid)
    kinds = frame_of(main, "kinds")["locals"]
    values = {one["name"]: one["value"] for one in kinds}
    assert {name: values.get(name) for name in EXPECTED} == EXPECTED
    assert re.fullmatch(r"<int of about \d+ bits>", values["huge"])
    assert re.fullmatch(r"'a{100}'\.\.\. \(3000 characters\)", values["long_text"])
    assert re.fullmatch(r"<Thing at 0x[0-9a-f]+>", values["thing"])
    assert re.fullmatch(r"<(collections\.)?OrderedDict \{'z': 1\}>", values["ordered"])
    assert re.fullmatch(r"<function at 0x[0-9a-f]+>", values["inner"])
    assert "unset" not in values
    assert [one["name"] for one in kinds if one["argument"]] == ["first", "second", "only", "args", "more"] or {
        one["name"] for one in kinds if one["argument"]
    } == {"first", "second", "only", "args", "more"}
    # Arguments that an inner function uses, and what it has from outside.
    inner = {one["name"]: (one["value"], one["argument"]) for one in frame_of(main, "inner")["locals"]}
    assert inner == {
        "argument": ("'outer'", True),
        "also": ("1", True),
        "own": ("'outerone'", False),
        "captured": ("'outer'", False),
        "first": ("'one'", False),
    }
    generator = {one["name"]: one["value"] for one in frame_of(main, "generate")["locals"]}
    assert generator == {"limit": "5", "produced": "0"}
    assert frame_of(main, "<module>")["locals"] == []
    for thread in found["threads"]:
        for frame in thread["frames"]:
            assert frame["kind"] == "python" or frame["locals"] == []
            for one in frame["locals"]:
                assert len(one["value"]) < 400


def test_many_frames_are_bounded_and_said(cli, start, python):
    process = start(python, VALUES)
    found = dump(cli, process.pid)
    deep = next(thread for thread in found["threads"] if len(thread["frames"]) > 6000)
    with_locals = [frame for frame in deep["frames"] if frame["locals"]]
    assert 5000 <= len(with_locals) < 5100
    # The innermost have them.
    assert [one["value"] for one in deep["frames"][0]["locals"]] == ["0"]
    assert re.fullmatch(r"the variables of the \d+ outermost frames are left out", deep["remark"])


def test_text(cli, start):
    process = start(INTERPRETERS[sorted(INTERPRETERS)[-1]], VALUES)
    result = cli("dump", "-l", "--pid", process.pid)
    assert result.code == 0
    assert re.search(
        r"^    (\S+\.)?generate \(.*values\.py:\d+\)\n        Arguments:\n            limit: 5\n"
        r"        Locals:\n            produced: 0\n    \S",
        result.out,
        flags=re.MULTILINE,
    )
    assert "\x1b" not in result.out
    plain = cli("dump", "--pid", process.pid)
    assert "Locals:" not in plain.out and "locals" not in cli("dump", "--json", "--pid", process.pid).out
