// Neighbour search: distances in single precision, which say what is to be measured in double precision.
#ifndef CSINGLEPOINTS_H
#define CSINGLEPOINTS_H

#include "CNeighbours.h"

#define CK_INLINE static inline __attribute__((always_inline))
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

// The query as the tree's singles are; returns its squared length.
CK_INLINE double ck_single_query(
    const double *query, const double *centre, double scale, int64_t columns, float *single) {
    double sum = 0;
    for (int64_t c = 0; c < columns; c++) {
        const double value = (query[c] - centre[c]) * scale;
        single[c] = (float)value;
        sum += value * value;
    }
    return sum;
}

CK_INLINE uint32_t ck_any_within(ck_float_eight sums, float limit) {
    const ck_bits bits = __builtin_convertvector(sums <= (ck_float_eight)limit, ck_bits);
    uint8_t mask;
    memcpy(&mask, &bits, 1);
    return mask != 0;
}

// Which of up to four blocks hold a row whose distance in single precision is within the limit. The limit
// allows for the rounding, so products and sums may be contracted.
CK_INLINE uint32_t ck_near_blocks(
    const float *block, int64_t blocks, const float *query, int64_t columns, float limit) {
#pragma clang fp contract(fast)
    const int64_t step = 8 * columns;
    if (blocks == 4) {
        ck_float_eight a = {0}, b = {0}, c = {0}, d = {0};
#pragma clang loop unroll_count(2)
        for (int64_t i = 0; i < columns; i++) {
            const float *at = block + 8 * i;
            const ck_float_eight value = (ck_float_eight)query[i];
            const ck_float_eight x = *(const ck_float_eight *)at - value;
            const ck_float_eight y = *(const ck_float_eight *)(at + step) - value;
            const ck_float_eight z = *(const ck_float_eight *)(at + 2 * step) - value;
            const ck_float_eight w = *(const ck_float_eight *)(at + 3 * step) - value;
            a = a + x * x, b = b + y * y, c = c + z * z, d = d + w * w;
        }
        return ck_any_within(a, limit) | ck_any_within(b, limit) << 1 | ck_any_within(c, limit) << 2 |
            ck_any_within(d, limit) << 3;
    }
    uint32_t near = 0;
    for (int64_t number = 0; number < blocks; number++, block += step) {
        ck_float_eight sum = {0};
        for (int64_t i = 0; i < columns; i++) {
            const ck_float_eight gap = *(const ck_float_eight *)(block + 8 * i) - query[i];
            sum = sum + gap * gap;
        }
        near |= ck_any_within(sum, limit) << number;
    }
    return near;
}

// How near the boxes of a node's 8 children are in single precision, and which are within the limit.
CK_INLINE uint32_t ck_single_boxes8(
    const float *boxes, const float *query, int64_t columns, float limit, double *bounds) {
#pragma clang fp contract(fast)
    const ck_float_eight zero = {0};
    ck_float_eight sum = {0};
    for (int64_t c = 0; c < columns; c++) {
        const ck_float_eight value = (ck_float_eight)query[c];
        const ck_float_eight below = *(const ck_float_eight *)(boxes + 8 * c) - value;
        const ck_float_eight above = value - *(const ck_float_eight *)(boxes + 8 * (columns + c));
        ck_float_eight gap = below > above ? below : above;
        gap = gap > zero ? gap : zero;
        sum = sum + gap * gap;
    }
    *(ck_eight *)bounds = __builtin_convertvector(sum, ck_eight);
    const ck_bits bits = __builtin_convertvector(sum <= (ck_float_eight)limit, ck_bits);
    uint8_t mask;
    memcpy(&mask, &bits, 1);
    return mask;
}
#pragma clang diagnostic pop
#undef CK_INLINE

#endif
