// Features that make a kernel machine a linear one, and steps of stochastic gradient descent over them.
// Products and sums are never fused, so that every build gives the same bits. Points are `features` floats,
// four after another; blocks are those of SupportVectors.h. Rows of features are `width` numbers apart, a
// multiple of 8.
#ifndef CKERNELS_KERNEL_FEATURES_H
#define CKERNELS_KERNEL_FEATURES_H

#define CK_INLINE static inline __attribute__((always_inline))
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

// cos(2 pi t) within 2e-7, for |t| below 2^22 (beyond that as at 2^22): the nearest whole number is taken
// off, and what is left goes into a polynomial for the sine of a quarter less it.
CK_INLINE ck_floats8 ck_cosine_of_turns8(ck_floats8 t) {
#pragma clang fp contract(off)
    const ck_floats8 magic = (ck_floats8){} + 12582912.0f; // 1.5 * 2^23: adding it rounds
    const ck_floats8 limit = (ck_floats8){} + 4194304.0f;
    t = __builtin_elementwise_max(__builtin_elementwise_min(t, limit), -limit);
    ck_floats8 r = t - ((t + magic) - magic);
    ck_floats8 s = 0.25f - __builtin_elementwise_abs(r);
    ck_floats8 q = s * s;
    ck_floats8 p = (ck_floats8){} - 15.094643f;
    p = p * q + 42.058694f;
    p = p * q - 76.705859f;
    p = p * q + 81.605249f;
    p = p * q - 41.341702f;
    p = p * q + 6.2831853f;
    return p * s;
}

// out[i * width + 8 b + lane] = 2^-|x_i - y|^2 for four points and the rows y of `count` blocks.
CK_INLINE void ck_radial_features(const float *points, int64_t features, const float *blocks,
                                  int64_t count, float *out, int64_t width) {
#pragma clang fp contract(off)
    const float *p0 = points, *p1 = p0 + features, *p2 = p1 + features, *p3 = p2 + features;
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
        *(ck_floats8 *)(out + 8 * b) = ck_exp2_8(-d0);
        *(ck_floats8 *)(out + width + 8 * b) = ck_exp2_8(-d1);
        *(ck_floats8 *)(out + 2 * width + 8 * b) = ck_exp2_8(-d2);
        *(ck_floats8 *)(out + 3 * width + 8 * b) = ck_exp2_8(-d3);
    }
}

// out[i * width + 8 b + lane] = cos(2 pi (x_i y + phase)) for four points and the rows y of `count`
// blocks.
CK_INLINE void ck_cosine_features(const float *points, int64_t features, const float *blocks,
                                  const float *phases, int64_t count, float *out, int64_t width) {
#pragma clang fp contract(off)
    const float *p0 = points, *p1 = p0 + features, *p2 = p1 + features, *p3 = p2 + features;
    for (int64_t b = 0; b < count; b++, blocks += 8 * features) {
        ck_floats8 phase = *(const ck_floats8 *)(phases + 8 * b);
        ck_floats8 t0 = phase, t1 = phase, t2 = phase, t3 = phase;
        for (int64_t f = 0; f < features; f++) {
            ck_floats8 y = *(const ck_floats8 *)(blocks + 8 * f);
            t0 += y * p0[f];
            t1 += y * p1[f];
            t2 += y * p2[f];
            t3 += y * p3[f];
        }
        *(ck_floats8 *)(out + 8 * b) = ck_cosine_of_turns8(t0);
        *(ck_floats8 *)(out + width + 8 * b) = ck_cosine_of_turns8(t1);
        *(ck_floats8 *)(out + 2 * width + 8 * b) = ck_cosine_of_turns8(t2);
        *(ck_floats8 *)(out + 3 * width + 8 * b) = ck_cosine_of_turns8(t3);
    }
}

CK_INLINE ck_doubles8 ck_features8(const double *x) { return *(const ck_doubles8 *)x; }
CK_INLINE ck_doubles8 ck_float_features8(const float *x) {
    return __builtin_convertvector(*(const ck_floats8 *)x, ck_doubles8);
}

// ck_product: the product of a row and a vector.
//
// ck_hinge_batch: the hinge loss of a batch of rows. Where a row's margin, row * weights + bias, is at most 1,
// the row times its step goes to the gradient and its step to *moved. Returns the sum of 1 - margin where
// that is positive.
#define CK_DESCENT(suffix, type, load)                                                             \
    CK_INLINE double ck_product##suffix(const type *x, const double *y, int64_t width) {           \
        _Pragma("clang fp contract(off)") ck_doubles8 s0 = {0}, s1 = {0};                          \
        int64_t j = 0;                                                                             \
        for (; j + 16 <= width; j += 16) {                                                         \
            s0 += load(x + j) * *(const ck_doubles8 *)(y + j);                                     \
            s1 += load(x + j + 8) * *(const ck_doubles8 *)(y + j + 8);                             \
        }                                                                                          \
        if (j < width) s0 += load(x + j) * *(const ck_doubles8 *)(y + j);                          \
        s0 += s1;                                                                                  \
        return ((s0[0] + s0[4]) + (s0[2] + s0[6])) + ((s0[1] + s0[5]) + (s0[3] + s0[7]));          \
    }                                                                                              \
    CK_INLINE double ck_hinge_batch##suffix(                                                       \
        const type *rows, int64_t width, int64_t count, const double *weights, double bias,        \
        const double *steps, double *gradient, double *moved) {                                    \
        _Pragma("clang fp contract(off)") double loss = 0;                                         \
        for (int64_t i = 0; i < count; i++, rows += width) {                                       \
            double margin = ck_product##suffix(rows, weights, width) + bias;                       \
            if (!(margin <= 1)) continue;                                                          \
            loss += 1 - margin;                                                                    \
            *moved += steps[i];                                                                    \
            for (int64_t j = 0; j < width; j += 8)                                                 \
                *(ck_doubles8 *)(gradient + j) += load(rows + j) * steps[i];                       \
        }                                                                                          \
        return loss;                                                                               \
    }
CK_DESCENT(, double, ck_features8)
CK_DESCENT(_of_floats, float, ck_float_features8)
#undef CK_DESCENT

#pragma clang diagnostic pop
#undef CK_INLINE
#endif
