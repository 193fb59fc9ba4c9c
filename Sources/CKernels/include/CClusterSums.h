// The sums of the rows of clusters, for k-means.
#ifndef CCLUSTERSUMS_H
#define CCLUSTERSUMS_H

#include <stdint.h>

// Where rows are taken from that are added to the sums of their clusters: values of a row lie `step` apart.
typedef struct {
    const double *values;
    int64_t row_step; // 0: the rows are in panels
    double *sums;     // four for each cluster, which take turns, so that rows need not wait for each other
    int64_t *sizes;
    int32_t *labels;
} ck_cluster_sums;

static inline __attribute__((always_inline)) const double *ck_summed_row(
    const ck_cluster_sums *s, int64_t row, int64_t columns) {
    return s->row_step ? s->values + row * s->row_step : s->values + (row >> 3) * 8 * columns + (row & 7);
}

// Of short rows a vector loop would be mostly preparation.
#define CK_FOR_COLUMNS(body)                                                                       \
    if (step == 1 && columns >= 16) {                                                              \
        for (int64_t f = 0; f < columns; f++) body                                                 \
    } else {                                                                                       \
        _Pragma("clang loop vectorize(disable) unroll(disable)")                                   \
        for (int64_t f = 0; f < columns; f++) body                                                 \
    }

static inline __attribute__((always_inline)) void ck_add_row(
    const double *restrict x, int64_t step, int64_t columns, double *restrict to) {
    CK_FOR_COLUMNS({ to[f] += x[step * f]; })
}

static inline __attribute__((always_inline)) void ck_move_row(
    const double *restrict x, int64_t step, int64_t columns, double *restrict to, double *restrict from) {
    CK_FOR_COLUMNS({
        to[f] += x[step * f];
        from[f] -= x[step * f];
    })
}
#undef CK_FOR_COLUMNS

// Take rows out of the clusters that they are in, -1 for none, and into others.
static inline __attribute__((always_inline)) void ck_move_rows(
    const ck_cluster_sums *s, int64_t first, const int32_t *changed, const int32_t *fresh, int64_t count,
    int64_t columns) {
    const int64_t step = s->row_step ? 1 : 8;
    // Rows that go to the same cluster one after another are counted together.
    int64_t last = 0, same = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = first + changed[i], turn = row & 3;
        const int64_t cluster = fresh[i], old = s->labels[row];
        if (i + 8 < count) __builtin_prefetch(ck_summed_row(s, first + changed[i + 8], columns));
        if (old == cluster) continue;
        const double *x = ck_summed_row(s, row, columns);
        double *to = s->sums + (4 * cluster + turn) * columns;
        s->labels[row] = fresh[i];
        if (cluster != last) {
            s->sizes[last] += same;
            last = cluster;
            same = 0;
        }
        same++;
        if (old < 0) {
            ck_add_row(x, step, columns, to);
        } else {
            s->sizes[old]--;
            ck_move_row(x, step, columns, to, s->sums + (4 * old + turn) * columns);
        }
    }
    s->sizes[last] += same;
}

// Add rows to the sums of the clusters that they are in.
static inline __attribute__((always_inline)) void ck_add_rows(
    const ck_cluster_sums *s, int64_t first, int64_t count, int64_t columns) {
    for (int64_t row = first; row < first + count; row++)
        ck_add_row(ck_summed_row(s, row, columns), s->row_step ? 1 : 8, columns,
                   s->sums + (4 * (int64_t)s->labels[row] + (row & 3)) * columns);
}

#endif
