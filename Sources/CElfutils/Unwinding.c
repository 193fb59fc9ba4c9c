#define _GNU_SOURCE
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "CElfutils.h"
#include "Loading.h"

struct ce_unwind {
    Elf *elf;
    Dwarf_CFI *cfi;
    void *bytes;          /* of an image in memory */
    Dwarf_Frame **frames; /* kept for rules with expressions */
    size_t frame_count;
};

static ce_unwind *open_elf(Elf *elf, void *bytes) {
    Dwarf_CFI *cfi = elf ? ce.dwarf_getcfi_elf(elf) : NULL;
    ce_unwind *unwind = cfi ? calloc(1, sizeof *unwind) : NULL;
    if (!unwind) {
        if (cfi) ce.dwarf_cfi_end(cfi);
        if (elf) ce.elf_end(elf);
        free(bytes);
        return NULL;
    }
    unwind->elf = elf;
    unwind->cfi = cfi;
    unwind->bytes = bytes;
    return unwind;
}

/* Read, not mapped: a mapped file that somebody shortens is a SIGBUS. */
ce_unwind *ce_unwind_open(int descriptor) {
    if (ce_load()) return NULL;
    return open_elf(ce.elf_begin(descriptor, ELF_C_READ, NULL), NULL);
}

ce_unwind *ce_unwind_open_memory(const void *bytes, size_t size) {
    if (ce_load()) return NULL;
    char *copy = malloc(size);
    if (!copy) return NULL;
    memcpy(copy, bytes, size);
    return open_elf(ce.elf_memory(copy, size), copy);
}

void ce_unwind_close(ce_unwind *unwind) {
    if (!unwind) return;
    for (size_t i = 0; i < unwind->frame_count; i++) free(unwind->frames[i]);
    free(unwind->frames);
    ce.dwarf_cfi_end(unwind->cfi);
    ce.elf_end(unwind->elf);
    free(unwind->bytes);
    free(unwind);
}

enum { SAME, SAVED, UNDEFINED, OTHER };

/* Where a register of the caller is: kept, at CFA + offset, nowhere, or more complicated. */
static int place_of(Dwarf_Frame *frame, int number, int32_t *offset) {
    Dwarf_Op memory[3], *ops = NULL;
    size_t count = 0;
    if (ce.dwarf_frame_register(frame, number, memory, &ops, &count) != 0) return OTHER;
    if (count == 0) return ops ? UNDEFINED : SAME;
    if (ops[0].atom != DW_OP_call_frame_cfa || count > 2) return OTHER;
    int64_t value = 0;
    if (count == 2) {
        if (ops[1].atom != DW_OP_plus_uconst) return OTHER;
        value = (int64_t)ops[1].number;
    }
    if (value != (int32_t)value) return OTHER;
    *offset = (int32_t)value;
    return SAVED;
}

/* libdw gives a CFA that is a register and an offset in either form. */
static bool register_and_offset(const Dwarf_Op *op, int64_t *number, int64_t *offset) {
    bool is_short = op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31;
    if (!is_short && op->atom != DW_OP_bregx) return false;
    *number = is_short ? op->atom - DW_OP_breg0 : (int64_t)op->number;
    *offset = (int64_t)(is_short ? op->number : op->number2);
    return true;
}

