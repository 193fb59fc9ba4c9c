// Rows of features, `width` doubles apart, a multiple of 8. Sums have a fixed order, without contraction: the
// same bits in every build.
#ifndef CDENSE_H
#define CDENSE_H

#include <stdbool.h>
#include <stdint.h>

#include "CClusters.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

#define CK_IS_RUN(e)                                                                               \
    (((e[1] - e[0] - 1) | (e[2] - e[0] - 2) | (e[3] - e[0] - 3) | (e[4] - e[0] - 4) |              \
      (e[5] - e[0] - 5) | (e[6] - e[0] - 6) | (e[7] - e[0] - 7)) == 0)

// (value - centre) * scale of the features of one row, zero behind them. Returns 0 where all are finite.
// In runs: whether eight features in a row are values that lie one after another.
#define CK_LOAD_ROW(Name, Type, Eight)                                                             \
    typedef Type Eight __attribute__((ext_vector_type(8), aligned(sizeof(Type))));                 \
    static inline __attribute__((always_inline)) double Name(                                      \
        const char *row, int64_t column_stride, const long *features, int64_t count, bool in_runs, \
        const double *centres, const double *scales, double *target, int64_t width) {              \
        ck_row8 residues = 0;                                                                      \
        double residue = 0;                                                                        \
        int64_t f = 0;                                                                             \
        for (; f + 8 <= count; f += 8) {                                                           \
            const long *e = features + f;                                                          \
            ck_row8 x;                                                                             \
            if (in_runs || (column_stride == sizeof(Type) && CK_IS_RUN(e))) {                      \
                x = __builtin_convertvector(*(const Eight *)(row + e[0] * (long)sizeof(Type)), ck_row8); \
            } else {                                                                               \
                for (int i = 0; i < 8; i++) x[i] = *(const Type *)(row + e[i] * column_stride);    \
            }                                                                                      \
            residues += x - x;                                                                     \
            *(ck_row8 *)(target + f) =                                                             \
                (x - *(const ck_row8 *)(centres + f)) * *(const ck_row8 *)(scales + f);            \
        }                                                                                          \
        for (; f < count; f++) {                                                                   \
            const double x = *(const Type *)(row + features[f] * column_stride);                   \
            residue += x - x;                                                                      \
            target[f] = (x - centres[f]) * scales[f];                                              \
        }                                                                                          \
        for (; f < width; f++) target[f] = 0;                                                      \
        return ck_total8(residues) + residue;                                                      \
    }
CK_LOAD_ROW(ck_load_row64, double, ck_eight64)
CK_LOAD_ROW(ck_load_row32, float, ck_eight32)
#undef CK_LOAD_ROW

static inline __attribute__((always_inline)) bool ck_is_in_runs(const long *features, int64_t count) {
    for (int64_t f = 0; f + 8 <= count; f += 8) {
        const long *e = features + f;
        if (!CK_IS_RUN(e)) return false;
    }
    return true;
}
#undef CK_IS_RUN

// sums += weights * |x - w| for eight w of length 1, the squared length of x and 1 being `norm`.
static inline __attribute__((always_inline)) void ck_add_distances(
    double *sums, double norm, ck_row8 product, ck_row8 weights) {
#pragma clang fp contract(off)
    const ck_row8 squared = norm - (product + product);
    *(ck_row8 *)sums += weights * __builtin_elementwise_sqrt(squared < 0 ? (ck_row8)0 : squared);
}

// One row after another: the sum of weights * |x - w| over the columns w of a matrix, each of length 1, for
// `rows` rows, a multiple of 4. scratch: 9 doubles a row.
// matrix: eight columns at a time, those of its rows that `features` names; the others are zero.
static inline __attribute__((always_inline)) void ck_dense_distances(
    const double *rows, int64_t count, int64_t width, const long *features, int64_t feature_count,
    const double *matrix, int64_t outputs, const double *weights, double *scratch, double *distances) {
#pragma clang fp contract(off)
    double *norms = scratch, *sums = scratch + count;
    for (int64_t row = 0; row < count; row++) {
        ck_row8 square = 0;
        for (int64_t f = 0; f < width; f += 8) {
            const ck_row8 x = *(const ck_row8 *)(rows + row * width + f);
            square += x * x;
        }
        norms[row] = ck_total8(square) + 1;
        *(ck_row8 *)(sums + 8 * row) = (ck_row8)0;
    }
    // Eight columns stay in the nearest cache while all rows are gone through.
    for (int64_t j = 0; j < outputs; j += 8) {
        const ck_row8 weight = *(const ck_row8 *)(weights + j);
        for (int64_t row = 0; row < count; row += 4) {
            const double *r0 = rows + row * width, *r1 = r0 + width, *r2 = r1 + width, *r3 = r2 + width;
            const double *column = matrix + j * feature_count;
            ck_row8 s0 = 0, s1 = 0, s2 = 0, s3 = 0;
            for (int64_t k = 0; k < feature_count; k++, column += 8) {
                const ck_row8 eight = *(const ck_row8 *)column;
                const long f = features[k];
                s0 += eight * r0[f];
                s1 += eight * r1[f];
                s2 += eight * r2[f];
                s3 += eight * r3[f];
            }
            double *own = sums + 8 * row;
            ck_add_distances(own, norms[row], s0, weight);
            ck_add_distances(own + 8, norms[row + 1], s1, weight);
            ck_add_distances(own + 16, norms[row + 2], s2, weight);
            ck_add_distances(own + 24, norms[row + 3], s3, weight);
        }
    }
    for (int64_t row = 0; row < count; row++) distances[row] = ck_total8(*(const ck_row8 *)(sums + 8 * row));
}

#pragma clang diagnostic pop
#endif
