"""A fixed amount of work by so many threads. Says "ready", waits for a line, works, and
says how long that took."""

import sys
import threading
import time

from work import work

UNITS, THREADS = int(sys.argv[1]), int(sys.argv[2])
threads = [threading.Thread(target=work, args=(UNITS // THREADS,)) for _ in range(THREADS)]
print("ready", flush=True)
sys.stdin.readline()
begin, cpu = time.perf_counter(), time.process_time()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(time.perf_counter() - begin, time.process_time() - cpu, flush=True)
sys.stdin.readline()
