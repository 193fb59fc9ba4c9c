// A process that samples itself: whole stacks, labels, pauses, slices, forks, signals, system calls that wait.
#define _GNU_SOURCE
#include "support/support.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The thread sanitizer keeps signals back until a thread calls something: stacks are not those of the moment then.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IS_EXACT 0
#endif
#endif
#ifndef IS_EXACT
#define IS_EXACT 1
#endif

typedef struct {
    char *text;
    size_t size;
    int32_t answer;
    int calls;
} sink;

static int32_t take(const void *data, size_t size, void *context) {
    sink *s = context;
    s->text = realloc(s->text, s->size + size + 1);
    memcpy(s->text + s->size, data, size);
    s->size += size;
    s->text[s->size] = 0;
    s->calls++;
    return s->answer;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static __thread volatile unsigned long counter; /* several threads spin */

// Two chains of calls, in turn at full speed; a stack that mixes them never existed.
#define CALL(name, callee) \
    __attribute__((noinline)) static void name(void) { callee; counter++; }
CALL(a3, counter++)
CALL(a2, a3())
CALL(a1, a2())
CALL(b3, counter++)
CALL(b2, b3())
CALL(b1, b2())

__attribute__((noinline)) static void flip(double seconds) {
    for (double end = now() + seconds; now() < end;) {
        for (int i = 0; i < 1000; i++) {
            a1();
            b1();
        }
    }
    counter++;
}

__attribute__((noinline)) static void spin(double seconds) {
    for (double end = now() + seconds; now() < end;) counter++;
    counter++;
}

__attribute__((noinline)) static void rest(double seconds) {
    spin(seconds);
    counter++;
}

static int goes_on = 1;

static pyn_profiler *start(double rate) {
    pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
    options.native = 1;
    options.rate = rate;
    pyn_profiler *profiler = NULL;
    OK(pyn_profiler_start(0, &options, &profiler, &error));
    return profiler;
}

static char *stop(pyn_profiler *profiler, pyn_profiler_statistics *found) {
    sink output = {NULL, 0, 0, 0};
    OK(pyn_profiler_stop(profiler, &error));
    OK(pyn_profiler_write(profiler, PYN_PROFILE_RAW, take, &output, &error));
    if (found) {
        *found = (pyn_profiler_statistics)PYN_PROFILER_STATISTICS_INIT;
        OK(pyn_profiler_get_statistics(profiler, found, &error));
        assert_int_equal(found->due, found->taken + found->skipped + found->torn + found->failed);
    }
    pyn_profiler_free(profiler);
    // Names alone: without file and line, or what a function takes.
    char *names = calloc(1, output.size + 1), *end = names;
    int depth = 0;
    for (size_t i = 0; i < output.size; i++) {
        char c = output.text[i];
        if (c == '(') {
            if (depth++ == 0 && end > names && end[-1] == ' ') end--;
        } else if (c == ')' && depth > 0) {
            depth--;
        } else if (depth == 0 || c == '\n') {
            *end++ = c;
            if (c == '\n') depth = 0;
        }
    }
    free(output.text);
    return names;
}

// The samples of the stacks that have all these words, in this order.
static int64_t count(const char *text, const char *first, const char *second) {
    int64_t sum = 0;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        size_t length = strcspn(line, "\n");
        char *copy = strndup(line, length), *found = strstr(copy, first);
        if (found && (!second || strstr(found, second))) sum += atoll(strrchr(copy, ' '));
        free(copy);
    }
    return sum;
}

static void test_no_stack_that_did_not_exist(void **state) {
    (void)state;
    pyn_profiler *profiler = start(3000);
    flip(1.5);
    pyn_profiler_statistics found;
    char *text = stop(profiler, &found);
    if (IS_EXACT) {
        assert_true(count(text, "flip", NULL) > 100);
        assert_true(count(text, ";a1", ";a2") > 0 && count(text, ";b2", ";b3") > 0);
        assert_int_equal(count(text, ";flip;a", ";b"), 0);
        assert_int_equal(count(text, ";flip;b", ";a"), 0);
        int64_t whole = count(text, ";main", ";flip");
        assert_true(whole * 20 > found.stacks * 19);
        assert_true(found.stops > 100 && found.pause_ns > 0 && found.blocked == 0);
    }
    free(text);
}

