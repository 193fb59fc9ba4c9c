// Joins of series: how alike the windows of one are to those of another, diagonal by diagonal. 16 neighbouring
// diagonals go down together, one lane each; sums have a fixed order, without contraction: the same bits in
// every build.
#ifndef CSERIES_H
#define CSERIES_H

#include <math.h>
#include <stdint.h>

typedef double ck_lane4 __attribute__((ext_vector_type(4), aligned(8)));
typedef int64_t ck_truth4 __attribute__((ext_vector_type(4), aligned(8)));

enum { CK_DIAGONALS = 16 };

// A series and its windows. Every array goes on for CK_DIAGONALS zeros behind its end.
typedef struct {
    const double *values;
    const double *means; // of each window
    const double *norms; // 1 / the length of the window less its mean; 0 where it is constant
    const double *halves; // (what comes in - what goes out) / 2 from the window before
    const double *gaps;   // what comes in less the mean, and what goes out less the mean before
    // Windows from which on values are very much smaller than before: covariances begin anew there, since what a
    // great value has rounded away is not there any more.
    const int64_t *cuts;
    int64_t cut_count;
    int64_t windows;
} ck_series;

// What is joined: rows first .. first + rows of `a`, the first of them with window `column` of `b` and the 15
// behind it.
typedef struct {
    const ck_series *a, *b;
    int64_t first, rows, column, window;
    double *row_best;    // 4 for each row, or NULL
    double *column_best; // for each window of b and CK_DIAGONALS more, or NULL
    double *scratch;     // without normalisation: CK_DIAGONALS times the window
} ck_join;

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

#define CK_SERIES static inline __attribute__((always_inline))

CK_SERIES ck_lane4 ck_greater4(ck_lane4 a, ck_lane4 b) { return a > b ? a : b; }

// Take the likeness of four cells into account; `left`: how many of them there are.
CK_SERIES ck_lane4 ck_take4(ck_lane4 likeness, double *columns, int64_t left, int masked) {
    if (masked) {
        const ck_truth4 lanes = {0, 1, 2, 3};
        likeness = lanes < (ck_truth4)left ? likeness : (ck_lane4)(-INFINITY);
    }
    if (columns) *(ck_lane4 *)columns = ck_greater4(*(const ck_lane4 *)columns, likeness);
    return likeness;
}

CK_SERIES void ck_take_row(const ck_join *join, int64_t row, ck_lane4 best) {
    ck_lane4 *own = (ck_lane4 *)(join->row_best + 4 * row);
    *own = ck_greater4(*own, best);
}

// Pearson's correlation, by the covariance of the rows before (Zimmerman and others 2019).
CK_SERIES void ck_correlate_rows(
    const ck_join *join, int64_t anchor, int64_t from, int64_t to, ck_lane4 *covariances, int rows,
    int columns, int masked) {
#pragma clang fp contract(off)
    const ck_series *a = join->a, *b = join->b;
    ck_lane4 c0 = covariances[0], c1 = covariances[1], c2 = covariances[2], c3 = covariances[3];
    for (int64_t row = from; row < to; row++) {
        const int64_t i = join->first + row, j = join->column + row;
        if (row > anchor) {
            const ck_lane4 *halves = (const ck_lane4 *)(b->halves + j);
            const ck_lane4 *gaps = (const ck_lane4 *)(b->gaps + j);
            const double half = a->halves[i], gap = a->gaps[i];
            c0 += gaps[0] * half + halves[0] * gap;
            c1 += gaps[1] * half + halves[1] * gap;
            c2 += gaps[2] * half + halves[2] * gap;
            c3 += gaps[3] * half + halves[3] * gap;
        }
        const ck_lane4 *norms = (const ck_lane4 *)(b->norms + j);
        const double norm = a->norms[i];
        double *best = columns ? join->column_best + j : NULL;
        const int64_t left = b->windows - j;
        const ck_lane4 r0 = ck_take4(c0 * norms[0] * norm, best, left, masked);
        const ck_lane4 r1 = ck_take4(c1 * norms[1] * norm, columns ? best + 4 : NULL, left - 4, masked);
        const ck_lane4 r2 = ck_take4(c2 * norms[2] * norm, columns ? best + 8 : NULL, left - 8, masked);
        const ck_lane4 r3 = ck_take4(c3 * norms[3] * norm, columns ? best + 12 : NULL, left - 12, masked);
        if (rows) ck_take_row(join, row, ck_greater4(ck_greater4(r0, r1), ck_greater4(r2, r3)));
    }
    covariances[0] = c0;
    covariances[1] = c1;
    covariances[2] = c2;
    covariances[3] = c3;
}

// Rows in which every lane has a window.
CK_SERIES int64_t ck_whole_rows(const ck_join *join) {
    const int64_t whole = join->b->windows - (CK_DIAGONALS - 1) - join->column;
    return whole < 0 ? 0 : whole < join->rows ? whole : join->rows;
}

