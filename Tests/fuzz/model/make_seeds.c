// Write small valid models of every kind into a folder: where the fuzzer starts from.
//   make_seeds FOLDER
#include <pynomaly.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[][6] = {
    // detector, then options and their values
    {"IsolationForest", "ndim", "1"},
    {"IsolationForest", "ndim", "2"},
    {"IsolationForest", "missing_values", "native"},
    {"IsolationForest", "bootstrap", "true"},
    {"IsolationForest", "contamination", "0.1"},
    {"IsolationForest", "max_features", "2"},
    {"IsolationForest", "max_samples", "1"},
    {"EllipticEnvelope"},
    {"EllipticEnvelope", "assume_centered", "true"},
    {"OneClassSVM", "nu", "0.1"},
    {"OneClassSVM", "nu", "0.1", "kernel", "poly"},
    {"OneClassSVM", "nu", "0.1", "kernel", "linear"},
    {"MatrixProfile", "window", "5"},
    {"MatrixProfile", "normalize", "false", "row_score", "last"},
    {"PCA", "n_components", "2"},
    {"CBLOF", "n_clusters", "3"},
    {"CBLOF", "use_weights", "true"},
    {"SGDOneClassSVM", "n_components", "5"},
    {"SGDOneClassSVM", "approximation", "fourier", "n_components", "5"},
    {"SGDOneClassSVM", "kernel", "linear"},
    {"RobustRandomCutForest", "n_estimators", "2", "max_samples", "8"},
    {"RobustRandomCutForest", "n_estimators", "2", "sampling", "sliding"},
    {"COPOD"},
    {"ECOD", "contamination", "0.1"},
    {"HalfSpaceTrees", "n_trees", "2", "height", "3"},
    {"HalfSpaceTrees", "height", "2", "window_size", "15"},
    {"HBOS", "n_bins", "5"},
    {"HBOS", "closed", "right"},
    {"LODA", "n_random_cuts", "3"},
    {"MAD", "threshold", "3"},
    {"KNN", "n_neighbors", "3"},
    {"KNN", "algorithm", "brute"},
    {"KNN", "metric", "cosine"},
    {"LocalOutlierFactor", "n_neighbors", "3"},
    {"LocalOutlierFactor", "p", "2.5"},
    {"LocalOutlierFactor", "novelty", "true"},
};

// Some seeds have a calibration: methods 1 to 6, else none.
static pyn_status calibrate(pyn_detector *detector, const pyn_matrix *X, int method, pyn_error *error) {
    double scores[64];
    int32_t labels[64];
    pyn_calibration *calibration = NULL;
    if (method < PYN_CALIBRATION_LINEAR || method > PYN_CALIBRATION_ISOTONIC) return PYN_OK;
    pyn_status status = pyn_detector_score(detector, X, NULL, scores, 64, error);
    for (int64_t i = 0; i < X->rows; i++) {
        labels[i] = i % 3 == 0;
        if (scores[i] < 0) scores[i] = 0;
    }
    if (!status) status = pyn_calibration_create(method, scores, labels, X->rows, &calibration, error);
    if (!status) status = pyn_detector_set_calibration(detector, calibration, error);
    pyn_calibration_free(calibration);
    return status;
}

static void save(const char *folder, int kind) {
    enum { ROWS = 40, COLUMNS = 3 };
    static const char *const names[] = {"a", "b", "c"};
    double x[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) x[i] = i * 7919 % 101 / 10.0;
    const pyn_matrix X = PYN_MATRIX_F64(x, ROWS, COLUMNS);
    pyn_error error = PYN_ERROR_INIT;
    pyn_detector *detector = NULL;
    char path[4096];
    snprintf(path, sizeof path, "%s/seed-%d", folder, kind);
    pyn_status status = pyn_detector_create(kinds[kind][0], &detector, &error);
    if (!status && strcmp(kinds[kind][0], "IsolationForest") == 0) {
        status = pyn_detector_set_int(detector, "n_estimators", 2, &error);
        if (!status) status = pyn_detector_set_int(detector, "max_samples", 8, &error);
    }
    for (int i = 1; !status && i < 5 && kinds[kind][i]; i += 2)
        status = pyn_detector_set_text(detector, kinds[kind][i], kinds[kind][i + 1], &error);
    if (status || pyn_detector_fit(detector, &X, NULL, &error) ||
        calibrate(detector, &X, kind % 8, &error) ||
        (kind % 2 && pyn_detector_set_feature_names(detector, names, COLUMNS, &error)) ||
        pyn_detector_save_file(detector, path, &error)) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    pyn_detector_free(detector);
}

int main(int argc, char **argv) {
    for (int i = 0; argc == 2 && i < (int)(sizeof kinds / sizeof kinds[0]); i++) save(argv[1], i);
    return argc != 2;
}
