#include "arrow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct table *table_of(const struct ArrowArrayStream *stream) { return stream->private_data; }

// ---------------------------------------------------------------------------------- schema --

struct schema_parts { struct table *table; struct ArrowSchema children[2]; struct ArrowSchema *pointers[2]; };

static void release_child_schema(struct ArrowSchema *schema) { schema->release = NULL; }
static void release_schema(struct ArrowSchema *schema) {
    struct schema_parts *parts = schema->private_data;
    for (int i = 0; i < 2; i++)
        if (parts->children[i].release) parts->children[i].release(&parts->children[i]);
    parts->table->schemas_released++;
    free(parts);
    schema->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    struct table *table = table_of(stream);
    if (table->fail_schema) return EPERM;
    struct schema_parts *parts = calloc(1, sizeof *parts);
    parts->table = table;
    static const char *const names[] = {"count", "value"}, *const formats[] = {"i", "g"};
    for (int i = 0; i < 2; i++) {
        parts->children[i] = (struct ArrowSchema){
            .format = i == 0 && table->format ? table->format : formats[i],
            .name = names[i],
            .flags = ARROW_FLAG_NULLABLE,
            .release = release_child_schema};
        parts->pointers[i] = &parts->children[i];
    }
    *out = (struct ArrowSchema){.format = "+s", .name = "", .n_children = 2, .children = parts->pointers,
                                .release = release_schema, .private_data = parts};
    table->schemas_made++;
    return 0;
}

// ---------------------------------------------------------------------------------- arrays --

struct array_parts {
    struct table *table;
    struct ArrowArray children[2];
    struct ArrowArray *pointers[2];
    const void *struct_buffers[1], *integer_buffers[2], *double_buffers[2];
    unsigned char *bitmap;
    int32_t *integers;
    double *doubles;
};

static void release_child_array(struct ArrowArray *array) { array->release = NULL; }
static void release_array(struct ArrowArray *array) {
    struct array_parts *parts = array->private_data;
    for (int i = 0; i < 2; i++)
        if (parts->children[i].release) parts->children[i].release(&parts->children[i]);
    parts->table->arrays_released++;
    free(parts->bitmap), free(parts->integers), free(parts->doubles), free(parts);
    array->release = NULL;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    struct table *table = table_of(stream);
    if (table->fail_at >= 0 && table->next >= table->fail_at * table->batch) return EIO;
    memset(out, 0, sizeof *out);
    int64_t count = table->rows - table->next;
    if (count <= 0) return 0;  // released array: the end
    if (count > table->batch) count = table->batch;

    // Half of the offset lies in the struct array, the rest in its children.
    const int64_t outer = table->offset / 2, inner = table->offset - outer, length = table->offset + count;
    struct array_parts *parts = calloc(1, sizeof *parts);
    parts->table = table;
    parts->bitmap = calloc(1, (size_t)(length + 7) / 8);
    parts->integers = malloc((size_t)length * sizeof *parts->integers);
    parts->doubles = malloc((size_t)length * sizeof *parts->doubles);
    for (int64_t i = 0; i < length; i++) {
        const int64_t row = table->next + i - table->offset;
        const int own = i >= table->offset, null = own && table->nulls && table->nulls[row];
        parts->integers[i] = own && !null ? table->integers[row] : INT32_MIN;
        parts->doubles[i] = own ? table->doubles[row] : -1e30;
        if (own && !null) parts->bitmap[i / 8] |= (unsigned char)(1 << i % 8);
    }
    parts->integer_buffers[0] = table->nulls ? parts->bitmap : NULL;
    parts->integer_buffers[1] = parts->integers;
    parts->double_buffers[1] = parts->doubles;
    for (int i = 0; i < 2; i++) {
        parts->children[i] = (struct ArrowArray){
            .length = outer + count, .null_count = i == 0 && table->nulls ? -1 : 0, .offset = inner,
            .n_buffers = 2, .buffers = i == 0 ? parts->integer_buffers : parts->double_buffers,
            .release = release_child_array};
        parts->pointers[i] = &parts->children[i];
    }
    *out = (struct ArrowArray){.length = count, .offset = outer, .n_buffers = 1,
                               .buffers = parts->struct_buffers,
                               .n_children = table->narrow_at && table->next == table->narrow_at * table->batch ? 1 : 2,
                               .children = parts->pointers, .release = release_array,
                               .private_data = parts};
    table->next += count;
    table->arrays_made++;
    return 0;
}

// ---------------------------------------------------------------------------------- stream --

static const char *get_last_error(struct ArrowArrayStream *stream) {
    return table_of(stream)->fail_schema ? NULL : "the tape is torn";
}
static void release_stream(struct ArrowArrayStream *stream) {
    table_of(stream)->streams_released++;
    stream->release = NULL;
}

void open_table(struct table *table, struct ArrowArrayStream *stream) {
    table->next = 0;
    table->streams_released = table->schemas_released = table->arrays_released = 0;
    table->schemas_made = table->arrays_made = 0;
    *stream = (struct ArrowArrayStream){get_schema, get_next, get_last_error, release_stream, table};
}

int all_released(const struct table *table) {
    return table->streams_released == 1 && table->schemas_released == table->schemas_made &&
           table->arrays_released == table->arrays_made;
}
