#include "CProfiling.h"

#include <cxxabi.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t cp_read(int32_t pid, uint64_t address, void *buffer, size_t count) {
    struct iovec local = {buffer, count};
    struct iovec remote = {reinterpret_cast<void *>(address), count};
    ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    return got < 0 ? -errno : got;
}

size_t cp_read_many(int32_t pid, const uint64_t *addresses, size_t count, size_t size, void *buffer) {
    struct iovec remote[256];
    size_t done = 0;
    while (done < count) {
        size_t now = count - done < 256 ? count - done : 256;
        for (size_t i = 0; i < now; i++)
            remote[i] = {reinterpret_cast<void *>(addresses[done + i]), size};
        struct iovec local = {static_cast<char *>(buffer) + done * size, now * size};
        ssize_t got = process_vm_readv(pid, &local, 1, remote, now, 0);
        if (got < 0) return done;
        done += static_cast<size_t>(got) / size;
        if (static_cast<size_t>(got) < now * size) return done;
    }
    return done;
}

// No PTRACE_O_EXITKILL: the target outlives its profiler, whatever ends that.
int32_t cp_seize(int32_t tid) { return ptrace(PTRACE_SEIZE, tid, 0, 0) == 0 ? 0 : errno; }
int32_t cp_interrupt(int32_t tid) { return ptrace(PTRACE_INTERRUPT, tid, 0, 0) == 0 ? 0 : errno; }

int32_t cp_detach(int32_t tid, int32_t signal) {
    return ptrace(PTRACE_DETACH, tid, 0, static_cast<long>(signal)) == 0 ? 0 : errno;
}

int32_t cp_get_registers(int32_t tid, cp_registers *out) {
#if defined(__x86_64__)
    struct user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, tid, 0, &r) != 0) return errno;
    const uint64_t values[17] = {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
                                 r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip};
    memcpy(out->value, values, sizeof values);
    return 0;
#else
    (void)tid, (void)out;
    return ENOSYS;
#endif
}

int32_t cp_poll(int32_t tid, int32_t *signal) {
    int status = 0;
    pid_t got;
    do got = waitpid(tid, &status, __WALL | WNOHANG);
    while (got < 0 && errno == EINTR);
    if (got == 0) {
        // Where the host waits for its children itself, it may have got the news. Only a stopped thread
        // answers this: with the signal it is about to get, or EINVAL when the whole process is stopped.
        siginfo_t info = {};
        if (ptrace(PTRACE_GETSIGINFO, tid, 0, &info) != 0) {
            if (errno != EINVAL) return CP_RUNNING;
        } else if (info.si_code >> 8 != 128 /* PTRACE_EVENT_STOP */) {
            *signal = info.si_signo;
        }
        return CP_STOPPED;
    }
    if (got < 0 || !WIFSTOPPED(status)) return CP_GONE;
    // An event stop is ours (or a stop of the whole process, which stays); any other is the delivery of
    // a signal, and the thread must still get it.
    *signal = (status >> 16) == 0 ? WSTOPSIG(status) : 0;
    return CP_STOPPED;
}

namespace {
// A wait for a stop has no end of its own, and the news of the stop may have gone to another thread. So a timer
// of the waiting thread knocks now and then. It needs a signal with a handler: one that nobody uses.
int tick_signal = 0;
pthread_once_t tick_once = PTHREAD_ONCE_INIT;
void on_tick(int) {}
void choose_tick() {
    for (int number = SIGRTMAX - 1; number > SIGRTMIN; number--) {
        struct sigaction now = {};
        if (sigaction(number, nullptr, &now) != 0 || now.sa_flags & SA_SIGINFO ||
            now.sa_handler != SIG_DFL)
            continue;
        struct sigaction ours = {};
        ours.sa_handler = on_tick;  // without SA_RESTART: it is there to end a wait
        sigfillset(&ours.sa_mask);
        if (sigaction(number, &ours, nullptr) == 0) tick_signal = number;
        return;
    }
}
struct Ticks {
    timer_t timer = {};
    bool has_timer = false;
};
thread_local Ticks ticks;
void prepare_ticks() {
    pthread_once(&tick_once, choose_tick);
    if (!tick_signal) return;
    struct sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = tick_signal;
    event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
    if (timer_create(CLOCK_MONOTONIC, &event, &ticks.timer) != 0) return;
    ticks.has_timer = true;
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, tick_signal);
    pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
}
void end_ticks() {
    if (ticks.has_timer) timer_delete(ticks.timer);
    ticks.has_timer = false;
}
}  // namespace

void cp_ticks(int64_t interval) {
    if (!ticks.has_timer) return;
    struct timespec time = {0, static_cast<long>(interval)};
    struct itimerspec both = {time, time};
    timer_settime(ticks.timer, 0, &both, nullptr);
}

int32_t cp_wait(int32_t tid, int32_t *signal) {
    if (!ticks.has_timer) {
        int32_t found = cp_poll(tid, signal);
        if (found == CP_RUNNING) cp_pause(10000);
        return found;
    }
    int status = 0;
    pid_t got = waitpid(tid, &status, __WALL);
    if (got < 0 && errno == EINTR) return cp_poll(tid, signal);
    if (got < 0 || !WIFSTOPPED(status)) return CP_GONE;
    *signal = (status >> 16) == 0 ? WSTOPSIG(status) : 0;
    return CP_STOPPED;
}

