// k-means in single precision where that decides: rows and centres less the mean of all rows, panels of 8
// rows as in CClusters.h. What it leaves open is looked at in double, so that the answers are those of double.
// Sums run over the columns in their order, without contraction: the same bits in every build.
#ifndef CSINGLES_H
#define CSINGLES_H

#include "CClusters.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

typedef float ck_single8 __attribute__((ext_vector_type(8), aligned(4)));

static inline __attribute__((always_inline)) ck_single8 ck_lesser_single8(ck_single8 a, ck_single8 b) {
    return a < b ? a : b;
}

static inline __attribute__((always_inline)) ck_single8 ck_greater_single8(ck_single8 a, ck_single8 b) {
    return a > b ? a : b;
}

// Panels of doubles less their column's mean, times a power of two, and the squares of the rows' lengths
// then. Lanes behind `rows` get 0. Returns the sum of these squares.
static inline __attribute__((always_inline)) double ck_make_singles(
    const double *panels, int64_t rows, int64_t columns, const double *means, double scale, float *singles,
    float *squares) {
#pragma clang fp contract(off)
    ck_row8 total = {0};
    for (int64_t first = 0; first < rows; first += 8) {
        const double *panel = panels + first * columns;
        float *own = singles + first * columns;
        const ck_place8 lanes = {0, 1, 2, 3, 4, 5, 6, 7};
        const ck_place8 used = lanes < rows - first;
        ck_row8 square = {0};
        for (int64_t f = 0; f < columns; f++) {
            const ck_row8 all = (*(const ck_row8 *)(panel + 8 * f) - means[f]) * scale;
            const ck_row8 gap = used ? all : (ck_row8)0;
            square += gap * gap;
            *(ck_single8 *)(own + 8 * f) = __builtin_convertvector(gap, ck_single8);
        }
        total += square;
        *(ck_single8 *)(squares + first) = __builtin_convertvector(square, ck_single8);
    }
    return ck_total8(total);
}

// Centres as single precision takes them.
typedef struct {
    const float *packed; // packed[(group * columns + f) * 8 + place]: eight centres at a time, 0 behind the last
    const float *halves; // half the squares of their lengths, infinite behind the last
    // What half a squared distance may be off by: by_length * the row's length + by_square * its square + least.
    float by_length, by_square, least;
    double scale;        // that of the singles
} ck_single_centres;

// Half the squared distance less half the row's own square.
typedef struct {
    ck_single8 best, second;
    ck_label8 place;
} ck_single_nearest8;

static inline __attribute__((always_inline)) void ck_take_single(
    ck_single8 distance, int32_t number, ck_single_nearest8 *found) {
    const ck_label8 nearer = distance < found->best;
    found->second = ck_lesser_single8(found->second, ck_greater_single8(found->best, distance));
    found->best = ck_lesser_single8(distance, found->best);
    found->place = nearer ? (ck_label8)number : found->place;
}

// Of two panels at a time.
static inline __attribute__((always_inline)) void ck_nearest_singles(
    const float *p, const float *q, int64_t columns, const ck_single_centres *centres, int64_t centre_count,
    ck_single_nearest8 *a, ck_single_nearest8 *b) {
#pragma clang fp contract(off)
    const ck_single_nearest8 nothing = {INFINITY, INFINITY, 0};
    *a = nothing;
    *b = nothing;
    for (int64_t c = 0; c < centre_count; c += 4) {
        const float *w = centres->packed + (c >> 3) * columns * 8 + (c & 7);
        ck_single8 s0 = 0, s1 = 0, s2 = 0, s3 = 0, t0 = 0, t1 = 0, t2 = 0, t3 = 0;
        for (int64_t f = 0; f < columns; f++, w += 8) {
            const ck_single8 x = *(const ck_single8 *)(p + 8 * f), y = *(const ck_single8 *)(q + 8 * f);
            s0 += x * w[0];
            t0 += y * w[0];
            s1 += x * w[1];
            t1 += y * w[1];
            s2 += x * w[2];
            t2 += y * w[2];
            s3 += x * w[3];
            t3 += y * w[3];
        }
        const float *half = centres->halves + c;
        const int32_t number = (int32_t)c;
        ck_take_single(half[0] - s0, number, a);
        ck_take_single(half[0] - t0, number, b);
        ck_take_single(half[1] - s1, number + 1, a);
        ck_take_single(half[1] - t1, number + 1, b);
        ck_take_single(half[2] - s2, number + 2, a);
        ck_take_single(half[2] - t2, number + 2, b);
        ck_take_single(half[3] - s3, number + 3, a);
        ck_take_single(half[3] - t3, number + 3, b);
    }
}

