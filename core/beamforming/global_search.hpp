// Global max-min beam of one broadcast: branch and bound on the phases of the received amplitudes (F8).
//
// A node of the search restricts arg(g_u^H w) to [low_u, high_u] for some users (width below pi). For a constrained user,
// |g_u^H w| >= tau + q_u then relaxes to the convex hull of that arc: g_u^H w lies in the sector and beyond the chord.
// Lagrangian duality turns the relaxation into a small problem in the Gram coordinates of beam_search.hpp,
//
//     B = min  sum_n max(0, ||G_n x|| - sum_u a_u t_{n,u})
//     s.t.     0 <= a_u <= Re(conj(x_u) e^{j low_u}),  a_u <= Re(conj(x_u) e^{j high_u}),  sum_u a_u = 1,
//
// where t_{n,u} = eps_{n,u}^2 s_n / q_u(s) for the node amplitudes s of the beam in hand (eps_{n,u} for balls). Since q_u
// is convex, q_u(w) >= sum_n t_{n,u} ||w_n|| for every beam, so per-node power and the robust term stay inside. EVERY
// feasible (x, a) proves tau <= B for all beams of the node, so the bound is proved wherever the barrier Newton method
// stops, and a child starts from its parent's point, which stays feasible. The phase of one user is fixed at 0 (global
// rotation). Best-first search, split at the relaxed phase.
#pragma once

#include "array.hpp"
#include "complex.hpp"

namespace core {

struct SearchResult {
    double best;   // amplitude reached
    double upper;  // proved upper bound
    std::int64_t nodes;
};

// Relative rounding error of ||G_n x||^2 in Gram matrices of up to 1000 antennas.
constexpr double GRAM_SQUARE_ROUNDING = 1e-12;

// Global optimum of min_u |g_u^H w| - q_u over unit-power nodes.
//
// tolerance: relative gap in amplitude at which to stop; max_nodes: nodes to look at before giving up (the interval is
// proved all the same); ceiling: a bound on the amplitude that is already proved (F6); best, x, share: beam in hand and
// its amplitude, overwritten by a better one; rounding: relative rounding error of ||G_n x||^2 for the matrices given.
SearchResult branch_and_bound(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, double tolerance,
                              std::int64_t max_nodes, double ceiling, double best, Vector<Complex> x,
                              Vector<double> share, double rounding = GRAM_SQUARE_ROUNDING);

}  // namespace core
