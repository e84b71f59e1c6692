// Small dense linear algebra: factorisations of matrices of a few dozen rows.
//
// Plain loops beat library calls at these sizes (2 to 40), need no BLAS threads, and give the same result whatever the
// number of threads. T is double or Complex.
#pragma once

#include "array.hpp"
#include "complex.hpp"

namespace core {

// Cholesky factor of a Hermitian (or real symmetric) matrix; false if it is not positive definite.
template <class T>
bool cholesky(Matrix<const T> matrix, Matrix<T> lower);

// Solve L L^H x = rhs in place.
template <class T>
void solve_cholesky(Matrix<const T> lower, Vector<T> rhs);

// Solve L L^H x = rhs for two right-hand sides in place, in one pass over the factor.
template <class T>
void solve_cholesky_pair(Matrix<const T> lower, Vector<T> first, Vector<T> second);

// Inverse of L L^H, exactly Hermitian.
void invert_cholesky(Matrix<const Complex> lower, Matrix<Complex> inverse);

}  // namespace core
