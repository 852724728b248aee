/*
 * cvector.h: the arithmetic of vectors, an operation of the processor each. Swift's library has it for single lanes only: every
 * operator is a loop, which the optimiser unrolls and puts together again at great length.
 *
 * What it must get right: the same bits as lane by lane, so a product and a sum are fused in `multiply_add` alone, and only where the
 * build has an instruction for it (KANScalar decides).
 *
 * Of Swift's compiler alone: others have no ext_vector_type, which is what Swift imports as SIMD4, SIMD8 and SIMD16.
 */
#ifndef SWIFTKAN_CVECTOR_H
#define SWIFTKAN_CVECTOR_H

#if defined(__clang__)
#include <stdint.h>

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi" /* every function is inlined: how vectors are passed does not matter */

#define SWIFTKAN_VECTOR_FUNCTION static inline __attribute__((always_inline, unused, const))

#define SWIFTKAN_VECTOR(vector, scalar, lanes)                                                                        \
  typedef scalar vector __attribute__((ext_vector_type(lanes)));                                                      \
  SWIFTKAN_VECTOR_FUNCTION vector vector##_repeating(scalar x) { return (vector)(x); }                                \
  SWIFTKAN_VECTOR_FUNCTION vector vector##_add(vector a, vector b) { return a + b; }                                  \
  SWIFTKAN_VECTOR_FUNCTION vector vector##_subtract(vector a, vector b) { return a - b; }                             \
  SWIFTKAN_VECTOR_FUNCTION vector vector##_multiply(vector a, vector b) { return a * b; }                             \
  SWIFTKAN_VECTOR_FUNCTION vector vector##_divide(vector a, vector b) { return a / b; }                               \
  SWIFTKAN_VECTOR_FUNCTION vector vector##_multiply_add(vector a, vector b, vector c) {                               \
    return __builtin_elementwise_fma(a, b, c);                                                                        \
  }

SWIFTKAN_VECTOR(swiftkan_double4, double, 4)
SWIFTKAN_VECTOR(swiftkan_double8, double, 8)
SWIFTKAN_VECTOR(swiftkan_float4, float, 4)
SWIFTKAN_VECTOR(swiftkan_float8, float, 8)
SWIFTKAN_VECTOR(swiftkan_float16, float, 16)

SWIFTKAN_VECTOR_FUNCTION swiftkan_double8 swiftkan_double8_square_root(swiftkan_double8 x) {
  return __builtin_elementwise_sqrt(x);
}
SWIFTKAN_VECTOR_FUNCTION swiftkan_double8 swiftkan_double8_of_float8(swiftkan_float8 x) {
  return __builtin_convertvector(x, swiftkan_double8);
}
SWIFTKAN_VECTOR_FUNCTION swiftkan_float8 swiftkan_float8_of_double8(swiftkan_double8 x) {
  return __builtin_convertvector(x, swiftkan_float8);
}

typedef int32_t swiftkan_int8 __attribute__((ext_vector_type(8)));
typedef int64_t swiftkan_long8 __attribute__((ext_vector_type(8)));
SWIFTKAN_VECTOR_FUNCTION swiftkan_int8 swiftkan_int8_of_long8(swiftkan_long8 x) {
  return __builtin_convertvector(x, swiftkan_int8);
}
SWIFTKAN_VECTOR_FUNCTION swiftkan_long8 swiftkan_long8_of_int8(swiftkan_int8 x) {
  return __builtin_convertvector(x, swiftkan_long8);
}

#pragma clang diagnostic pop
#endif

#endif
