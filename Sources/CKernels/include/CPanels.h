// Few columns, many rows: products of panels of 8 rows, one lane a row. Sums have a fixed order, without
// contraction: the same bits in every build.
#ifndef CPANELS_H
#define CPANELS_H

#include <math.h>
#include <stdint.h>

#include "CClusters.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

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