// What half the squared distances may be off by.
static inline __attribute__((always_inline)) ck_single8 ck_single_error8(
    ck_single8 squares, const ck_single_centres *centres) {
#pragma clang fp contract(off)
    return __builtin_elementwise_sqrt(squares) * centres->by_length + squares * centres->by_square +
           centres->least;
}

// What ck_keep8 takes, in the units of the doubles.
static inline __attribute__((always_inline)) void ck_keep_singles8(
    const ck_cluster_rows *rows, ck_single_nearest8 found, ck_single8 squares, ck_single8 error,
    const ck_single_centres *centres, const int32_t *labels, float *gaps, float *nears) {
#pragma clang fp contract(off)
    const ck_single8 off = error * 2.5f + squares * 1e-6f;
    const ck_single8 best = squares + (found.best + found.best), second = squares + (found.second + found.second);
    const ck_single8 low = second - off, high = ck_greater_single8(best, 0) + off;
    const ck_single8 far = __builtin_elementwise_sqrt(ck_greater_single8(low, 0)) * (1 - 1e-6f);
    const ck_single8 near = __builtin_elementwise_sqrt(high) * (1 + 1e-6f);
    const double unit = 1 / centres->scale;
    ck_keep8(rows, __builtin_convertvector(near, ck_row8) * unit, __builtin_convertvector(far, ck_row8) * unit,
             labels, gaps, nears);
}

// Note the rows of a panel that are decided, and put the others in `doubtful`, which has `open` already.
static inline __attribute__((always_inline)) void ck_note_singles(
    const ck_cluster_rows *rows, const int32_t *numbers, int lanes, ck_single_nearest8 found,
    ck_single8 squares, const ck_single_centres *centres, int64_t *changes, int64_t *open) {
#pragma clang fp contract(off)
    const ck_single8 error = ck_single_error8(squares, centres);
    const ck_label8 decided = found.second - found.best > error * 2.2f;
    float gaps[8], nears[8];
    int32_t fresh[8], known[8];
    *(ck_label8 *)fresh = found.place;
    *(ck_label8 *)known = decided;
    ck_keep_singles8(rows, found, squares, error, centres, fresh, gaps, nears);
    int64_t changed = *changes, doubtful = *open;
    for (int lane = 0; lane < lanes; lane++) {
        const int32_t row = numbers[lane];
        const bool is_known = known[lane] != 0;
        rows->gaps[row] = gaps[lane];
        rows->nears[row] = nears[lane];
        rows->changed[changed] = row;
        rows->fresh[changed] = fresh[lane];
        changed += is_known & (rows->labels[row] != fresh[lane]);
        rows->doubtful[doubtful] = row;
        doubtful += !is_known;
    }
    *changes = changed;
    *open = doubtful;
}

// Of a row here and there: eight centres at a time, one a lane.
static inline __attribute__((always_inline)) void ck_take_centres(
    ck_single8 distances, int32_t number, float *best, float *second, int32_t *place) {
    for (int lane = 0; lane < 8; lane++) {
        const float distance = distances[lane], was = *best, other = distance > was ? distance : was;
        *place = distance < was ? number + lane : *place;
        *best = distance < was ? distance : was;
        *second = other < *second ? other : *second;
    }
}

// Short rows are gathered: longer ones would take longer than to look at them one by one.
enum { CK_SHORT_ROW = 16 };

// Panel by panel: all rows, or short ones that are `chosen`.
static inline __attribute__((always_inline)) void ck_assign_panels(
    const ck_cluster_rows *rows, const int32_t *chosen, int64_t count, int64_t columns, int64_t centre_count,
    const ck_single_centres *centres, int64_t *changes, int64_t *open) {
    float gathered[2][8 * CK_SHORT_ROW];
    for (int64_t first = 0; first < count; first += 16) {
        const float *panels[2] = {0, 0};
        int32_t numbers[2][8];
        float squares[2][8];
        ck_single_nearest8 found[2];
        for (int64_t p = 0; p < 2 && first + 8 * p < count; p++) {
            const int64_t start = first + 8 * p;
            if (chosen == 0) {
                for (int32_t lane = 0; lane < 8; lane++) numbers[p][lane] = (int32_t)start + lane;
                *(ck_single8 *)squares[p] = *(const ck_single8 *)(rows->squares + start);
                panels[p] = rows->singles + start * columns;
                continue;
            }
            for (int64_t lane = 0; lane < 8; lane++) {
                const int32_t row = chosen[start + lane < count ? start + lane : start];
                const float *x = rows->singles + (row >> 3) * 8 * columns + (row & 7);
                numbers[p][lane] = row;
                squares[p][lane] = rows->squares[row];
                for (int64_t f = 0; f < columns; f++) gathered[p][8 * f + lane] = x[8 * f];
            }
            panels[p] = gathered[p];
        }
        ck_nearest_singles(
            panels[0], panels[1] ? panels[1] : panels[0], columns, centres, centre_count, found, found + 1);
        for (int64_t p = 0; p < 2 && first + 8 * p < count; p++) {
            const int64_t left = count - first - 8 * p;
            ck_note_singles(rows, numbers[p], left < 8 ? (int)left : 8, found[p],
                            *(const ck_single8 *)squares[p], centres, changes, open);
        }
    }
}

