/* What the C++ library does better than we would: numbers from and to text (std::from_chars,
 * std::to_chars: correctly rounded, independent of the locale, nothing allocated), selection. */
#ifndef CNUMBERS_H
#define CNUMBERS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CNUMBERS_OK = 0,
    CNUMBERS_NOT_A_NUMBER = 1,
    CNUMBERS_TOO_LARGE = 2 /* the text is a number, of a magnitude that a double does not have */
};

/* Read the whole of text[0 .. length) as a decimal number; "inf" and "nan" count. A magnitude below
 * the smallest double becomes 0. */
int32_t cnumbers_parse(const char *text, size_t length, double *value);

/* Room that cnumbers_print needs at most. */
#define CNUMBERS_PRINT_SIZE 32

/* Write the shortest text that reads back as the same double; returns its length (no NUL). */
size_t cnumbers_print(double value, char *text);

/* Write with `digits` (1 .. 17) significant digits, as printf %g does; returns the length. */
size_t cnumbers_print_rounded(double value, int32_t digits, char *text);

/* Bring the value of rank `rank` (0 .. count - 1) to its place, with none greater before it and none
 * less behind (std::nth_element). There must be no NaN among the values. */
void cnumbers_select(double *values, size_t count, size_t rank);

/* How many processors this process may use: Swift cannot ask the system itself. */
int32_t cnumbers_processors(void);

#ifdef __cplusplus
}
#endif

#endif
