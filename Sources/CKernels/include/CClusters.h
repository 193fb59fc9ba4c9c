// k-means over panels: 8 rows, column after column, one lane a row. Sums run over the columns in their
// order, without contraction: the same bits in every build.
#ifndef CCLUSTERS_H
#define CCLUSTERS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef double ck_row8 __attribute__((ext_vector_type(8), aligned(8)));
typedef int64_t ck_place8 __attribute__((ext_vector_type(8), aligned(8)));
typedef int32_t ck_label8 __attribute__((ext_vector_type(8), aligned(4)));

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

static inline __attribute__((always_inline)) ck_row8 ck_least8(ck_row8 a, ck_row8 b) {
    return a < b ? a : b;
}

// The squared distances of a panel's rows from four centres, `columns` apart.
static inline __attribute__((always_inline)) void ck_four_centres(
    const double *panel, int64_t columns, const double *centres, ck_row8 *d0, ck_row8 *d1, ck_row8 *d2,
    ck_row8 *d3) {
#pragma clang fp contract(off)
    ck_row8 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    const double *c1 = centres + columns, *c2 = c1 + columns, *c3 = c2 + columns;
    for (int64_t f = 0; f < columns; f++) {
        const ck_row8 x = *(const ck_row8 *)(panel + 8 * f);
        const ck_row8 g0 = x - centres[f], g1 = x - c1[f], g2 = x - c2[f], g3 = x - c3[f];
        s0 += g0 * g0;
        s1 += g1 * g1;
        s2 += g2 * g2;
        s3 += g3 * g3;
    }
    *d0 = s0;
    *d1 = s1;
    *d2 = s2;
    *d3 = s3;
}

static inline __attribute__((always_inline)) ck_row8 ck_one_centre(
    const double *panel, int64_t columns, const double *centre) {
#pragma clang fp contract(off)
    ck_row8 sum = {0};
    for (int64_t f = 0; f < columns; f++) {
        const ck_row8 gap = *(const ck_row8 *)(panel + 8 * f) - centre[f];
        sum += gap * gap;
    }
    return sum;
}

// The nearest centre so far, and how far it and the second nearest are, squared.
typedef struct {
    ck_row8 best, second;
    ck_place8 place;
} ck_nearest8;

static inline __attribute__((always_inline)) void ck_take_nearer(
    ck_row8 distance, int64_t number, ck_nearest8 *found) {
    const ck_place8 nearer = distance < found->best;
    found->second = ck_least8(found->second, nearer ? found->best : distance);
    found->best = nearer ? distance : found->best;
    found->place = nearer ? (ck_place8)number : found->place;
}

// Of equally near centres the first.
static inline __attribute__((always_inline)) ck_nearest8 ck_nearest_two(
    const double *panel, int64_t columns, const double *centres, int64_t centre_count) {
    ck_nearest8 found = {INFINITY, INFINITY, 0};
    int64_t c = 0;
    for (; c + 4 <= centre_count; c += 4) {
        ck_row8 d0, d1, d2, d3;
        ck_four_centres(panel, columns, centres + c * columns, &d0, &d1, &d2, &d3);
        ck_take_nearer(d0, c, &found);
        ck_take_nearer(d1, c + 1, &found);
        ck_take_nearer(d2, c + 2, &found);
        ck_take_nearer(d3, c + 3, &found);
    }
    for (; c < centre_count; c++)
        ck_take_nearer(ck_one_centre(panel, columns, centres + c * columns), c, &found);
    return found;
}

static inline __attribute__((always_inline)) void ck_nearest_centres(
    const double *panels, int64_t count, int64_t columns, const double *centres, int64_t centre_count,
    int32_t *nearest, double *distances) {
    for (int64_t p = 0; p < count; p++) {
        const ck_nearest8 found =
            ck_nearest_two(panels + 8 * columns * p, columns, centres, centre_count);
        *(ck_row8 *)(distances + 8 * p) = found.best;
        *(ck_label8 *)(nearest + 8 * p) = __builtin_convertvector(found.place, ck_label8);
    }
}

