/* Sampling the threads of the calling process: each is sent a signal, and its handler copies registers, the used
 * part of its stack, its Python frames and its labels into a slot. The handler allocates nothing, takes no lock,
 * waits for nobody, calls nothing of the C library, and reads only what the kernel said is there. */
#ifndef CINSIDE_H
#define CINSIDE_H

#include "CProfiling.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where an interpreter's structures keep what a walk of frames needs: offsets, -1 where a version has no such
 * thing. */
typedef struct {
    int32_t has_frame_objects; /* up to 3.10 */
    int32_t has_shims;         /* from 3.12 on: a frame whose owner is 3 begins a run of the loop */
    int64_t thread_frame, thread_id, native_thread_id;
    int64_t code, previous, instruction, owner, is_entry, frame_object;
    int64_t cframe_current, cframe_previous;
    int64_t code_name, code_lines, code_file, code_first_line;
    int64_t text_hash; /* in a str */
    int64_t code_copies, code_start, copy_index; /* of free-threaded interpreters: threads have copies of code */
    int64_t frame_size; /* as much of a frame as holds all these */
} cp_python_layout;

/* A frame; or, with code 0, the end of a run of the interpreter's loop, with what that left on the C stack. */
typedef struct {
    uint64_t code;
    uint64_t instruction; /* or the place on the stack */
    uint64_t name, lines, check; /* of the code object, which tell it from another in its place: cp_code_check */
    int32_t interpreter;  /* which of the thread's states */
    int32_t label;        /* of the last label that belongs to it: its number + 1; or 0 */
} cp_python_frame;

enum { CP_LABELS = 16, CP_LABEL_SIZE = 64 };

typedef struct {
    uint64_t place; /* on the C stack: what lies below was called under the label */
    uint64_t frame; /* or the Python frame object that it belongs to, else 0 */
    uint64_t token;
    const char *immortal; /* the name, or NULL where it is copied */
    char name[CP_LABEL_SIZE];
} cp_label;

/* What is asked of a thread, and its answer, which is whole when cp_slot_poll says so. */
typedef struct {
    int32_t tid;
    int32_t wants_stack;
    uint64_t stack_start, stack_end; /* the mapping in which its stack was found; 0, 0: not known */
    int32_t is_first;                /* it is the process's first thread, and that mapping its stack */
    cp_python_layout layout;
    uint64_t thread_states[4]; /* of the interpreter; 0 ends them */
    uint64_t lock_holder[4];   /* where each one's interpreter says who holds its lock, or 0: not asked */
    uint64_t lock_flag[4];     /* and whether it is held (a 32-bit 1), or 0 where that says all */

    cp_registers registers;
    uint64_t stack_size, frame_count, label_count;
    int32_t holds_lock;
    int32_t is_broken; /* the chain of Python frames led to nothing */
    int32_t is_cut;    /* more stack or frames than there is room for: the outer ones are missing */
    int64_t time;      /* nanoseconds of the thread's own that the answer took; -1 where it was not looked at */
    const uint8_t *stack;
    const cp_python_frame *frames;
    const cp_label *labels;
} cp_answer;

typedef struct cp_slot cp_slot;

/* The hash of its name, its first line and the address of its file's name. Addresses alone do not tell: a new code
 * object may get the memory of an old one, and so may its parts. */
static inline uint64_t cp_code_check(uint64_t hash, uint32_t first_line, uint64_t file) {
    return (hash ^ first_line * 0x9e3779b97f4a7c15u) + file;
}

/* Begin: choose a signal that nobody handles and handle it; counted, so that recordings share it. 0 or an
 * errno. After the last cp_inside_end it is as before, and signals still on their way are gone. */
int32_t cp_inside_begin(void);
void cp_inside_end(void);

/* The signal, or 0; and whether its handler is still ours. */
int32_t cp_inside_signal(void);
int32_t cp_inside_is_intact(void);

/* System calls that went on by themselves though a handler ran, and those that returned EINTR for it. */
void cp_inside_interrupted(int64_t *restarted, int64_t *interrupted);

cp_slot *cp_slot_acquire(void);
void cp_slot_release(cp_slot *slot);
cp_answer *cp_slot_answer(cp_slot *slot);

/* Ask slot->tid; 0 or an errno. */
int32_t cp_slot_ask(cp_slot *slot);

/* Whether the answer is there: then the slot may be asked again, and is not written to before. */
int32_t cp_slot_poll(cp_slot *slot);

/* Take the question back; whether the thread had not begun to answer. */
int32_t cp_slot_cancel(cp_slot *slot);

/* Nanoseconds that a thread of this process has run, or -1. */
int64_t cp_cpu_time_of(int32_t tid);

/* Labels of the calling thread: copied. `place`: of the C stack, or 0; `frame`: a Python frame object, or 0. The token is
 * never 0 but where there is no memory. Of labels in labels only the outer CP_LABELS are kept. */
uint64_t cp_label_push(const char *name, uint64_t place, uint64_t frame);
/* On what the calling function calls, with a name that lives for ever. */
uint64_t cp_label_callees(const char *immortal);
/* The label with the token, or (0) the last. */
void cp_label_pop(uint64_t token);

#ifdef __cplusplus
}
#endif

#endif