__attribute__((noinline)) static void inner(void) {
    uint64_t label = pyn_profiler_push_label("inner part", NULL);
    spin(0.3);
    pyn_profiler_pop_label(label);
    rest(0.3);
    counter++;
}

static void *take_off_at_once(void *label) {
    pyn_profiler_pop_label(*(uint64_t *)label);
    return NULL;
}

static void *take_off(void *label) {
    // Its own is not taken off in its place, nor is one that is gone.
    uint64_t own = pyn_profiler_push_label("of the other", NULL), token = *(uint64_t *)label;
    pyn_profiler_pop_label(token);
    pyn_profiler_pop_label(token);
    pyn_profiler_pop_label(own + (1ull << 40));
    rest(0.2);
    pyn_profiler_pop_label(own);
    return NULL;
}

static void test_labels_of_another_thread(void **state) {
    (void)state;
    pyn_profiler *profiler = start(1000);
    uint64_t below = pyn_profiler_push_label("below", NULL);
    // Many, for which there is room only when those before are gone.
    for (int i = 0; i < 20; i++) {
        uint64_t taken = pyn_profiler_push_label("taken", NULL);
        pthread_t other;
        if (i < 19) {
            pthread_create(&other, NULL, take_off_at_once, &taken);
        } else {
            pthread_create(&other, NULL, take_off, &taken);
        }
        pthread_join(other, NULL);
    }
    uint64_t above = pyn_profiler_push_label("above", NULL);
    spin(0.2);
    pyn_profiler_pop_label(above);
    pyn_profiler_pop_label(below);
    char *text = stop(profiler, NULL);
    if (IS_EXACT) {
        assert_true(count(text, ";of the other;rest", NULL) > 12);
        assert_true(count(text, ";above;", ";spin") > 12 && count(text, ";below;", ";spin") > 12);
        assert_true(count(text, ";taken", NULL) < 12); /* but while it is on */
    }
    free(text);
}

static void test_labels(void **state) {
    (void)state;
    pyn_profiler *profiler = start(1000);
    uint64_t outer = pyn_profiler_push_label("outer part", NULL);
    assert_true(outer != 0);
    inner();
    pyn_profiler_pop_label(outer);
    rest(0.3);
    // More than are shown, taken off in another order than they were put on.
    uint64_t many[40];
    for (int i = 0; i < 40; i++) many[i] = pyn_profiler_push_label("0123456789012345678901234567890123456789012345678901234567890123456789", NULL);
    for (int i = 0; i < 40; i++) pyn_profiler_pop_label(many[i]);
    pyn_profiler_pop_label(0);
    pyn_profiler_pop_label(12345);
    pyn_profiler_push_label(NULL, NULL);
    pyn_profiler_pop_label(0);
    uint64_t first = pyn_profiler_push_label("first", NULL), second = pyn_profiler_push_label("second", NULL);
    pyn_profiler_pop_label(first);
    rest(0.2);
    pyn_profiler_pop_label(second);
    char *text = stop(profiler, NULL);
    if (IS_EXACT) {
        assert_true(count(text, ";outer part;inner", ";inner part;spin") > 12);
        assert_true(count(text, ";outer part;inner", ";rest") > 12);
        assert_int_equal(count(text, "inner part", ";rest"), 0);
        assert_true(count(text, "test_labels;rest", NULL) > 12);
        assert_true(count(text, "test_labels;second;rest", NULL) > 8);
        assert_int_equal(count(text, "first", NULL), 0);
    }
    free(text);
}

