/* The table of libdw's and libelf's functions. */
#ifndef CELFUTILS_LOADING_H
#define CELFUTILS_LOADING_H

#include <elfutils/libdw.h>
#include <gelf.h>

#define CE_FUNCTIONS(of)                                                                              \
    of(elf_version) of(elf_begin) of(elf_memory) of(elf_end)                                          \
    of(dwarf_getcfi_elf) of(dwarf_cfi_end) of(dwarf_cfi_addrframe) of(dwarf_frame_info)               \
    of(dwarf_frame_cfa) of(dwarf_frame_register)                                                      \
    of(dwarf_begin_elf) of(dwarf_end) of(dwarf_nextcu) of(dwarf_offdie) of(dwarf_addrdie)             \
    of(dwarf_ranges) of(dwarf_child) of(dwarf_siblingof) of(dwarf_tag) of(dwarf_diename)              \
    of(dwarf_attr) of(dwarf_attr_integrate) of(dwarf_formudata) of(dwarf_formstring)                  \
    of(dwarf_getsrc_die) of(dwarf_linesrc) of(dwarf_lineno) of(dwarf_getsrcfiles) of(dwarf_filesrc)   \
    of(dwarf_dieoffset)

struct ce_table {
#define CE_MEMBER(name) __typeof__(&name) name;
    CE_FUNCTIONS(CE_MEMBER)
#undef CE_MEMBER
};

/* Filled once ce_load has returned NULL. */
extern struct ce_table ce;

#endif
