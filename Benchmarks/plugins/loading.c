/*
 * How long plugins take to load.
 *
 *    loading PLUGIN.so...
 *
 * Loads each in turn in this process; prints the milliseconds of the first and of all.
 */
#define _POSIX_C_SOURCE 199309L
#include <pynomaly.h>
#include <stdio.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

int main(int argc, char **argv) {
    pyn_error error = PYN_ERROR_INIT;
    double first = 0;
    const double start = now();
    for (int i = 1; i < argc; i++) {
        if (pyn_plugin_load(argv[i], NULL, &error)) return fprintf(stderr, "%s\n", error.message), 1;
        if (i == 1) first = now() - start;
    }
    printf("%.3f %.3f\n", first, now() - start);
    return 0;
}
