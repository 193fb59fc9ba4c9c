// The library as a plugin host or a language binding takes it in: dlopen, use, dlclose.
#define _GNU_SOURCE
#include "support/support.h"

#include <dlfcn.h>
#include <time.h>

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void open_use_close(void **state) {
    (void)state;
    for (int round = 0; round < 3; round++) {
        const double start = milliseconds();
        void *library = dlopen("libpynomaly.so.1", RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) fail_msg("%s", dlerror());
        if (round == 0) printf("first dlopen took %.2f ms\n", milliseconds() - start);

        __typeof__(&pyn_detector_create) create = NULL;
        __typeof__(&pyn_detector_free) free_detector = NULL;
        __typeof__(&pyn_detector_fit) fit = NULL;
        *(void **)&create = dlsym(library, "pyn_detector_create");
        *(void **)&free_detector = dlsym(library, "pyn_detector_free");
        *(void **)&fit = dlsym(library, "pyn_detector_fit");
        assert_true(create && free_detector && fit);
        double numbers[] = {1, 2, 3, 4};
        const pyn_matrix X = PYN_MATRIX_F64(numbers, 2, 2);
        pyn_detector *forest = NULL;
        assert_int_equal(create("IsolationForest", &forest, NULL), PYN_OK);
        assert_int_equal(fit(forest, &X, NULL, NULL), PYN_OK);
        assert_int_equal(dlclose(library), 0);
        // The library is never unloaded, so what it made still works.
        assert_int_equal(fit(forest, &X, NULL, NULL), PYN_OK);
        free_detector(forest);
    }
}

static void nothing_but_the_interface_is_exported(void **state) {
    (void)state;
    void *library = dlopen("libpynomaly.so.1", RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    assert_null(dlsym(library, "swift_retain"));
    dlclose(library);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_use_close),
        cmocka_unit_test(nothing_but_the_interface_is_exported),
    };
    return cmocka_run_group_tests_name("dlopen", tests, NULL, NULL);
}
