#include "beamforming/worst_errors.hpp"

#include <algorithm>
#include <cmath>

#include "beamforming/dense.hpp"
#include "beamforming/dual_bound.hpp"

namespace core {

namespace {

// Projected gradient steps for independent balls.
constexpr int BALL_STEPS = 60;

// Momentum of step i is i / (i + 3), as in Nesterov's method.
constexpr double MOMENTUM_DELAY = 3.0;

// What ||G_n m||^2 may err by, relative to m sum_v |m_v|^2 ||g_v||^2: (N_t + m + 8) 2^-53 for hundreds of antennas.
// The proof (evidence_check) scales errors once more, in antenna space.
constexpr double GRAM_ROUNDING = 1e-13;

// A refined error that has to be shrunk more than this was mostly rounding; the one before is kept.
constexpr double TRUSTED = 0.5;

// The root nu of the secular equation: its range relative to the trace of S_u, halvings and accuracy of z^H S_u z.
constexpr double NU_RANGE = 1e12;
constexpr double NU_LEAST = 1e-12;
constexpr int NU_HALVINGS = 60;
constexpr double NU_ACCURACY = 1e-9;

// Shares of the multipliers with which the old and the new errors start.
constexpr double OLD_SHARE = 0.7;
constexpr double NEW_SHARE = 0.3;

// result[n] = columns[n]^H gram[n] columns[n], (n, m, m) and (n, m, r) to (n, r, r), exactly Hermitian.
void congruence(Cube<const Complex> gram, Cube<const Complex> columns, Cube<Complex> result) {
    const Index n_nodes = columns.shape[0], n_users = columns.shape[1], width = columns.shape[2];
    OwnMatrix<Complex> half(n_users, width);
    for (Index n = 0; n < n_nodes; ++n) {
        // gram[n] columns[n]
        for (Index u = 0; u < n_users; ++u) {
            for (Index v = 0; v < width; ++v) {
                Complex value{0.0, 0.0};
                for (Index k = 0; k < n_users; ++k) value += gram(n, u, k) * columns(n, k, v);
                half(u, v) = value;
            }
        }
        // columns[n]^H times that
        for (Index u = 0; u < width; ++u) {
            for (Index v = 0; v <= u; ++v) {
                Complex value{0.0, 0.0};
                for (Index k = 0; k < n_users; ++k) value += conj(columns(n, k, u)) * half(k, v);
                if (u == v) {
                    result(n, u, u) = {value.re, 0.0};
                } else {
                    result(n, u, v) = value;
                    result(n, v, u) = conj(value);
                }
            }
        }
    }
}

void scale_error(Cube<Complex> mix, Index n, Index user, double scale) {
    for (Index u = 0; u < mix.shape[1]; ++u) mix(n, u, user) *= scale;
}

// Scale one user's error into its set, rounding of the Gram matrices included; the least scale used (1 or below).
//
// The square of ||G_n m|| is computed with an error of up to GRAM_ROUNDING times m sum_v |m_v|^2 ||g_v||^2, which counts
// as used. So an error that lives of cancellation is shrunk, and one that is not a number is given up.
double pull_inside(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Cube<Complex> mix, Index user) {
    const Index n_nodes = gram.shape[0], n_users = gram.shape[1];
    double used = 0.0, least = 1.0;
    for (Index n = 0; n < n_nodes; ++n) {
        // ||G_n m||^2 = m^H A_n m
        double square = 0.0, largest = 0.0;
        for (Index u = 0; u < n_users; ++u) {
            Complex value{0.0, 0.0};
            for (Index v = 0; v < n_users; ++v) value += gram(n, u, v) * mix(n, v, user);
            const Complex entry = mix(n, u, user);
            square += entry.re * value.re + entry.im * value.im;
            largest += squared_magnitude(entry) * gram(n, u, u).re;
        }
        if (largest == 0.0) continue;
        square = std::max(square, 0.0) + GRAM_ROUNDING * n_users * largest;
        if (radius2(n, user) <= 0.0) {
            for (Index u = 0; u < n_users; ++u) mix(n, u, user) = {0.0, 0.0};
        } else if (!balls) {
            used += square / radius2(n, user);
        } else if (!(square <= radius2(n, user))) {
            const double scale = std::sqrt(radius2(n, user) / square);
            least = scale > 0.0 ? std::min(least, scale) : 0.0;
            scale_error(mix, n, user, scale);
        }
    }
    // the ellipsoid couples the nodes
    if (!(used <= 1.0)) {
        const double scale = 1.0 / std::sqrt(used);
        least = scale > 0.0 ? scale : 0.0;
        for (Index n = 0; n < n_nodes; ++n) scale_error(mix, n, user, scale);
    }
    return least;
}

// Keep the error before where the new one is mostly rounding: judged anew, for where an error cancels the whole channel
// the numbers that made it may have lost all their digits.
void trust_or_keep(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Cube<const Complex> mix,
                   Cube<Complex> new_mix, Index user) {
    if (pull_inside(gram, radius2, balls, new_mix, user) > TRUSTED) return;
    for (Index n = 0; n < gram.shape[0]; ++n) {
        for (Index u = 0; u < gram.shape[1]; ++u) new_mix(n, u, user) = mix(n, u, user);
    }
}

// The semidefinite solution: Z_n = G_n basis_n, image_n = A_n basis_n, squares_n = Z_n^H Z_n.
struct Relaxation {
    Cube<const Complex> gram;
    Matrix<const double> radius2;
    Index n_nodes, n_users;
    OwnCube<Complex> basis, image, squares;

