/*
 * clapack.h: the Fortran routines of LAPACK that swiftkan calls, declared for Swift.
 * What it must get right: every pointer and integer type (LP64: 32-bit integers) as the Fortran interface has it;
 * hidden lengths of CHARACTER arguments follow last.
 */
#ifndef SWIFTKAN_CLAPACK_H
#define SWIFTKAN_CLAPACK_H

#include <stddef.h>
#include <stdint.h>

/* Minimum-norm least squares by a complete orthogonal factorisation (LAPACK Users' Guide, xGELSY). */
void dgelsy_(const int32_t *m, const int32_t *n, const int32_t *nrhs, double *a, const int32_t *lda, double *b,
             const int32_t *ldb, int32_t *jpvt, const double *rcond, int32_t *rank, double *work,
             const int32_t *lwork, int32_t *info);

#endif
