#define _GNU_SOURCE
#include "CProcesses.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

extern char **environ;

int cprocesses_pipe(int *start, int *end) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return errno;
    *start = fcntl(ends[0], F_DUPFD_CLOEXEC, 10);
    *end = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
    const int code = *start < 0 || *end < 0 || fcntl(*start, F_SETFL, O_NONBLOCK) ? errno : 0;
    close(ends[0]), close(ends[1]);
    if (code) close(*start), close(*end);
    return code;
}

int cprocesses_spawn(const char *path, char *const arguments[], char *const environment[], int report,
                     int output, pid_t *child) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int status = posix_spawn_file_actions_init(&actions);
    if (status) return status;
    status = posix_spawnattr_init(&attributes);
    if (status) {
        posix_spawn_file_actions_destroy(&actions);
        return status;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    status = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!status) status = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (!status) status = posix_spawn_file_actions_adddup2(&actions, output, 2);
    if (!status) status = posix_spawn_file_actions_adddup2(&actions, report, CPROCESSES_REPORT);
    if (!status) status = posix_spawn(child, path, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return status;
}

/* ---------------------------------------------------------------------------------- crashes -- */

static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, CPROCESSES_WHERE};
static int report_descriptor = -1;
static pid_t report_process;

static char *put(char *end, const char *text) {
    while (*text) *end++ = *text++;
    return end;
}

static char *put_number(char *end, uint64_t number, unsigned base) {
    char digits[32];
    int count = 0;
    do digits[count++] = "0123456789abcdef"[number % base];
    while (number /= base);
    while (count) *end++ = digits[--count];
    return end;
}

static void tell(const char *text, size_t size) {
    while (size) {
        const ssize_t written = write(report_descriptor, text, size);
        if (written <= 0) return;
        text += written;
        size -= (size_t)written;
    }
}

static void on_crash(int number, siginfo_t *info, void *context) {
    /* A forked child of the plugin's is not ours to tell of. */
    if (getpid() == report_process) {
        char line[128], *end = put(line, "\ncrash ");
        end = put_number(end, (uint64_t)number, 10);
        end = put(end, " 0x");
        end = put_number(end, info->si_code > 0 ? (uint64_t)(uintptr_t)info->si_addr : 0, 16);
        end = put(end, "\n");
        tell(line, (size_t)(end - line));

        void *frames[48];
        int count = backtrace(frames, 48), first = 0;
#if defined(__x86_64__)
        const ucontext_t *at = context;
        void *pc = (void *)at->uc_mcontext.gregs[REG_RIP];
        /* The frames above the one that crashed are this handler's. */
        for (int k = 0; k < count; k++)
            if (frames[k] == pc) first = k;
        /* After a call to nowhere there is no frame to unwind; the caller is on the top of the stack. */
        if (number == SIGSEGV && pc == info->si_addr) {
            frames[0] = *(void **)at->uc_mcontext.gregs[REG_RSP];
            first = 0, count = 1;
        }
#elif defined(__aarch64__)
        const ucontext_t *at = context;
        for (int k = 0; k < count; k++)
            if (frames[k] == (void *)at->uc_mcontext.pc) first = k;
#else
        (void)context;
#endif
        backtrace_symbols_fd(frames + first, count - first, report_descriptor);
        tell("end\n", 4);
    }
    signal(number, SIG_DFL);
    raise(number);
    _exit(128 + number);
}

void cprocesses_catch_crashes(int descriptor) {
    report_descriptor = descriptor;
    report_process = getpid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    /* The first call loads the unwinder, which is nothing for a signal handler. */
    void *frame;
    backtrace(&frame, 1);
    const size_t size = 256 << 10;
    stack_t stack = {0};
    stack.ss_sp = malloc(size);
    stack.ss_size = size;
    if (stack.ss_sp) sigaltstack(&stack, NULL);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
    for (size_t k = 0; k < sizeof deadly / sizeof *deadly; k++) sigaction(deadly[k], &action, NULL);
}

/* ---------------------------------------------------------------------------------- memory -- */

static size_t pages(int field) {
    unsigned long values[2] = {0, 0};
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return 0;
    if (fscanf(file, "%lu %lu", &values[0], &values[1]) != 2) values[field] = 0;
    fclose(file);
    return values[field] * (size_t)sysconf(_SC_PAGESIZE);
}

void cprocesses_limit_memory(size_t bytes) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit)) return;
    limit.rlim_cur = bytes ? pages(0) + bytes : limit.rlim_max;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_AS, &limit);
}

size_t cprocesses_heap(void) {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

size_t cprocesses_resident(void) { return pages(1); }

void *cprocesses_guard(const void *bytes, size_t size) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
    char *base = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return NULL;
    mprotect(base + whole, page, PROT_NONE);
    memcpy(base + whole - size, bytes, size);
    return base + whole - size;
}

void cprocesses_unguard(void *bytes, size_t size) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
    munmap((char *)bytes + size - whole, whole + page);
}

/* ----------------------------------------------------------------------------------- state -- */

void cprocesses_get_state(cprocesses_state *state) {
    memset(state, 0, sizeof *state);
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0)
            state->handlers[number] = (uint64_t)(uintptr_t)action.sa_sigaction;
    }
    for (char **variable = environ; variable && *variable; variable++) {
        uint64_t sum = 14695981039346656037u;
        for (const char *text = *variable; *text; text++) sum = (sum ^ (unsigned char)*text) * 1099511628211u;
        state->environment += sum;
    }
    const char *locale = setlocale(LC_ALL, NULL);
    snprintf(state->locale, sizeof state->locale, "%s", locale ? locale : "");
    if (!getcwd(state->folder, sizeof state->folder)) state->folder[0] = 0;
    state->mask = umask(0);
    umask(state->mask);
    state->rounding = fegetround();
    volatile double small = 4.9406564584124654e-324;
    volatile double sum = small + 0.0;
    state->flushes = !(sum > 0.0);
}

static char *add(char *words, size_t size, const char *text) {
    const size_t length = strlen(words);
    snprintf(words + length, size - length, "%s%s", length ? "; " : "", text);
    return words;
}

void cprocesses_changes(const cprocesses_state *a, const cprocesses_state *b, char *words, size_t size) {
    words[0] = 0;
    char text[128];
    for (int number = 1; number < 32; number++) {
        if (a->handlers[number] == b->handlers[number]) continue;
        snprintf(text, sizeof text, "the handler of SIG%s", sigabbrev_np(number));
        add(words, size, text);
    }
    if (a->environment != b->environment) add(words, size, "variables of the environment");
    if (strcmp(a->locale, b->locale)) add(words, size, "the locale");
    if (strcmp(a->folder, b->folder)) add(words, size, "the working folder");
    if (a->mask != b->mask) add(words, size, "the mask of new files (umask)");
    if (a->rounding != b->rounding) add(words, size, "how floating-point numbers are rounded");
    if (a->flushes != b->flushes)
        add(words, size, "numbers below 2^-1022 now count as 0 (-ffast-math links code that does this when the "
                         "plugin is loaded)");
}

int64_t cprocesses_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
