// The inner loops of support vector machines. Products and sums are never fused, so that every build
// gives the same bits. Rows lie in blocks of 8: block b holds feature f of row 8 b + lane at
// (b * features + f) * 8 + lane.
#ifndef CKERNELS_SUPPORT_VECTORS_H
#define CKERNELS_SUPPORT_VECTORS_H

typedef int64_t ck_longs8 __attribute__((vector_size(64), aligned(8)));
#define CK_INLINE static inline __attribute__((always_inline))

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

// 2^t for t <= 0, within 2e-7 of its value; below -126 as at -126. A polynomial for the part after the
// point, the part before it put into the exponent.
CK_INLINE ck_floats8 ck_exp2_8(ck_floats8 t) {
#pragma clang fp contract(off)
    const ck_floats8 magic = (ck_floats8){} + 12582912.0f; // 1.5 * 2^23: adding it rounds
    t = __builtin_elementwise_max(t, (ck_floats8){} - 126.0f);
    ck_floats8 shifted = t + magic;
    ck_floats8 f = t - (shifted - magic);
    ck_floats8 p = (ck_floats8){} + 1.5403530e-4f;
    p = p * f + 1.3333558e-3f;
    p = p * f + 9.6181291e-3f;
    p = p * f + 5.5504109e-2f;
    p = p * f + 2.4022651e-1f;
    p = p * f + 6.9314718e-1f;
    p = p * f + 1.0f;
    return (ck_floats8)((ck_mask8)p + ((ck_mask8)shifted << 23));
}

// out[8 b + lane] = 2^-|x - y|^2 for the rows y of `count` blocks.
CK_INLINE void ck_radial_row(const float *x, int64_t features, const float *blocks, int64_t count,
                             float *out) {
#pragma clang fp contract(off)
    for (int64_t b = 0; b < count; b++, blocks += 8 * features) {
        ck_floats8 distance = {0};
        for (int64_t f = 0; f < features; f++) {
            ck_floats8 away = *(const ck_floats8 *)(blocks + 8 * f) - x[f];
            distance += away * away;
        }
        *(ck_floats8 *)(out + 8 * b) = ck_exp2_8(-distance);
    }
}

// sums[i] += the sum over the rows y of `count` blocks of coefficient * 2^-|x_i - y|^2, for four points,
// one after another.
CK_INLINE void ck_radial_sums(const float *points, int64_t features, const float *blocks,
                              const double *coefficients, int64_t count, double *sums) {
#pragma clang fp contract(off)
    const float *p0 = points, *p1 = p0 + features, *p2 = p1 + features, *p3 = p2 + features;
    ck_doubles8 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (int64_t b = 0; b < count; b++, blocks += 8 * features) {
        ck_floats8 d0 = {0}, d1 = {0}, d2 = {0}, d3 = {0};
        for (int64_t f = 0; f < features; f++) {
            ck_floats8 y = *(const ck_floats8 *)(blocks + 8 * f);
            ck_floats8 a0 = y - p0[f], a1 = y - p1[f], a2 = y - p2[f], a3 = y - p3[f];
            d0 += a0 * a0;
            d1 += a1 * a1;
            d2 += a2 * a2;
            d3 += a3 * a3;
        }
        ck_doubles8 c = *(const ck_doubles8 *)(coefficients + 8 * b);
        s0 += __builtin_convertvector(ck_exp2_8(-d0), ck_doubles8) * c;
        s1 += __builtin_convertvector(ck_exp2_8(-d1), ck_doubles8) * c;
        s2 += __builtin_convertvector(ck_exp2_8(-d2), ck_doubles8) * c;
        s3 += __builtin_convertvector(ck_exp2_8(-d3), ck_doubles8) * c;
    }
#define CK_TOTAL(s) (((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])))
    sums[0] += CK_TOTAL(s0);
    sums[1] += CK_TOTAL(s1);
    sums[2] += CK_TOTAL(s2);
    sums[3] += CK_TOTAL(s3);
#undef CK_TOTAL
}

