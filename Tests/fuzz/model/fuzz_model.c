// libFuzzer target: bytes from a stranger as a model file. Whatever they are, loading says what is
// wrong or gives a detector that works.
#include <pynomaly.h>
#include <float.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The layout, as Sources/Detection/ModelFile.swift says it.
enum { LENGTH_AT = 16, SECTIONS_AT = 24, TAG = 4, SECTION_HEAD = 12, CHECKSUM = 4 };

static void fail(const char *what, const char *message) {
    fprintf(stderr, "%s: %s\n", what, message);
    abort();
}

static uint32_t crc32c(const uint8_t *bytes, size_t count) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    return ~crc;
}

// With the length and the checksum right, the fuzzer gets to what lies behind them.
static void seal(uint8_t *bytes, size_t size) {
    if (size < SECTIONS_AT + CHECKSUM) return;
    const uint64_t length = size;
    memcpy(bytes + LENGTH_AT, &length, sizeof length);
    const uint32_t crc = crc32c(bytes, size - CHECKSUM);
    memcpy(bytes + size - CHECKSUM, &crc, sizeof crc);
}

static void use(const pyn_detector *detector) {
    pyn_error error = PYN_ERROR_INIT;
    int64_t columns = 0;
    if (pyn_detector_get_feature_count(detector, &columns, &error) || columns < 1)
        fail("feature count", error.message);
    if (columns > 4096) return;
    // Of a series as many rows as it has in a window.
    double window = 1;
    if (pyn_detector_reads_series(detector) && pyn_detector_get_fitted(detector, "window", &window, &error))
        fail("window", error.message);
    if (window * (double)columns > 1 << 20) return;
    const int64_t rows = (int64_t)window;
    double *values = calloc((size_t)(rows * columns), sizeof *values);
    double *shares = calloc((size_t)(rows * columns), sizeof *shares);
    double *scores = calloc((size_t)rows, sizeof *scores);
    int32_t *labels = calloc((size_t)rows, sizeof *labels);
    const pyn_matrix X = PYN_MATRIX_F64(values, rows, columns);
    if (pyn_detector_score(detector, &X, NULL, scores, rows, &error)) fail("score", error.message);
    // Every score is finite; only these may be below 0, and only the first's shares.
    const char *name = pyn_detector_get_name(detector);
    const double most = strcmp(name, "IsolationForest") == 0 ? 1 : DBL_MAX;
    const int is_histogram = strcmp(name, "HBOS") == 0;
    const double least = is_histogram || strcmp(name, "LODA") == 0 || strstr(name, "OneClassSVM") ? -DBL_MAX : 0;
    for (int64_t r = 0; r < rows; r++)
        if (!(scores[r] >= least && scores[r] <= most)) {
            fprintf(stderr, "%s: %g\n", name, scores[r]);
            fail("score", "outside its range");
        }
    if (pyn_detector_predict(detector, &X, NULL, labels, rows, &error)) fail("predict", error.message);
    if (pyn_detector_explain(detector, &X, NULL, shares, rows * columns, &error)) fail("explain", error.message);
    for (int64_t i = 0; i < rows * columns; i++)
        if (!(shares[i] >= (is_histogram ? -DBL_MAX : 0) && shares[i] <= most)) {
            fprintf(stderr, "%g of %g\n", shares[i], scores[i / columns]);
            fail("explain", "a share outside the score's range");
        }
    pyn_calibration *calibration = NULL;
    if (pyn_detector_get_calibration(detector, &calibration, &error)) fail("calibration", error.message);
    if (calibration) {
        if (pyn_detector_predict_probability(detector, &X, NULL, scores, rows, &error))
            fail("probability", error.message);
        for (int64_t r = 0; r < rows; r++)
            if (!(scores[r] >= 0 && scores[r] <= 1)) fail("probability", "outside its range");
    }
    pyn_calibration_free(calibration);
    free(values), free(shares), free(scores), free(labels);

    // What was loaded can be saved, and is loaded again.
    size_t size = 0;
    if (pyn_detector_save_memory(detector, NULL, 0, &size, &error)) fail("save", error.message);
    uint8_t *bytes = malloc(size);
    pyn_detector *again = NULL;
    if (pyn_detector_save_memory(detector, bytes, size, &size, &error)) fail("save", error.message);
    if (pyn_detector_load_memory(bytes, size, &again, &error)) fail("load what was saved", error.message);
    pyn_detector_free(again);
    free(bytes);
}

static void load(const uint8_t *bytes, size_t size) {
    pyn_error error = PYN_ERROR_INIT;
    pyn_detector *detector = NULL;
    switch (pyn_detector_load_memory(bytes, size, &detector, &error)) {
        case PYN_OK:
            use(detector);
            pyn_detector_free(detector);
            break;
        case PYN_ERROR_MODEL_FORMAT:
        case PYN_ERROR_MODEL_VERSION:
        case PYN_ERROR_OUT_OF_MEMORY:
            if (error.message[0] == 0) fail("load", "no message");
            break;
        default: fail("load", error.message);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    // A block of its own size, so that a read behind its end is seen.
    uint8_t *bytes = malloc(size ? size : 1);
    memcpy(bytes, data, size);
    load(bytes, size);
    seal(bytes, size);
    load(bytes, size);
    free(bytes);
    return 0;
}

// Every second time change one section and set its length right, so that the others stay readable.
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed) {
    if (seed % 2 == 0 || size < SECTIONS_AT + CHECKSUM) return LLVMFuzzerMutate(data, size, capacity);
    const size_t end = size - CHECKSUM;
    size_t at = SECTIONS_AT;
    for (unsigned skip = seed / 2 % 6;; skip--) {
        uint64_t length = 0;
        if (end - at < SECTION_HEAD) return LLVMFuzzerMutate(data, size, capacity);
        memcpy(&length, data + at + TAG, sizeof length);
        const size_t payload = at + SECTION_HEAD;
        if (length > end - payload) return LLVMFuzzerMutate(data, size, capacity);
        if (skip > 0) {
            at = payload + (size_t)length;
            continue;
        }
        const size_t behind = size - payload - (size_t)length, room = capacity - payload - behind;
        uint8_t *rest = malloc(behind);
        memcpy(rest, data + payload + length, behind);
        length = LLVMFuzzerMutate(data + payload, (size_t)length, room);
        memcpy(data + at + TAG, &length, sizeof length);
        memcpy(data + payload + length, rest, behind);
        free(rest);
        return payload + (size_t)length + behind;
    }
}
