// Local search for the robust max-min beam of one broadcast, in Gram coordinates.
//
// Everything lives in the m x m Gram matrices A_n = G_n^H G_n of the scaled channels (unit noise, unit node power), the
// dimension reduction F2 taken to its end. Stationary beams have the form w_n = s_n G_n x / ||G_n x|| with one complex
// vector x = y * exp(j phi): y in the simplex are the multipliers of the users, phi the phases of the received
// amplitudes, s_n <= 1 the used share of amplitude.
//
// For fixed phases the problem is convex and its dual is a smooth problem in y,
//
//     min_{y in simplex}  sum_n s_n ||G_n (y * exp(j phi))|| - sum_u y_u q_u(s),
//
// solved by a Newton method on the log barrier. Each Newton step is followed by the exact phase update
// phi_u = arg(g_u^H w), which never lowers the worst user, while the barrier is lowered.
#pragma once

#include "array.hpp"
#include "complex.hpp"

namespace core {

// q_u of F1 for node amplitudes ``share``: sqrt(sum_n eps^2 s^2), or sum_n eps s for balls.
void error_terms(Matrix<const double> radius2, Vector<const double> share, bool balls, Vector<double> q);

// projected[n] = A_n x, norms[n] = ||G_n x||, signal[u] = g_u^H w of the beam of (x, share).
// A node where G_n x is numerically zero sends nothing and has the norm 0.
void received(Cube<const Complex> gram, Vector<const Complex> x, Vector<const double> share, Matrix<Complex> projected,
              Vector<double> norms, Vector<Complex> signal);

// min_u |g_u^H w| - q_u (F1), possibly negative.
double worst_amplitude(Vector<const Complex> signal, Vector<const double> q);

// min_u |g_u^H w| - q_u of the beam (x, share).
double beam_level(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<const Complex> x,
                  Vector<const double> share);

// Improve (x, share) in place from the phases of x; returns min_u |g_u^H w| - q_u of the result.
//
// gram (n, m, m), radius2 (n, m) squared error radii, scaled as the channels; balls: independent balls instead of the
// ellipsoid; x (m,): only its phases are read as a start (magnitudes if positive); share (n,) in [0, 1], overwritten;
// at most ``iterations`` Newton steps; ends when barrier gap and gain are below ``tolerance`` (relative).
double ascend(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<Complex> x,
              Vector<double> share, int iterations, double tolerance);

}  // namespace core
