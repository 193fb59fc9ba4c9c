#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "CElfutils.h"
#include "Loading.h"

typedef struct {
    uint64_t low, high;
    Dwarf_Off die;
} range;

typedef struct {
    Dwarf_Off die;
    range *functions; /* filled when the unit is first asked */
    size_t function_count, function_room;
    int is_scanned;
} unit;

struct ce_lines {
    Elf *elf;
    Dwarf *dwarf;
    int descriptor;
    struct stat status; /* of the file when it was opened */
    unit **units; /* those that were asked for */
    size_t unit_count;
    range *ranges; /* of all units, sorted */
    size_t range_count, range_room;
    int has_ranges;
};

static int by_low(const void *a, const void *b) {
    uint64_t x = ((const range *)a)->low, y = ((const range *)b)->low;
    return x < y ? -1 : x > y;
}

static int add(range **list, size_t *count, size_t *room, range entry) {
    if (*count == *room) {
        size_t wanted = *room ? 2 * *room : 64;
        range *grown = realloc(*list, wanted * sizeof **list);
        if (!grown) return -1;
        *list = grown;
        *room = wanted;
    }
    (*list)[(*count)++] = entry;
    return 0;
}

static void add_ranges(Dwarf_Die *die, Dwarf_Off tag, range **list, size_t *count, size_t *room) {
    Dwarf_Addr base, low, high;
    ptrdiff_t offset = 0;
    for (int i = 0; i < 4096; i++) {
        offset = ce.dwarf_ranges(die, offset, &base, &low, &high);
        if (offset <= 0) break;
        if (low != 0 && low < high && add(list, count, room, (range){low, high, tag}) != 0) break;
    }
}

/* The last range that begins at or before the address, and holds it. */
static const range *holding(const range *ranges, size_t count, uint64_t address) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].low <= address) low = middle + 1;
        else high = middle;
    }
    for (size_t i = low, tries = 0; i > 0 && tries < 16; i--, tries++)
        if (address < ranges[i - 1].high) return &ranges[i - 1];
    return NULL;
}

/* Mapped: most of it is never looked at. Where somebody shortens the file that is a SIGBUS: is_same. */
ce_lines *ce_lines_open(int descriptor) {
    struct stat status;
    if (ce_load() || fstat(descriptor, &status) != 0) return NULL;
    Elf *elf = ce.elf_begin(descriptor, ELF_C_READ_MMAP, NULL);
    Dwarf *dwarf = elf ? ce.dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
    ce_lines *lines = dwarf ? calloc(1, sizeof *lines) : NULL;
    if (!lines) {
        if (dwarf) ce.dwarf_end(dwarf);
        if (elf) ce.elf_end(elf);
        return NULL;
    }
    lines->descriptor = descriptor;
    lines->status = status;
    lines->elf = elf;
    lines->dwarf = dwarf;
    return lines;
}

/* What is written to a file does not tell of the code that runs, and what is cut off is not there to be read. */
static int is_same(const ce_lines *lines) {
    struct stat now;
    return fstat(lines->descriptor, &now) == 0 && now.st_size == lines->status.st_size &&
           now.st_mtim.tv_sec == lines->status.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == lines->status.st_mtim.tv_nsec;
}

/* Some compilers leave out .debug_aranges: then the units themselves are asked where they lie, once. */
static void read_ranges(ce_lines *lines) {
    size_t header = 0;
    Dwarf_Off offset = 0, next = 0;
    lines->has_ranges = 1;
    while (ce.dwarf_nextcu(lines->dwarf, offset, &next, &header, NULL, NULL, NULL) == 0) {
        Dwarf_Die die;
        if (ce.dwarf_offdie(lines->dwarf, offset + header, &die))
            add_ranges(&die, offset + header, &lines->ranges, &lines->range_count,
                       &lines->range_room);
        if (next <= offset) break;
        offset = next;
    }
    qsort(lines->ranges, lines->range_count, sizeof(range), by_low);
}

/* The unit whose code is at the address. */
static unit *unit_at(ce_lines *lines, uint64_t address) {
    Dwarf_Die die;
    Dwarf_Off offset = 0;
    if (ce.dwarf_addrdie(lines->dwarf, address, &die)) {
        offset = ce.dwarf_dieoffset(&die);
    } else {
        if (!lines->has_ranges) read_ranges(lines);
        const range *found = holding(lines->ranges, lines->range_count, address);
        if (!found) return NULL;
        offset = found->die;
    }
    for (size_t i = 0; i < lines->unit_count; i++)
        if (lines->units[i]->die == offset) return lines->units[i];
    unit **grown = realloc(lines->units, (lines->unit_count + 1) * sizeof *grown);
    if (!grown) return NULL;
    lines->units = grown;
    unit *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->die = offset;
    return lines->units[lines->unit_count++] = made;
}

