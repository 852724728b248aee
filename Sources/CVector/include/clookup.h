/*
 * clookup.h: what AVX-512 has and Swift's vectors have no name for: tables that every lane looks up at once, and columns stored as rows.
 * What it must get right: nothing is here on other processors; indexes are within the table, which the caller sees to.
 */
#ifndef SWIFTKAN_CLOOKUP_H
#define SWIFTKAN_CLOOKUP_H

#if defined(__clang__) && defined(__AVX512F__)

#include "cvector.h"

#include <stdint.h>

typedef int32_t swiftkan_int16 __attribute__((ext_vector_type(16)));
typedef int64_t swiftkan_long8 __attribute__((ext_vector_type(8)));

/* The entries of a table of 32, at a 64-byte boundary. */
static inline swiftkan_float16 swiftkan_lookup_float(const float *table, swiftkan_int16 index) {
  const swiftkan_float16 *half = (const swiftkan_float16 *)table;
  return __builtin_ia32_vpermi2varps512(half[0], index, half[1]);
}

/* The same of a table of 16. */
static inline swiftkan_float16 swiftkan_lookup_float_short(const float *table, swiftkan_int16 index) {
  return __builtin_ia32_permvarsf512(*(const swiftkan_float16 *)table, index);
}

/* The entries of a table of 16, at a 64-byte boundary. */
static inline swiftkan_double8 swiftkan_lookup_double(const double *table, swiftkan_long8 index) {
  const swiftkan_double8 *half = (const swiftkan_double8 *)table;
  return __builtin_ia32_vpermi2varpd512(half[0], index, half[1]);
}

/* p[s * stride + 0 ... 3] = a[s], b[s], c[s], d[s]; p and stride are multiples of four numbers. */
static inline void swiftkan_store_floats(swiftkan_float16 a, swiftkan_float16 b, swiftkan_float16 c, swiftkan_float16 d, float *p,
                                         int64_t stride) {
  swiftkan_float16 ab = __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
  swiftkan_float16 cd = __builtin_shufflevector(c, d, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
  swiftkan_float16 AB = __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
  swiftkan_float16 CD = __builtin_shufflevector(c, d, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
  swiftkan_float16 rows[4] = {
      __builtin_shufflevector(ab, cd, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
      __builtin_shufflevector(ab, cd, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31),
      __builtin_shufflevector(AB, CD, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
      __builtin_shufflevector(AB, CD, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)};
  for (int m = 0; m < 4; m++) {
    *(swiftkan_float4 *)(p + (0 + m) * stride) = __builtin_shufflevector(rows[m], rows[m], 0, 1, 2, 3);
    *(swiftkan_float4 *)(p + (4 + m) * stride) = __builtin_shufflevector(rows[m], rows[m], 4, 5, 6, 7);
    *(swiftkan_float4 *)(p + (8 + m) * stride) = __builtin_shufflevector(rows[m], rows[m], 8, 9, 10, 11);
    *(swiftkan_float4 *)(p + (12 + m) * stride) = __builtin_shufflevector(rows[m], rows[m], 12, 13, 14, 15);
  }
}

static inline void swiftkan_store_doubles(swiftkan_double8 a, swiftkan_double8 b, swiftkan_double8 c, swiftkan_double8 d, double *p,
                                          int64_t stride) {
  swiftkan_double8 ab = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
  swiftkan_double8 cd = __builtin_shufflevector(c, d, 0, 8, 2, 10, 4, 12, 6, 14);
  swiftkan_double8 AB = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
  swiftkan_double8 CD = __builtin_shufflevector(c, d, 1, 9, 3, 11, 5, 13, 7, 15);
  *(swiftkan_double4 *)(p + 0 * stride) = __builtin_shufflevector(ab, cd, 0, 1, 8, 9);
  *(swiftkan_double4 *)(p + 1 * stride) = __builtin_shufflevector(AB, CD, 0, 1, 8, 9);
  *(swiftkan_double4 *)(p + 2 * stride) = __builtin_shufflevector(ab, cd, 2, 3, 10, 11);
  *(swiftkan_double4 *)(p + 3 * stride) = __builtin_shufflevector(AB, CD, 2, 3, 10, 11);
  *(swiftkan_double4 *)(p + 4 * stride) = __builtin_shufflevector(ab, cd, 4, 5, 12, 13);
  *(swiftkan_double4 *)(p + 5 * stride) = __builtin_shufflevector(AB, CD, 4, 5, 12, 13);
  *(swiftkan_double4 *)(p + 6 * stride) = __builtin_shufflevector(ab, cd, 6, 7, 14, 15);
  *(swiftkan_double4 *)(p + 7 * stride) = __builtin_shufflevector(AB, CD, 6, 7, 14, 15);
}

#endif
#endif
