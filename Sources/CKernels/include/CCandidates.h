// Neighbour search: rows that may be among the nearest, gathered unsorted, and what thins and sorts them.
#ifndef CCANDIDATES_H
#define CCANDIDATES_H

#include "CNeighbours.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

// Rows within a bound. Each array has room for `room` elements, a multiple of 8; none is aligned on purpose.
typedef struct {
    double *distances; // reduced
    uint32_t *slots, *rows;
    double *sorted; // scratch: distances, slots and rows in order
    uint32_t *sorted_slots, *sorted_rows;
    double *eights; // scratch: 8, aligned to 64 bytes
    float *query;   // scratch: the query as the tree's singles are
    int64_t room;
} ck_candidates;

typedef int64_t ck_long_four __attribute__((ext_vector_type(4), aligned(8)));

#define CK_INLINE static inline __attribute__((always_inline))
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

// The farthest of some rows of the blocks, and of several as far the last: distances are the bits that
// ck_distances8 gives.
CK_INLINE double ck_farthest(
    int metric, const double *points, const uint32_t *rows, const uint32_t *slots, int64_t count,
    const double *query, int64_t columns, int32_t whole, double power, double *distances,
    uint32_t *last_row) {
#pragma clang fp contract(off)
    double farthest = 0;
    for (int64_t i = 0; i < count; i++) {
        const double *lane = points + (int64_t)(slots[i] >> 3) * 8 * columns + (slots[i] & 7);
        double sum = 0;
#pragma clang loop unroll(disable) vectorize(disable)
        for (int64_t c = 0; c < columns; c++) {
            const double gap = lane[8 * c] - query[c], size = fabs(gap);
            if (metric == CK_EUCLIDEAN) {
                sum = sum + gap * gap;
            } else if (metric == CK_MANHATTAN) {
                sum = sum + size;
            } else if (metric == CK_CHEBYSHEV) {
                sum = sum > size ? sum : size;
            } else {
                double term = size;
                if (whole > 0) {
                    for (int32_t j = 1; j < whole; j++) term = term * size;
                } else {
                    term = pow(size, power);
                }
                sum = sum + term;
            }
        }
        distances[i] = sum;
        farthest = farthest > sum ? farthest : sum;
    }
    uint32_t last = 0;
    for (int64_t i = 0; i < count; i++) {
        const uint32_t row = distances[i] == farthest ? rows[slots[i]] : 0;
        last = last > row ? last : row;
    }
    *last_row = last;
    return farthest;
}

#ifdef __AVX2__
// For each mask of four lanes the lanes that are set, the first first.
static const uint8_t ck_lanes_of[16][4] = {
    {0, 0, 0, 0}, {0, 0, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0},
    {2, 0, 0, 0}, {0, 2, 0, 0}, {1, 2, 0, 0}, {0, 1, 2, 0},
    {3, 0, 0, 0}, {0, 3, 0, 0}, {1, 3, 0, 0}, {0, 1, 3, 0},
    {2, 3, 0, 0}, {0, 2, 3, 0}, {1, 2, 3, 0}, {0, 1, 2, 3}};

// Write the lanes that are set one after another; four elements are written whatever the mask.
CK_INLINE int64_t ck_pack4(
    uint32_t mask, __m256d distances, __m128i slots, __m128i rows, const ck_candidates *to, int64_t count) {
    int32_t lanes;
    memcpy(&lanes, ck_lanes_of[mask], 4);
    const __m128i bytes = _mm_cvtsi32_si128(lanes);
    const __m128i words = _mm_cvtepu8_epi32(bytes);
    // A double is two words: those at twice the lane and behind it.
    const __m256i twice = _mm256_slli_epi64(_mm256_cvtepu8_epi64(bytes), 1);
    const __m256i order = _mm256_add_epi64(
        _mm256_or_si256(twice, _mm256_slli_epi64(twice, 32)), _mm256_set1_epi64x(1LL << 32));
    _mm256_storeu_pd(
        to->distances + count,
        _mm256_castsi256_pd(_mm256_permutevar8x32_epi32(_mm256_castpd_si256(distances), order)));
    _mm_storeu_ps((float *)(to->slots + count), _mm_permutevar_ps(_mm_castsi128_ps(slots), words));
    _mm_storeu_ps((float *)(to->rows + count), _mm_permutevar_ps(_mm_castsi128_ps(rows), words));
    return count + __builtin_popcount(mask);
}
#endif

