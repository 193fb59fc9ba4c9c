// Memory that runs out: a call that needs a large block says so, and nothing ends the process. Each case
// is a child process that may take little more memory than it has, but enough for small things.
#define _GNU_SOURCE
#include "support/support.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 200000, COLUMNS = 4, HEADROOM = 24 << 20 };
static double *x;
static pyn_matrix X;
static pyn_detector *large;  // a model of more than twice the headroom
static uint8_t *bytes;
static size_t size;

static void leave_little(void) {
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm == NULL || fscanf(statm, "%ld", &pages) != 1) _exit(100);
    fclose(statm);
    const rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + HEADROOM;
    const struct rlimit limit = {most, most};
    if (setrlimit(RLIMIT_AS, &limit)) _exit(101);
}

static void assert_says_so(pyn_status (*body)(void)) {
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        leave_little();
        _exit(body());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status)) fail_msg("ended by signal %d", WTERMSIG(status));
    // Doing with less is fine too.
    if (WEXITSTATUS(status) != PYN_OK) assert_int_equal(WEXITSTATUS(status), PYN_ERROR_OUT_OF_MEMORY);
}

static pyn_call one_thread(void) {
    pyn_call call = PYN_CALL_INIT;
    call.threads = 1;
    return call;
}

static pyn_status fit_deep_trees(void) {
    const pyn_call call = one_thread();
    pyn_detector *forest = make_forest(100, ROWS);
    return pyn_detector_fit(forest, &X, &call, &error);
}
static pyn_status fit_many_columns(void) {
    const pyn_call call = one_thread();
    pyn_matrix wide = X;
    wide.columns = 1 << 28;
    wide.column_stride = 0;
    wide.rows = 4;
    return pyn_detector_fit(make_forest(1, 4), &wide, &call, &error);
}
static pyn_status save_to_memory(void) {
    size_t needed = 0;
    return pyn_detector_save_memory(large, NULL, 0, &needed, &error);
}
static pyn_status load_from_memory(void) {
    pyn_detector *loaded = NULL;
    return pyn_detector_load_memory(bytes, size, &loaded, &error);
}

static void fitting_deep_trees(void **state) { (void)state, assert_says_so(fit_deep_trees); }
static void fitting_many_columns(void **state) { (void)state, assert_says_so(fit_many_columns); }
static void saving(void **state) { (void)state, assert_says_so(save_to_memory); }
static void loading(void **state) { (void)state, assert_says_so(load_from_memory); }

static int set_up(void **state) {
    (void)state;
    x = make_rows(ROWS, COLUMNS, 1);
    X = (pyn_matrix)PYN_MATRIX_F64(x, ROWS, COLUMNS);
    large = fit_forest(30000, 256, &X);
    bytes = saved_bytes(large, &size);
    assert_in_range(size, 2 * (size_t)HEADROOM, SIZE_MAX);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    pyn_detector_free(large);
    free(bytes), free(x);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fitting_deep_trees),
        cmocka_unit_test(fitting_many_columns),
        cmocka_unit_test(saving),
        cmocka_unit_test(loading),
    };
    return cmocka_run_group_tests_name("memory", tests, set_up, tear_down);
}
