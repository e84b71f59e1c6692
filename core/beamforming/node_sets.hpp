// rho_k(S) for many node sets S of one block: beam, worst-case SNR and certified bound.
//
// Per set: local search from warm starts (the beams of the sets with one node more) and fresh ones, then the bound F6 at
// the worst errors of the best beam; while a gap is left, starts sampled from the semidefinite solution and errors
// refined against it. QoS floors are handled as in P1: the unconstrained max-min beam if it meets them, else a weighted
// max-min problem whose weights follow the worst user.
#pragma once

#include "beamforming/qos_floors.hpp"

namespace core {

// The table of one block, rows by bit mask of S: QoS status, SNR reached, SNR bound, beam coordinates.
struct SetTable {
    Vector<std::int64_t> status;
    Vector<double> lower, upper;
    Matrix<Complex> x;
    Matrix<double> share;
};

// Evidence of F6 for the sets worked on, row by row.
struct SetEvidence {
    Matrix<double> y, mu;
    View<Complex, 4> mix;
};

// Solve the sets ``masks`` (largest first) of one block, reading and writing the rows of its table.
void solve_sets(const Block& block, Vector<const double> floors, Vector<const std::int64_t> masks,
                const SetTable& table, const SetEvidence& evidence);

// Proved bounds from lone users for every set of a block: rho(S) <= min_u rho of user u alone (closed form).
// floors (m,): amplitudes below which the checker rejects a beam.
void screen_sets(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<const double> floors,
                 Vector<std::int64_t> status, Vector<double> upper);

}  // namespace core
