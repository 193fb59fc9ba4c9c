import sys
import threading
import time

sys.setrecursionlimit(10000)
threading.stack_size(512 << 20)


def down(depth):
    if depth:
        return down(depth - 1)
    print("ready", flush=True)
    time.sleep(1000)


thread = threading.Thread(target=down, args=(5000,))
thread.start()
thread.join()
