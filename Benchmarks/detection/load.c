/*
 * How long it takes to load a library into a process that has none of its needs.
 *
 *    load PATH
 *
 * Prints the seconds that dlopen took.
 */
#define _POSIX_C_SOURCE 199309L
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
    double start = now();
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    double elapsed = now() - start;
    if (!library || !dlsym(library, "pyn_abi_version")) {
        fprintf(stderr, "%s\n", argc == 2 ? dlerror() : "usage: load PATH");
        return 1;
    }
    printf("%.9e\n", elapsed);
    return 0;
}
