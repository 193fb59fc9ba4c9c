/* A known chain of calls, a thread, a signal handler on a stack of its own, an aligned frame. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

volatile int sink;
static volatile int stays = 1;

__attribute__((noinline)) void innermost(void) {
    while (stays) pause();
    sink++;
}
__attribute__((noinline)) void in_handler(void) {
    innermost();
    sink++;
}
static void handler(int number) {
    (void)number;
    in_handler();
    sink++;
}
/* Over-aligned locals and a variable-length array: the frame's rule is an expression. */
__attribute__((noinline)) void aligned(int count) {
    _Alignas(64) volatile char local[64];
    volatile char variable[count];
    memset((void *)variable, 0, (size_t)count);
    local[0] = variable[0];
    raise(SIGUSR1);
    sink += local[0];
}
__attribute__((noinline)) void middle(int depth) {
    if (depth > 0) middle(depth - 1);
    else aligned(100 + depth);
    sink++;
}
static void *in_thread(void *context) {
    innermost();
    return context;
}
/* Puts what it sorts in order, and stays inside the call that qsort makes back. */
static int compare(const void *a, const void *b) {
    (void)a, (void)b;
    middle(3);
    return 0;
}

int main(void) {
    stack_t other = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    sigaltstack(&other, NULL);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, NULL);
    usleep(20000);
    puts("ready");
    fflush(stdout);
    int values[2] = {2, 1};
    qsort(values, 2, sizeof *values, compare);
    return 0;
}