    Relaxation(Cube<const Complex> gram_, Matrix<const double> radius2_, Cube<const Complex> mix,
               Vector<const double> mu, Matrix<const Complex> factor);
    double length(Matrix<const Complex> spread, Vector<const Complex> z) const;
    void ellipsoid_error(Index user, Cube<const Complex> mix, Cube<Complex> new_mix) const;
    void gradient_step(Index user, double step, Matrix<Complex> trial) const;
    void ball_error(Index user, Cube<const Complex> mix, Cube<Complex> new_mix) const;
};

Relaxation::Relaxation(Cube<const Complex> gram_, Matrix<const double> radius2_, Cube<const Complex> mix,
                       Vector<const double> mu, Matrix<const Complex> factor)
    : gram(gram_), radius2(radius2_), n_nodes(gram_.shape[0]), n_users(gram_.shape[1]),
      basis(n_nodes, n_users, n_users), image(n_nodes, n_users, n_users), squares(n_nodes, n_users, n_users) {
    for (Index n = 0; n < n_nodes; ++n) {
        // (I + mix_n) L / mu_n
        for (Index u = 0; u < n_users; ++u) {
            for (Index v = 0; v < n_users; ++v) {
                Complex value = factor(u, v);
                for (Index k = 0; k < n_users; ++k) value += mix(n, u, k) * factor(k, v);
                basis(n, u, v) = value * (1.0 / mu(n));
            }
        }
        for (Index u = 0; u < n_users; ++u) {
            for (Index v = 0; v < n_users; ++v) {
                Complex value{0.0, 0.0};
                for (Index k = 0; k < n_users; ++k) value += gram(n, u, k) * basis(n, k, v);
                image(n, u, v) = value;
            }
        }
        for (Index u = 0; u < n_users; ++u) {
            for (Index v = 0; v < n_users; ++v) {
                Complex value{0.0, 0.0};
                for (Index k = 0; k < n_users; ++k) value += conj(basis(n, k, u)) * image(n, k, v);
                squares(n, u, v) = value;
            }
        }
    }
}

// z^H S z
double Relaxation::length(Matrix<const Complex> spread, Vector<const Complex> z) const {
    double total = 0.0;
    for (Index u = 0; u < n_users; ++u) {
        Complex value{0.0, 0.0};
        for (Index v = 0; v < n_users; ++v) value += spread(u, v) * z(v);
        total += (conj(z(u)) * value).re;
    }
    return total;
}

// Worst error of one user in the ellipsoid: secular equation in nu by bisection.
void Relaxation::ellipsoid_error(Index user, Cube<const Complex> mix, Cube<Complex> new_mix) const {
    OwnMatrix<Complex> matrix(n_users, n_users), spread(n_users, n_users), lower(n_users, n_users);
    OwnVector<Complex> z(n_users), target(n_users);
    // Z^H g_u and S_u
    double trace = 0.0;
    for (Index u = 0; u < n_users; ++u) {
        for (Index n = 0; n < n_nodes; ++n) target(u) += conj(image(n, user, u));
        for (Index v = 0; v < n_users; ++v) {
            Complex value{0.0, 0.0};
            for (Index n = 0; n < n_nodes; ++n) value += radius2(n, user) * squares(n, u, v);
            spread(u, v) = value;
        }
        trace += spread(u, u).re;
    }
    // nu with z^H S_u z = 1, z = (nu I + S_u)^-1 Z^H g_u
    double low = NU_LEAST * trace, high = NU_RANGE * trace, used = 0.0;
    for (int halving = 0; halving < NU_HALVINGS; ++halving) {
        const double nu = std::sqrt(low * high);
        matrix.copy_from(spread);
        for (Index u = 0; u < n_users; ++u) matrix(u, u).re += nu;
        z.copy_from(target);
        if (!cholesky<Complex>(matrix, lower)) {
            low = nu;
            continue;
        }
        solve_cholesky<Complex>(lower, z);
        used = length(spread, z);
        if (used > 1.0) {
            low = nu;
        } else {
            high = nu;
            if (used > 1.0 - NU_ACCURACY) break;
        }
    }
    // e_n = -eps_n^2 Z_n z, shrunk onto the ellipsoid
    const double shrink = 1.0 / std::sqrt(std::max(used, 1.0));
    for (Index n = 0; n < n_nodes; ++n) {
        for (Index u = 0; u < n_users; ++u) {
            Complex value{0.0, 0.0};
            for (Index v = 0; v < n_users; ++v) value += basis(n, u, v) * z(v);
            new_mix(n, u, user) = -shrink * radius2(n, user) * value;
        }
    }
    trust_or_keep(gram, radius2, false, mix, new_mix, user);
}

// trial -= step * Z Z^H (g_u + e)
void Relaxation::gradient_step(Index user, double step, Matrix<Complex> trial) const {
    OwnVector<Complex> residual(n_users);
    for (Index k = 0; k < n_users; ++k) {
        Complex total{0.0, 0.0};
        for (Index n = 0; n < n_nodes; ++n) {
            total += conj(image(n, user, k));
            for (Index v = 0; v < n_users; ++v) total += conj(image(n, v, k)) * trial(n, v);
        }
        residual(k) = total;
    }
    for (Index n = 0; n < n_nodes; ++n) {
        for (Index u = 0; u < n_users; ++u) {
            for (Index k = 0; k < n_users; ++k) trial(n, u) -= step * basis(n, u, k) * residual(k);
        }
    }
}

// Better error of one user in independent balls: accelerated projected gradient steps on ||Z^H (g_u + e)||^2.
void Relaxation::ball_error(Index user, Cube<const Complex> mix, Cube<Complex> new_mix) const {
    // step 1 / ||sum_n Z_n^H Z_n||_F
    double curvature = 0.0;
    for (Index u = 0; u < n_users; ++u) {
        for (Index v = 0; v < n_users; ++v) {
            Complex entry{0.0, 0.0};
            for (Index n = 0; n < n_nodes; ++n) entry += squares(n, u, v);
            curvature += squared_magnitude(entry);
        }
    }
    const double step = 1.0 / std::sqrt(std::max(curvature, 1e-300));
    OwnMatrix<Complex> trial(n_nodes, n_users), last(n_nodes, n_users);
    for (Index n = 0; n < n_nodes; ++n) {
        for (Index u = 0; u < n_users; ++u) trial(n, u) = last(n, u) = mix(n, u, user);
    }
    for (int iteration = 0; iteration < BALL_STEPS; ++iteration) {
        gradient_step(user, step, trial);
        const double momentum = iteration / (iteration + MOMENTUM_DELAY);
        for (Index n = 0; n < n_nodes; ++n) {
            // back into the ball of node n
            double square = 0.0;
            for (Index u = 0; u < n_users; ++u) {
                for (Index v = 0; v < n_users; ++v) square += (conj(trial(n, u)) * gram(n, u, v) * trial(n, v)).re;
            }
            const double shrink = square <= radius2(n, user) ? 1.0 : std::sqrt(radius2(n, user) / square);
            for (Index u = 0; u < n_users; ++u) {
                const Complex moved = shrink * trial(n, u);
                new_mix(n, u, user) = moved;
                trial(n, u) = moved + momentum * (moved - last(n, u));
                last(n, u) = moved;
            }
        }
    }
    trust_or_keep(gram, radius2, true, mix, new_mix, user);
}

}  // namespace

void shifted_gram(Cube<const Complex> gram, Cube<const Complex> mix, Cube<Complex> shifted) {
    OwnCube<Complex> columns(mix.shape[0], mix.shape[1], mix.shape[2]);
    columns.copy_from(mix);
    for (Index n = 0; n < gram.shape[0]; ++n) {
        for (Index u = 0; u < gram.shape[1]; ++u) columns(n, u, u).re += 1.0;
    }
    congruence(gram, columns, shifted);
}

void beam_errors(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<const Complex> x,
                 Vector<const double> share, Vector<const double> norms, Vector<const Complex> signal,
                 Vector<const double> q, Cube<Complex> mix) {
    const Index n_nodes = radius2.shape[0], n_users = radius2.shape[1];
    for (Index u = 0; u < n_users; ++u) {
        const double size = magnitude(signal(u));
        const Complex turn = size > 0.0 ? conj(signal(u)) * (1.0 / size) : Complex{1.0, 0.0};
        for (Index n = 0; n < n_nodes; ++n) {
            // e_n = -eps_n^2 s_n / q times the direction of w_n (balls: -eps_n)
            double weight = 0.0;  // also where a node sends nothing
            if (norms(n) > 0.0 && share(n) > 0.0 && size > 0.0) {
                if (balls) {
                    weight = std::sqrt(radius2(n, u)) / norms(n);
                } else if (q(u) > 0.0) {
                    weight = radius2(n, u) / q(u) * share(n) / norms(n);
                }
            }
            for (Index v = 0; v < n_users; ++v) mix(n, v, u) = -weight * x(v) * turn;
        }
        pull_inside(gram, radius2, balls, mix, u);
    }
}

void relaxation_errors(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Cube<const Complex> mix,
                       Vector<const double> mu, Matrix<const Complex> factor, Cube<Complex> new_mix) {
    const Relaxation relaxation(gram, radius2, mix, mu, factor);
    for (Index user = 0; user < gram.shape[1]; ++user) {
        if (balls) {
            relaxation.ball_error(user, mix, new_mix);
        } else {
            relaxation.ellipsoid_error(user, mix, new_mix);
        }
    }
}

void merge_errors(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<const double> ranks,
                  Cube<Complex> mix, Cube<const Complex> new_mix, Vector<double> y, Vector<double> mu,
                  double tolerance) {
    const Index n_nodes = gram.shape[0], n_users = gram.shape[1];
    // channels with the old and with the new errors, side by side as 2 m users
    OwnCube<Complex> columns(n_nodes, n_users, 2 * n_users), paired(n_nodes, 2 * n_users, 2 * n_users);
    for (Index n = 0; n < n_nodes; ++n) {
        for (Index u = 0; u < n_users; ++u) {
            for (Index v = 0; v < n_users; ++v) {
                const Complex own{u == v ? 1.0 : 0.0, 0.0};
                columns(n, u, v) = own + mix(n, u, v);
                columns(n, u, n_users + v) = own + new_mix(n, u, v);
            }
        }
    }
    congruence(gram, columns, paired);
    OwnMatrix<Complex> factor(2 * n_users, 2 * n_users);
    OwnVector<double> weight(2 * n_users);
    for (Index u = 0; u < n_users; ++u) {
        weight(u) = OLD_SHARE * y(u);
        weight(n_users + u) = NEW_SHARE * y(u);
    }
    minimise_bound(paired, ranks, weight, mu, factor, tolerance, 0.0);
    // the average by the multipliers
    for (Index u = 0; u < n_users; ++u) {
        y(u) = weight(u) + weight(n_users + u);
        const double share = weight(n_users + u) / y(u);
        for (Index n = 0; n < n_nodes; ++n) {
            for (Index k = 0; k < n_users; ++k) mix(n, k, u) += share * (new_mix(n, k, u) - mix(n, k, u));
        }
        pull_inside(gram, radius2, balls, mix, u);
    }
}

}  // namespace core
