/*
 * clookup.h: what AVX-512 has and Swift's vectors have no name for: tables that every lane looks up at once, and comparisons as bits.
 * What it must get right: nothing is here on other processors; indexes are within the table, which the caller sees to.
 */
#ifndef SWIFTKAN_CLOOKUP_H
#define SWIFTKAN_CLOOKUP_H

#if defined(__clang__) && defined(__AVX512F__)

#include "cvector.h"

typedef int32_t swiftkan_int16 __attribute__((ext_vector_type(16)));

/* The entries of a table in registers: of 16 or 32 floats, of 8 or 16 doubles. */
static inline swiftkan_float16 swiftkan_pick_float(swiftkan_float16 table, swiftkan_int16 index) {
  return __builtin_ia32_permvarsf512(table, index);
}
static inline swiftkan_float16 swiftkan_pick_float_of_two(swiftkan_float16 low, swiftkan_int16 index, swiftkan_float16 high) {
  return __builtin_ia32_vpermi2varps512(low, index, high);
}
static inline swiftkan_double8 swiftkan_pick_double(swiftkan_double8 table, swiftkan_long8 index) {
  return __builtin_ia32_permvardf512(table, index);
}
static inline swiftkan_double8 swiftkan_pick_double_of_two(swiftkan_double8 low, swiftkan_long8 index, swiftkan_double8 high) {
  return __builtin_ia32_vpermi2varpd512(low, index, high);
}

/* The same of one in memory, at a 64-byte boundary: of 32 floats, of 16, of 16 doubles. */
static inline swiftkan_float16 swiftkan_lookup_float(const float *table, swiftkan_int16 index) {
  const swiftkan_float16 *half = (const swiftkan_float16 *)table;
  return swiftkan_pick_float_of_two(half[0], index, half[1]);
}
static inline swiftkan_float16 swiftkan_lookup_float_short(const float *table, swiftkan_int16 index) {
  return swiftkan_pick_float(*(const swiftkan_float16 *)table, index);
}
static inline swiftkan_double8 swiftkan_lookup_double(const double *table, swiftkan_long8 index) {
  const swiftkan_double8 *half = (const swiftkan_double8 *)table;
  return swiftkan_pick_double_of_two(half[0], index, half[1]);
}

/* The lanes that hold x, as bits. */
static inline uint16_t swiftkan_lanes_equal(swiftkan_int16 a, int32_t x) {
  return (uint16_t)__builtin_ia32_cmpd512_mask((__attribute__((__vector_size__(64))) int32_t)a,
                                               (__attribute__((__vector_size__(64))) int32_t)((swiftkan_int16)(x)), 0, 0xFFFF);
}

#endif
#endif