void ce_unwind_rule(ce_unwind *unwind, uint64_t address, ce_rule *rule) {
    memset(rule, 0, sizeof *rule);
    Dwarf_Frame *frame = NULL;
    if (ce.dwarf_cfi_addrframe(unwind->cfi, address, &frame) != 0) return;
    Dwarf_Addr start, end;
    bool is_signal = false;
    Dwarf_Op *ops = NULL;
    size_t count = 0;
    int32_t return_offset = 0, rbp_offset = 0;
    int64_t cfa_register = 0, cfa_offset = 0;
    if (ce.dwarf_frame_info(frame, &start, &end, &is_signal) != 16 ||
        ce.dwarf_frame_cfa(frame, &ops, &count) != 0 || count == 0) {
        free(frame);
        return;
    }
    rule->is_signal = is_signal;
    int return_place = place_of(frame, 16, &return_offset);
    int rbp_place = place_of(frame, 6, &rbp_offset);
    if (return_place == UNDEFINED) {
        rule->kind = CE_RULE_END;
    } else if (count == 1 && register_and_offset(&ops[0], &cfa_register, &cfa_offset) &&
               (cfa_register == 6 || cfa_register == 7) && cfa_offset == (int32_t)cfa_offset &&
               return_place == SAVED && (rbp_place == SAVED || rbp_place == SAME) && !is_signal) {
        rule->kind = CE_RULE_SIMPLE;
        rule->cfa_register = (int32_t)cfa_register;
        rule->cfa_offset = (int32_t)cfa_offset;
        rule->return_offset = return_offset;
        rule->rbp_saved = rbp_place == SAVED;
        rule->rbp_offset = rbp_offset;
    } else {
        Dwarf_Frame **grown = realloc(unwind->frames, (unwind->frame_count + 1) * sizeof *grown);
        if (grown) {
            unwind->frames = grown;
            unwind->frames[unwind->frame_count++] = frame;
            rule->kind = CE_RULE_EXPRESSION;
            rule->frame = frame;
            return;
        }
    }
    free(frame);
}

typedef struct {
    const uint64_t *registers;
    uint32_t known;
    const ce_stack *stack;
    uint64_t cfa;
    int has_cfa;
} context;

static int load(const ce_stack *stack, uint64_t address, uint64_t size, uint64_t *value) {
    *value = 0;
    uint64_t offset = address - stack->start;
    if (address >= stack->start && stack->size >= size && offset <= stack->size - size) {
        memcpy(value, stack->bytes + offset, size);
        return 0;
    }
    if (stack->pid <= 0) return -1;
    struct iovec local = {value, size}, remote = {(void *)address, size};
    return process_vm_readv(stack->pid, &local, 1, &remote, 1, 0) == (ssize_t)size ? 0 : -1;
}

/* The value of a DWARF expression: what compilers and libc write for PLTs, signal frames and aligned
 * stacks. Anything else fails. */
static int evaluate(const context *c, const Dwarf_Op *ops, size_t count, uint64_t *result,
                    int *is_value) {
    uint64_t stack[32];
    int top = 0;
    size_t steps = 0;
    *is_value = 0;
    for (size_t i = 0; i < count; i++) {
        if (++steps > 256 || top >= 30) return -1;
        uint8_t atom = ops[i].atom;
        uint64_t a = top > 0 ? stack[top - 1] : 0, b = top > 1 ? stack[top - 2] : 0;
        int binary = 0;
        uint64_t value = 0;
        if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) {
            stack[top++] = atom - DW_OP_lit0;
            continue;
        }
        if ((atom >= DW_OP_breg0 && atom <= DW_OP_breg31) || atom == DW_OP_bregx) {
            uint64_t number = atom == DW_OP_bregx ? ops[i].number : (uint64_t)(atom - DW_OP_breg0);
            uint64_t offset = atom == DW_OP_bregx ? ops[i].number2 : ops[i].number;
            if (number > 16 || !(c->known >> number & 1)) return -1;
            stack[top++] = c->registers[number] + offset;
            continue;
        }
        switch (atom) {
        case DW_OP_call_frame_cfa:
            if (!c->has_cfa) return -1;
            stack[top++] = c->cfa;
            continue;
        case DW_OP_addr: case DW_OP_const1u: case DW_OP_const1s: case DW_OP_const2u:
        case DW_OP_const2s: case DW_OP_const4u: case DW_OP_const4s: case DW_OP_const8u:
        case DW_OP_const8s: case DW_OP_constu: case DW_OP_consts:
            stack[top++] = ops[i].number;
            continue;
        case DW_OP_nop: continue;
        case DW_OP_dup:
            if (top < 1) return -1;
            stack[top++] = a;
            continue;
        case DW_OP_drop:
            if (top < 1) return -1;
            top--;
            continue;
        case DW_OP_swap:
            if (top < 2) return -1;
            stack[top - 1] = b;
            stack[top - 2] = a;
            continue;
        case DW_OP_deref: case DW_OP_deref_size:
            if (top < 1) return -1;
            {
                uint64_t size = atom == DW_OP_deref ? 8 : ops[i].number;
                if (size == 0 || size > 8 || load(c->stack, a, size, &value) != 0) return -1;
            }
            stack[top - 1] = value;
            continue;
        case DW_OP_plus_uconst:
            if (top < 1) return -1;
            stack[top - 1] = a + ops[i].number;
            continue;
        case DW_OP_stack_value: *is_value = 1; continue;
        case DW_OP_plus: value = b + a, binary = 1; break;
        case DW_OP_minus: value = b - a, binary = 1; break;
        case DW_OP_and: value = b & a, binary = 1; break;
        case DW_OP_or: value = b | a, binary = 1; break;
        case DW_OP_xor: value = b ^ a, binary = 1; break;
        case DW_OP_mul: value = b * a, binary = 1; break;
        case DW_OP_shl: value = a < 64 ? b << a : 0, binary = 1; break;
        case DW_OP_shr: value = a < 64 ? b >> a : 0, binary = 1; break;
        case DW_OP_ge: value = (int64_t)b >= (int64_t)a, binary = 1; break;
        case DW_OP_gt: value = (int64_t)b > (int64_t)a, binary = 1; break;
        case DW_OP_le: value = (int64_t)b <= (int64_t)a, binary = 1; break;
        case DW_OP_lt: value = (int64_t)b < (int64_t)a, binary = 1; break;
        case DW_OP_eq: value = b == a, binary = 1; break;
        case DW_OP_ne: value = b != a, binary = 1; break;
        default: return -1;
        }
        if (binary) {
            if (top < 2) return -1;
            stack[--top - 1] = value;
        }
    }
    if (top < 1) return -1;
    *result = stack[top - 1];
    return 0;
}

