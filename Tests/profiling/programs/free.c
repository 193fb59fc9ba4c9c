/* An interpreter as a free-threaded CPython 3.14 has it in memory, made by hand: one thread that is in `inner`,
 * which `outer` called, and runs a copy of its own of inner's code. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the real one says of its offsets on x86-64, from `free_threaded` on. */
static const uint32_t offsets[] = {
    1, 365624, 784, 808,                                                      /* runtime */
    249976, 7280, 7272, 7344, 7360, 7408, 7712, 7696, 7704, 16, 7808, 0, 7832, 7824, 8024, 17300, /* interpreter */
    832, 0, 8, 16, 72, 152, 160, 232, 32,                                     /* thread */
    88, 8, 0, 56, 80, 78, 64, 72,                                             /* frame */
    240, 128, 136, 144, 152, 84, 68, 112, 120, 232, 224,                      /* code */
    32, 24, 432, 40, 104, 184,                                                /* object, type */
    56, 48, 32, 56, 40, 32, 216, 40, 56, 48, 64, 48, 56, 40, 32,             /* tuple ... float */
    48, 32, 40, 56, 32, 48, 80, 48, 32, 56,                                   /* int, bytes, str */
};
uint32_t Py_Version = 0x030e0af0;
uint64_t _PyRuntime[1024], PyCode_Type[64];
static uint64_t interpreter[8192], text_type[64], bytes_type[64], tuple_type[64], int_type[64], lock[8];
static uint64_t arena[1024];
static size_t used;

static void word(void *base, int offset, uint64_t value) { memcpy((char *)base + offset, &value, 8); }
static void half(void *base, int offset, uint32_t value) { memcpy((char *)base + offset, &value, 4); }
static void *object(const void *type, size_t size) {
    uint64_t *new = &arena[used];
    used += (size + 15) / 16 * 2;
    word(new, 24, (uint64_t)type);
    return new;
}
static void type(uint64_t *type, const char *name, int bit) {
    word(type, 40, (uint64_t)name);
    word(type, 184, bit ? 1ull << bit : 0);
}
static void *text(const char *content) {
    void *new = object(text_type, 56 + strlen(content) + 1);
    word(new, 32, strlen(content));
    half(new, 48, (1 | 8 | 16) << 8); /* a byte a character, compact, ASCII */
    strcpy((char *)new + 56, content);
    return new;
}
static void *code(const char *name, int first_line, const char *local) {
    /* Each code unit is a line further on than the one before. */
    static const uint8_t lines[] = {0x80 | 10 << 3, 0, 0, 0x80 | 11 << 3, 0, 0, 0x80 | 11 << 3, 0, 0};
    void *new = object(PyCode_Type, 260), *table = object(bytes_type, 48 + sizeof lines);
    void *names = object(tuple_type, 56);
    word(table, 32, sizeof lines);
    memcpy((char *)table + 48, lines, sizeof lines);
    word(names, 32, 1);
    word(names, 48, (uint64_t)text(local));
    half(new, 68, 1); /* arguments */
    half(new, 84, (uint32_t)first_line);
    word(new, 112, (uint64_t)names);
    word(new, 128, (uint64_t)text("free.py"));
    word(new, 136, (uint64_t)text(name));
    word(new, 144, (uint64_t)text(name));
    word(new, 152, (uint64_t)table);
    return new;
}
static void frame(void *frame, void *code, const void *previous, const void *instruction, int copy, int owner,
                  const void *local) {
    word(frame, 0, (uint64_t)code | 1); /* counted elsewhere */
    word(frame, 8, (uint64_t)previous);
    word(frame, 56, (uint64_t)instruction);
    half(frame, 72, (uint32_t)copy);
    ((char *)frame)[78] = (char)owner;
    word(frame, 80, (uint64_t)local | 1);
}

int main(void) {
    uint64_t entry[12] = {0}, frames[2][12] = {{0}}, state[128] = {0}, copies[3], copy[8];
    type(PyCode_Type, "code", 0), type(text_type, "str", 28), type(bytes_type, "bytes", 27);
    type(tuple_type, "tuple", 26), type(int_type, "int", 24);
    memcpy(_PyRuntime, "xdebugpy", 8);
    _PyRuntime[1] = Py_Version;
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) _PyRuntime[2 + i] = offsets[i];
    word(_PyRuntime, 808, (uint64_t)interpreter);
    word(interpreter, 7344, (uint64_t)state);
    word(interpreter, 7688, (uint64_t)lock);
    word(interpreter, 7712, (uint64_t)lock);
    void *outer = code("outer", 10, "number"), *inner = code("inner", 20, "word");
    void *number = object(int_type, 48);
    word(number, 32, 1 << 3);
    half(number, 40, 17);
    copies[0] = 2, copies[1] = (uint64_t)inner + 232, copies[2] = (uint64_t)copy;
    word(inner, 224, (uint64_t)copies);
    frame(entry, NULL, NULL, NULL, 0, 3, NULL);
    frame(frames[0], outer, entry, (char *)outer + 232 + 2, 0, 0, number);
    frame(frames[1], inner, frames[0], (char *)copy + 4, 1, 0, text("seventeen"));
    word(state, 72, (uint64_t)frames[1]);
    word(state, 160, (uint64_t)getpid());
    half(state, 32 + 12, 1); /* attached */
    puts("ready");
    fflush(stdout);
    for (;;) pause();
}
