// Flips between two chains of calls at full speed; a stack that mixes them never existed.
#include <stdio.h>

volatile unsigned long counter;

#define CALL(name, callee) \
    __attribute__((noinline)) void name(void) { callee; counter++; }
CALL(a3, counter++)
CALL(a2, a3())
CALL(a1, a2())
CALL(b3, counter++)
CALL(b2, b3())
CALL(b1, b2())

int main(void) {
    puts("ready");
    fflush(stdout);
    for (;;) {
        a1();
        b1();
    }
}
