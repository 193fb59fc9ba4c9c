#include "CNumbers.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace {

// from_chars reports overflow and underflow alike. They differ in the decimal position of the first
// digit that is not 0: before the point by far, or after it by far.
bool is_large(const char *at, const char *end) {
    long position = 0, exponent = 0;
    bool point = false, digit = false;
    for (; at != end && *at != 'e' && *at != 'E'; ++at) {
        if (*at == '.') {
            point = true;
        } else if (*at >= '0' && *at <= '9') {
            digit = digit || *at != '0';
            if (!point && digit) ++position;
            if (point && !digit) --position;
        }
    }
    if (at != end) {
        ++at;
        bool negative = at != end && *at == '-';
        if (at != end && (*at == '-' || *at == '+')) ++at;
        for (; at != end && exponent < 1000000000000L; ++at) exponent = exponent * 10 + (*at - '0');
        if (negative) exponent = -exponent;
    }
    return position + exponent > 0;
}

}  // namespace

extern "C" int32_t cnumbers_parse(const char *text, size_t length, double *value) {
    const char *end = text + length;
    // from_chars takes no plus sign; people write it.
    if (length > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') ++text;
    auto [stop, error] = std::from_chars(text, end, *value);
    if (stop != end) return CNUMBERS_NOT_A_NUMBER;
    if (error == std::errc::result_out_of_range) {
        if (is_large(text, end)) return CNUMBERS_TOO_LARGE;
        *value = *text == '-' ? -0.0 : 0.0;
        return CNUMBERS_OK;
    }
    return error == std::errc() ? CNUMBERS_OK : CNUMBERS_NOT_A_NUMBER;
}

extern "C" size_t cnumbers_print(double value, char *text) {
    return size_t(std::to_chars(text, text + CNUMBERS_PRINT_SIZE, value).ptr - text);
}

extern "C" size_t cnumbers_print_rounded(double value, int32_t digits, char *text) {
    auto end = text + CNUMBERS_PRINT_SIZE;
    return size_t(std::to_chars(text, end, value, std::chars_format::general, digits).ptr - text);
}

extern "C" void cnumbers_select(double *values, size_t count, size_t rank) {
    if (rank < count) std::nth_element(values, values + rank, values + count);
}

extern "C" int32_t cnumbers_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}
