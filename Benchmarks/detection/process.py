"""Runs a command as a whole process and prints what it took, as JSON.

    python -I -S process.py OUTPUT COMMAND ...

Stands alone and is kept small: the peak memory that the kernel tells of a process includes what its
parent had when it started it, so a large parent would hide it.
"""

import json
import os
import sys
import time


def main() -> None:
    output, command = sys.argv[1], sys.argv[2:]
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    redirect = [(os.POSIX_SPAWN_DUP2, file, 1), (os.POSIX_SPAWN_DUP2, file, 2)]
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=redirect)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    found = {
        "seconds": seconds,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
        "status": os.waitstatus_to_exitcode(status),
    }
    print(json.dumps(found))


main()
