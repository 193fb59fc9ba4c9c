/* Claims to be an interpreter, with memory that is nonsense and changes all the time. Argument: the
 * version it claims. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS 8192
uint64_t _PyRuntime[WORDS];
uint64_t PyCode_Type[64];
uint32_t Py_Version = 0x030b0000;
static uint64_t arena[WORDS];

static uint64_t state;
static uint64_t next(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}
/* Mostly pointers into our own memory, so that chains go on for long; else small or wild numbers. */
static uint64_t word(void) {
    uint64_t kind = next() % 16;
    if (kind < 11) return (uint64_t)&arena[next() % WORDS];
    if (kind < 12) return (uint64_t)&_PyRuntime[next() % WORDS];
    if (kind < 13) return (uint64_t)PyCode_Type;
    if (kind < 14) return next() % 4096;
    if (kind < 15) return UINT64_MAX - next() % 64;
    return next();
}
int main(int count, char **arguments) {
    Py_Version = (uint32_t)strtoul(count > 1 ? arguments[1] : "0x030b0000", NULL, 0);
    state = count > 2 ? strtoull(arguments[2], NULL, 0) * 2 + 1 : 1;
    for (int i = 0; i < WORDS; i++) arena[i] = word(), _PyRuntime[i] = word();
    if (Py_Version >> 16 >= 0x030d && Py_Version >> 24 == 3) {
        memcpy(_PyRuntime, "xdebugpy", 8);
        _PyRuntime[1] = Py_Version;
        /* A table that passes; now and then of a free-threaded build. */
        _PyRuntime[2] = next() % 2;
        for (int i = 3; i < 120; i++) _PyRuntime[i] = (1 + next() % 31) * 8;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        int where = (int)(next() % WORDS);
        arena[where] = word();
        /* Threads are found by the number of one. */
        if (next() % 4 == 0) arena[next() % WORDS] = (uint64_t)getpid();
        if (where >= 120) _PyRuntime[where] = word();
    }
}
