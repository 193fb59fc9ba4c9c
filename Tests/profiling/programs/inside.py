"""Samples itself through the C interface, while it does what the scenario says; writes the stacks and, behind
a line of its own, the summary and the statistics.

    python inside.py LIBRARY SCENARIO SECONDS [option=number ...]
"""

import ctypes
import sys
import threading
import time

OPTIONS = ["native", "idle", "gil", "threads", "function", "nolineno", "subprocesses", "nonblocking"]
NAMES = (
    "due taken late skipped torn failed stacks stops pause_ns own_ns duration_ns incomplete blocked interrupted"
    " threads active locked"
)


class Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("rate", ctypes.c_double), ("duration", ctypes.c_double)] + [
        (name, ctypes.c_int32) for name in OPTIONS
    ]


class Statistics(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t)] + [(name, ctypes.c_int64) for name in NAMES.split()]


class Error(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("words", ctypes.c_int64 * 3), ("message", ctypes.c_char * 512)]


def a3():
    return 1


def a2():
    return a3()


def a1():
    return a2()


def b3():
    return 2


def b2():
    return b3()


def b1():
    return b2()


def flip(seconds):
    end = time.time() + seconds
    while time.time() < end:
        main()


def main():
    for _ in range(2000):
        a1()
        b1()


def deep(seconds):
    sys.setrecursionlimit(20000)
    down(5000, time.time() + seconds)


def down(depth, end):
    if depth:
        return down(depth - 1, end)
    while time.time() < end:
        pass


def abyss(seconds):
    """Deeper than there is room for."""
    threading.stack_size(512 << 20)
    sys.setrecursionlimit(1000000)
    other = threading.Thread(target=lambda: down(40000, time.time() + seconds))
    other.start()
    other.join()


def naps(seconds):
    """Threads that wait, and some that wake now and then."""
    end = threading.Event()

    def nap():
        while not end.is_set():
            time.sleep(0.002)

    others = [threading.Thread(target=end.wait) for _ in range(60)] + [threading.Thread(target=nap) for _ in range(15)]
    for other in others:
        other.start()
    time.sleep(seconds)
    end.set()
    for other in others:
        other.join()


def sleeper(seconds):
    time.sleep(seconds)


def threads(seconds):
    others = [threading.Thread(target=sleeper, args=(seconds,)), threading.Thread(target=flip, args=(seconds,))]
    for other in others:
        other.start()
    flip(seconds)
    for other in others:
        other.join()


def codes(seconds):
    """Code objects that come and go: each has two names, which always go together."""
    end = time.time() + seconds
    number = 0
    while time.time() < end:
        number += 1
        space = {}
        text = "def outer_%d():\n  def inner_%d():\n    n = 0\n    while n < 300: n += 1\n  inner_%d()\n"
        exec(text % (number, number, number), space)
        space["outer_%d" % number]()


def sleeps(seconds):
    """Thousands of short waits: not one may end early."""
    import select

    libc = ctypes.CDLL(None, use_errno=True)
    end = time.time() + seconds
    early = count = 0
    while time.time() < end:
        begin = time.monotonic()
        wrong = libc.usleep(300) if count % 2 else libc.poll(None, 0, 1)
        wait = time.monotonic() - begin
        early += wrong != 0 or wait < 0.0003
        count += 1
    print("early %d of %d" % (early, count))


def begin(path, **options):
    library = ctypes.CDLL(path)
    settings = Options(ctypes.sizeof(Options), 100.0, 0.0)
    for name, value in options.items():
        setattr(settings, name, value)
    profiler = ctypes.c_void_p()
    error = Error(ctypes.sizeof(Error))
    if library.pyn_profiler_start(0, ctypes.byref(settings), ctypes.byref(profiler), ctypes.byref(error)):
        sys.exit(error.message.decode())
    return library, profiler


def content(library, profiler, form):
    parts = []
    Write = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    write = Write(lambda data, size, _: parts.append(ctypes.string_at(data, size)) or 0)
    error = Error(ctypes.sizeof(Error))
    library.pyn_profiler_write.argtypes = [ctypes.c_void_p, ctypes.c_int32, Write, ctypes.c_void_p, ctypes.c_void_p]
    if library.pyn_profiler_write(profiler, form, write, None, ctypes.byref(error)):
        sys.exit(error.message.decode())
    return b"".join(parts).decode("utf-8", "replace")


if __name__ == "__main__":
    options = {}
    for word in sys.argv[4:]:
        name, value = word.split("=")
        options[name] = float(value) if name in ("rate", "duration") else int(value)
    library, profiler = begin(sys.argv[1], **options)
    globals()[sys.argv[2]](float(sys.argv[3]))
    library.pyn_profiler_stop(profiler, None)
    statistics = Statistics(ctypes.sizeof(Statistics))
    library.pyn_profiler_get_statistics(profiler, ctypes.byref(statistics), None)
    sys.stdout.write(content(library, profiler, 3))
    print("--")
    print(content(library, profiler, 4))
    print(" ".join("%s=%d" % (name, getattr(statistics, name)) for name in NAMES.split()))
    library.pyn_profiler_free(profiler)
