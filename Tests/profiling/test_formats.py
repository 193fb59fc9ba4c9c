"""One recording in all its formats: each is what its reader's own definition says, and all tell the same."""

import collections
import json
import os
import pathlib
import subprocess
import sys

import jsonschema
import pytest
import speedscope
from conftest import INTERPRETERS, PROGRAMS, ROOT
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# Google's own definition, from Debian's golang-github-google-pprof-dev.
PROTO = pathlib.Path("/usr/share/gocode/src/github.com/google/pprof/proto/profile.proto")
RECORD = """
import sys, time
sys.path.insert(0, sys.argv[1])
import pynomaly
recording = pynomaly.Profiler(int(sys.argv[2]), rate=500, native=True, idle=True, threads=True)
with recording:
    time.sleep(1)
for name in ("raw", "pprof", "speedscope"):
    open(f"{sys.argv[3]}/{name}", "wb").write(recording.content(name))
"""


@pytest.fixture(scope="module")
def message(tmp_path_factory):
    """The class of pprof's messages, made from the definition."""
    output = tmp_path_factory.mktemp("proto") / "descriptors"
    subprocess.run(["protoc", f"-I{PROTO.parent}", f"--descriptor_set_out={output}", PROTO.name], check=True)
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("perftools.profiles.Profile"))


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """The folder with one recording of a program with threads, Python and native frames, in each format."""
    folder = tmp_path_factory.mktemp("formats")
    python = INTERPRETERS[sorted(INTERPRETERS)[-1]]
    target = subprocess.Popen(
        [python, PROGRAMS / "known.py"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    try:
        assert target.stdout.readline()
        library = os.environ.get("PYNOMALY_LIBRARY", ROOT / ".build/release/libpynomaly.so")
        subprocess.run(
            [sys.executable, "-c", RECORD, ROOT / "bindings/python/src", str(target.pid), folder],
            env={**os.environ, "PYNOMALY_LIBRARY": str(library)},
            check=True,
        )
    finally:
        target.kill()
        target.wait()
        target.stdout.close()
    return folder


@pytest.fixture
def raw(recording):
    """The samples of each stack."""
    stacks = collections.Counter()
    for line in (recording / "raw").read_text().splitlines():
        stack, count = line.rsplit(" ", 1)
        stacks[tuple(stack.split(";"))] += int(count)
    assert len(stacks) >= 4 and sum(stacks.values()) > 100
    return stacks


def label(name, file, line):
    """As frames are called in folded stacks."""
    place = f"{os.path.basename(file)}:{line}" if line else os.path.basename(file)
    return (f"{name} ({place})" if place else name).replace(";", ":")


def test_pprof(recording, raw, message):
    content = (recording / "pprof").read_bytes()
    profile = message.FromString(content)
    # No field that the definition does not know.
    known = message.FromString(content)
    known.DiscardUnknownFields()
    assert known == profile and known.ByteSize() == profile.ByteSize() and profile.IsInitialized()
    text = profile.string_table
    assert text[0] == "" and len(set(text)) == len(text)
    assert [(text[one.type], text[one.unit]) for one in profile.sample_type] == [
        ("samples", "count"),
        ("wall", "nanoseconds"),
    ]
    assert (text[profile.period_type.type], text[profile.period_type.unit]) == ("wall", "nanoseconds")
    assert profile.period == 2_000_000 and 0.9e9 < profile.duration_nanos < 30e9
    functions = {one.id: one for one in profile.function}
    locations = {one.id: one for one in profile.location}
    assert 0 not in functions and 0 not in locations
    assert len(functions) == len(profile.function) and len(locations) == len(profile.location)

    def labels(location):
        for line in locations[location].line:
            function = functions[line.function_id]
            yield label(text[function.name], text[function.filename], line.line)

    stacks = collections.Counter()
    for sample in profile.sample:
        count, nanoseconds = sample.value
        assert nanoseconds == count * profile.period
        # The innermost comes first.
        outward = [name for location in sample.location_id for name in labels(location)]
        stacks[tuple(reversed(outward))] += count
    assert stacks == raw


def test_speedscope(recording, raw):
    content = json.loads((recording / "speedscope").read_text())
    jsonschema.Draft202012Validator.check_schema(speedscope.SCHEMA)
    jsonschema.validate(content, speedscope.SCHEMA)
    frames = content["shared"]["frames"]
    (profile,) = content["profiles"]
    assert profile["unit"] == "seconds" and len(profile["samples"]) == len(profile["weights"])
    stacks = collections.Counter()
    for stack, weight in zip(profile["samples"], profile["weights"]):
        called = [frames[number] for number in stack]
        names = tuple(label(one["name"], one.get("file", ""), one.get("line")) for one in called)
        stacks[names] += round(weight * 500)
        assert abs(weight * 500 - round(weight * 500)) < 0.01
    assert stacks == raw
    assert abs(profile["endValue"] - profile["startValue"] - sum(profile["weights"])) < 1e-3


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["profiles"][0].pop("weights"),
        lambda it: it["profiles"][0].update(type="sample"),
        lambda it: it["profiles"][0]["samples"].append([-1]),
        lambda it: it["shared"]["frames"][0].pop("name"),
        lambda it: it["shared"]["frames"][0].update(lines=1),
        lambda it: it.update({"$schema": "https://speedscope.app"}),
    ],
)
def test_the_schema_refuses(recording, change):
    content = json.loads((recording / "speedscope").read_text())
    change(content)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, speedscope.SCHEMA)
