// Few columns, many rows: products of panels of 8 rows, one lane a row. Sums have a fixed order, without
// contraction: the same bits in every build.
#ifndef CPANELS_H
#define CPANELS_H

#include <math.h>
#include <stdint.h>

#include "CClusters.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

typedef double ck_row4 __attribute__((ext_vector_type(4), aligned(8)));

static inline __attribute__((always_inline)) void ck_transpose4(
    ck_row4 a, ck_row4 b, ck_row4 c, ck_row4 d, double *target) {
    const ck_row4 p = __builtin_shufflevector(a, b, 0, 4, 2, 6), q = __builtin_shufflevector(a, b, 1, 5, 3, 7);
    const ck_row4 r = __builtin_shufflevector(c, d, 0, 4, 2, 6), s = __builtin_shufflevector(c, d, 1, 5, 3, 7);
    *(ck_row4 *)target = __builtin_shufflevector(p, r, 0, 1, 4, 5);
    *(ck_row4 *)(target + 8) = __builtin_shufflevector(q, s, 0, 1, 4, 5);
    *(ck_row4 *)(target + 16) = __builtin_shufflevector(p, r, 2, 3, 6, 7);
    *(ck_row4 *)(target + 24) = __builtin_shufflevector(q, s, 2, 3, 6, 7);
}

// A panel of 8 rows of doubles that lie one after another. Returns 0 where all are finite.
static inline __attribute__((always_inline)) double ck_load_panel(
    const char *rows, int64_t row_stride, int64_t columns, double *target) {
    ck_row4 residue = 0;
    double rest = 0;
    int64_t f = 0;
    for (; f + 4 <= columns; f += 4)
        for (int64_t half = 0; half < 8; half += 4) {
            const char *x = rows + half * row_stride + 8 * f;
            const ck_row4 a = *(const ck_row4 *)x, b = *(const ck_row4 *)(x + row_stride),
                          c = *(const ck_row4 *)(x + 2 * row_stride), d = *(const ck_row4 *)(x + 3 * row_stride);
            residue += ((a - a) + (b - b)) + ((c - c) + (d - d));
            ck_transpose4(a, b, c, d, target + 8 * f + half);
        }
    for (; f < columns; f++)
        for (int64_t lane = 0; lane < 8; lane++) {
            const double x = *(const double *)(rows + lane * row_stride + 8 * f);
            rest += x - x;
            target[8 * f + lane] = x;
        }
    return (residue[0] + residue[1]) + (residue[2] + residue[3]) + rest;
}

// Values less their column's centre, times its scale.
static inline __attribute__((always_inline)) void ck_standardise_panels(
    double *panels, int64_t count, int64_t columns, const double *centres, const double *scales) {
#pragma clang fp contract(off)
    for (int64_t p = 0; p < count; p++)
        for (int64_t f = 0; f < columns; f++) {
            ck_row8 *own = (ck_row8 *)panels + p * columns + f;
            *own = (*own - centres[f]) * scales[f];
        }
}

// sums: 8 for each column, then 8 for each pair of a column and one from it on, in their order.
static inline __attribute__((always_inline)) void ck_add_panel_products(
    const double *panels, int64_t count, int64_t columns, double *sums) {
#pragma clang fp contract(off)
    for (int64_t p = 0; p < count; p++) {
        const ck_row8 *panel = (const ck_row8 *)panels + p * columns;
        ck_row8 *own = (ck_row8 *)sums, *products = own + columns;
        for (int64_t j = 0; j < columns; j++) {
            const ck_row8 x = panel[j];
            own[j] += x;
            for (int64_t k = j; k < columns; k++) *products++ += x * panel[k];
        }
    }
}

// distances = the sum of weight |x - w| over the columns w of a matrix, each of length 1.
// matrix: feature by feature, `width` apart.
static inline __attribute__((always_inline)) void ck_weighted_distances(
    const double *panels, int64_t count, int64_t columns, const double *matrix, int64_t width,
    int64_t outputs, const double *weights, double *distances) {
#pragma clang fp contract(off)
    for (int64_t p = 0; p < count; p++) {
        const ck_row8 *panel = (const ck_row8 *)panels + p * columns;
        ck_row8 norm = 1, sum = 0;
        for (int64_t f = 0; f < columns; f++) norm += panel[f] * panel[f];
        int64_t c = 0;
        for (; c + 3 <= outputs; c += 3) {
            ck_row8 s0 = 0, s1 = 0, s2 = 0;
            for (int64_t f = 0; f < columns; f++) {
                const double *w = matrix + f * width + c;
                s0 += panel[f] * w[0];
                s1 += panel[f] * w[1];
                s2 += panel[f] * w[2];
            }
            const ck_row8 q0 = norm - (s0 + s0), q1 = norm - (s1 + s1), q2 = norm - (s2 + s2);
            sum += __builtin_elementwise_sqrt(q0 < 0 ? (ck_row8)0 : q0) * weights[c];
            sum += __builtin_elementwise_sqrt(q1 < 0 ? (ck_row8)0 : q1) * weights[c + 1];
            sum += __builtin_elementwise_sqrt(q2 < 0 ? (ck_row8)0 : q2) * weights[c + 2];
        }
        for (; c < outputs; c++) {
            ck_row8 s = 0;
            for (int64_t f = 0; f < columns; f++) s += panel[f] * matrix[f * width + c];
            const ck_row8 q = norm - (s + s);
            sum += __builtin_elementwise_sqrt(q < 0 ? (ck_row8)0 : q) * weights[c];
        }
        *(ck_row8 *)(distances + 8 * p) = sum;
    }
}

#pragma clang diagnostic pop
#endif
