#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <unistd.h>

const pyn_error fresh_error = PYN_ERROR_INIT;
pyn_error error = PYN_ERROR_INIT;

void check_status(pyn_status expected, pyn_status actual, const char *call, const char *file, int line) {
    if (actual != expected) {
        print_error("%s\n  gave %s, not %s. Message: %s\n", call, pyn_status_name(actual),
                    pyn_status_name(expected), error.message);
        _fail(file, line);
    }
    if (error.code != actual || memchr(error.message, 0, sizeof error.message) == NULL ||
        (actual != PYN_OK) != (error.message[0] != 0)) {
        print_error("%s\n  returned %s but its error holds code %d and message \"%.40s\"\n", call,
                    pyn_status_name(actual), (int)error.code, error.message);
        _fail(file, line);
    }
}

void assert_message_has(const char *part) {
    if (strstr(error.message, part) == NULL)
        fail_msg("\"%s\" is not in the message: %s", part, error.message);
}

void assert_same_bits(const double *a, const double *b, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0)
            fail_msg("%.17g and %.17g differ at %lld", a[i], b[i], (long long)i);
}

double *make_rows(int64_t rows, int64_t columns, uint64_t seed) {
    double *x = malloc((size_t)(rows * columns) * sizeof *x);
    assert_non_null(x);
    uint64_t state = seed * 2862933555777941757u + 3037000493u;
    for (int64_t i = 0; i < rows * columns; i++) {
        double sum = 0;
        for (int k = 0; k < 4; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            sum += (double)(state >> 40) / (double)(1 << 24) - 0.5;
        }
        // Exactly a float, so that both element types hold the same number.
        x[i] = (double)(float)(i / columns % 50 == 49 ? 8 + sum : sum);
    }
    return x;
}

pyn_detector *make_forest(int64_t n_estimators, int64_t max_samples) {
    pyn_detector *forest = NULL;
    OK(pyn_detector_create("IsolationForest", &forest, &error));
    OK(pyn_detector_set_int(forest, "n_estimators", n_estimators, &error));
    OK(pyn_detector_set_int(forest, "max_samples", max_samples, &error));
    OK(pyn_detector_set_int(forest, "random_state", 7, &error));
    return forest;
}

pyn_detector *fit_forest(int64_t n_estimators, int64_t max_samples, const pyn_matrix *X) {
    pyn_detector *forest = make_forest(n_estimators, max_samples);
    OK(pyn_detector_fit(forest, X, NULL, &error));
    return forest;
}

uint8_t *saved_bytes(const pyn_detector *detector, size_t *size) {
    OK(pyn_detector_save_memory(detector, NULL, 0, size, &error));
    uint8_t *bytes = malloc(*size);
    assert_non_null(bytes);
    OK(pyn_detector_save_memory(detector, bytes, *size, size, &error));
    return bytes;
}

const char *temporary_folder(void) {
    static char folder[] = "/tmp/pynomaly-test-XXXXXX";
    static bool made;  // the name itself may end in an X
    if (!made) assert_non_null(mkdtemp(folder));
    made = true;
    return folder;
}

const char *temporary_path(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", temporary_folder(), name);
    return path;
}

int64_t environment_number(const char *name, int64_t otherwise) {
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoll(text, NULL, 10);
}
