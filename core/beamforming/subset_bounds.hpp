// Certified SNR bounds of a node set S from what is known of larger sets, without solving S itself.
//
// fgamcd_opt.beamforming.subset_bounds explains them; here is what runs often.
#pragma once

#include "array.hpp"
#include "complex.hpp"

namespace core {

// Least bound of all users served alone by the nodes in ``mask``; negative if one cannot be served.
// floors (m,): amplitudes below which the checker rejects a beam.
double lone_users_bound(Cube<const Complex> gram, Matrix<const double> radius2, bool balls,
                        Vector<const double> floors, std::int64_t mask);

// SNR bound for the subset ``mask`` from the evidence of a set around it; negative if it cannot meet the floors.
//
// Infinite if it is clear without the eigenvalue that the bound is not below ``known``, a bound that is proved already.
// parts (N, m, m), y (m,), mu (N,) as ``whitened`` makes them.
double inherited_bound(Cube<const Complex> parts, Vector<const double> y, Vector<const double> mu,
                       Vector<const double> floors, std::int64_t mask, double known);

}  // namespace core