static void test_detectors_label_themselves(void **state) {
    (void)state;
    double *rows = make_rows(20000, 8, 3);
    pyn_matrix X = PYN_MATRIX_F64(rows, 20000, 8);
    pyn_detector *forest = fit_forest(100, 256, &X);
    double *scores = malloc(20000 * sizeof(double));
    pyn_call call = PYN_CALL_INIT;
    call.threads = 2;
    pyn_profiler *profiler = start(1000);
    for (double end = now() + 1; now() < end;) OK(pyn_detector_score(forest, &X, &call, scores, 20000, &error));
    pyn_profiler_statistics found;
    char *text = stop(profiler, &found);
    if (IS_EXACT) {
        assert_true(count(text, "test_detectors_label_themselves;", ";IsolationForest;") > 12);
        assert_int_equal(found.blocked, 0); /* threads of its own are seen too */
        assert_true(count(text, "start_thread", NULL) > 0);
    }
    free(text);
    free(scores);
    free(rows);
    pyn_detector_free(forest);
}

static void test_pause(void **state) {
    (void)state;
    pyn_profiler *profiler = start(1000);
    spin(0.3);
    OK(pyn_profiler_pause(profiler, &error));
    OK(pyn_profiler_pause(profiler, &error));
    rest(0.5);
    OK(pyn_profiler_resume(profiler, &error));
    OK(pyn_profiler_resume(profiler, &error));
    flip(0.3);
    pyn_profiler_statistics found;
    char *text = stop(profiler, &found);
    assert_true(found.duration_ns > 400000000 && found.duration_ns < 1000000000);
    if (IS_EXACT) {
        assert_true(count(text, "test_pause;spin", NULL) > 12);
        assert_true(count(text, ";rest", NULL) < 25);
        assert_true(count(text, ";flip", NULL) > 12);
    }
    free(text);
    profiler = start(1000);
    OK(pyn_profiler_pause(profiler, &error));
    pyn_profiler_free(profiler); /* while it is paused */
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_profiler_pause(NULL, &error));
}

static void test_slices_by_callback(void **state) {
    (void)state;
    sink slices = {NULL, 0, 0, 0};
    pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
    options.native = 1;
    options.rate = 500;
    options.slice = 0.1;
    pyn_profiler *profiler = NULL;
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_profiler_start(0, &options, &profiler, &error));
    options.slice_write = take;
    options.slice_context = &slices;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_start(0, &options, &profiler, &error));
    options.slice_format = PYN_PROFILE_RAW;
    options.slice = -1;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_start(0, &options, &profiler, &error));
    assert_message_has("slice");
    options.slice = 0.1;
    OK(pyn_profiler_start(0, &options, &profiler, &error));
    spin(0.6);
    OK(pyn_profiler_stop(profiler, &error));
    pyn_profiler_statistics found = PYN_PROFILER_STATISTICS_INIT;
    OK(pyn_profiler_get_statistics(profiler, &found, &error));
    assert_true(slices.calls >= 3);
    assert_int_equal(count(slices.text, "", NULL), found.stacks); /* none twice, none lost */
    pyn_profiler_free(profiler);
    free(slices.text);
    slices = (sink){NULL, 0, 9, 0};
    options.slice = 0.02;
    OK(pyn_profiler_start(0, &options, &profiler, &error));
    int32_t running = 1;
    for (double end = now() + 20; running && now() < end;) OK(pyn_profiler_wait(profiler, 1, &running, &error));
    assert_int_equal(running, 0);
    sink output = {NULL, 0, 0, 0};
    OK(pyn_profiler_write(profiler, PYN_PROFILE_SUMMARY, take, &output, &error));
    assert_non_null(strstr(output.text, "the slice callback returned 9"));
    assert_int_equal(slices.calls, 1);
    pyn_profiler_free(profiler);
    free(slices.text);
    free(output.text);
}

typedef struct {
    pyn_profiler *profiler;
    int calls;
} freeing;

static int32_t free_it(const void *data, size_t size, void *context) {
    (void)data, (void)size;
    freeing *f = context;
    if (f->calls++ == 0) {
        pyn_profiler *profiler;
        while (!(profiler = __atomic_load_n(&f->profiler, __ATOMIC_ACQUIRE))) {}
        OK(pyn_profiler_stop(profiler, NULL));
        pyn_profiler_free(profiler);
        spin(0.02);
    }
    return 0;
}

static int entries(const char *path);

