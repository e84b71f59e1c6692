#include "beamforming/max_min.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "beamforming/beam_search.hpp"
#include "beamforming/dual_bound.hpp"
#include "beamforming/worst_errors.hpp"

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

// Steps of one ascent at most.
constexpr int ASCENT_STEPS = 300;

// Searches and bounds work to this share of the tolerance, so that both together stay within it.
constexpr double FINER = 0.1;

// A bound this close to the beam, in shares of the tolerance, need not be lowered further.
constexpr double GOAL_SHARE = 0.3;

// A beam better by less than this share of the tolerance is no reason to give up the errors found so far.
constexpr double GAIN_SHARE = 0.2;

// Starts drawn from the semidefinite solution per round.
constexpr Index SAMPLES = 4;

double squared_positive(double amplitude) { return squared(std::max(amplitude, 0.0)); }

// Multipliers and errors of a round, before it is known whether they are better.
struct Round {
    const Block& block;
    Index n_nodes, n_users;
    OwnCube<Complex> mix, new_mix, shifted;
    OwnMatrix<Complex> factor, sampled;
    OwnVector<double> mu, y;
    Index used = 0;  // rows of noise

    explicit Round(const Block& block_)
        : block(block_), n_nodes(block_.gram.shape[0]), n_users(block_.gram.shape[1]), mix(n_nodes, n_users, n_users),
          new_mix(n_nodes, n_users, n_users), shifted(n_nodes, n_users, n_users), factor(n_users, n_users),
          sampled(SAMPLES, n_users), mu(n_nodes), y(n_users) {}

    void errors_of_beam(Vector<const Complex> x, Vector<const double> share);
    void refine_errors();
    void draw_starts();
};

// Worst errors against the beam, multipliers |x_u| / sum |x| and ||G_n x||.
void Round::errors_of_beam(Vector<const Complex> x, Vector<const double> share) {
    OwnMatrix<Complex> projected(n_nodes, n_users);
    OwnVector<Complex> signal(n_users);
    OwnVector<double> q(n_users), norms(n_nodes);
    error_terms(block.radius2, share, block.balls, q);
    received(block.gram, x, share, projected, norms, signal);
    beam_errors(block.gram, block.radius2, block.balls, x, share, norms, signal, q, mix);
    double total = 0.0;
    for (Index u = 0; u < n_users; ++u) total += magnitude(x(u));
    for (Index u = 0; u < n_users; ++u) y(u) = magnitude(x(u)) / total;
    mu.copy_from(norms);
}

// Errors against the last semidefinite solution, merged with the ones before.
void Round::refine_errors() {
    relaxation_errors(block.gram, block.radius2, block.balls, mix, mu, factor, new_mix);
    merge_errors(block.gram, block.radius2, block.balls, block.ranks, mix, new_mix, y, mu, FINER * block.tolerance);
}

// Signs of the received amplitudes of beams drawn from the semidefinite solution: sum_n A~_n / mu_n L noise.
void Round::draw_starts() {
    for (Index row = 0; row < SAMPLES; ++row) {
        const Index drawn = used % block.noise.shape[0];
        for (Index u = 0; u < n_users; ++u) {
            Complex value{0.0, 0.0};
            for (Index k = 0; k < n_users; ++k) {
                Complex cross{0.0, 0.0};
                for (Index j = 0; j < n_users; ++j) {
                    Complex entry{0.0, 0.0};
                    for (Index n = 0; n < n_nodes; ++n) entry += shifted(n, u, j) * (1.0 / mu(n));
                    cross += entry * factor(j, k);
                }
                value += cross * block.noise(drawn, k);
            }
            const double size = magnitude(value);
            sampled(row, u) = size > 0.0 ? value * (1.0 / size) : Complex{1.0, 0.0};
        }
        ++used;
    }
}

}  // namespace

double search(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Matrix<const Complex> starts,
              Vector<Complex> x, Vector<double> share, double best, double tolerance) {
    OwnVector<Complex> trial(x.shape[0]);
    OwnVector<double> trial_share(share.shape[0]);
    for (Index row = 0; row < starts.shape[0]; ++row) {
        trial.copy_from(starts.row(row));
        const double value = ascend(gram, radius2, balls, trial, trial_share, ASCENT_STEPS, tolerance);
        if (value > best) {
            best = value;
            x.copy_from(trial);
            share.copy_from(trial_share);
        }
    }
    return best;
}

MaxMin maximise_min(const Block& block, Matrix<const Complex> starts, double enough, const Findings& found) {
    const double tolerance = block.tolerance;
    double best = search(block.gram, block.radius2, block.balls, starts, found.x, found.share, -INFINITE,
                         FINER * tolerance);
    Round round(block);
    double upper = INFINITE;
    bool improved = true;
    for (std::int64_t done = 0; done <= block.rounds; ++done) {
        // the bound at the worst errors known
        if (improved) {
            round.errors_of_beam(found.x, found.share);
        } else {
            round.refine_errors();
        }
        shifted_gram(block.gram, round.mix, round.shifted);
        const double goal = squared_positive(best) * (1.0 + GOAL_SHARE * tolerance);
        const double bound = minimise_bound(round.shifted, block.ranks, round.y, round.mu, round.factor,
                                            FINER * tolerance, std::max(goal, enough));
        if (bound < upper) {
            upper = bound;
            found.y.copy_from(round.y);
            found.mu.copy_from(round.mu);
            found.mix.copy_from(round.mix);
        }
        if (upper <= squared_positive(best) * (1.0 + tolerance) || upper <= enough || done == block.rounds) break;
        // better beams near the semidefinite solution
        round.draw_starts();
        const double before = best;
        best = search(block.gram, block.radius2, block.balls, round.sampled, found.x, found.share, best,
                      FINER * tolerance);
        improved = best > before * (1.0 + GAIN_SHARE * tolerance);
    }
    return {best, upper};
}

}  // namespace core
