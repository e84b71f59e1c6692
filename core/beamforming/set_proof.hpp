// Closing the gap of one (block, S) by branch and bound, with or without binding QoS floors.
#pragma once

#include "beamforming/qos_floors.hpp"

namespace core {

struct Proof {
    Solved solved;  // never worse than before
    std::int64_t nodes;
};

// Tighten ``before`` of one set by branch and bound; (x, share) hold its beam and receive a better one.
//
// Without binding floors the max-min amplitude itself is searched. Where a floor lies above the common level, the
// question is put at the level that would have to be refuted: with weights v_u = max(level, s_u), a beam that reaches
// ratio 1 for all users is better than the one in hand, and a bound below 1 proves that there is none.
Proof prove_set(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<const double> floors,
                double tolerance, std::int64_t max_nodes, Solved before, Vector<Complex> x, Vector<double> share);

}  // namespace core
