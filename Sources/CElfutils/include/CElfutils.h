/* libdw and libelf, loaded when they are first needed: programs that never unwind do not need them.
 * One thread per object. */
#ifndef CELFUTILS_H
#define CELFUTILS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Load the libraries. NULL when they are there, else why not, in words that live for ever. */
const char *ce_load(void);

/* ---- unwinding rules, from .eh_frame ---- */

typedef struct ce_unwind ce_unwind;

/* The rules of the ELF file open as `descriptor` (which stays the caller's and must stay open), or of
 * one in memory (copied). NULL where there are none. */
ce_unwind *ce_unwind_open(int descriptor);
ce_unwind *ce_unwind_open_memory(const void *bytes, size_t size);
void ce_unwind_close(ce_unwind *unwind);

enum {
    CE_RULE_NONE = 0,       /* no rule for this address */
    CE_RULE_SIMPLE = 1,     /* CFA = register + offset, the rest in memory at the CFA */
    CE_RULE_EXPRESSION = 2, /* anything else: ce_rule_step */
    CE_RULE_END = 3         /* the outermost frame */
};

typedef struct {
    int32_t kind;
    int32_t cfa_register; /* CE_RULE_SIMPLE: 6 (rbp) or 7 (rsp) */
    int32_t cfa_offset;
    int32_t return_offset; /* the return address is at CFA + this */
    int32_t rbp_saved;     /* 1: the caller's rbp is at CFA + rbp_offset; 0: it is rbp still */
    int32_t rbp_offset;
    int32_t is_signal; /* a signal frame: the caller was interrupted, not calling */
    int32_t reserved;
    void *frame; /* CE_RULE_EXPRESSION: libdw's, lives as long as `unwind` */
} ce_rule;

/* The rule for an address of the file. */
void ce_unwind_rule(ce_unwind *unwind, uint64_t address, ce_rule *rule);

/* A copy of a stack; with pid > 0, memory outside of it is asked of that (stopped) process. */
typedef struct {
    const uint8_t *bytes;
    uint64_t start, size;
    int32_t pid, reserved;
} ce_stack;

/* One step by a rule of the kind EXPRESSION. `known` has a bit for each register that is known; both are
 * brought to the caller's frame. `address_bias` is what was added to the file's addresses. Returns 0, or
 * -1 when a register or memory is not known. */
int32_t ce_rule_step(const ce_rule *rule, uint64_t registers[17], uint32_t *known, const ce_stack *stack);

/* ---- file, line and inlined functions, from DWARF ---- */

typedef struct ce_lines ce_lines;

ce_lines *ce_lines_open(int descriptor);
void ce_lines_close(ce_lines *lines);

typedef struct {
    const char *function; /* the inlined function's name, as written or mangled; NULL for the outermost */
    const char *file;     /* or NULL */
    int32_t line;         /* or 0 */
    int32_t reserved;
} ce_location;

/* Where an address of the file comes from: the innermost inlined function first, the function itself
 * last. Returns how many were written; 0 where nothing is known. Strings live as long as `lines`. */
int32_t ce_lines_find(ce_lines *lines, uint64_t address, ce_location *locations, int32_t capacity);

#ifdef __cplusplus
}
#endif

#endif
