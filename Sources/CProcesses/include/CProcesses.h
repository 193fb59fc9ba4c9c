/* What Swift has no word for about processes: starting one, telling why one crashes, and what one changes
 * about itself. For `pynomaly plugin check`. */
#ifndef CPROCESSES_H
#define CPROCESSES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The descriptor on which a child finds the pipe for its report. */
#define CPROCESSES_REPORT 3

/* The signal that asks a child of cprocesses_catch_crashes where it is; it tells its stack and ends. */
#define CPROCESSES_WHERE 3 /* SIGQUIT */

/* A pipe whose ends are closed in children and are no descriptor below 10, and whose start does not wait.
 * Returns 0 or an errno. */
int cprocesses_pipe(int *start, int *end);

/* Start `path` in a process group of its own, with `report` as descriptor CPROCESSES_REPORT, `output` as
 * standard output and error and nothing on standard input. Returns 0 or an errno. */
int cprocesses_spawn(const char *path, char *const arguments[], char *const environment[], int report,
                     int output, pid_t *child);

/* End with the parent, leave no core file, and when a deadly signal comes write to the descriptor
 *
 *     crash SIGNAL ADDRESS
 *     frame TEXT               for each frame, as backtrace_symbols writes it
 *     end
 *
 * and die of that signal. The calling thread gets a stack of its own for this, so that an overflow of its
 * own stack is told too. */
void cprocesses_catch_crashes(int descriptor);

/* Let the process map at most so many bytes more than now; 0 lifts the limit. */
void cprocesses_limit_memory(size_t bytes);

/* Bytes that malloc has handed out and not got back; bytes of the process that are in memory. */
size_t cprocesses_heap(void);
size_t cprocesses_resident(void);

/* What a plugin must leave alone. */
typedef struct cprocesses_state {
    uint64_t handlers[32]; /* what is done about each signal; 0 by default */
    uint64_t environment;  /* a sum over all variables */
    char locale[256];
    char folder[1024];
    uint32_t mask;          /* of new files */
    int32_t rounding;       /* fegetround() */
    int32_t flushes;        /* numbers below 2^-1022 count as 0 */
} cprocesses_state;
void cprocesses_get_state(cprocesses_state *state);

/* Write in words what is different in `b`, or nothing. */
void cprocesses_changes(const cprocesses_state *a, const cprocesses_state *b, char *words, size_t size);

/* Nanoseconds of a clock that only goes forward. */
int64_t cprocesses_now(void);

/* A copy of the bytes that ends where memory ends: reading behind it is a crash. Free it with
 * cprocesses_unguard and the same size. NULL when there is no memory. */
void *cprocesses_guard(const void *bytes, size_t size);
void cprocesses_unguard(void *bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif
