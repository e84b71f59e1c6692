#include "learning/qos_ascent.hpp"

#include <algorithm>
#include <cmath>

namespace core {

namespace {

double sum(Vector<const double> values) {
    double total = 0.0;
    for (Index u = 0; u < values.size(); ++u) total += values(u);
    return total;
}

// The ascent for one block from one start.
class PhaseAscent {
  public:
    PhaseAscent(Cube<const Complex> gram, Vector<const Complex> start, Vector<const double> loss,
           const AscentOptions& options)
        : gram_(gram), loss_(loss), options_(options), n_nodes_(gram.shape[0]), n_users_(gram.shape[1]),
          phase_(n_users_), mixed_(n_users_), parts_(n_users_), signal_(n_users_), weight_(n_users_),
          amplitude_(n_users_) {
        phase_.copy_from(start);
        weight_.fill(1.0 / static_cast<double>(n_users_));
    }

    double run() {
        double best = 0.0;
        // a lone user's beam does not change
        const Index iterations = n_users_ > 1 ? options_.iterations : 1;
        for (Index iteration = 0; iteration < iterations; ++iteration) {
            send();
            receive();
            best = std::max(best, *std::min_element(amplitude_.data, amplitude_.data + n_users_));
            reweigh(iteration);
        }
        return best;
    }

  private:
    void send();
    void receive();
    void reweigh(Index iteration);

    Cube<const Complex> gram_;
    Vector<const double> loss_;
    const AscentOptions& options_;
    Index n_nodes_, n_users_;
    OwnVector<Complex> phase_, mixed_, parts_, signal_;
    OwnVector<double> weight_, amplitude_;
};

// What all users receive if every node sends sum_u y_u phi_u g_{n,u}, scaled to norm one.
void PhaseAscent::send() {
    for (Index u = 0; u < n_users_; ++u) {
        mixed_(u) = weight_(u) * phase_(u);
        signal_(u) = {0.0, 0.0};
    }
    for (Index n = 0; n < n_nodes_; ++n) {
        double norm2 = 0.0;
        for (Index u = 0; u < n_users_; ++u) {
            Complex part{0.0, 0.0};
            for (Index v = 0; v < n_users_; ++v) part += gram_(n, u, v) * mixed_(v);
            parts_(u) = part;
            norm2 += mixed_(u).re * part.re + mixed_(u).im * part.im;
        }
        const double scale = 1.0 / std::sqrt(std::max(norm2, options_.tiny));
        for (Index u = 0; u < n_users_; ++u) signal_(u) += parts_(u) * scale;
    }
}

// Worst-case amplitudes |signal_u| - q_u, and the phases that follow the signals.
void PhaseAscent::receive() {
    for (Index u = 0; u < n_users_; ++u) {
        const double strength = std::sqrt(squared_magnitude(signal_(u)));
        amplitude_(u) = std::max(0.0, strength - loss_(u));
        phase_(u) = signal_(u) / std::max(strength, options_.tiny);
    }
}

// y_u moves to the users that receive least: y_u e^{-step (amplitude_u - mean)}, scaled to sum one.
void PhaseAscent::reweigh(Index iteration) {
    const double mean = sum(amplitude_) / static_cast<double>(n_users_);
    const double step =
        options_.step / std::sqrt(1.0 + static_cast<double>(iteration)) / std::max(mean, options_.tiny);
    for (Index u = 0; u < n_users_; ++u) weight_(u) *= std::exp(-step * (amplitude_(u) - mean));
    const double total = sum(weight_);
    for (Index u = 0; u < n_users_; ++u) weight_(u) /= total;
}

}  // namespace

void ascend_all(View<const Complex, 4> gram, Cube<const Complex> phase, Matrix<const double> loss,
                const AscentOptions& options, Matrix<double> best) {
    for (Index b = 0; b < phase.shape[0]; ++b) {
        for (Index s = 0; s < phase.shape[1]; ++s) {
            best(b, s) = PhaseAscent(gram.row(b), phase.row(b).row(s), loss.row(b), options).run();
        }
    }
}

}  // namespace core
