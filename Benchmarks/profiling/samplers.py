"""The samplers that are compared, and how each is called."""

import dataclasses
import os
import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE.parents[1] / "Tests/profiling/programs"
PYNOMALY = os.environ.get("PYNOMALY_CLI", str(HERE.parents[1] / ".build/release/pynomaly-cli"))
WHERE = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
PY_SPY, AUSTIN, AUSTINP, EU_STACK = (
    shutil.which(name, path=WHERE) for name in ("py-spy", "austin", "austinp", "eu-stack")
)


@dataclasses.dataclass(frozen=True)
class Sampler:
    name: str
    mode: str
    rate: int
    command: tuple
    is_austin: bool = False

    def of(self, pid, output):
        """The command that samples until it is interrupted."""
        more = [] if self.is_austin else ["--duration", "3600"]
        return [*self.command, *more, "-o", str(output), "-p", str(pid)]

    def stacks(self, output):
        """(frames, samples) of what it wrote, the functions' names only, outermost first."""
        for line in open(output, errors="replace"):
            if line.startswith("#") or " " not in line:
                continue
            stack, count = line.rsplit(" ", 1)
            if self.is_austin:  # P1;T0x1:2;FILE:FUNCTION:LINE;... microseconds
                names = [frame.rsplit(":", 2)[-2] if frame.count(":") > 1 else frame for frame in stack.split(";")]
                yield [name.rsplit(".", 1)[-1] for name in names], 1
            else:
                yield [re.sub(r" \(.*", "", frame).rsplit(".", 1)[-1] for frame in stack.split(";")], int(count)


def samplers(rates=(100, 1000), modes=("python", "native", "nonblocking")):
    """Every sampler that is here, at every rate, in every mode that it has."""
    for rate in rates:
        for mode in modes:
            option = [] if mode == "python" else [f"--{mode}"]
            record = ["record", "--rate", str(rate), "-f", "raw", *option]
            yield Sampler("pynomaly", mode, rate, (PYNOMALY, *record))
            if PY_SPY:
                yield Sampler("py-spy", mode, rate, (PY_SPY, *record))
            austin = {"nonblocking": AUSTIN, "native": AUSTINP}.get(mode)
            if austin:  # it never stops its target but for native frames
                yield Sampler("austin", mode, rate, (austin, "-i", str(1_000_000 // rate)), is_austin=True)
