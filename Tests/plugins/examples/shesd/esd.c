/* The statistics of SHESD. */
#include "shesd.h"

#include <float.h>
#include <math.h>

/* Gamma(a + 1/2) / Gamma(a). */
static double half_gamma_ratio(double a) {
    double factor = 1;
    for (; a < 40; a++) factor *= a / (a + 0.5);
    const double x = 1 / a;
    return factor * sqrt(a) * (1 - x * (1.0 / 8 - x * (1.0 / 128 + x * (5.0 / 1024 - x * (21.0 / 32768)))));
}

/* The regularised incomplete beta function I_x(a, b) for x below (a + 1) / (a + b + 2), as a continued
 * fraction (Lentz). `front` is x^a (1 - x)^b / B(a, b). */
static double beta_fraction(double a, double b, double x, double front) {
    double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), f = d;
    for (int m = 1; m < 10000; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / (1 + even * d);
        c = 1 + even / c;
        f *= c * d;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / (1 + odd * d);
        c = 1 + odd / c;
        f *= c * d;
        if (fabs(c * d - 1) < 4 * DBL_EPSILON) break;
    }
    return front * f / a;
}

/* P(T > t) = I_x(v/2, 1/2) / 2 with x = v / (v + t^2), for t >= 0. */
double student_tail(double t, double v) {
    const double square = t * t, a = v / 2, x = v / (v + square), y = square / (v + square);
    if (t <= 0) return 0.5;
    if (!isfinite(square)) return 0;
    /* B(a, 1/2) = sqrt(pi) Gamma(a) / Gamma(a + 1/2) */
    const double front = exp(-a * log1p(square / v)) * sqrt(y) * half_gamma_ratio(a) / sqrt(acos(-1.0));
    if (x < (a + 1) / (a + 2.5)) return 0.5 * beta_fraction(a, 0.5, x, front);
    return 0.5 * (1 - beta_fraction(0.5, a, y, front));
}

/* The t whose upper tail is `level`, by halving. */
static double student_quantile(double level, double v) {
    double low = 0, high = 1;
    while (student_tail(high, v) > level && high < 1e150) low = high, high *= 2;
    for (int i = 0; i < 100 && high - low > DBL_EPSILON * high; i++) {
        const double middle = low + (high - low) / 2;
        if (student_tail(middle, v) > level)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static double level_of(double alpha, int64_t n, enum direction direction) {
    return alpha / (direction == BOTH ? 2.0 * (double)n : (double)n);
}

/* Rosner's critical value for the most extreme of n values. */
static double critical_value(double alpha, int64_t n, enum direction direction) {
    const double m = (double)(n < 3 ? 3 : n);
    const double t = student_quantile(level_of(alpha, n < 3 ? 3 : n, direction), m - 2);
    return (m - 1) / sqrt(m) / sqrt(1 + (m - 2) / (t * t));
}

/* Is a deviation of r scales beyond the critical value for n >= 3 values? The same question, asked of the
 * tail. */
static int is_beyond(double r, double alpha, int64_t n, enum direction direction) {
    const double m = (double)n, rest = (m - 1) * (m - 1) - m * r * r;
    if (rest <= 0) return 1;
    return student_tail(r * sqrt(m * (m - 2) / rest), m - 2) < level_of(alpha, n, direction);
}

static double mean_of(double a, double b) { return a / 2 + b / 2; }

double esd_median(const double *sorted, int64_t count) {
    const int64_t half = count / 2;
    return count % 2 ? sorted[half] : mean_of(sorted[half - 1], sorted[half]);
}

/* The k-th smallest distance (from 0) to `from`, which lies between sorted[split - 1] and sorted[split]: of
 * two rising rows, the distances below and above, so many of one and the rest of the other. */
static double kth_distance(const double *sorted, int64_t count, int64_t split, double from, int64_t k) {
    const int64_t below = split, above = count - split;
    int64_t low = k + 1 > above ? k + 1 - above : 0, high = k + 1 < below ? k + 1 : below;
    while (low < high) {
        const int64_t i = low + (high - low) / 2;
        if (from - sorted[split - 1 - i] < sorted[split + k - i] - from)
            low = i + 1;
        else
            high = i;
    }
    const int64_t rest = k + 1 - low;
    const double a = low > 0 ? from - sorted[split - low] : 0,
                 b = rest > 0 ? sorted[split + rest - 1] - from : 0;
    return a > b ? a : b;
}

/* Median absolute deviation from the median, in O(log count), as a standard deviation of normal values. */
static double mad(const double *sorted, int64_t count, double median) {
    const int64_t half = count / 2;
    const double upper = kth_distance(sorted, count, half, median, half);
    const double middle =
        count % 2 ? upper : mean_of(kth_distance(sorted, count, half, median, half - 1), upper);
    return 1.482602218505602 * middle;
}

/* A scale for values of which more than half are equal: their mean deviation, or something small. */
static double other_scale(const double *sorted, int64_t count, double median) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += fabs(sorted[i] - median) / (double)count;
    sum *= 1.2533141373155003; /* sqrt(pi / 2): for normal values it is the standard deviation */
    const double least = 1e-9 * (fabs(median) > 1 ? fabs(median) : 1);
    return sum > least ? sum : least;
}

/* What is left is always a part of the sorted values, since the most extreme value is at an end of them. So
 * each step costs O(log count), and all O(k log count). */
int32_t esd_test(const double *sorted, int64_t count, double alpha, double most_anomalies,
                 enum direction direction, int32_t (*heard)(void *), void *context, esd_result *result) {
    int64_t low = 0, high = count, found_low = 0, found_high = count;
    const int64_t steps = (int64_t)(most_anomalies * (double)count);
    /* The critical value falls with the number of values: between these two the tail has to be asked. */
    const int shortcut = count - steps > 1000;
    const double surely = shortcut ? critical_value(alpha, count, direction) * (1 + 1e-9) : INFINITY;
    const double never = shortcut ? critical_value(alpha, count - steps, direction) * (1 - 1e-9) : 0;
    for (int64_t step = 1; step <= steps && high - low >= 3; step++) {
        if (step % 4096 == 0 && heard(context)) return 1;
        const double median = esd_median(sorted + low, high - low),
                     scale = mad(sorted + low, high - low, median);
        if (!(scale > 0)) break;
        const double down = median - sorted[low], up = sorted[high - 1] - median;
        const int take_upper = direction == POSITIVE || (direction == BOTH && up >= down);
        const double deviation = (take_upper ? up : down) / scale;
        const int64_t left = high - low;
        if (take_upper)
            high--;
        else
            low++;
        if (deviation > surely || (deviation > never && is_beyond(deviation, alpha, left, direction)))
            found_low = low, found_high = high;
    }
    const int64_t left = found_high - found_low;
    result->anomalies = count - left;
    result->centre = esd_median(sorted + found_low, left);
    result->scale = mad(sorted + found_low, left, result->centre);
    if (!(result->scale > 0)) result->scale = other_scale(sorted + found_low, left, result->centre);
    result->critical = critical_value(alpha, left, direction);
    return 0;
}
