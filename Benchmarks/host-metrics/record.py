#!/usr/bin/env python3
"""Record the metrics of this (Linux) host once per second into a CSV file.

Every number is read from /proc.  Unless --incidents is "off", the recorder
also provokes labelled incidents on a random but seeded schedule: a CPU hog, a
growing memory leak, a disk writer and a loopback flood.  They are child
processes of the recorder, bounded in time and size by themselves, killed when
the recorder ends, and the `incident` column is 1 for exactly the rows during
whose second such a child process existed.

Python 3.9 or newer, standard library only.  See README.md next to this file.
"""

import argparse
import csv
import datetime
import mmap
import os
import random
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

MB = 1000 * 1000

# (name, number of decimals) in the order of the file.
COLUMNS = [
    ("cpu_user_percent", 1),
    ("cpu_system_percent", 1),
    ("cpu_softirq_percent", 1),
    ("cpu_iowait_percent", 1),
    ("cpu_steal_percent", 1),
    ("load_1m", 2),
    ("procs_running", 0),
    ("procs_blocked", 0),
    ("context_switches_per_s", 0),
    ("interrupts_per_s", 0),
    ("forks_per_s", 1),
    ("memory_used_mb", 0),
    ("memory_cached_mb", 0),
    ("memory_dirty_mb", 1),
    ("page_faults_per_s", 0),
    ("disk_read_mb_per_s", 2),
    ("disk_write_mb_per_s", 2),
    ("disk_writes_per_s", 0),
    ("disk_flushes_per_s", 1),
    ("net_lo_mb_per_s", 3),
    ("net_lo_packets_per_s", 0),
    ("net_eth_rx_mb_per_s", 3),
    ("tcp_sockets", 0),
    ("pressure_cpu_percent", 1),
    ("pressure_io_percent", 1),
]

KINDS = ("cpu", "memory", "disk", "network")
SECONDS = {"cpu": (30, 60), "memory": (40, 60), "disk": (30, 45), "network": (30, 45)}
ONE_INCIDENT_PER = 480  # seconds of recording
MINIMUM_GAP = 210  # seconds between two incidents, and before the first one
GRACE = 5  # seconds to tidy up after the planned end (still labelled)
QUIET_END = 90  # seconds without incident at the end

MEMORY_GOAL = 6000 * MB
MEMORY_LIMIT = 8000 * MB
MEMORY_AVAILABLE_AT_LEAST = 6000 * MB
DISK_TOTAL = 4000 * MB  # written, and therefore occupied, by one incident
DISK_WRITERS = 2
DISK_FILE = 64 * MB
FLOOD_MB_PER_S = 250
FLOOD_CONNECTIONS = 8


# --------------------------------------------------------------------------
# Reading /proc


def read_text(path):
    with open(path, "r") as file:
        return file.read()


def key_values(path):
    """The first number of each line of files such as meminfo and vmstat."""
    values = {}
    for line in read_text(path).splitlines():
        parts = line.replace(":", " ").split()
        if len(parts) >= 2:
            values[parts[0]] = int(parts[1])
    return values


def list_disks():
    """Whole block devices, without those that live in memory or on others."""
    skip = ("loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd")
    return {name for name in os.listdir("/sys/block") if not name.startswith(skip)}


def list_interfaces():
    """Network interfaces with a device behind them (else all but lo)."""
    names = [name for name in os.listdir("/sys/class/net") if name != "lo"]
    real = [name for name in names if os.path.exists("/sys/class/net/%s/device" % name)]
    return set(real or names)