static void test_slice_callback_frees(void **state) {
    (void)state;
    int threads = entries("/proc/self/task");
    for (int i = 0; i < 5; i++) {
        freeing f = {NULL, 0};
        pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
        options.native = 1;
        options.rate = 1000;
        options.slice = 0.02;
        options.slice_format = PYN_PROFILE_RAW;
        options.slice_write = free_it;
        options.slice_context = &f;
        pyn_profiler *profiler = NULL;
        OK(pyn_profiler_start(0, &options, &profiler, &error));
        __atomic_store_n(&f.profiler, profiler, __ATOMIC_RELEASE);
        spin(0.1);
        for (double end = now() + 20; entries("/proc/self/task") > threads && now() < end;) usleep(1000);
        assert_int_equal(entries("/proc/self/task"), threads);
        assert_int_equal(f.calls, 1); /* no slice comes after that */
    }
}

static void test_pauses_do_not_count(void **state) {
    (void)state;
    pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
    options.native = 1;
    options.duration = 0.4;
    pyn_profiler *profiler = NULL;
    OK(pyn_profiler_start(0, &options, &profiler, &error));
    OK(pyn_profiler_pause(profiler, &error));
    int32_t running = 0;
    OK(pyn_profiler_wait(profiler, 0.8, &running, &error));
    assert_int_equal(running, 1);
    OK(pyn_profiler_resume(profiler, &error));
    OK(pyn_profiler_wait(profiler, 20, &running, &error));
    assert_int_equal(running, 0);
    pyn_profiler_statistics found = PYN_PROFILER_STATISTICS_INIT;
    OK(pyn_profiler_get_statistics(profiler, &found, &error));
    assert_true(found.duration_ns > 350000000);
    pyn_profiler_free(profiler);
}

static void test_write_file(void **state) {
    (void)state;
    pyn_profiler *profiler = start(500);
    spin(0.2);
    const char *path = temporary_path("a.svg");
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_write_file(profiler, PYN_PROFILE_RAW, path, &error));
    OK(pyn_profiler_stop(profiler, &error));
    sink output = {NULL, 0, 0, 0};
    OK(pyn_profiler_write(profiler, PYN_PROFILE_FLAMEGRAPH, take, &output, &error));
    OK(pyn_profiler_write_file(profiler, PYN_PROFILE_FLAMEGRAPH, path, &error));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = calloc(1, output.size + 2);
    assert_int_equal(fread(bytes, 1, output.size + 1, file), output.size);
    fclose(file);
    assert_string_equal(bytes, output.text);
    free(bytes);
    free(output.text);
    OK(pyn_profiler_write_file(profiler, PYN_PROFILE_RAW, "/dev/null", &error));
    STATUS(PYN_ERROR_IO, pyn_profiler_write_file(profiler, PYN_PROFILE_RAW, "/dev/full", &error));
    assert_message_has("/dev/full");
    STATUS(PYN_ERROR_IO, pyn_profiler_write_file(profiler, PYN_PROFILE_RAW, "/no/such/folder/a.svg", &error));
    assert_message_has("/no/such/folder/a.svg");
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_profiler_write_file(profiler, PYN_PROFILE_RAW, NULL, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_write_file(profiler, 0, path, &error));
    pyn_profiler_free(profiler);
}

static void test_two_at_once(void **state) {
    (void)state;
    pyn_profiler *one = start(700), *other = start(1100);
    flip(0.5);
    char *text = stop(one, NULL);
    if (IS_EXACT) assert_true(count(text, ";flip", NULL) > 50);
    free(text);
    flip(0.3);
    text = stop(other, NULL);
    if (IS_EXACT) assert_true(count(text, ";flip", NULL) > 80);
    free(text);
}

static void own_handler(int number) { (void)number; }

static void handlers(void (**found)(int)) {
    for (int number = 1; number <= SIGRTMAX; number++) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        sigaction(number, NULL, &action);
        found[number] = action.sa_handler;
    }
}

static int changed(void (**before)(int), void (**after)(int), int *which) {
    int count = 0;
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (before[number] == after[number]) continue;
        if (which) *which = number;
        count++;
    }
    return count;
}

