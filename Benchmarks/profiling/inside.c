// Windows of the same work, with and without a recording of this process, in random order: for each a line "1 wall own".
#define _GNU_SOURCE
#include <pynomaly.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double table[1 << 14];

__attribute__((noinline)) static double inner(int n, double x) {
    double sum = x;
    for (int i = 0; i < n; i++) sum += table[(i * 7919) & ((1 << 14) - 1)] * x;
    return sum;
}

__attribute__((noinline)) static double chain(int depth, double x) {
    return depth > 0 ? chain(depth - 1, x) + 1 : inner(20000, x);
}

int main(int argc, char **argv) {
    int windows = argc > 1 ? atoi(argv[1]) : 40;
    double rate = argc > 2 ? atof(argv[2]) : 1000, sum = 0;
    for (int i = 0; i < 1 << 14; i++) table[i] = i;
    srand((unsigned)time(NULL));
    int left[2] = {windows, windows};
    while (left[0] + left[1] > 0) {
        int sampled = rand() % (left[0] + left[1]) < left[1];
        left[sampled]--;
        pyn_profiler *profiler = NULL;
        pyn_error error = PYN_ERROR_INIT;
        pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
        options.native = 1;
        options.rate = rate;
        if (sampled && pyn_profiler_start(0, &options, &profiler, &error)) {
            fprintf(stderr, "%s\n", error.message);
            return 1;
        }
        double wall = seconds(CLOCK_MONOTONIC), own = seconds(CLOCK_THREAD_CPUTIME_ID);
        for (int i = 0; i < 5000; i++) sum += chain(20, i);
        printf("%d %.9f %.9f\n", sampled, seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_THREAD_CPUTIME_ID) - own);
        pyn_profiler_free(profiler);
    }
    return sum == 1;
}