// Measure the rows of a block and take those within the bound; returns how many candidates there are then.
// Writes up to eight elements behind the last.
CK_INLINE int64_t ck_gather8(
    int metric, const double *block, const double *query, int64_t columns, int32_t whole, double power,
    int64_t first, const uint32_t *rows, double bound, uint32_t bound_row, const ck_candidates *to,
    int64_t count) {
#pragma clang fp contract(off)
    ck_eight sum = {0};
#pragma clang loop unroll(disable)
    for (int64_t c = 0; c < columns; c++) {
        const ck_eight gap = *(const ck_eight *)(block + 8 * c) - query[c];
        sum = ck_add_gap8(metric, sum, gap, whole, power);
    }
#ifdef __AVX2__
    const __m256d low = (__m256d)sum.lo, high = (__m256d)sum.hi, limit = _mm256_set1_pd(bound);
    uint32_t lows = (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(low, limit, _CMP_LE_OQ));
    uint32_t highs = (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(high, limit, _CMP_LE_OQ));
    if ((lows | highs) == 0) return count;
    const __m128i low_rows = _mm_loadu_si128((const __m128i *)(rows + first));
    const __m128i high_rows = _mm_loadu_si128((const __m128i *)(rows + first + 4));
    if (bound_row != UINT32_MAX) {
        const __m128i last = _mm_set1_epi32((int32_t)bound_row);
        lows &= (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(low, limit, _CMP_LT_OQ)) |
            (uint32_t)_mm_movemask_ps(
                _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_min_epu32(low_rows, last), low_rows)));
        highs &= (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(high, limit, _CMP_LT_OQ)) |
            (uint32_t)_mm_movemask_ps(
                _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_min_epu32(high_rows, last), high_rows)));
    }
    const __m128i slots = _mm_add_epi32(_mm_set1_epi32((int32_t)first), _mm_set_epi32(3, 2, 1, 0));
    count = ck_pack4(lows, low, slots, low_rows, to, count);
    return ck_pack4(highs, high, _mm_add_epi32(slots, _mm_set1_epi32(4)), high_rows, to, count);
#else
    uint32_t within = ck_within8(sum, bound);
    while (within != 0) {
        const int lane = __builtin_ctz(within);
        within &= within - 1;
        const uint32_t row = rows[first + lane];
        to->distances[count] = sum[lane];
        to->slots[count] = (uint32_t)(first + lane);
        to->rows[count] = row;
        count += (sum[lane] < bound) | (row <= bound_row);
    }
    return count;
#endif
}

// The least of eight pivots that `wanted` or more of the values do not exceed; infinity when none is.
CK_INLINE double ck_lower_bound(const double *values, int64_t count, int64_t wanted) {
    double pivots[8];
    for (int i = 0; i < 8; i++) pivots[i] = values[(2 * i + 1) * count / 16];
    const ck_four low = *(const ck_four *)pivots, high = *(const ck_four *)(pivots + 4);
    ck_long_four lows = {0}, highs = {0};
    for (int64_t i = 0; i < count; i++) {
        const ck_four value = (ck_four)values[i];
        lows -= value <= low;
        highs -= value <= high;
    }
    double least = INFINITY;
    for (int i = 0; i < 4; i++) {
        if (lows[i] >= wanted && pivots[i] < least) least = pivots[i];
        if (highs[i] >= wanted && pivots[i + 4] < least) least = pivots[i + 4];
    }
    return least;
}

// Leave out what exceeds the bound; returns how many are left.
CK_INLINE int64_t ck_keep(const ck_candidates *of, int64_t count, double bound, uint32_t bound_row) {
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        const double distance = of->distances[i];
        const uint32_t row = of->rows[i];
        of->distances[kept] = distance;
        of->slots[kept] = of->slots[i];
        of->rows[kept] = row;
        kept += (distance < bound) | ((distance == bound) & (row <= bound_row));
    }
    return kept;
}