/* A register of the caller. Returns 1 when it is known, 0 when not, -1 when there is none. */
static int restore(Dwarf_Frame *frame, const context *c, int number, uint64_t *value) {
    Dwarf_Op memory[3], *ops = NULL;
    size_t count = 0;
    int is_value = 0;
    if (ce.dwarf_frame_register(frame, number, memory, &ops, &count) != 0) return 0;
    if (count == 0) {
        if (ops) return -1;
        *value = c->registers[number];
        return c->known >> number & 1;
    }
    if (count == 1 && ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg16) {
        *value = c->registers[ops[0].atom - DW_OP_reg0];
        return c->known >> (ops[0].atom - DW_OP_reg0) & 1;
    }
    uint64_t result;
    if (evaluate(c, ops, count, &result, &is_value) != 0) return 0;
    if (is_value) {
        *value = result;
        return 1;
    }
    return load(c->stack, result, 8, value) == 0;
}

int32_t ce_rule_step(const ce_rule *rule, uint64_t registers[17], uint32_t *known,
                     const ce_stack *stack) {
    Dwarf_Frame *frame = rule->frame;
    context c = {registers, *known, stack, 0, 0};
    Dwarf_Op *ops = NULL;
    size_t count = 0;
    int is_value;
    if (!frame || ce.dwarf_frame_cfa(frame, &ops, &count) != 0 || count == 0 ||
        evaluate(&c, ops, count, &c.cfa, &is_value) != 0)
        return -1;
    c.has_cfa = 1;
    /* Callee-saved registers, rax to rdi only where a signal frame has them all. */
    static const int numbers[] = {3, 6, 12, 13, 14, 15, 16, 0, 1, 2, 4, 5, 8, 9, 10, 11};
    uint64_t next[17] = {0};
    uint32_t next_known = 0;
    for (size_t i = 0; i < (rule->is_signal ? 16 : 7); i++) {
        uint64_t value = 0;
        int found = restore(frame, &c, numbers[i], &value);
        if (numbers[i] == 16 && found != 1) return -1;
        if (found == 1) {
            next[numbers[i]] = value;
            next_known |= 1u << numbers[i];
        }
    }
    next[7] = c.cfa;
    next_known |= 1u << 7;
    memcpy(registers, next, sizeof next);
    *known = next_known;
    return 0;
}
