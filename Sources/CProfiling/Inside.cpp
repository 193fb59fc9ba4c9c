#include "CInside.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "Labels.h"

#if defined(__clang__)
#define UNINSTRUMENTED __attribute__((no_sanitize("address", "thread", "undefined"), disable_sanitizer_instrumentation))
#else
#define UNINSTRUMENTED
#endif

namespace {
enum State : int32_t { IDLE = 0, ASKED = 1, BUSY = 2, READY = 3 };
const size_t STACK_ROOM = 4 << 20, FRAME_ROOM = 1 << 15, UNKNOWN_STACK = 64 << 10;
const uint64_t PAGE = 4096, PAGES = 128, MAX_SLOTS = 1024;
// Of so many answers the time is taken of one.
const uint64_t TIMED = 16;
}  // namespace

struct cp_slot {
    cp_answer answer;
    int32_t state;
    uint64_t generation;
    uint32_t index;
    int32_t is_taken;
    cp_label labels[CP_LABELS];
    uint64_t pages[PAGES];  // that can be read
    cp_python_frame frames[FRAME_ROOM];
    uint8_t stack[STACK_ROOM];
};

namespace {
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
// Behind the lock, but for what handlers read.
pid_t owner = 0;
int users = 0;
int sample_signal = 0;
cp_slot *slots[MAX_SLOTS];
uint32_t slot_count = 0;
int64_t restarted_calls = 0, interrupted_calls = 0;

__attribute__((constructor)) void know_owner() { owner = getpid(); }

// In a forked child the lock may be held by nobody who is there, and nothing is on its way.
void take_lock() {
    pid_t self = getpid(), before = __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
    while (before != self) {
        if (before != -1 &&
            __atomic_compare_exchange_n(&owner, &before, -1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
            lock = fresh;
            for (uint32_t i = 0; i < slot_count; i++) {
                slots[i]->is_taken = 0;
                slots[i]->generation++;
                slots[i]->state = IDLE;
            }
            if (users > 0 && cp_inside_is_intact()) signal(sample_signal, SIG_DFL);
            users = sample_signal = 0;
            __atomic_store_n(&owner, self, __ATOMIC_RELEASE);
            break;
        }
        sched_yield();
        before = __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
    }
    pthread_mutex_lock(&lock);
}

#if defined(__x86_64__)
// ---- what runs in the handler ----

UNINSTRUMENTED inline int64_t call(long number, long a, const void *b, long c, const void *d, long e, long f) {
    int64_t result;
    register long r10 __asm__("r10") = reinterpret_cast<long>(d);
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

UNINSTRUMENTED int64_t read_own(uint64_t address, void *to, size_t count) {
    struct iovec local = {to, count}, remote = {reinterpret_cast<void *>(address), count};
    return call(SYS_process_vm_readv, owner, &local, 1, &remote, 1, 0);
}

UNINSTRUMENTED inline void copy(void *to, const void *from, size_t count) {
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

// Whether memory is there. The kernel reads a new mask before it sees that nothing can be done with it: EFAULT, or
// else EINVAL; 0.1 us, where copying with process_vm_readv takes 1.1. What a thread's frames lead to cannot go away
// between this and the reading, for it is the thread itself that would let it go.
UNINSTRUMENTED bool is_there(uint64_t *pages, uint64_t address, size_t count) {
    for (uint64_t page = address / PAGE; page <= (address + count - 1) / PAGE; page++) {
        if (pages[page % PAGES] == page) continue;
        if (call(SYS_rt_sigprocmask, ~0, reinterpret_cast<void *>(page * PAGE), 0,
                 reinterpret_cast<void *>(sizeof(uint64_t)), 0, 0) != -EINVAL)
            return false;
        pages[page % PAGES] = page;
    }
    return true;
}

struct __attribute__((packed)) Word {
    uint64_t value;
};
struct __attribute__((packed)) Half {
    uint32_t value;
};
UNINSTRUMENTED inline uint64_t field(uint64_t address, int64_t offset) {
    return reinterpret_cast<const Word *>(address + static_cast<uint64_t>(offset))->value;
}
UNINSTRUMENTED inline uint8_t byte(uint64_t address, int64_t offset) {
    return *reinterpret_cast<const uint8_t *>(address + static_cast<uint64_t>(offset));
}

UNINSTRUMENTED bool word(uint64_t *pages, uint64_t address, uint64_t *value) {
    if (!is_there(pages, address, sizeof *value)) return false;
    *value = field(address, 0);
    return true;
}

// The number of the last label that belongs to the frame, + 1.
UNINSTRUMENTED int32_t label_of(const cp_answer &answer, uint64_t frame) {
    if (frame != 0)
        for (uint64_t i = answer.label_count; i-- > 0;)
            if (answer.labels[i].frame == frame) return static_cast<int32_t>(i) + 1;
    return 0;
}

// The place in the code object itself of an instruction in the copy that the thread has of its code.
UNINSTRUMENTED void in_main_copy(uint64_t *pages, const cp_python_layout &layout, uint64_t frame,
                                 cp_python_frame *found) {
    int32_t index = static_cast<int32_t>(reinterpret_cast<const Half *>(frame + layout.copy_index)->value);
    uint64_t array, size, start;
    if (index <= 0 || !word(pages, found->code + layout.code_copies, &array) || !word(pages, array, &size) ||
        static_cast<uint64_t>(index) >= size || !word(pages, array + 8 + 8 * static_cast<uint64_t>(index), &start))
        return;
    found->instruction = found->instruction - start + found->code + layout.code_start;
}

// What tells the frame's code object from another one that comes to its place.
UNINSTRUMENTED bool know(uint64_t *pages, const cp_python_layout &layout, cp_python_frame &found) {
    uint64_t code = found.code;
    const int64_t offsets[4] = {layout.code_name, layout.code_lines, layout.code_file, layout.code_first_line};
    for (int64_t offset : offsets)
        if (!is_there(pages, code + static_cast<uint64_t>(offset), 8)) return false;
    found.name = field(code, layout.code_name);
    found.lines = field(code, layout.code_lines);
    if (!is_there(pages, found.name + static_cast<uint64_t>(layout.text_hash), 8)) return false;
    found.check = cp_code_check(field(found.name, layout.text_hash),
                                static_cast<uint32_t>(field(code, layout.code_first_line)),
                                field(code, layout.code_file));
    return true;
}

UNINSTRUMENTED void walk(cp_slot *slot, uint64_t state, int32_t interpreter) {
    cp_answer &answer = slot->answer;
    const cp_python_layout &layout = answer.layout;
    uint64_t *pages = slot->pages;
    uint64_t frame, cframe = 0, value = 0;
    // The state may have gone to another thread, or nowhere.
    if (layout.native_thread_id >= 0) {
        if (!word(pages, state + layout.native_thread_id, &value) || value != static_cast<uint64_t>(answer.tid))
            return;
    } else {
        uint64_t self;
        __asm__("mov %%fs:16, %0" : "=r"(self));
        if (!word(pages, state + layout.thread_id, &value) || value != self) return;
    }
    if (answer.lock_holder[interpreter] != 0) {
        uint64_t holder = 0;
        uint64_t flag = answer.lock_flag[interpreter];
        if (word(pages, answer.lock_holder[interpreter], &holder) && holder == state &&
            (flag == 0 || (is_there(pages, flag, 4) && reinterpret_cast<const Half *>(flag)->value == 1)))
            answer.holds_lock = 1;
    }
    bool is_whole = word(pages, state + layout.thread_frame, &frame);
    if (is_whole && layout.cframe_current >= 0) {
        cframe = frame;
        is_whole = cframe != 0 && word(pages, cframe + layout.cframe_current, &frame);
    }
    const cp_python_frame *last = nullptr;
    bool is_open = false;
    uint64_t skipped = 0;
    while (is_whole && frame != 0) {
        if (answer.frame_count + 2 > FRAME_ROOM) {
            answer.is_cut = 1;
            return;
        }
        is_whole = is_there(pages, frame, static_cast<size_t>(layout.frame_size));
        if (!is_whole) break;
        // 3.14 has frames of its own C code among them, which begin no run.
        if (layout.has_shims && byte(frame, layout.owner) > 3 && ++skipped < FRAME_ROOM) {
            frame = field(frame, layout.previous);
            continue;
        }
        cp_python_frame &found = slot->frames[answer.frame_count++];
        // From 3.14 on the lowest bits say who counts the reference.
        found = {field(frame, layout.code) & ~uint64_t{7}, 0, 0, 0, 0, interpreter, 0};
        is_open = true;
        bool ends = layout.has_frame_objects;
        uint64_t end_place = 0;
        if (layout.has_shims && byte(frame, layout.owner) == 3) {
            found.code = 0;
            found.instruction = frame;
            is_open = false;
        } else {
            found.instruction = field(frame, layout.instruction);
            if (layout.copy_index >= 0) in_main_copy(pages, layout, frame, &found);
            // In a recursion it is the one before.
            if (last && last->code == found.code) {
                found.name = last->name;
                found.lines = last->lines;
                found.check = last->check;
            } else if (!know(pages, layout, found)) {
                is_whole = false;
            }
            last = &found;
            if (answer.label_count > 0)
                found.label =
                    label_of(answer, layout.has_frame_objects ? frame
                                                              : field(frame, layout.frame_object));
            if (layout.is_entry >= 0 && byte(frame, layout.is_entry) == 1) {
                ends = true;
                end_place = cframe;
                if (cframe != 0 && !word(pages, cframe + layout.cframe_previous, &cframe)) is_whole = false;
            }
        }
        if (ends) {
            slot->frames[answer.frame_count++] = {0, end_place, 0, 0, 0, interpreter, 0};
            is_open = false;
        }
        frame = field(frame, layout.previous);
    }
    if (is_open) slot->frames[answer.frame_count++] = {0, 0, 0, 0, 0, interpreter, 0};
    if (!is_whole) answer.is_broken = 1;
}

// Of system calls that return EINTR whatever SA_RESTART says: whether this one can be made again as it stands. Its time
// limit begins anew, but only threads that run are asked, so that none of it had passed. One without a limit must
// not: should the host's own handler have run just before ours, to end the wait, it would last for ever.
UNINSTRUMENTED bool may_restart(uint32_t number, const greg_t *r) {
    switch (number) {
    case SYS_nanosleep: case SYS_clock_nanosleep: return true;
    case SYS_poll: return static_cast<int32_t>(r[REG_RDX]) >= 0;
    case SYS_epoll_wait: case SYS_epoll_pwait: return static_cast<int32_t>(r[REG_R10]) >= 0;
    case SYS_ppoll: case SYS_rt_sigtimedwait: return r[REG_RDX] != 0;
    case SYS_select: case SYS_pselect6: case SYS_io_getevents: return r[REG_R8] != 0;
    case SYS_futex: case SYS_semtimedop: return r[REG_R10] != 0;
    default: return false;
    }
}

// When the signal came as the thread went to wait, let the wait go on. Its number is not kept by the kernel; it is
// in the instruction before, where the C library has it.
UNINSTRUMENTED void restart(cp_slot *slot, greg_t *registers) {
    if (registers[REG_RAX] != -EINTR) return;
    uint64_t pc = static_cast<uint64_t>(registers[REG_RIP]);
    if (!is_there(slot->pages, pc - 7, 7) || byte(pc, -2) != 0x0f || byte(pc, -1) != 0x05) return;
    uint32_t number = reinterpret_cast<const Half *>(pc - 6)->value;
    if (byte(pc, -7) == 0xb8 && may_restart(number, registers)) {
        registers[REG_RAX] = number;
        registers[REG_RIP] -= 2;
        __atomic_fetch_add(&restarted_calls, 1, __ATOMIC_RELAXED);
    } else {
        __atomic_fetch_add(&interrupted_calls, 1, __ATOMIC_RELAXED);
    }
}

// The used part of the stack. From the place of its pointer to the C library's description of the thread (or to the
// end of the first thread's stack) it is there for as long as the thread is; any other stack is read with care.
UNINSTRUMENTED void copy_stack(cp_slot *slot, uint64_t sp) {
    cp_answer &answer = slot->answer;
    uint64_t end = answer.stack_end, self;
    __asm__("mov %%fs:16, %0" : "=r"(self));
    if (!answer.is_first && self < end) end = self;
    bool is_here = sp >= answer.stack_start && sp < answer.stack_end;
    bool is_known = is_here && sp < end && (answer.is_first || self < answer.stack_end);
    uint64_t wanted = UNKNOWN_STACK;
    if (is_known) wanted = end - sp;
    else if (is_here && answer.stack_end - sp < wanted) wanted = answer.stack_end - sp;
    else if (!answer.is_first && sp < self && self - sp < STACK_ROOM) wanted = self - sp;
    if (wanted > STACK_ROOM) {
        wanted = STACK_ROOM;
        answer.is_cut = 1;
    }
    if (is_known) {
        copy(slot->stack, reinterpret_cast<void *>(sp), wanted);
        answer.stack_size = wanted;
    } else {
        int64_t got = read_own(sp, slot->stack, wanted);
        if (got > 0) answer.stack_size = static_cast<uint64_t>(got);
    }
}

UNINSTRUMENTED int64_t now() {
    struct timespec time = {0, 0};
    call(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &time, 0, nullptr, 0, 0);
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

UNINSTRUMENTED void on_sample(int, siginfo_t *info, void *context) {
    if (info->si_code != SI_QUEUE || info->si_pid != owner) return;
    uint64_t value = reinterpret_cast<uint64_t>(info->si_value.sival_ptr);
    uint32_t index = value % MAX_SLOTS;
    if (index >= __atomic_load_n(&slot_count, __ATOMIC_ACQUIRE)) return;
    cp_slot *slot = slots[index];
    if (__atomic_load_n(&slot->generation, __ATOMIC_ACQUIRE) != value / MAX_SLOTS) return;
    int32_t expected = ASKED;
    if (!__atomic_compare_exchange_n(&slot->state, &expected, BUSY, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return;
    cp_answer &answer = slot->answer;
    bool is_timed = slot->generation % TIMED == 0;
    int64_t begin = is_timed ? now() : 0;
    greg_t *r = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
    static const int order[17] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
                                  REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
    for (int i = 0; i < 17; i++) answer.registers.value[i] = static_cast<uint64_t>(r[order[i]]);
    answer.stack_size = answer.frame_count = answer.label_count = 0;
    answer.is_broken = answer.is_cut = answer.holds_lock = 0;
    for (size_t i = 0; i < PAGES; i++) slot->pages[i] = UINT64_MAX;

    // Its own block, which nobody else writes to.
    if (const cp_label_block *block = cp_thread_labels) {
        int32_t depth = block->depth < CP_LABELS ? block->depth : CP_LABELS;
        copy(slot->labels, block->labels, static_cast<size_t>(depth) * sizeof(cp_label));
        answer.label_count = static_cast<uint64_t>(depth);
    }
    for (int i = 0; i < 4 && answer.thread_states[i] != 0; i++) walk(slot, answer.thread_states[i], i);
    if (answer.wants_stack) copy_stack(slot, static_cast<uint64_t>(r[REG_RSP]));
    restart(slot, r);
    answer.time = is_timed ? now() - begin : -1;
    __atomic_store_n(&slot->state, READY, __ATOMIC_RELEASE);
}
#endif
}  // namespace

// ---- what runs on the sampling thread ----

int32_t cp_inside_begin(void) {
#if defined(__x86_64__)
    take_lock();
    int32_t error = 0;
    if (users == 0) {
        int found = 0;
        for (int number = SIGRTMAX - 1; number > SIGRTMIN && !found; number--) {
            struct sigaction now = {};
            if (sigaction(number, nullptr, &now) != 0 || now.sa_flags & SA_SIGINFO || now.sa_handler != SIG_DFL)
                continue;
            struct sigaction ours = {};
            ours.sa_sigaction = on_sample;
            ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
            sigfillset(&ours.sa_mask);
            if (sigaction(number, &ours, nullptr) == 0) found = number;
        }
        if (found) __atomic_store_n(&sample_signal, found, __ATOMIC_RELEASE);
        else error = EBUSY;
    }
    if (!error) users++;
    pthread_mutex_unlock(&lock);
    return error;
#else
    return ENOSYS;
#endif
}

int32_t cp_inside_is_intact(void) {
#if defined(__x86_64__)
    struct sigaction now = {};
    return sigaction(cp_inside_signal(), nullptr, &now) == 0 && now.sa_flags & SA_SIGINFO &&
           now.sa_sigaction == on_sample;
#else
    return 0;
#endif
}

void cp_inside_end(void) {
    take_lock();
    if (users > 0 && --users == 0) {
        // To ignore a signal is to drop those that are on their way: the default would end the process.
        struct sigaction action = {};
        action.sa_handler = SIG_IGN;
        if (cp_inside_is_intact() && sigaction(sample_signal, &action, nullptr) == 0) {
            action.sa_handler = SIG_DFL;
            sigaction(sample_signal, &action, nullptr);
        }
        __atomic_store_n(&sample_signal, 0, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&lock);
}

int32_t cp_inside_signal(void) { return __atomic_load_n(&sample_signal, __ATOMIC_ACQUIRE); }

void cp_inside_interrupted(int64_t *restarted, int64_t *interrupted) {
    *restarted = __atomic_load_n(&restarted_calls, __ATOMIC_RELAXED);
    *interrupted = __atomic_load_n(&interrupted_calls, __ATOMIC_RELAXED);
}

cp_slot *cp_slot_acquire(void) {
    take_lock();
    cp_slot *found = nullptr;
    for (uint32_t i = 0; i < slot_count && !found; i++) {
        int32_t state = __atomic_load_n(&slots[i]->state, __ATOMIC_ACQUIRE);
        if (!slots[i]->is_taken && state != BUSY) found = slots[i];
    }
    if (!found && slot_count < MAX_SLOTS) {
        // Only what is written to is there.
        void *memory = mmap(nullptr, sizeof(cp_slot), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory != MAP_FAILED) {
            madvise(memory, sizeof(cp_slot), MADV_NOHUGEPAGE);
            found = static_cast<cp_slot *>(memory);
            found->index = slot_count;
            found->answer.stack = found->stack;
            found->answer.frames = found->frames;
            found->answer.labels = found->labels;
            slots[slot_count] = found;
            __atomic_store_n(&slot_count, slot_count + 1, __ATOMIC_RELEASE);
        }
    }
    if (found) found->is_taken = 1;
    pthread_mutex_unlock(&lock);
    return found;
}

void cp_slot_release(cp_slot *slot) {
    if (!slot) return;
    // One that is being written to stays out of use until that is done.
    cp_slot_cancel(slot);
    take_lock();
    slot->is_taken = 0;
    pthread_mutex_unlock(&lock);
}

cp_answer *cp_slot_answer(cp_slot *slot) { return &slot->answer; }

int32_t cp_slot_ask(cp_slot *slot) {
    uint64_t generation = slot->generation + 1;
    __atomic_store_n(&slot->generation, generation, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->state, ASKED, __ATOMIC_RELEASE);
    siginfo_t info = {};
    info.si_signo = cp_inside_signal();
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_ptr = reinterpret_cast<void *>(generation * MAX_SLOTS + slot->index);
    if (syscall(SYS_rt_tgsigqueueinfo, getpid(), slot->answer.tid, info.si_signo, &info) == 0) return 0;
    int32_t error = errno;
    cp_slot_cancel(slot);
    return error;
}

int32_t cp_slot_poll(cp_slot *slot) { return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == READY; }

int32_t cp_slot_cancel(cp_slot *slot) {
    int32_t expected = ASKED;
    return __atomic_compare_exchange_n(&slot->state, &expected, IDLE, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

int64_t cp_cpu_time_of(int32_t tid) {
    // A clock is a number that the kernel makes of the thread's.
    struct timespec time;
    if (clock_gettime(static_cast<clockid_t>((~static_cast<uint32_t>(tid) << 3) | 6), &time) != 0) return -1;
    return static_cast<int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}
