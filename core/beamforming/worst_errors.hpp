// Admissible channel errors that make the bound F6 small: worst against a beam or the relaxation.
//
// Errors are kept as mixing matrices, e_{n,u} = G_n mix[n, :, u]: some worst error always lies in the span of the
// channels, so everything stays in Gram coordinates.
#pragma once

#include "array.hpp"
#include "complex.hpp"

namespace core {

// Gram matrices of g~ = g + e for errors e_n = G_n mix_n: A~_n = (I + mix_n)^H A_n (I + mix_n).
void shifted_gram(Cube<const Complex> gram, Cube<const Complex> mix, Cube<Complex> shifted);

// Worst errors against one beam (F1), to ``mix``; 0 at silent nodes. norms, signal, q as ``received`` and
// ``error_terms`` make them.
void beam_errors(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<const Complex> x,
                 Vector<const double> share, Vector<const double> norms, Vector<const Complex> signal,
                 Vector<const double> q, Cube<Complex> mix);

// Worst errors against the semidefinite solution W = Z Z^H, Z_n = (G_n + E_n) L / mu_n, to ``new_mix``.
//
// Ellipsoid: min_e (g_u + e)^H W (g_u + e) over e^H C e <= 1 is attained at e_n = -eps_n^2 Z_n z with
// z = (nu I + S_u)^{-1} Z^H g_u, S_u = sum_n eps_n^2 Z_n^H Z_n and nu > 0 such that z^H S_u z = 1.
// Balls: the same convex problem by projected gradient steps from ``mix``.
void relaxation_errors(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Cube<const Complex> mix,
                       Vector<const double> mu, Matrix<const Complex> factor, Cube<Complex> new_mix);

// Best mixture of two admissible errors per user, to ``mix``; (y, mu) become its multipliers.
//
// The bound F6 holds with several errors per user, each with a multiplier of its own: both errors enter as 2 m users.
// Their average weighted by the multipliers is admissible, and it proves at least as much, because
// (y h)(y h)^H / y is convex in (y, y h). So errors never get worse by merging, and the weights are optimal.
void merge_errors(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<const double> ranks,
                  Cube<Complex> mix, Cube<const Complex> new_mix, Vector<double> y, Vector<double> mu,
                  double tolerance);

}  // namespace core
