// Certified upper bound on the worst-case SNR of one broadcast (F6), minimised by an interior-point method.
//
// For any admissible errors e_u, any y >= 0 and mu > 0 with  G~ diag(y) G~^H <= blkdiag(mu_n I)  (g~_u = g_u + e_u),
//
//     min_u SNR_u(w) * sum_u y_u  <=  sum_u y_u |g~_u^H w|^2  <=  sum_n mu_n ||w_n||^2  <=  sum_n mu_n
//
// for every admissible beam w (unit node power). In Gram coordinates the matrix condition is the m x m condition
// P = diag(1/y) - sum_n A~_n / mu_n >= 0, so the semidefinite bound is a problem in m + |S| real variables:
// minimise sum_n mu_n subject to sum_u y_u = 1, P >= 0. A bound is reported only from a point whose P passed a
// Cholesky factorisation, hence it is proved (up to ROUNDING, which is added) wherever the iteration stops.
//
// At the optimum the semidefinite solution is W = Z Z^H with Z_n = G~_n K^(1/2) / mu_n, K = P^(-1) up to scale: it
// yields starts for the local search and the worst errors against W, with which the bound is minimised again (see
// worst_errors.hpp). That is the S-procedure bound of the source without its solver.
#pragma once

#include "array.hpp"
#include "complex.hpp"

namespace core {

// Minimise F6 over (y, mu) for fixed errors; the proved bound on the worst SNR.
//
// gram (n, m, m) of the shifted channels; ranks (n,) rank bounds min(N_t, m); y (m,) and mu (n,): start, any positive
// numbers, overwritten by the multipliers of the bound; factor (m, m): overwritten by L with K = L L^H ~ P^(-1), the
// semidefinite solution in Gram coordinates; tolerance: relative accuracy against the semidefinite optimum; goal: stop
// early once the bound is below it.
double minimise_bound(Cube<const Complex> gram, Vector<const double> ranks, Vector<double> y, Vector<double> mu,
                      Matrix<Complex> factor, double tolerance, double goal);

}  // namespace core
