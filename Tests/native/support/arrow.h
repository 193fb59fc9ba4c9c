// A hand-made Arrow stream for tests: a struct array of one int32 and one double column.
#ifndef ARROW_H
#define ARROW_H

#include <pynomaly.h>

#ifdef __cplusplus
extern "C" {
#endif

// What is in the stream, what goes wrong in it, and what was done to it.
struct table {
    const int32_t *integers;       // column "count", null where `nulls` has a 1
    const double *doubles;         // column "value"
    const unsigned char *nulls;    // one byte a row, or NULL: none
    int64_t rows, batch;           // rows in all, and to a batch
    int64_t offset;                // rows of filler before each batch's own: the arrays' offset
    const char *format;            // of column "count" when it is to be wrong, else NULL
    int64_t fail_at;               // batch whose get_next fails, or -1
    int fail_schema;               // get_schema fails
    int64_t narrow_at;             // batch that comes with one column, or 0
    int64_t next;                  // private: the next row
    int streams_released, schemas_released, arrays_released, schemas_made, arrays_made;
};

#define TABLE_INIT { NULL, NULL, NULL, 0, 1, 0, NULL, -1, 0, 0, 0, 0, 0, 0, 0, 0 }

void open_table(struct table *table, struct ArrowArrayStream *stream);

// 1 when everything that was made was released, once.
int all_released(const struct table *table);

#ifdef __cplusplus
}
#endif

#endif
