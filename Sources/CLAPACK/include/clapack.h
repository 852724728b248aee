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

/* Cholesky with complete pivoting, for matrices that may be singular: Pᵀ A P = L Lᵀ up to the rank found. work: 2n numbers. */
void dpstrf_(const char *uplo, const int32_t *n, double *a, const int32_t *lda, int32_t *piv, int32_t *rank,
             const double *tol, double *work, int32_t *info, size_t uplo_length);

/* A = Q R of m × n numbers; R above, the reflections that make Q below the diagonal and in tau. */
void dgeqrf_(const int32_t *m, const int32_t *n, double *a, const int32_t *lda, double *tau, double *work,
             const int32_t *lwork, int32_t *info);

/* C := Q C, Qᵀ C, C Q or C Qᵀ (side "L" or "R", trans "N" or "T") with the Q of k reflections from dgeqrf.
 * a is changed on the way and restored. */
void dormqr_(const char *side, const char *trans, const int32_t *m, const int32_t *n, const int32_t *k,
             double *a, const int32_t *lda, const double *tau, double *c, const int32_t *ldc, double *work,
             const int32_t *lwork, int32_t *info, size_t side_length, size_t trans_length);

#endif
