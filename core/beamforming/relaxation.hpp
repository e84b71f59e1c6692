// The bound of one node of the search in global_search.hpp.
#pragma once

#include "array.hpp"
#include "complex.hpp"

namespace core {

// The node over its constrained users: (n, m, m), (n, m), (m,), (m,).
struct ArcProblem {
    Cube<const Complex> gram;
    Matrix<const double> price;
    Vector<const double> low, high;
    double rounding;
};

// Proved bound of one node; improves the strictly feasible point (x, a) in place.
//
// signal (m,): overwritten by g_u^H w of the relaxed beam w_n = G_n x / ||G_n x||; goal: stop once the bound is below it
// (the node is pruned); accuracy: relative accuracy of the minimum.
double relax(const ArcProblem& problem, Vector<Complex> x, Vector<double> a, Vector<Complex> signal, double goal,
             double accuracy);

}  // namespace core
