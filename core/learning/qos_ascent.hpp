// The ascent behind the QoS rates (fgamcd_opt.instances.network.qos), for families of instances.
#pragma once

#include "array.hpp"
#include "complex.hpp"

namespace core {

// Iterations, first step, and what takes the place of zero in divisors.
struct AscentOptions {
    Index iterations;
    double step;
    double tiny;
};

// Best worst-case amplitudes (B, S) of B blocks from S starts, by multiplicative weights: Gram matrices (B, N, m, m),
// starting phases (B, S, m), losses (B, m).
void ascend_all(View<const Complex, 4> gram, Cube<const Complex> phase, Matrix<const double> loss,
                const AscentOptions& options, Matrix<double> best);

}  // namespace core