// The host's handlers stay the host's, and afterwards no handler of ours is left.
static void test_signals_are_as_before(void **state) {
    (void)state;
    struct sigaction mine;
    memset(&mine, 0, sizeof mine);
    mine.sa_handler = own_handler;
    sigaction(SIGRTMAX - 1, &mine, NULL);
    sigaction(SIGURG, &mine, NULL);
    void (*before[65])(int), (*during[65])(int), (*after[65])(int);
    for (int round = 0; round < 2; round++) {
        handlers(before);
        pyn_profiler *profiler = start(1000);
        spin(0.1);
        handlers(during);
        int which = 0;
        assert_int_equal(changed(before, during, &which), 1);
        if (round == 0) assert_int_equal(which, SIGRTMAX - 2);
        if (round == 1) assert_int_equal(which, SIGURG);
        free(stop(profiler, NULL));
        handlers(after);
        assert_int_equal(changed(before, after, NULL), 0);
        mine.sa_handler = SIG_IGN;
        sigaction(SIGURG, &mine, NULL);
    }
    mine.sa_handler = SIG_DFL;
    sigaction(SIGURG, &mine, NULL);
    // Nor is one left by what looks into another process.
    handlers(before);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        for (;;) pause();
    }
    sink output = {NULL, 0, 0, 0};
    pyn_dump_options options = PYN_DUMP_OPTIONS_INIT;
    options.native = 1;
    OK(pyn_profiler_dump(child, &options, take, &output, &error));
    handlers(after);
    assert_int_equal(changed(before, after, NULL), 0);
    free(output.text);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    sigaction(SIGRTMAX - 1, &mine, NULL);
}

// A host that takes our signal for itself: recordings that begin later have another one.
static void test_host_takes_the_signal(void **state) {
    (void)state;
    void (*before[65])(int), (*during[65])(int);
    handlers(before);
    pyn_profiler *one = start(500);
    handlers(during);
    int which = 0;
    assert_int_equal(changed(before, during, &which), 1);
    struct sigaction mine;
    memset(&mine, 0, sizeof mine);
    mine.sa_handler = own_handler;
    sigaction(which, &mine, NULL);
    pyn_profiler *other = start(1000);
    flip(0.4);
    char *text = stop(other, NULL);
    if (IS_EXACT) assert_true(count(text, ";flip", NULL) > 50);
    free(text);
    free(stop(one, NULL));
    handlers(during);
    assert_true(during[which] == own_handler);
    mine.sa_handler = SIG_DFL;
    sigaction(which, &mine, NULL);
    handlers(during);
    assert_int_equal(changed(before, during, NULL), 0);
}