// The next row in which a window of either series begins anew; of the 16 of `b` each in its own.
CK_SERIES int64_t ck_next_anchor(const ck_join *join, int64_t row) {
    int64_t next = join->rows;
    for (int64_t c = 0; c < join->a->cut_count; c++) {
        const int64_t own = join->a->cuts[c] - join->first;
        if (own > row && own < next) next = own;
    }
    for (int64_t c = 0; c < join->b->cut_count; c++) {
        const int64_t last = join->b->cuts[c] - join->column;
        if (last <= row) continue;
        const int64_t own = last - (CK_DIAGONALS - 1) > row ? last - (CK_DIAGONALS - 1) : row + 1;
        if (own < next) next = own;
    }
    return next;
}

// The covariances of a row by their definition.
CK_SERIES void ck_anchor(const ck_join *join, int64_t row, ck_lane4 *c) {
#pragma clang fp contract(off)
    const double *a = join->a->values + join->first + row;
    const double *b = join->b->values + join->column + row;
    const double mean = join->a->means[join->first + row];
    const ck_lane4 *means = (const ck_lane4 *)(join->b->means + join->column + row);
    ck_lane4 c0 = 0, c1 = 0, c2 = 0, c3 = 0;
    for (int64_t t = 0; t < join->window; t++) {
        const double value = a[t] - mean;
        const ck_lane4 *values = (const ck_lane4 *)(b + t);
        c0 += (values[0] - means[0]) * value;
        c1 += (values[1] - means[1]) * value;
        c2 += (values[2] - means[2]) * value;
        c3 += (values[3] - means[3]) * value;
    }
    c[0] = c0;
    c[1] = c1;
    c[2] = c2;
    c[3] = c3;
}

CK_SERIES void ck_correlate(const ck_join *join, int rows, int columns) {
    const int64_t whole = ck_whole_rows(join);
    int64_t anchor = 0;
    while (anchor < join->rows) {
        ck_lane4 c[4];
        ck_anchor(join, anchor, c);
        const int64_t end = ck_next_anchor(join, anchor);
        const int64_t middle = whole < anchor ? anchor : whole < end ? whole : end;
        ck_correlate_rows(join, anchor, anchor, middle, c, rows, columns, 0);
        ck_correlate_rows(join, anchor, middle, end, c, rows, columns, 1);
        anchor = end;
    }
}

CK_SERIES void ck_square4(
    const ck_join *join, int64_t row, ck_lane4 *s0, ck_lane4 *s1, ck_lane4 *s2, ck_lane4 *s3) {
#pragma clang fp contract(off)
    const double value = join->a->values[join->first + row];
    const ck_lane4 *values = (const ck_lane4 *)(join->b->values + join->column + row);
    const ck_lane4 g0 = values[0] - value, g1 = values[1] - value;
    const ck_lane4 g2 = values[2] - value, g3 = values[3] - value;
    *s0 += g0 * g0;
    *s1 += g1 * g1;
    *s2 += g2 * g2;
    *s3 += g3 * g3;
}

// Less the squared distance. A window spans two stretches of `window` rows: the end of the first one and the
// beginning of the second, whose sums only ever grow (van Herk 1992): nothing is taken away, nothing cancels.
CK_SERIES void ck_measure_rows(
    const ck_join *join, int64_t start, int64_t from, int64_t to, ck_lane4 *sums, int rows, int columns,
    int masked) {
#pragma clang fp contract(off)
    ck_lane4 s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int64_t row = from; row < to; row++) {
        if (row > start) ck_square4(join, row + join->window - 1, &s0, &s1, &s2, &s3);
        const ck_lane4 *ends = (const ck_lane4 *)(join->scratch + CK_DIAGONALS * (row - start));
        const int64_t j = join->column + row, left = join->b->windows - j;
        double *best = columns ? join->column_best + j : NULL;
        const ck_lane4 r0 = ck_take4(-(ends[0] + s0), best, left, masked);
        const ck_lane4 r1 = ck_take4(-(ends[1] + s1), columns ? best + 4 : NULL, left - 4, masked);
        const ck_lane4 r2 = ck_take4(-(ends[2] + s2), columns ? best + 8 : NULL, left - 8, masked);
        const ck_lane4 r3 = ck_take4(-(ends[3] + s3), columns ? best + 12 : NULL, left - 12, masked);
        if (rows) ck_take_row(join, row, ck_greater4(ck_greater4(r0, r1), ck_greater4(r2, r3)));
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

CK_SERIES void ck_measure(const ck_join *join, int rows, int columns) {
    const int64_t whole = ck_whole_rows(join);
    for (int64_t start = 0; start < join->rows; start += join->window) {
        ck_lane4 s[4] = {0};
        for (int64_t t = join->window - 1; t >= 0; t--) {
            ck_square4(join, start + t, &s[0], &s[1], &s[2], &s[3]);
            ck_lane4 *ends = (ck_lane4 *)(join->scratch + CK_DIAGONALS * t);
            ends[0] = s[0];
            ends[1] = s[1];
            ends[2] = s[2];
            ends[3] = s[3];
        }
        const int64_t behind = start + join->window;
        const int64_t end = behind < join->rows ? behind : join->rows;
        const int64_t middle = whole < start ? start : whole < end ? whole : end;
        s[0] = s[1] = s[2] = s[3] = (ck_lane4){0};
        ck_measure_rows(join, start, start, middle, s, rows, columns, 0);
        ck_measure_rows(join, start, middle, end, s, rows, columns, 1);
    }
}

#pragma clang diagnostic pop
#endif
