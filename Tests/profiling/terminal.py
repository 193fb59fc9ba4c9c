"""A terminal for tests: a program runs in it, and what it would show can be read."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time

# A control sequence, a carriage return or line feed, or a piece of text.
PIECE = re.compile(r"\x1b\[(\??)([\d;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)|(\x1b)")


class Terminal:
    """Understands what `pynomaly top` uses; anything else is an error of the test."""

    def __init__(self, *command, width=100, height=30, **options):
        self.master, self.slave = os.openpty()
        self.resize(width, height)
        self.before = termios.tcgetattr(self.slave)
        self.modes = {}
        self.normal, self.other = [""], [""]
        self.row = self.column = 0
        self.raw = ""
        self.rest = b""
        self.process = subprocess.Popen(
            list(map(str, command)),
            stdin=self.slave,
            stdout=self.slave,
            stderr=subprocess.PIPE,
            preexec_fn=self._adopt,
            **{"env": {**os.environ, "TERM": "xterm"}, **options},
        )

    @staticmethod
    def _adopt():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, width, height):
        self.width, self.height = width, height
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def press(self, keys):
        os.write(self.master, keys.encode())

    @property
    def lines(self):
        return self.other if self.modes.get(1049) else self.normal

    def _write(self, text):
        self.raw += text
        for private, numbers, letter, carriage, feed, plain, lost in PIECE.findall(text):
            lines = self.lines
            if plain:
                line = lines[self.row].ljust(self.column)
                lines[self.row] = line[: self.column] + plain + line[self.column + len(plain) :]
                self.column += len(plain)
            elif carriage:
                self.column = 0
            elif feed:
                self.row += 1
                if self.row == len(lines):
                    lines.append("")
            elif private:
                assert letter in "hl", repr(text)
                self.modes[int(numbers)] = letter == "h"
                if numbers == "1049":
                    self.row, self.column = len(self.lines) - 1, 0
            elif letter == "H":
                assert not numbers
                self.row = self.column = 0
            elif letter == "K":
                lines[self.row] = lines[self.row][: self.column]
            elif letter == "J":
                if numbers == "2":
                    lines[:] = [""]
                    self.row = self.column = 0
                else:
                    del lines[self.row + 1 :]
                    lines[self.row] = lines[self.row][: self.column]
            else:
                assert letter == "m" and not lost, repr(text)

    def read(self, seconds):
        """Take in what comes, for so long at most; whether something came."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            self.rest += os.read(self.master, 1 << 16)
        except OSError:
            return False
        # A sequence or a character that is not whole yet waits for its rest.
        whole = len(self.rest)
        if 0 <= self.rest.rfind(b"\x1b") > self.rest.rfind(b"\n") - 1:
            tail = self.rest.rfind(b"\x1b")
            if not re.match(rb"\x1b\[\??[\d;]*[A-Za-z]", self.rest[tail:]):
                whole = tail
        text = self.rest[:whole]
        try:
            decoded = text.decode()
        except UnicodeDecodeError as error:
            whole = error.start
            decoded = text[:whole].decode()
        self.rest = self.rest[whole:]
        self._write(decoded)
        return True

    def until(self, condition, seconds=20):
        """Read until the condition holds of us; its value."""
        deadline = time.time() + seconds
        while time.time() < deadline:
            value = condition(self)
            if value:
                return value
            self.read(0.05)
        raise AssertionError("not within time; the screen is\n" + "\n".join(self.lines))

    def end(self, seconds=20):
        """Wait for the program's end; its code."""
        deadline = time.time() + seconds
        while self.process.poll() is None:
            assert time.time() < deadline, "it does not end\n" + "\n".join(self.lines)
            self.read(0.02)
        while self.read(0.05):
            pass
        self.errors = self.process.stderr.read().decode()
        return self.process.returncode

    @property
    def is_restored(self):
        """Whether the terminal is as it was before."""
        return (
            termios.tcgetattr(self.slave) == self.before
            and not self.modes.get(1049)
            and self.modes.get(25, True)
            and self.modes.get(7, True)
        )

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)
