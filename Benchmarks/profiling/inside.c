// Pairs of windows of the same work, with a recording of this process that goes on and that is paused, in random order:
// for each pair a line, wall and own time with it and without it.
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
    pyn_profiler *profiler = NULL;
    pyn_error error = PYN_ERROR_INIT;
    pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
    options.native = 1;
    options.rate = rate;
    if (pyn_profiler_start(0, &options, &profiler, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    for (int pair = -1; pair < windows; pair++) {
        double wall[2], own[2];
        int first = rand() % 2;
        for (int turn = 0; turn < 2; turn++) {
            int sampled = turn ^ first;
            if (sampled) pyn_profiler_resume(profiler, NULL);
            else pyn_profiler_pause(profiler, NULL);
            nanosleep(&(struct timespec){0, 3000000}, NULL);
            double begin = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_THREAD_CPUTIME_ID);
            for (int i = 0; i < 2500; i++) sum += chain(20, i);
            wall[sampled] = seconds(CLOCK_MONOTONIC) - begin;
            own[sampled] = seconds(CLOCK_THREAD_CPUTIME_ID) - used;
        }
        if (pair >= 0) printf("%.9f %.9f %.9f %.9f\n", wall[1], own[1], wall[0], own[0]);
    }
    pyn_profiler_free(profiler);
    return sum == 1;
}