// out[8 b + lane] = x y for the rows y of `count` blocks.
CK_INLINE void ck_dot_row(const double *x, int64_t features, const double *blocks, int64_t count,
                          double *out) {
#pragma clang fp contract(off)
    for (int64_t b = 0; b < count; b++, blocks += 8 * features) {
        ck_doubles8 product = {0};
        for (int64_t f = 0; f < features; f++)
            product += *(const ck_doubles8 *)(blocks + 8 * f) * x[f];
        *(ck_doubles8 *)(out + 8 * b) = product;
    }
}

// The arrays below are a multiple of 8 long.

// gradient[k] += change * (first[k] - second[k]).
CK_INLINE void ck_move_gradient(double *gradient, const float *first, const float *second,
                                double change, int64_t count) {
#pragma clang fp contract(off)
    for (int64_t k = 0; k < count; k += 8) {
        ck_doubles8 one = __builtin_convertvector(*(const ck_floats8 *)(first + k), ck_doubles8);
        ck_doubles8 two = __builtin_convertvector(*(const ck_floats8 *)(second + k), ck_doubles8);
        *(ck_doubles8 *)(gradient + k) += (one - two) * change;
    }
}

// Where gradient + penalty is least; of equal places the first. The least value goes to *least.
CK_INLINE int64_t ck_least(const double *gradient, const double *penalty, int64_t count,
                           double *least) {
#pragma clang fp contract(off)
    ck_doubles8 best = (ck_doubles8){} + __builtin_inf();
    ck_longs8 place = (ck_longs8){};
    for (int64_t k = 0; k < count; k += 8) {
        ck_doubles8 value = *(const ck_doubles8 *)(gradient + k) + *(const ck_doubles8 *)(penalty + k);
        ck_longs8 less = (ck_longs8)(value < best);
        best = (ck_doubles8)(((ck_longs8)value & less) | ((ck_longs8)best & ~less));
        place = (((ck_longs8){} + k) & less) | (place & ~less);
    }
    int64_t found = place[0];
    *least = best[0];
    for (int lane = 1; lane < 8; lane++) {
        int64_t at = place[lane] + lane;
        if (best[lane] < *least || (best[lane] == *least && at < found)) {
            *least = best[lane];
            found = at;
        }
    }
    return found;
}

// Among the k with b = gradient[k] - penalty[k] - least above 0 where b^2 / a is greatest, for
// a = max(diagonal[k] + own - 2 row[k], 1e-12) (second order selection, Fan, Chen, Lin 2005); -1 when
// there is none. *widest becomes the greatest b.
CK_INLINE int64_t ck_partner(const double *gradient, const double *penalty, const float *row,
                             const float *diagonal, float own, double least, int64_t count,
                             double *widest) {
#pragma clang fp contract(off)
    ck_floats8 best = {0}, wide = {0};
    ck_mask8 place = (ck_mask8){} - 1;
    for (int64_t k = 0; k < count; k += 8) {
        ck_doubles8 above =
            *(const ck_doubles8 *)(gradient + k) - *(const ck_doubles8 *)(penalty + k) - least;
        ck_floats8 b = __builtin_convertvector(above, ck_floats8);
        b = __builtin_elementwise_max(b, (ck_floats8){0});
        ck_floats8 kernel = *(const ck_floats8 *)(row + k);
        ck_floats8 a = *(const ck_floats8 *)(diagonal + k) + own - (kernel + kernel);
        a = __builtin_elementwise_max(a, (ck_floats8){} + 1e-12f);
        ck_floats8 gain = b * b / a;
        wide = __builtin_elementwise_max(wide, b);
        ck_mask8 more = (ck_mask8)(gain > best);
        best = (ck_floats8)(((ck_mask8)gain & more) | ((ck_mask8)best & ~more));
        place = (((ck_mask8){} + (int32_t)k) & more) | (place & ~more);
    }
    int64_t found = -1;
    float most = 0, widest8 = 0;
    for (int lane = 0; lane < 8; lane++) {
        if (wide[lane] > widest8) widest8 = wide[lane];
        if (place[lane] < 0) continue;
        int64_t at = (int64_t)place[lane] + lane;
        if (best[lane] > most || (best[lane] == most && at < found)) {
            most = best[lane];
            found = at;
        }
    }
    *widest = widest8;
    return found;
}

#pragma clang diagnostic pop
#endif