// What is known of the rows of some panels: the cluster of each, and how far the centres may move before
// another one may be the nearest: the distance from the second nearest less that from the nearest
// (Hamerly 2010), and what its cluster had drifted when that was measured.
typedef struct {
    const double *panels;
    const float *singles; // the same rows in single precision (CSingles.h), and the squares of their lengths
    const float *squares;
    int32_t *labels;
    float *gaps;
    float *nears; // no row is farther from its centre than this and what the centre has moved in all
    double *distances; // squared, from the nearest centre; where all rows are looked at
    int32_t *changed;  // room for the rows: those that another centre is nearest to now, in order
    int32_t *fresh;    // and which that is
    int32_t *doubtful; // room for the rows
    double *gathered;  // room for a panel
    const double *drifts; // for each cluster, the moves of its centre and the farthest ones of others, added up
    double most_drift;    // of these
    const double *moved;  // for each cluster, the moves of its centre added up
    const float *reaches; // half the distance from its centre to the next one, less `moved`
} ck_cluster_rows;

typedef float ck_gap8 __attribute__((ext_vector_type(8), aligned(4)));


static inline __attribute__((always_inline)) ck_row8 ck_of_clusters8(const double *d, const int32_t *labels) {
    return (ck_row8){d[labels[0]], d[labels[1]], d[labels[2]], d[labels[3]],
                     d[labels[4]], d[labels[5]], d[labels[6]], d[labels[7]]};
}

// Keep what is known of the distances from the nearest centre, at most `near`, and the second, at least
// `second`: in single precision, by more than its rounding to the safe side.
static inline __attribute__((always_inline)) void ck_keep8(
    const ck_cluster_rows *rows, ck_row8 near, ck_row8 second, const int32_t *labels, float *gaps, float *nears) {
#pragma clang fp contract(off)
    const ck_row8 gap = (second - near) + ck_of_clusters8(rows->drifts, labels);
    const ck_row8 far = near - ck_of_clusters8(rows->moved, labels);
    const ck_row8 less = 1 - 1e-6, more = 1 + 1e-6;
    *(ck_gap8 *)gaps = __builtin_convertvector(gap * (gap < 0 ? more : less), ck_gap8);
    *(ck_gap8 *)nears = __builtin_convertvector(far * (far < 0 ? less : more), ck_gap8);
}

static inline __attribute__((always_inline)) void ck_keep_exact8(
    const ck_cluster_rows *rows, ck_nearest8 found, const int32_t *labels, float *gaps, float *nears) {
#pragma clang fp contract(off)
    ck_keep8(rows, __builtin_elementwise_sqrt(found.best) * (1 + 1e-10),
             __builtin_elementwise_sqrt(found.second) * (1 - 1e-10), labels, gaps, nears);
}

typedef bool ck_open8 __attribute__((ext_vector_type(8)));
static inline __attribute__((always_inline)) uint32_t ck_mask_of8(ck_place8 truth) {
    const ck_open8 bits = __builtin_convertvector(truth, ck_open8);
    uint8_t mask;
    memcpy(&mask, &bits, 1);
    return mask;
}

static inline __attribute__((always_inline)) int64_t ck_note_changes(
    const ck_cluster_rows *rows, const int32_t *numbers, int lanes, ck_nearest8 found, int64_t changes) {
    float gaps[8], nears[8];
    int32_t fresh[8];
    *(ck_label8 *)fresh = __builtin_convertvector(found.place, ck_label8);
    ck_keep_exact8(rows, found, fresh, gaps, nears);
    for (int lane = 0; lane < lanes; lane++) {
        const int32_t row = numbers[lane];
        rows->gaps[row] = gaps[lane];
        rows->nears[row] = nears[lane];
        rows->changed[changes] = row;
        rows->fresh[changes] = fresh[lane];
        changes += rows->labels[row] != fresh[lane];
    }
    return changes;
}