// Whatever of it is still on its way does not end the program that exec puts here.
static void test_exec(void **state) {
    (void)state;
    for (int i = 0; i < 60; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(20);
            start(2000);
            spin(0.01 + i * 0.0001);
            execl("/bin/true", "true", NULL);
            _exit(9);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

static volatile long handled;

static void handle_long(int number) {
    (void)number;
    handled++;
    for (double end = now() + 0.0003; now() < end;) {}
}

// Every signal of the host's ends its wait for signals: also where its handler kept ours back.
static void test_no_wait_for_a_signal_goes_on(void **state) {
    (void)state;
    struct sigaction action, old;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle_long;
    sigfillset(&action.sa_mask);
    sigaction(SIGALRM, &action, &old);
    sigset_t alarms, before;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarms, &before);
    pyn_profiler *profiler = start(2000);
    for (int way = 0; way < 3; way++) {
        struct itimerval every = {{0, 1500}, {0, 1500}}, never = {{0, 0}, {0, 0}};
        handled = 0;
        setitimer(ITIMER_REAL, &every, NULL);
        long returned = 0;
        for (double end = now() + 1; now() < end; returned++) {
            if (way == 0) sigsuspend(&before);
            if (way == 1) ppoll(NULL, 0, NULL, &before);
            if (way == 2) pselect(0, NULL, NULL, NULL, NULL, &before);
        }
        setitimer(ITIMER_REAL, &never, NULL);
        assert_true(handled > 50);
        assert_true(returned >= handled);
    }
    free(stop(profiler, NULL));
    // To ignore it drops one that is on its way.
    action.sa_handler = SIG_IGN;
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGALRM, &old, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static int entries(const char *path) {
    DIR *folder = opendir(path);
    int count = 0;
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

static void *wait_long(void *unused) {
    (void)unused;
    while (__atomic_load_n(&goes_on, __ATOMIC_RELAXED)) usleep(100000);
    return NULL;
}

// How many descriptors there may be is the host's.
static void test_no_descriptor_a_thread(void **state) {
    (void)state;
    __atomic_store_n(&goes_on, 1, __ATOMIC_RELAXED);
    pthread_t threads[60];
    for (int i = 0; i < 60; i++) assert_int_equal(pthread_create(&threads[i], NULL, wait_long, NULL), 0);
    int before = entries("/proc/self/fd");
    pyn_profiler *profiler = start(100);
    int most = 0;
    for (int i = 0; i < 20; i++) {
        spin(0.02);
        int found = entries("/proc/self/fd");
        if (found > most) most = found;
    }
    pyn_profiler_statistics found;
    free(stop(profiler, &found));
    assert_true(most <= before + 30);
    assert_true(found.threads >= 60);
    __atomic_store_n(&goes_on, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < 60; i++) pthread_join(threads[i], NULL);
}

static void *deaf(void *unused) {
    (void)unused;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    while (__atomic_load_n(&goes_on, __ATOMIC_RELAXED)) {}
    // What is on its way when it is let through must not end the process.
    sigemptyset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return NULL;
}

static void test_threads_that_block_the_signal(void **state) {
    (void)state;
    __atomic_store_n(&goes_on, 1, __ATOMIC_RELAXED);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, deaf, NULL), 0);
    pyn_profiler *profiler = start(1000);
    flip(0.8);
    pyn_profiler_statistics found;
    char *text = stop(profiler, &found);
    if (IS_EXACT) {
        assert_true(found.blocked > 0);
        assert_true(count(text, ";flip", NULL) > 50);
        assert_int_equal(count(text, "deaf", NULL), 0);
    }
    free(text);
    __atomic_store_n(&goes_on, 0, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
}

typedef struct {
    int64_t waits, early, interrupted;
} waiting;

// A little work, and then a wait: as often as not it is sampled on its way into the kernel.
static void *wait_often(void *argument) {
    waiting *w = argument;
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    while (__atomic_load_n(&goes_on, __ATOMIC_RELAXED)) {
        for (volatile int i = 0; i < 2000; i++) {}
        double begin = now();
        int64_t number = w->waits++;
        int answer = 0;
        struct timeval tenth = {0, 300};
        struct timespec short_time = {0, 300000}, left;
        if (number % 4 == 0) answer = poll(NULL, 0, 1);
        if (number % 4 == 1) answer = nanosleep(&short_time, &left);
        if (number % 4 == 2) answer = select(0, NULL, NULL, NULL, &tenth);
        if (number % 4 == 3) {  // without a limit: what ends it is something else
            struct itimerspec once = {{0, 0}, short_time};
            timerfd_settime(timer, 0, &once, NULL);
            struct pollfd end = {timer, POLLIN, 0};
            answer = poll(&end, 1, -1) != 1;
        }
        w->interrupted += answer != 0;
        w->early += now() - begin < 0.0003;
    }
    close(timer);
    return NULL;
}

static void test_system_calls_restart(void **state) {
    (void)state;
    __atomic_store_n(&goes_on, 1, __ATOMIC_RELAXED);
    pthread_t threads[4];
    waiting found[4];
    memset(found, 0, sizeof found);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, wait_often, &found[i]), 0);
    pyn_profiler *profiler = start(5000);
    sleep(2);
    pyn_profiler_statistics statistics;
    free(stop(profiler, &statistics));
    __atomic_store_n(&goes_on, 0, __ATOMIC_RELAXED);
    int64_t waits = 0, interrupted = 0, early = 0;
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        waits += found[i].waits;
        interrupted += found[i].interrupted;
        early += found[i].early;
    }
    assert_true(waits > 100);
    if (IS_EXACT) {
        assert_true(llabs(interrupted - statistics.interrupted) <= 4); /* each is told; some as it ends */
        assert_true(llabs(early - interrupted) <= 4);
    }
}

