// What Swift has no word for, for the kernels that work on columns: a step of a binary search that stays
// without a branch whatever the compiler thinks of it.
#ifndef CK_COLUMNS_H
#define CK_COLUMNS_H

#include <stdint.h>

// place + (middle[place] < x ? half : 0). A branch here would be guessed wrong every other time.
static inline __attribute__((always_inline)) uint64_t ck_search_step(
    uint64_t place, uint64_t half, const double *middle, double x) {
#if defined(__x86_64__)
    uint64_t step = 0;
    __asm__("ucomisd (%[middle],%[place],8), %[x]\n\t"
            "cmova %[half], %[step]"
            : [step] "+r"(step)
            : [middle] "r"(middle), [place] "r"(place), [x] "x"(x), [half] "r"(half), "m"(middle[place])
            : "cc");
    return place + step;
#else
    return place + (__builtin_unpredictable(middle[place] < x) ? half : 0);
#endif
}

#endif