// Find the nearest centre of every row; returns how many change.
static inline __attribute__((always_inline)) int64_t ck_assign_rows(
    const ck_cluster_rows *rows, int64_t count, int64_t columns, const double *centres,
    int64_t centre_count) {
    int64_t changes = 0;
    for (int64_t first = 0; first < count; first += 8) {
        const ck_nearest8 found =
            ck_nearest_two(rows->panels + first * columns, columns, centres, centre_count);
        int32_t fresh[8];
        *(ck_label8 *)fresh = __builtin_convertvector(found.place, ck_label8);
        *(ck_row8 *)(rows->distances + first) = found.best;
        ck_keep_exact8(rows, found, fresh, rows->gaps + first, rows->nears + first);
        const int lanes = count - first < 8 ? (int)(count - first) : 8;
        for (int lane = 0; lane < lanes; lane++) {
            rows->changed[changes] = (int32_t)first + lane;
            rows->fresh[changes] = fresh[lane];
            changes += rows->labels[first + lane] != fresh[lane];
        }
    }
    return changes;
}

// Find the nearest centres of the first `open` doubtful rows; returns how many rows change with those.
static inline __attribute__((always_inline)) int64_t ck_look_closely(
    const ck_cluster_rows *rows, int64_t open, int64_t columns, const double *centres, int64_t centre_count,
    int64_t changes) {
    for (int64_t next = 0; next < open; next += 8) {
        const int32_t *numbers = rows->doubtful + next;
        const int lanes = open - next < 8 ? (int)(open - next) : 8;
        const double *panel = rows->gathered;
        if (lanes == 8 && (numbers[0] & 7) == 0 && numbers[7] == numbers[0] + 7) {
            panel = rows->panels + numbers[0] * columns;
        } else {
            const double *sources[8];
            for (int lane = 0; lane < 8; lane++) {
                const int32_t row = numbers[lane < lanes ? lane : 0];
                sources[lane] = rows->panels + (row >> 3) * 8 * columns + (row & 7);
            }
            for (int64_t f = 0; f < 8 * columns; f += 8)
                *(ck_row8 *)(rows->gathered + f) = (ck_row8){
                    sources[0][f], sources[1][f], sources[2][f], sources[3][f],
                    sources[4][f], sources[5][f], sources[6][f], sources[7][f]};
        }
        changes = ck_note_changes(
            rows, numbers, lanes, ck_nearest_two(panel, columns, centres, centre_count), changes);
    }
    return changes;
}

static inline __attribute__((always_inline)) double ck_total8(ck_row8 v) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

// Add the panels' values: 8 sums a column.
static inline __attribute__((always_inline)) void ck_add_panels(
    const double *panels, int64_t count, int64_t columns, double *sums) {
    for (int64_t p = 0; p < count; p++) {
        const ck_row8 *panel = (const ck_row8 *)(panels + 8 * columns * p);
        ck_row8 *own = (ck_row8 *)sums;
        for (int64_t f = 0; f < columns; f++) own[f] += panel[f];
    }
}

// closest = the lesser of itself and the squared distance from the centre; returns their sum.
static inline __attribute__((always_inline)) double ck_bring_closer(
    const double *panels, int64_t count, int64_t columns, const double *centre, double *closest) {
    ck_row8 sum = {0};
    for (int64_t p = 0; p < count; p++) {
        ck_row8 *own = (ck_row8 *)(closest + 8 * p);
        const ck_row8 least = ck_least8(*own, ck_one_centre(panels + 8 * columns * p, columns, centre));
        *own = least;
        sum += least;
    }
    return ck_total8(sum);
}

// What the sum of `closest` would become with each of four candidates.
static inline __attribute__((always_inline)) void ck_potentials(
    const double *panels, int64_t count, int64_t columns, const double *candidates,
    const double *closest, double *sums) {
    ck_row8 t0 = {0}, t1 = {0}, t2 = {0}, t3 = {0};
    for (int64_t p = 0; p < count; p++) {
        const ck_row8 own = *(const ck_row8 *)(closest + 8 * p);
        ck_row8 d0, d1, d2, d3;
        ck_four_centres(panels + 8 * columns * p, columns, candidates, &d0, &d1, &d2, &d3);
        t0 += ck_least8(own, d0);
        t1 += ck_least8(own, d1);
        t2 += ck_least8(own, d2);
        t3 += ck_least8(own, d3);
    }
    sums[0] = ck_total8(t0);
    sums[1] = ck_total8(t1);
    sums[2] = ck_total8(t2);
    sums[3] = ck_total8(t3);
}

#pragma clang diagnostic pop
#endif
