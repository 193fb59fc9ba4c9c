// fork(): the child fits and scores, whatever the parent's threads were doing.
#define _GNU_SOURCE
#include "support/support.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COLUMNS = 3, WORKERS = 8 };
static int64_t rows;
static double *x, *expected;
static pyn_matrix X;
static pyn_detector *forest;

struct worker { pthread_t thread; int failed; };

static void *score_often(void *argument) {
    struct worker *worker = argument;
    double *scores = malloc((size_t)rows * sizeof *scores);
    pyn_call call = PYN_CALL_INIT;
    call.threads = 2;
    for (int round = 0; round < 20; round++)
        worker->failed |= pyn_detector_score(forest, &X, &call, scores, rows, NULL) != PYN_OK;
    free(scores);
    return NULL;
}

// What a child process reports by its exit code: 0 when everything came out as in the parent.
static int child_works(void) {
    double *scores = malloc((size_t)rows * sizeof *scores);
    pyn_call call = PYN_CALL_INIT;
    call.threads = 4;
    if (pyn_detector_score(forest, &X, &call, scores, rows, NULL)) return 1;
    if (memcmp(scores, expected, (size_t)rows * sizeof *scores) != 0) return 2;
    if (pyn_detector_fit(forest, &X, &call, NULL)) return 3;
    if (pyn_detector_score(forest, &X, &call, scores, rows, NULL)) return 4;
    if (memcmp(scores, expected, (size_t)rows * sizeof *scores) != 0) return 5;
    pyn_detector_free(forest);
    free(scores);
    return 0;
}

static void *fork_and_wait(void *argument) {
    struct worker *worker = argument;
    const pid_t child = fork();
    if (child == 0) _exit(child_works());
    int status = -1;
    worker->failed = waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    return NULL;
}

static void a_forked_child_fits_and_scores(void **state) {
    (void)state;
    double *scores = malloc((size_t)rows * sizeof *scores);
    pyn_call call = PYN_CALL_INIT;
    call.threads = 4;  // threads were at work in the parent before it forks
    OK(pyn_detector_score(forest, &X, &call, scores, rows, &error));
    struct worker worker = {0};
    fork_and_wait(&worker);
    assert_int_equal(worker.failed, 0);
    free(scores);
}

static void fork_while_other_threads_score(void **state) {
    (void)state;
    struct worker workers[WORKERS] = {0};
    for (int i = 0; i < WORKERS; i++) {
        void *(*body)(void *) = i % 2 ? fork_and_wait : score_often;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, body, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < WORKERS; i++) assert_int_equal(workers[i].failed, 0);
}

static int set_up(void **state) {
    (void)state;
    rows = environment_number("PYN_TEST_ROWS", 20000);
    x = make_rows(rows, COLUMNS, 1);
    expected = malloc((size_t)rows * sizeof *expected);
    X = (pyn_matrix)PYN_MATRIX_F64(x, rows, COLUMNS);
    forest = fit_forest(20, 64, &X);
    OK(pyn_detector_score(forest, &X, NULL, expected, rows, &error));
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
        cmocka_unit_test(a_forked_child_fits_and_scores),
        cmocka_unit_test(fork_while_other_threads_score),
    };
    return cmocka_run_group_tests_name("fork", tests, set_up, tear_down);
}
