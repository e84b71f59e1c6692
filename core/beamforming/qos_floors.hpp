// Max-min beam when a QoS floor lies above the common level: the level by a bracketing secant.
//
// With weights v_u = max(level, s_u) the weighted max-min ratio min_u amplitude_u / v_u falls as the level rises, and
// the best level is where it is 1 (P1, "QoS inside rho_k(S)"). Multipliers y of the weighted bound prove a bound on the
// level, or that even level 0 is out of reach (infeasible).
#pragma once

#include "beamforming/max_min.hpp"

namespace core {

struct Solved {
    int status;    // FEASIBLE, UNKNOWN or INFEASIBLE
    double lower;  // worst-case SNR reached, 0 without a beam
    double upper;  // bound on it
};

// Largest t with sum_u y_u max(t, s_u^2) / v_u^2 <= bound; negative if even t = 0 exceeds it (infeasible).
double level_bound(Vector<const double> y, Vector<const double> weights, Vector<const double> floors, double bound);

// Channels and radii divided by the users' weights v_u.
void weigh_channels(Cube<const Complex> gram, Matrix<const double> radius2, Vector<const double> weights,
                    Cube<Complex> gram_out, Matrix<double> radius2_out);

// QoS status, worst-case SNR reached and bound on it; found receives the beam.
//
// ``upper`` is a bound on the SNR found without floors and (y, mu, mix) its evidence, which better evidence replaces.
// Some floor must be positive.
Solved solve_with_floors(const Block& block, Vector<const double> floors, Matrix<const Complex> starts, double upper,
                         const Findings& found);

}  // namespace core