def pressure_total(name):
    """Microseconds during which some task waited for the resource (PSI)."""
    try:
        for line in read_text("/proc/pressure/" + name).splitlines():
            if line.startswith("some"):
                return int(line.rsplit("total=", 1)[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0


def tcp_sockets():
    count = 0
    for path, prefix in (("/proc/net/sockstat", "TCP:"), ("/proc/net/sockstat6", "TCP6:")):
        try:
            for line in read_text(path).splitlines():
                if line.startswith(prefix):
                    count += int(line.split()[2])
        except OSError:
            pass
    return count


class Sample:
    """Counters and gauges of one moment."""

    def __init__(self, disks, interfaces):
        self.moment = time.monotonic()
        self.wall = time.time()
        self.gauges = {}
        self.counters = {}
        counters, gauges = self.counters, self.gauges

        for line in read_text("/proc/stat").splitlines():
            parts = line.split(None, 9)
            if parts[0] == "cpu":
                ticks = [int(part) for part in parts[1:9]]
                user, nice, system, idle, iowait, irq, softirq, steal = ticks
                self.cpu = {
                    "user": user + nice,
                    "system": system,
                    "softirq": irq + softirq,
                    "iowait": iowait,
                    "steal": steal,
                    "idle": idle,
                }
            elif parts[0] == "ctxt":
                counters["context_switches"] = int(parts[1])
            elif parts[0] == "intr":
                counters["interrupts"] = int(parts[1])
            elif parts[0] == "processes":
                counters["forks"] = int(parts[1])
            elif parts[0] == "procs_running":
                gauges["procs_running"] = int(parts[1])
            elif parts[0] == "procs_blocked":
                gauges["procs_blocked"] = int(parts[1])

        gauges["load_1m"] = float(read_text("/proc/loadavg").split()[0])

        memory = key_values("/proc/meminfo")
        kb = 1024.0 / MB
        gauges["memory_used_mb"] = (memory["MemTotal"] - memory["MemAvailable"]) * kb
        gauges["memory_cached_mb"] = (memory["Cached"] + memory["Buffers"]) * kb
        gauges["memory_dirty_mb"] = (memory["Dirty"] + memory["Writeback"]) * kb
        counters["page_faults"] = key_values("/proc/vmstat")["pgfault"]

        read = written = writes = flushes = 0
        for line in read_text("/proc/diskstats").splitlines():
            parts = line.split()
            if parts[2] in disks:
                read += int(parts[5]) * 512
                writes += int(parts[7])
                written += int(parts[9]) * 512
                if len(parts) > 18:
                    flushes += int(parts[18])
        counters.update(disk_read=read, disk_write=written, disk_writes=writes,
                        disk_flushes=flushes)

        counters.update(net_lo=0, net_lo_packets=0, net_eth_rx=0)
        for line in read_text("/proc/net/dev").splitlines()[2:]:
            name, _, rest = line.partition(":")
            name, parts = name.strip(), rest.split()
            if name == "lo":
                counters["net_lo"] = int(parts[0])
                counters["net_lo_packets"] = int(parts[1])
            elif name in interfaces:
                counters["net_eth_rx"] += int(parts[0])

        gauges["tcp_sockets"] = tcp_sockets()
        counters["pressure_cpu"] = pressure_total("cpu")
        counters["pressure_io"] = pressure_total("io")


def row_between(before, after):
    """One row: the gauges of `after`, and rates over the true elapsed time."""
    elapsed = after.moment - before.moment
    rate = {name: max(0, value - before.counters[name]) / elapsed
            for name, value in after.counters.items()}
    ticks = {name: max(0, value - before.cpu[name]) for name, value in after.cpu.items()}
    all_ticks = sum(ticks.values()) or 1

    values = dict(after.gauges)
    for name in ("user", "system", "softirq", "iowait", "steal"):
        values["cpu_%s_percent" % name] = 100.0 * ticks[name] / all_ticks
    for name in ("context_switches", "interrupts", "forks", "page_faults",
                 "disk_writes", "disk_flushes", "net_lo_packets"):
        values[name + "_per_s"] = rate[name]
    for name in ("disk_read", "disk_write", "net_lo", "net_eth_rx"):
        values[name + "_mb_per_s"] = rate[name] / MB
    for name in ("cpu", "io"):
        # microseconds per second -> percent
        values["pressure_%s_percent" % name] = min(100.0, rate["pressure_" + name] / 1e4)
    return [format_number(values[name], decimals) for name, decimals in COLUMNS]


def format_number(value, decimals):
    text = "%.*f" % (decimals, value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def iso(seconds):
    moment = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# --------------------------------------------------------------------------
# The schedule


def make_schedule(duration, seed):
    """[(start second, seconds, kind, number)], decided by duration and seed."""
    generator = random.Random(seed)
    count = int(duration // ONE_INCIDENT_PER)
    kinds = []
    while len(kinds) < count:  # each kind once before any kind comes again
        block = list(KINDS)
        generator.shuffle(block)
        kinds.extend(block)
    kinds = kinds[:count]
    lengths = [generator.randint(*SECONDS[kind]) for kind in kinds]
    hogs = [generator.randint(8, 12) for _ in kinds]
    slack = duration - QUIET_END - sum(lengths) - MINIMUM_GAP * count
    if slack < 0:
        return []
    cuts = sorted(generator.uniform(0, slack) for _ in kinds)
    schedule, used = [], 0
    for kind, length, number, cut in zip(kinds, lengths, hogs, cuts):
        start = int(cut) + used + MINIMUM_GAP
        schedule.append((start, length, kind, number))
        used += MINIMUM_GAP + length
    return schedule


# --------------------------------------------------------------------------
# The incidents.  These functions run in child processes.


def work_cpu(end, number, folder, alive):
    def spin():
        value = 1
        while time.monotonic() < end and alive():
            for _ in range(20000):
                value = (value * 1103515245 + 12345) & 0x7FFFFFFF

    run_workers([spin] * number)


def work_memory(end, number, folder, alive):
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    page = mmap.PAGESIZE
    begin = time.monotonic()
    full = begin + 0.85 * (end - begin)
    step = 50 * MB // page * page
    marks = b"\x01" * (step // page)
    blocks = []
    while time.monotonic() < end and alive():
        share = min(1.0, (time.monotonic() - begin) / (full - begin))
        if len(blocks) * step >= share * MEMORY_GOAL:
            time.sleep(0.1)
            continue
        if key_values("/proc/meminfo")["MemAvailable"] * 1024 < MEMORY_AVAILABLE_AT_LEAST:
            break
        block = mmap.mmap(-1, step, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        block[0:step:page] = marks  # touch every page
        blocks.append(block)
    for block in blocks:
        block.close()


def work_disk(end, number, folder, alive):
    begin = time.monotonic()
    budget = DISK_TOTAL // DISK_WRITERS
    speed = budget / (end - begin)
    chunk = os.urandom(MB)

    def write(which):
        written = 0
        while written < budget and time.monotonic() < end and alive():
            path = os.path.join(folder, "%d-%d" % (which, written // MB))
            with open(path, "wb", buffering=0) as file:
                size = 0
                while size < DISK_FILE and written < budget and time.monotonic() < end:
                    file.write(chunk)
                    os.fsync(file.fileno())
                    size += len(chunk)
                    written += len(chunk)
                    ahead = begin + written / speed - time.monotonic()
                    if ahead > 0:
                        time.sleep(min(ahead, max(0.0, end - time.monotonic())))

    try:
        run_workers([lambda which=which: write(which) for which in range(DISK_WRITERS)])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def work_network(end, number, folder, alive):
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.bind(("127.0.0.1", 0))
    server.listen(FLOOD_CONNECTIONS)
    address = server.getsockname()

    def receive():
        buffer = bytearray(1 << 16)
        selector = selectors.DefaultSelector()
        selector.register(server, selectors.EVENT_READ)
        while time.monotonic() < end and alive():
            for key, _ in selector.select(0.1):
                if key.fileobj is server:
                    connection, _ = server.accept()
                    connection.setblocking(False)
                    selector.register(connection, selectors.EVENT_READ)
                    continue
                try:
                    if key.fileobj.recv_into(buffer) == 0:
                        selector.unregister(key.fileobj)
                        key.fileobj.close()
                except BlockingIOError:
                    pass

    def send():
        message = b"\x55" * 8192
        connections = []
        for _ in range(FLOOD_CONNECTIONS):
            connection = socket.create_connection(address, timeout=1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections.append(connection)
        begin, sent = time.monotonic(), 0
        while time.monotonic() < end and alive():
            for connection in connections:
                try:
                    sent += connection.send(message)
                except socket.timeout:
                    pass
                except OSError:
                    return
            ahead = begin + sent / (FLOOD_MB_PER_S * MB) - time.monotonic()
            if ahead > 0.002:
                time.sleep(ahead)

    run_workers([receive, send])


def run_workers(functions):
    """Fork one process per function and wait for all of them."""
    pids = []
    for function in functions:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                signal.alarm(max(1, remaining_alarm()))
                function()
                status = 0
            finally:
                os._exit(status)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)


_hard_end = 0.0


def remaining_alarm():
    return int(_hard_end - time.monotonic()) + 1


def child_main(arguments):
    """record.py --child KIND SECONDS NUMBER FOLDER PARENT"""
    global _hard_end
    kind, seconds, number, folder, parent = arguments
    seconds, number, parent = float(seconds), int(number), int(parent)
    end = time.monotonic() + seconds
    _hard_end = end + 10
    signal.alarm(remaining_alarm())  # whatever happens, it ends
    try:  # if memory gets scarce, this one goes first
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass

    leader = os.getpid()

    def alive():
        """The recorder (for the leader) or the leader (for workers) exists."""
        return os.getppid() == (parent if os.getpid() == leader else leader)

    work = {"cpu": work_cpu, "memory": work_memory, "disk": work_disk,
            "network": work_network}[kind]
    work(end, number, folder, alive)


# --------------------------------------------------------------------------
# The recorder


class Incident:
    def __init__(self, seconds, kind, number):
        self.kind = kind
        self.first = self.last = None  # wall clock of the first and last labelled row
        self.end = time.monotonic() + seconds
        self.folder = tempfile.mkdtemp(prefix="host-metrics-") if kind == "disk" else ""
        # The children stop a little before the tick, so that what they hold is
        # given back within the last labelled second.
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", os.path.abspath(__file__), "--child", kind,
             "%.2f" % (seconds - 0.4), str(number), self.folder, str(os.getpid())],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)

    def running(self):
        """Whether child processes are left; well past the end they are killed."""
        if self.process.poll() is None:
            if time.monotonic() >= self.end + GRACE:
                self.kill_group()
            return self.process.poll() is None
        self.kill_group()  # workers whose leader is gone
        self.remove_folder()
        return False

    def kill_group(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def remove_folder(self):
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self):
        self.kill_group()
        self.process.wait()
        self.remove_folder()


class Interrupted(Exception):
    pass


def interrupt(number, frame):
    raise Interrupted()


def say(text):
    print(iso(time.time()), text, file=sys.stderr, flush=True)


def record(options):
    schedule = make_schedule(options.duration, options.seed) if options.incidents == "on" else []
    for start, seconds, kind, number in schedule:
        say("planned: second %d, %d s, %s" % (start, seconds, kind))
    folder = os.path.dirname(os.path.abspath(options.output))
    incidents_path = os.path.join(folder, "incidents.csv")
    disks, interfaces = list_disks(), list_interfaces()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)

    active, rows, late = None, 0, 0
    with open(options.output, "w", newline="") as output, \
            open(incidents_path, "w", newline="") as incidents_output:
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(["time"] + [name for name, _ in COLUMNS] + ["incident"])
        log = csv.writer(incidents_output, lineterminator="\n")
        log.writerow(["start", "end", "kind"])
        incidents_output.flush()

        def close(incident):
            if incident.first is not None:
                log.writerow([iso(incident.first), iso(incident.last), incident.kind])
                incidents_output.flush()
            say("end of incident: %s, exit status %s" % (incident.kind, incident.process.poll()))

        try:
            # Tick a tenth of a second after each full second of the wall clock.
            time.sleep(1.1 - time.time() % 1.0)
            begin = time.monotonic()
            before = Sample(disks, interfaces)
            tick = 0
            while tick < options.duration:
                # The next tick of the fixed grid; ticks missed are not made up.
                tick = max(tick + 1, int(time.monotonic() - begin) + 1)
                time.sleep(max(0.0, begin + tick - time.monotonic()))
                after = Sample(disks, interfaces)
                if after.moment - begin - tick > 0.5:
                    late += 1
                label = 0
                if active is not None:  # it ran in the second now over
                    label = 1
                    active.first = active.first or after.wall
                    active.last = after.wall
                writer.writerow([iso(after.wall)] + row_between(before, after) + [label])
                output.flush()
                rows += 1
                before = after

                if active is not None and not active.running():
                    finished, active = active, None
                    close(finished)
                if active is None and schedule and tick >= schedule[0][0]:
                    _, seconds, kind, number = schedule.pop(0)
                    say("start of incident: %s, %d s" % (kind, seconds))
                    active = Incident(seconds, kind, number)
        except Interrupted:
            say("interrupted")
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            if active is not None:
                active.stop()
                close(active)
    say("%d rows, %d of them more than half a second late" % (rows, late))


def main():
    if sys.argv[1:2] == ["--child"]:
        return child_main(sys.argv[2:])
    parser = argparse.ArgumentParser(description="Record the metrics of this host, one row per second.")
    parser.add_argument("--output", default="host-metrics.csv",
                        help="the CSV file; incidents.csv is written next to it (default: %(default)s)")
    parser.add_argument("--duration", type=int, default=3960, help="seconds (default: %(default)s)")
    parser.add_argument("--incidents", choices=("on", "off"), default="on",
                        help="whether to provoke labelled incidents (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the schedule (default: %(default)s)")
    record(parser.parse_args())


if __name__ == "__main__":
    main()
