/* What Swift has no word for: ptrace (variadic), reading another process's memory, per-process CPU
 * clocks, demangling. Every function returns 0 or an errno, unless it says otherwise. */
#ifndef CPROFILING_H
#define CPROFILING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The registers that unwinding starts from, by their DWARF numbers of x86-64 (rax, rdx, rcx, rbx, rsi,
 * rdi, rbp, rsp, r8 .. r15, rip). */
typedef struct {
    uint64_t value[17];
} cp_registers;

enum { CP_RBP = 6, CP_RSP = 7, CP_RIP = 16 };

/* Copy up to `count` bytes from another process; returns how many, or -errno. */
int64_t cp_read(int32_t pid, uint64_t address, void *buffer, size_t count);

/* Copy `size` bytes from each of the addresses, one behind the other, into `buffer`; returns how many of them
 * could be copied until one could not. */
size_t cp_read_many(int32_t pid, const uint64_t *addresses, size_t count, size_t size, void *buffer);

/* ptrace. All calls about a thread must come from the thread that seized it; when that thread ends, the
 * kernel lets everything it traced run on. */
int32_t cp_seize(int32_t tid);
int32_t cp_interrupt(int32_t tid);
int32_t cp_get_registers(int32_t tid, cp_registers *registers);
int32_t cp_detach(int32_t tid, int32_t signal);

/* What a seized and interrupted thread does now. */
enum { CP_RUNNING = 0, CP_STOPPED = 1, CP_GONE = 2 };

/* Look once whether the thread has stopped. `signal` becomes the signal it was about to receive, which
 * must be handed to cp_detach, or 0. Returns CP_*. */
int32_t cp_poll(int32_t tid, int32_t *signal);

/* The same, waiting for it, until the next tick at most. */
int32_t cp_wait(int32_t tid, int32_t *signal);

/* Ticks for cp_wait on the calling thread, at such an interval in nanoseconds (less than a second); 0 ends
 * them. They use the highest real-time signal that nobody handles, for as long as the process lives. */
void cp_ticks(int64_t interval);

/* Nanoseconds that all threads of a process have run so far, without what those that run on other
 * processors have run since the last tick there or their last switch. Returns -1 when the process is gone. */
int64_t cp_process_cpu_time(int32_t pid);

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t cp_now(void);

/* Run `body(context)` on a new thread and wait for its end. */
int32_t cp_on_new_thread(void (*body)(void *context), void *context);

/* Start `body(context)` on a new thread; cp_join waits for its end and frees the handle. */
typedef struct cp_thread cp_thread;
int32_t cp_start(void (*body)(void *context), void *context, cp_thread **thread);
void cp_join(cp_thread *thread);

/* Whether a thread of this process is one of those that the two above made. */
int32_t cp_is_own_thread(int32_t tid);

/* Let the calling thread run on one processor only; which one it runs on now; let it run on all that it
 * might before (-1). */
int32_t cp_pin(int32_t processor);
int32_t cp_processor(void);

/* Ask to run as soon as there is something to do, before all others (where the system allows), and with short
 * turns on the processor in any case; and for the latter only. */
void cp_hurry(void);
void cp_calm(void);

/* Sleep until CLOCK_MONOTONIC shows this. */
void cp_sleep_until(int64_t time);

/* Sleep less than a second. */
void cp_pause(int64_t nanoseconds);

/* The kernel's number of the calling thread. */
int32_t cp_thread_id(void);

/* How many times the calling thread has been taken off its processor. */
int64_t cp_thread_switches(void);

/* Nanoseconds that the calling thread has run. */
int64_t cp_thread_cpu_time(void);

/* The readable form of a C++ or Swift symbol (free() it), or NULL where it is neither. */
char *cp_demangle(const char *symbol);

#ifdef __cplusplus
}
#endif

#endif
