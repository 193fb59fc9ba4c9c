#define _GNU_SOURCE
#include "CKernels.h"

#include <sched.h>
#include <stdlib.h>

int ck_usable_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

int ck_can_allocate(uint64_t bytes) {
    void *volatile probe = malloc(bytes); // volatile, or the compiler leaves both calls out
    int can = probe != NULL;
    free(probe);
    return can;
}