void ce_lines_close(ce_lines *lines) {
    if (!lines) return;
    for (size_t i = 0; i < lines->unit_count; i++) {
        free(lines->units[i]->functions);
        free(lines->units[i]);
    }
    free(lines->units);
    free(lines->ranges);
    ce.dwarf_end(lines->dwarf);
    ce.elf_end(lines->elf);
    free(lines);
}

/* Functions may lie in namespaces and modules, and in Rust and Swift in types. */
static void scan(unit *u, Dwarf_Die *parent, int in_types, int depth) {
    Dwarf_Die die;
    if (depth > 16 || ce.dwarf_child(parent, &die) != 0) return;
    do {
        switch (ce.dwarf_tag(&die)) {
        case DW_TAG_subprogram:
            add_ranges(&die, ce.dwarf_dieoffset(&die), &u->functions, &u->function_count,
                       &u->function_room);
            break;
        case DW_TAG_namespace: case DW_TAG_module: scan(u, &die, in_types, depth + 1); break;
        case DW_TAG_structure_type: case DW_TAG_class_type: case DW_TAG_enumeration_type:
            if (in_types) scan(u, &die, in_types, depth + 1);
            break;
        default: break;
        }
    } while (ce.dwarf_siblingof(&die, &die) == 0);
}

static uint64_t number_of(Dwarf_Die *die, unsigned int what) {
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (!ce.dwarf_attr(die, what, &attribute) || ce.dwarf_formudata(&attribute, &value) != 0) return 0;
    return value;
}

static int holds(Dwarf_Die *die, uint64_t address) {
    Dwarf_Addr base, low, high;
    ptrdiff_t offset = 0;
    for (int i = 0; i < 4096; i++) {
        offset = ce.dwarf_ranges(die, offset, &base, &low, &high);
        if (offset <= 0) return 0;
        if (low <= address && address < high) return 1;
    }
    return 0;
}

static const char *name_of(Dwarf_Die *die) {
    Dwarf_Attribute attribute;
    if (ce.dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute)) {
        const char *name = ce.dwarf_formstring(&attribute);
        if (name) return name;
    }
    if (ce.dwarf_attr_integrate(die, DW_AT_name, &attribute)) return ce.dwarf_formstring(&attribute);
    return NULL;
}

int32_t ce_lines_find(ce_lines *lines, uint64_t address, ce_location *locations, int32_t capacity) {
    unit *u = capacity > 0 && is_same(lines) ? unit_at(lines, address) : NULL;
    if (!u) return 0;
    Dwarf_Die unit_die, die;
    if (!ce.dwarf_offdie(lines->dwarf, u->die, &unit_die)) return 0;
    const char *file = NULL;
    int line = 0;
    Dwarf_Line *entry = ce.dwarf_getsrc_die(&unit_die, address);
    if (entry) {
        file = ce.dwarf_linesrc(entry, NULL, NULL);
        if (ce.dwarf_lineno(entry, &line) != 0) line = 0;
    }
    if (!u->is_scanned) {
        u->is_scanned = 1;
        uint64_t language = number_of(&unit_die, DW_AT_language);
        scan(u, &unit_die, language == DW_LANG_Rust || language == DW_LANG_Swift, 0);
        qsort(u->functions, u->function_count, sizeof(range), by_low);
    }

    /* Down from the function through what was inlined there. */
    Dwarf_Die inlined[64];
    int depth = 0;
    const range *function = holding(u->functions, u->function_count, address);
    if (function && ce.dwarf_offdie(lines->dwarf, function->die, &die)) {
        Dwarf_Die child;
        int more = ce.dwarf_child(&die, &child) == 0;
        for (int steps = 0; more && depth < 64 && steps < 100000; steps++) {
            int tag = ce.dwarf_tag(&child);
            if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) &&
                holds(&child, address)) {
                if (tag == DW_TAG_inlined_subroutine) inlined[depth++] = child;
                Dwarf_Die inner;
                more = ce.dwarf_child(&child, &inner) == 0;
                child = inner;
            } else {
                more = ce.dwarf_siblingof(&child, &child) == 0;
            }
        }
    }
    if (!file && depth == 0) return 0;
    Dwarf_Files *files = NULL;
    size_t file_count = 0;
    if (depth > 0 && ce.dwarf_getsrcfiles(&unit_die, &files, &file_count) != 0) files = NULL;
    int32_t written = 0;
    for (int i = depth - 1; i >= 0 && written < capacity - 1; i--) {
        locations[written++] = (ce_location){name_of(&inlined[i]), file, line, 0};
        uint64_t index = number_of(&inlined[i], DW_AT_call_file);
        file = files && index < file_count ? ce.dwarf_filesrc(files, index, NULL, NULL) : NULL;
        line = (int)(uint32_t)number_of(&inlined[i], DW_AT_call_line);
    }
    locations[written++] = (ce_location){NULL, file, line, 0};
    return written;
}
