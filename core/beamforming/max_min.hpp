// Max-min beam of one node set without floors: local search and bound in turns until the gap closes.
#pragma once

#include "array.hpp"
#include "complex.hpp"

namespace core {

// The nodes of one set, and how hard to work on them.
struct Block {
    Cube<const Complex> gram;      // (n, m, m)
    Matrix<const double> radius2;  // (n, m)
    Vector<const double> ranks;    // (n,)
    bool balls;
    Matrix<const Complex> noise;  // (r, m) standard normal numbers, the only randomness
    std::int64_t rounds;
    double tolerance;
};

// Beam (x, share) and evidence (y, mu, mix) of one set.
struct Findings {
    Vector<Complex> x;
    Vector<double> share, y, mu;
    Cube<Complex> mix;
};

struct MaxMin {
    double reached;  // amplitude
    double bound;    // on its square
};

// Ascend from every row of ``starts``; keeps the best beam in (x, share) and returns its amplitude.
double search(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Matrix<const Complex> starts,
              Vector<Complex> x, Vector<double> share, double best, double tolerance);

// Max-min of the (weighted) problem: amplitude reached and a bound on its square, with its evidence (y, mu, mix).
//
// The bound is F6 as computed here; it counts only once the evidence was checked from the channels
// (fgamcd_opt.certificates.evidence_check). It is infinite, and the evidence unchanged, if nothing was found. Stops when
// the gap is below the tolerance (of the square), when the bound falls below ``enough``, or after ``rounds`` rounds of
// starts and error refinement.
MaxMin maximise_min(const Block& block, Matrix<const Complex> starts, double enough, const Findings& found);

}  // namespace core
