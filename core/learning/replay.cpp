#include "learning/replay.hpp"

#include <algorithm>
#include <stdexcept>

namespace core {

Index draw_transitions(Vector<const double> chances, Index count, Vector<const float> weight, Matrix<const float> rows,
                       double divisor, Matrix<float> drawn, Index found) {
    for (Index i = 0; i < chances.size() && found < drawn.shape[0]; ++i) {
        const double chance = chances(i);
        if (!(chance >= 0.0 && chance < 1.0)) throw std::invalid_argument("chances: expected numbers in [0, 1)");
        // a candidate and whether it is accepted: the whole and the fractional part of the chance's multiple
        const double spot = static_cast<double>(count) * chance;
        const Index place = static_cast<Index>(spot);
        if (!(spot - static_cast<double>(place) < static_cast<double>(weight(place)))) continue;
        std::copy_n(&rows(place, 0), rows.shape[1], &drawn(found, 0));
        drawn(found, 0) = static_cast<float>(static_cast<double>(drawn(found, 0)) / divisor);
        ++found;
    }
    return found;
}

}  // namespace core