static inline __attribute__((always_inline)) void ck_assign_some(
    const ck_cluster_rows *rows, int64_t doubtful, int64_t columns, int64_t centre_count,
    const ck_single_centres *centres, int64_t *changes, int64_t *open) {
#pragma clang fp contract(off)
    for (int64_t next = 0; next < doubtful; next += 8) {
        const int lanes = doubtful - next < 8 ? (int)(doubtful - next) : 8;
        int32_t numbers[8], places[8];
        float best[8], second[8], squares[8];
        for (int lane = 0; lane < 8; lane++) {
            numbers[lane] = rows->doubtful[next + (lane < lanes ? lane : 0)];
            squares[lane] = rows->squares[numbers[lane]];
            best[lane] = second[lane] = INFINITY;
            places[lane] = 0;
        }
        for (int half = 0; half < 8; half += 4) {
            const float *x[4];
            for (int i = 0; i < 4; i++) {
                const int32_t row = numbers[half + i];
                x[i] = rows->singles + (row >> 3) * 8 * columns + (row & 7);
            }
            for (int64_t c = 0; c < centre_count; c += 8) {
                const float *w = centres->packed + c * columns;
                ck_single8 s0 = 0, s1 = 0, s2 = 0, s3 = 0;
                for (int64_t f = 0; f < 8 * columns; f += 8) {
                    const ck_single8 eight = *(const ck_single8 *)(w + f);
                    s0 += eight * x[0][f];
                    s1 += eight * x[1][f];
                    s2 += eight * x[2][f];
                    s3 += eight * x[3][f];
                }
                const ck_single8 own = *(const ck_single8 *)(centres->halves + c);
                ck_take_centres(own - s0, (int32_t)c, best + half, second + half, places + half);
                ck_take_centres(own - s1, (int32_t)c, best + half + 1, second + half + 1, places + half + 1);
                ck_take_centres(own - s2, (int32_t)c, best + half + 2, second + half + 2, places + half + 2);
                ck_take_centres(own - s3, (int32_t)c, best + half + 3, second + half + 3, places + half + 3);
            }
        }
        const ck_single_nearest8 found = {*(ck_single8 *)best, *(ck_single8 *)second, *(ck_label8 *)places};
        ck_note_singles(rows, numbers, lanes, found, *(ck_single8 *)squares, centres, changes, open);
    }
}

// As ck_assign_rows, but for the distances: those are not left behind. Unless `all`, after centres have moved,
// only rows whose gaps leave it open are looked at; the labels of lanes without a row must be clusters.
static inline __attribute__((always_inline)) int64_t ck_assign_singles(
    const ck_cluster_rows *rows, int64_t count, int64_t columns, const double *exact, int64_t centre_count,
    const ck_single_centres *centres, bool all) {
    int64_t doubtful = 0, changes = 0, open = 0;
    const float most = (float)(rows->most_drift * (1 + 1e-6));
    for (int64_t first = 0; first < count && !all; first += 8) {
        const ck_gap8 gaps = *(const ck_gap8 *)(rows->gaps + first);
        // Most often all are far from that.
        const ck_label8 near = !(gaps > most);
        if (__builtin_reduce_or(near) == 0) continue;
        uint32_t some = ck_mask_of8(
            !(__builtin_convertvector(gaps, ck_row8) > ck_of_clusters8(rows->drifts, rows->labels + first)));
        if (count - first < 8) some &= (1u << (count - first)) - 1;
        if (some == 0) continue;
        // A row nearer to its centre than half the way to the next one stays (Elkan 2003).
        const int32_t *labels = rows->labels + first;
        const float *r = rows->reaches;
        const ck_gap8 reaches = {r[labels[0]], r[labels[1]], r[labels[2]], r[labels[3]],
                                 r[labels[4]], r[labels[5]], r[labels[6]], r[labels[7]]};
        const ck_label8 far = !(*(const ck_gap8 *)(rows->nears + first) < reaches);
        some &= ck_mask_of8(__builtin_convertvector(far, ck_place8));
        // They are taken from here and there, once all are known.
        if (some != 0) {
            const float *panel = rows->singles + first * columns;
            __builtin_prefetch(panel);
            __builtin_prefetch(panel + 16);
        }
        while (some != 0) {
            rows->doubtful[doubtful++] = (int32_t)first + __builtin_ctz(some);
            some &= some - 1;
        }
    }
    // Rows here and there cost more than rows in panels.
    const bool is_short = columns <= CK_SHORT_ROW, in_panels = all || 4 * doubtful > (is_short ? 2 : 3) * count;
    if (in_panels || is_short)
        ck_assign_panels(rows, in_panels ? 0 : rows->doubtful, in_panels ? count : doubtful, columns,
                         centre_count, centres, &changes, &open);
    else
        ck_assign_some(rows, doubtful, columns, centre_count, centres, &changes, &open);
    return ck_look_closely(rows, open, columns, exact, centre_count, changes);
}