int64_t cp_process_cpu_time(int32_t pid) {
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return -1;
    return static_cast<int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}

int64_t cp_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}

namespace {
struct Call {
    void (*body)(void *);
    void *context;
};
// Memory of a thread of its own grows page by page, with a system call each: 360 of them in a dump. What has
// been had once is kept by glibc, and costs none.
void widen_arena() {
    void *volatile blocks[24];  // volatile: or the compiler leaves it all out
    for (auto &block : blocks) block = malloc(100 << 10);
    for (auto &block : blocks) free(block);
}
// The threads of our own, with their process: in a forked child there are none of them.
int64_t own_threads[64];
int64_t own_thread(int32_t tid) { return static_cast<int64_t>(getpid()) << 32 | static_cast<uint32_t>(tid); }
bool replace_thread(int64_t from, int64_t to) {
    for (auto &entry : own_threads) {
        int64_t expected = from;
        if (__atomic_compare_exchange_n(&entry, &expected, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return true;
    }
    return false;
}
void *run(void *call) {
    int64_t self = own_thread(static_cast<int32_t>(syscall(SYS_gettid)));
    replace_thread(0, self);
    widen_arena();
    prctl(PR_SET_TIMERSLACK, 1000UL);  // of this thread: sleep as long as asked for, not 50 us more
    prepare_ticks();
    static_cast<Call *>(call)->body(static_cast<Call *>(call)->context);
    end_ticks();
    replace_thread(self, 0);
    return nullptr;
}
}  // namespace

int32_t cp_thread_id(void) { return static_cast<int32_t>(syscall(SYS_gettid)); }

int32_t cp_is_own_thread(int32_t tid) {
    for (auto &entry : own_threads) {
        int64_t found = __atomic_load_n(&entry, __ATOMIC_ACQUIRE);
        if (static_cast<int32_t>(found) == tid && found != 0) return found == own_thread(tid);
    }
    return 0;
}

struct cp_thread {
    pthread_t thread;
    Call call;
};

int32_t cp_start(void (*body)(void *context), void *context, cp_thread **out) {
    cp_thread *made = static_cast<cp_thread *>(malloc(sizeof(cp_thread)));
    if (!made) return ENOMEM;
    made->call = {body, context};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&made->thread, nullptr, run, &made->call);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error) free(made);
    else *out = made;
    return error;
}

void cp_join(cp_thread *thread) {
    if (!thread) return;
    pthread_join(thread->thread, nullptr);
    free(thread);
}

int32_t cp_pin(int32_t processor) {
    cpu_set_t set;
    if (processor >= 0) {
        CPU_ZERO(&set);
        if (processor >= CPU_SETSIZE) return EINVAL;
        CPU_SET(processor, &set);
    } else {
        // Whatever is not allowed is left out by the kernel.
        memset(&set, 255, sizeof set);
    }
    return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : errno;
}

int32_t cp_processor(void) { return sched_getcpu(); }

namespace {
int32_t schedule(uint32_t policy, int32_t nice, uint32_t priority, uint64_t turn) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {48, policy, 1 /* not for what is forked */, nice, priority, turn, 0, 0};
    return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0 ? 0 : errno;
}
}  // namespace

void cp_hurry(void) {
    if (schedule(SCHED_RR, 0, 1, 0) != 0) cp_calm();
}

void cp_calm(void) {
    // From Linux 6.12 on, anybody may ask for short turns; only root for more than his share.
    if (schedule(SCHED_OTHER, -10, 0, 100000) != 0)
        schedule(SCHED_OTHER, getpriority(PRIO_PROCESS, 0), 0, 100000);
}

void cp_sleep_until(int64_t time) {
    struct timespec when = {static_cast<time_t>(time / 1000000000), static_cast<long>(time % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) == EINTR) {}
}

void cp_pause(int64_t nanoseconds) {
    struct timespec time = {0, static_cast<long>(nanoseconds)};
    nanosleep(&time, nullptr);
}

int64_t cp_thread_switches(void) {
    struct rusage usage = {};
    getrusage(RUSAGE_THREAD, &usage);
    return static_cast<int64_t>(usage.ru_nvcsw) + usage.ru_nivcsw;
}

int64_t cp_thread_cpu_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}

int32_t cp_on_new_thread(void (*body)(void *context), void *context) {
    // The host's signals are the host's: none is handled on our thread.
    sigset_t all, before;
    sigfillset(&all);
    Call call = {body, context};
    pthread_t thread;
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, nullptr, run, &call);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error == 0) pthread_join(thread, nullptr);
    return error;
}

// Of the Swift runtime, which the library carries.
extern "C" char *swift_demangle(const char *name, size_t length, char *output, size_t *size,
                                uint32_t flags);

char *cp_demangle(const char *symbol) {
    size_t length = strlen(symbol);
    // Demanglers recurse by the length of what they read, and that is a stranger's.
    if (length > 4096) return nullptr;
    if (strncmp(symbol, "_Z", 2) == 0) {
        int status = 0;
        return abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
    }
    if (strncmp(symbol, "$s", 2) == 0 || strncmp(symbol, "$S", 2) == 0)
        return swift_demangle(symbol, length, nullptr, nullptr, 0);
    return nullptr;
}
