// One user alone: amplitude and proved bound in closed form (F3 for any radii and powers).
#pragma once

#include "array.hpp"
#include "complex.hpp"

namespace core {

struct LoneUser {
    double amplitude;
    double bound;  // proved; 0 where no node keeps more of its channel than rounding is worth
};

// Amplitude and proved amplitude bound of ``user`` alone; fills ``share`` (n,).
LoneUser lone_user(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Index user, Vector<double> share);

}  // namespace core