static void test_fork(void **state) {
    (void)state;
    pyn_profiler *profiler = start(2000);
    for (int i = 0; i < 10; i++) {
        spin(0.02);
        pid_t pid = fork();
        if (pid == 0) {
            alarm(20);
            int32_t running = 1;
            int right = pyn_profiler_wait(profiler, 5, &running, NULL) == PYN_OK && running == 0;
            pyn_profiler_free(profiler);
            // It may have one of its own.
            pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
            options.native = 1;
            options.rate = 1000;
            pyn_profiler *own = NULL;
            right = right && pyn_profiler_start(getpid(), &options, &own, NULL) == PYN_OK;
            flip(0.4);
            sink output = {NULL, 0, 0, 0};
            right = right && pyn_profiler_stop(own, NULL) == PYN_OK &&
                    pyn_profiler_write(own, PYN_PROFILE_RAW, take, &output, NULL) == PYN_OK;
            if (IS_EXACT) right = right && output.text && strstr(output.text, ";flip");
            pyn_profiler_free(own);
            _exit(right ? 0 : 1);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    char *text = stop(profiler, NULL);
    if (IS_EXACT) assert_true(count(text, ";spin", NULL) > 50);
    free(text);
}

static void test_errors(void **state) {
    (void)state;
    pyn_profiler *profiler = NULL;
    // No interpreter here, and native frames were not asked for.
    STATUS(PYN_ERROR_NOT_SUPPORTED, pyn_profiler_start(0, NULL, &profiler, &error));
    assert_null(profiler);
    // A host of an earlier header.
    pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
    options.native = 1;
    options.struct_size = offsetof(pyn_profiler_options, slice);
    options.slice = 77; /* not looked at */
    OK(pyn_profiler_start(0, &options, &profiler, &error));
    pyn_profiler_statistics found = PYN_PROFILER_STATISTICS_INIT;
    found.struct_size = offsetof(pyn_profiler_statistics, blocked);
    found.blocked = 77;
    OK(pyn_profiler_get_statistics(profiler, &found, &error));
    assert_int_equal(found.blocked, 77);
    pyn_profiler_free(profiler);
    options.struct_size = 8;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_start(0, &options, &profiler, &error));
}

static void test_reading_itself_is_denied(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        struct sock_filter steps[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {4, steps};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) _exit(0);
        pyn_profiler *profiler = NULL;
        pyn_error why = PYN_ERROR_INIT;
        for (int native = 0; native < 2; native++) {
            pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
            options.native = native;
            if (pyn_profiler_start(0, &options, &profiler, &why) != PYN_ERROR_NOT_PERMITTED) _exit(2);
            if (!strstr(why.message, "process_vm_readv")) _exit(3);
        }
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void) {
#ifndef __x86_64__
    return 0;
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_stack_that_did_not_exist), cmocka_unit_test(test_labels),
        cmocka_unit_test(test_labels_of_another_thread),
        cmocka_unit_test(test_detectors_label_themselves), cmocka_unit_test(test_pause),
        cmocka_unit_test(test_pauses_do_not_count), cmocka_unit_test(test_slices_by_callback),
        cmocka_unit_test(test_slice_callback_frees), cmocka_unit_test(test_write_file),
        cmocka_unit_test(test_two_at_once), cmocka_unit_test(test_signals_are_as_before),
        cmocka_unit_test(test_host_takes_the_signal), cmocka_unit_test(test_exec),
        cmocka_unit_test(test_no_wait_for_a_signal_goes_on), cmocka_unit_test(test_no_descriptor_a_thread),
        cmocka_unit_test(test_threads_that_block_the_signal), cmocka_unit_test(test_system_calls_restart),
        cmocka_unit_test(test_fork), cmocka_unit_test(test_reading_itself_is_denied), cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
