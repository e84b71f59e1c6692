// Batches drawn from the replay buffer.
#pragma once

#include "array.hpp"

namespace core {

// Fill rows of ``drawn`` from ``found`` on with the transitions that come up and are accepted; returns how many there
// are then. ``count`` transitions lie in ``rows``, the reward first, which is divided; ``weight`` is the probability with
// which each is accepted; ``chances`` are uniform in [0, 1).
Index draw_transitions(Vector<const double> chances, Index count, Vector<const float> weight, Matrix<const float> rows,
                       double divisor, Matrix<float> drawn, Index found);

}  // namespace core
