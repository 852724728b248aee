/*
 * fortran_shim.c: the two things that LAPACK's position-independent archive (Debian's liblapack_pic.a, with
 * libblas.a) wants from outside for the routines of clapack.h, so that a Python extension can hold it without libgfortran.
 * What it must get right: LAPACK must neither print nor end the process that uses the library.
 *
 * The archives have an xerbla_ of their own, which does both and needs the Fortran runtime. This one is found first
 * where objects are linked, or archives in this order by a linker that keeps it (lld); GNU ld reads an archive once and
 * needs `-u xerbla_`.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* LAPACK's error hook, called when an argument is not allowed. Does nothing: the routine then returns with info < 0. */
void xerbla_(const char *routine, const int32_t *info, size_t routine_length);
void xerbla_(const char *routine, const int32_t *info, size_t routine_length) {
  (void)routine;
  (void)info;
  (void)routine_length;
}

/* Fortran's a // b into dest, filled up with blanks or cut off to dest's length (LAPACK joins option letters so). */
void _gfortran_concat_string(size_t length, char *dest, size_t length_a, const char *a, size_t length_b, const char *b);
void _gfortran_concat_string(size_t length, char *dest, size_t length_a, const char *a, size_t length_b, const char *b) {
  size_t from_a = length_a < length ? length_a : length;
  memcpy(dest, a, from_a);
  size_t from_b = length_b < length - from_a ? length_b : length - from_a;
  memcpy(dest + from_a, b, from_b);
  memset(dest + from_a + from_b, ' ', length - from_a - from_b);
}