// As ck_potentials in single precision: `candidates` are packed, the first four count; `lengths` are the
// squares of their lengths.
static inline __attribute__((always_inline)) void ck_single_potentials(
    const float *singles, const float *squares, int64_t count, int64_t columns, const float *candidates,
    const float *lengths, const float *closest, double *sums) {
#pragma clang fp contract(off)
    ck_row8 t0 = {0}, t1 = {0}, t2 = {0}, t3 = {0};
    for (int64_t p = 0; p < count; p += 2) {
        // The last panel of an odd number alone.
        const int64_t n = p + 1 < count ? p + 1 : p;
        const float *a = singles + 8 * columns * p, *b = singles + 8 * columns * n, *w = candidates;
        ck_single8 s0 = 0, s1 = 0, s2 = 0, s3 = 0, r0 = 0, r1 = 0, r2 = 0, r3 = 0;
        for (int64_t f = 0; f < columns; f++, w += 8) {
            const ck_single8 x = *(const ck_single8 *)(a + 8 * f), y = *(const ck_single8 *)(b + 8 * f);
            s0 += x * w[0];
            r0 += y * w[0];
            s1 += x * w[1];
            r1 += y * w[1];
            s2 += x * w[2];
            r2 += y * w[2];
            s3 += x * w[3];
            r3 += y * w[3];
        }
        const ck_single8 zero = 0, x = *(const ck_single8 *)(squares + 8 * p),
                         y = *(const ck_single8 *)(squares + 8 * n);
        const ck_single8 own = *(const ck_single8 *)(closest + 8 * p);
        const ck_single8 next = n == p ? zero : *(const ck_single8 *)(closest + 8 * n);
#define CK_LEAST(own, x, length, s) \
    ck_lesser_single8(own, ck_greater_single8((x + length) - (s + s), zero))
        t0 += __builtin_convertvector(CK_LEAST(own, x, lengths[0], s0) + CK_LEAST(next, y, lengths[0], r0), ck_row8);
        t1 += __builtin_convertvector(CK_LEAST(own, x, lengths[1], s1) + CK_LEAST(next, y, lengths[1], r1), ck_row8);
        t2 += __builtin_convertvector(CK_LEAST(own, x, lengths[2], s2) + CK_LEAST(next, y, lengths[2], r2), ck_row8);
        t3 += __builtin_convertvector(CK_LEAST(own, x, lengths[3], s3) + CK_LEAST(next, y, lengths[3], r3), ck_row8);
    }
    sums[0] = ck_total8(t0);
    sums[1] = ck_total8(t1);
    sums[2] = ck_total8(t2);
    sums[3] = ck_total8(t3);
}

// As ck_bring_closer in single precision: the centre is the first of eight that are packed.
static inline __attribute__((always_inline)) double ck_bring_singles_closer(
    const float *singles, const float *squares, int64_t count, int64_t columns, const float *centre,
    float length, float *closest) {
#pragma clang fp contract(off)
    ck_row8 total = {0};
    for (int64_t p = 0; p < count; p += 4) {
        const float *x[4];
        for (int64_t i = 0; i < 4; i++)
            x[i] = singles + 8 * columns * (p + i < count ? p + i : p);
        ck_single8 s[4] = {0, 0, 0, 0};
        for (int64_t f = 0; f < 8 * columns; f += 8) {
            s[0] += *(const ck_single8 *)(x[0] + f) * centre[f];
            s[1] += *(const ck_single8 *)(x[1] + f) * centre[f];
            s[2] += *(const ck_single8 *)(x[2] + f) * centre[f];
            s[3] += *(const ck_single8 *)(x[3] + f) * centre[f];
        }
        for (int64_t i = 0; i < 4 && p + i < count; i++) {
            ck_single8 *own = (ck_single8 *)(closest + 8 * (p + i));
            const ck_single8 square = *(const ck_single8 *)(squares + 8 * (p + i)), zero = 0;
            *own = CK_LEAST(*own, square, length, s[i]);
            total += __builtin_convertvector(*own, ck_row8);
        }
    }
    return ck_total8(total);
}
#undef CK_LEAST

#pragma clang diagnostic pop
#endif
