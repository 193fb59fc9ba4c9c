// Threads of the host's: one model scored by many, the thread limit, no thread left behind. Run under
// helgrind too, which watches every memory access and lock, also those inside the library.
#define _GNU_SOURCE
#include "support/support.h"

#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

enum { COLUMNS = 3, THREADS = 8 };
static int64_t rows;
static int threads_at_start;  // one; more where a sanitizer adds its own with the first
static double *x, *expected;
static pyn_matrix X;
static pyn_detector *forest;

static int threads_of_this_process(void) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void *do_nothing(void *argument) { return argument; }

struct worker { pthread_t thread; int32_t threads; int failed; };

static void *score_often(void *argument) {
    struct worker *worker = argument;
    double *scores = malloc((size_t)rows * sizeof *scores), threshold;
    for (int round = 0; round < 5; round++) {
        pyn_call call = PYN_CALL_INIT;
        call.threads = worker->threads;
        pyn_error mine = PYN_ERROR_INIT;
        if (pyn_detector_score(forest, &X, &call, scores, rows, &mine) ||
            memcmp(scores, expected, (size_t)rows * sizeof *scores) != 0 ||
            pyn_detector_get_threshold(forest, &threshold, &mine) ||
            pyn_detector_score(NULL, &X, &call, scores, rows, &mine) != PYN_ERROR_NULL_ARGUMENT)
            worker->failed = 1;
    }
    free(scores);
    return NULL;
}

static void *fit_own(void *argument) {
    struct worker *worker = argument;
    double *scores = malloc((size_t)rows * sizeof *scores);
    pyn_detector *own = NULL;
    size_t size = 0;
    if (pyn_detector_create("IsolationForest", &own, NULL) ||
        pyn_detector_set_int(own, "n_estimators", 20, NULL) ||
        pyn_detector_set_int(own, "max_samples", 64, NULL) ||
        pyn_detector_set_int(own, "random_state", 7, NULL) || pyn_detector_fit(own, &X, NULL, NULL) ||
        pyn_detector_score(own, &X, NULL, scores, rows, NULL) ||
        pyn_detector_save_memory(own, NULL, 0, &size, NULL) ||
        memcmp(scores, expected, (size_t)rows * sizeof *scores) != 0)
        worker->failed = 1;
    pyn_detector_free(own);
    free(scores);
    return NULL;
}

static void run_workers(void *(*body)(void *), int32_t threads_each) {
    struct worker workers[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        workers[i].threads = threads_each;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, body, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < THREADS; i++) assert_int_equal(workers[i].failed, 0);
}

static void many_threads_score_one_model(void **state) {
    (void)state;
    run_workers(score_often, 1);
    run_workers(score_often, 3);
}

static void every_thread_fits_its_own(void **state) {
    (void)state;
    run_workers(fit_own, 0);
}

static void no_thread_is_left_running(void **state) {
    (void)state;
    double *scores = malloc((size_t)rows * sizeof *scores);
    pyn_call call = PYN_CALL_INIT;
    call.threads = 4;
    OK(pyn_detector_score(forest, &X, &call, scores, rows, &error));
    // A thread that was joined may still be on its way out of the kernel's list.
    for (int tries = 0; threads_of_this_process() > threads_at_start && tries < 100; tries++)
        usleep(10000);
    assert_int_equal(threads_of_this_process(), threads_at_start);
    free(scores);
}

static void the_thread_limit(void **state) {
    (void)state;
    double *scores = malloc((size_t)rows * sizeof *scores);
    static const int32_t limits[] = {1, 2, 100000, INT32_MAX};
    for (int i = 0; i < COUNT(limits); i++) {
        pyn_set_thread_limit(limits[i]);
        assert_int_equal(pyn_get_thread_limit(), limits[i]);
        OK(pyn_detector_score(forest, &X, NULL, scores, rows, &error));
        assert_same_bits(scores, expected, rows);
    }
    pyn_set_thread_limit(-5);
    const int32_t all = pyn_get_thread_limit();
    pyn_set_thread_limit(0);
    assert_int_equal(pyn_get_thread_limit(), all);
    pyn_call call = PYN_CALL_INIT;
    call.threads = -3;  // nonsense must not crash, whatever it is taken for
    (void)pyn_detector_score(forest, &X, &call, scores, rows, NULL);
    free(scores);
}

static int set_up(void **state) {
    (void)state;
    pthread_t first;
    assert_int_equal(pthread_create(&first, NULL, do_nothing, NULL), 0);
    pthread_join(first, NULL);
    usleep(20000);
    threads_at_start = threads_of_this_process();
    rows = environment_number("PYN_TEST_ROWS", 20000);
    x = make_rows(rows, COLUMNS, 1);
    expected = malloc((size_t)rows * sizeof *expected);
    X = (pyn_matrix)PYN_MATRIX_F64(x, rows, COLUMNS);
    forest = fit_forest(20, 64, &X);
    OK(pyn_detector_score(forest, &X, NULL, expected, rows, &error));
    // Once by one thread, so that what the Swift runtime sets up lazily, with locks that helgrind does
    // not know, is in place.
    size_t size = 0;
    OK(pyn_detector_save_memory(forest, NULL, 0, &size, &error));
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    pyn_detector_free(forest);
    free(x), free(expected);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_thread_is_left_running),
        cmocka_unit_test(many_threads_score_one_model),
        cmocka_unit_test(every_thread_fits_its_own),
        cmocka_unit_test(the_thread_limit),
    };
    return cmocka_run_group_tests_name("threads", tests, set_up, tear_down);
}