// Sort by distance, then row, into the scratch: every candidate's place is how many are before it.
CK_INLINE void ck_sort_candidates(const ck_candidates *of, int64_t count) {
    double *const values = of->distances;
    for (int64_t i = count; i < (count + 7) / 8 * 8; i++) values[i] = INFINITY;
    const ck_long_four first = {0, 1, 2, 3}, second = {4, 5, 6, 7};
    for (int64_t block = 0; block < count; block += 8) {
        const ck_four low = *(const ck_four *)(values + block);
        const ck_four high = *(const ck_four *)(values + block + 4);
        ck_long_four lows = {0}, highs = {0};
        for (int64_t i = 0; i < block; i++) {
            const ck_four value = (ck_four)values[i];
            lows -= value <= low;
            highs -= value <= high;
        }
        for (int64_t i = 0; i < 8; i++) {
            const ck_four value = (ck_four)values[block + i];
            lows -= (value < low) | ((value == low) & ((ck_long_four)i < first));
            highs -= (value < high) | ((value == high) & ((ck_long_four)i < second));
        }
        for (int64_t i = block + 8; i < count; i++) {
            const ck_four value = (ck_four)values[i];
            lows -= value < low;
            highs -= value < high;
        }
        int64_t places[8];
        *(ck_long_four *)places = lows;
        *(ck_long_four *)(places + 4) = highs;
        const int64_t end = count - block < 8 ? count - block : 8;
        for (int64_t i = 0; i < end; i++) {
            const int64_t place = places[i];
            of->sorted[place] = values[block + i];
            of->sorted_slots[place] = of->slots[block + i];
            of->sorted_rows[place] = of->rows[block + i];
        }
    }
    // Of rows at the same distance the first comes first; mostly they stand so.
    uint32_t wrong = 0;
    for (int64_t i = 1; i < count; i++) {
        wrong |= (of->sorted[i] == of->sorted[i - 1]) & (of->sorted_rows[i] < of->sorted_rows[i - 1]);
    }
    if (wrong == 0) return;
    for (int64_t i = 1; i < count; i++) {
        const double distance = of->sorted[i];
        const uint32_t row = of->sorted_rows[i], slot = of->sorted_slots[i];
        int64_t place = i;
        while (place > 0 && of->sorted[place - 1] == distance && of->sorted_rows[place - 1] > row) {
            of->sorted_rows[place] = of->sorted_rows[place - 1];
            of->sorted_slots[place] = of->sorted_slots[place - 1];
            place--;
        }
        of->sorted_rows[place] = row;
        of->sorted_slots[place] = slot;
    }
}

// The place of the row in blocks that is nearest by the sum of its gaps; lanes without a row hold infinity.
CK_INLINE int64_t ck_nearest_row(
    const double *block, int64_t blocks, const double *query, int64_t columns) {
    ck_four least = (ck_four)INFINITY;
    ck_long_four places = {0}, low_places = {0, 1, 2, 3};
    for (int64_t b = 0; b < blocks; b++, block += 8 * columns, low_places += 8) {
        ck_four low = {0}, high = {0};
#pragma clang loop unroll(disable)
        for (int64_t c = 0; c < columns; c++) {
            low += __builtin_elementwise_abs(*(const ck_four *)(block + 8 * c) - query[c]);
            high += __builtin_elementwise_abs(*(const ck_four *)(block + 8 * c + 4) - query[c]);
        }
        const ck_long_four nearer = low < least;
        least = nearer ? low : least;
        places = nearer ? low_places : places;
        const ck_long_four next = high < least;
        least = next ? high : least;
        places = next ? low_places + 4 : places;
    }
    int64_t nearest = 0;
    for (int i = 1; i < 4; i++) nearest = least[i] < least[nearest] ? i : nearest;
    return places[nearest];
}

CK_INLINE void ck_take_roots(double *values, int64_t count) {
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
        *(ck_four *)(values + i) = __builtin_elementwise_sqrt(*(const ck_four *)(values + i));
    }
    for (; i < count; i++) values[i] = sqrt(values[i]);
}
#pragma clang diagnostic pop
#undef CK_INLINE

#endif
