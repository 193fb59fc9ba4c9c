/* Dense linear algebra, from Eigen (MPL-2.0, headers only). Built in one way for every processor, so
 * that results do not depend on the build of the kernels that was chosen. Nothing is thrown: what fails
 * returns a code. */
#ifndef CLINEARALGEBRA_H
#define CLINEARALGEBRA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CLA_OK = 0,
    CLA_NOT_POSITIVE = 1, /* the matrix is not positive definite, in the arithmetic of doubles */
    CLA_OUT_OF_MEMORY = 2,
    CLA_NO_CONVERGENCE = 3 /* of the eigenvalues; only where values are not finite */
};

/* Matrices are square, `n` rows after another. */

/* The Cholesky factor of a symmetric matrix: its lower triangle is read, and becomes the factor. The
 * upper triangle is left as it is. */
int32_t cla_cholesky(double *matrix, size_t n);

/* The inverse of a lower triangular matrix, in its place. The upper triangle is left as it is. */
int32_t cla_invert_lower(double *matrix, size_t n);

/* Eigenvalues of a symmetric matrix in rising order, and vectors[k * n ...]: the k-th eigenvector, of
 * length 1. The lower triangle is read. */
int32_t cla_symmetric_eigen(const double *matrix, size_t n, double *values, double *vectors);

#ifdef __cplusplus
}
#endif

#endif
