// What the C tests share: cmocka with its includes in the right order, status checks, data.
#ifndef SUPPORT_H
#define SUPPORT_H

#include <pynomaly.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) ((int64_t)(sizeof(array) / sizeof((array)[0])))

// The error that a test hands to the call at hand.
extern pyn_error error;

// The call, made with &error, must return this status and fill the error accordingly.
#define STATUS(expected, call) check_status((expected), (error = fresh_error, (call)), #call, __FILE__, __LINE__)
#define OK(call) STATUS(PYN_OK, call)
extern const pyn_error fresh_error;
void check_status(pyn_status expected, pyn_status actual, const char *call, const char *file, int line);

// The message of the last failure must contain this.
void assert_message_has(const char *part);

// Same doubles, bit for bit.
void assert_same_bits(const double *a, const double *b, int64_t count);

// Rows of a cloud with a few far outliers (every 50th row), the same for the same seed.
double *make_rows(int64_t rows, int64_t columns, uint64_t seed);

// Detectors made, or made and fitted on these rows; random_state is 7.
pyn_detector *make_forest(int64_t n_estimators, int64_t max_samples);
pyn_detector *fit_forest(int64_t n_estimators, int64_t max_samples, const pyn_matrix *X);

// The model file's bytes; free() them.
uint8_t *saved_bytes(const pyn_detector *detector, size_t *size);

// A fresh temporary folder, and a path in it that lives until the next call.
const char *temporary_folder(void);
const char *temporary_path(const char *name);

// A number from the environment, for slow runs (valgrind) that take fewer steps.
int64_t environment_number(const char *name, int64_t otherwise);

#endif
