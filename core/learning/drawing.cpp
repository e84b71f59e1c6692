#include "learning/drawing.hpp"

#include <cmath>

namespace core {

namespace {

// Whether a uniform variable is below sigmoid(logit) = 1 / (1 + e^{-logit}).
bool happens(float chance, float logit) {
    return static_cast<double>(chance) * (1.0 + static_cast<double>(std::exp(-logit))) < 1.0;
}

}  // namespace

void likelier_bits(Cube<const float> logits, Matrix<const Flag> admissible, Cube<std::uint8_t> bits) {
    bits.fill(0);
    for (Index e = 0; e < logits.shape[0]; ++e) {
        for (Index n = 0; n < logits.shape[1]; ++n) {
            if (!admissible(e, n) || !(logits(e, n, 0) > 0.0f)) continue;
            for (Index j = 0; j < logits.shape[2]; ++j) bits(e, n, j) = logits(e, n, j) > 0.0f;
        }
    }
}

void drawn_bits(Cube<const float> logits, Matrix<const Flag> admissible, Cube<const float> chances, double epsilon,
                Vector<const float> fresh, Cube<std::uint8_t> bits) {
    bits.fill(0);
    for (Index e = 0; e < logits.shape[0]; ++e) {
        for (Index n = 0; n < logits.shape[1]; ++n) {
            // the agent explores, or follows its own logits
            const bool explores = static_cast<double>(chances(e, n, 0)) < epsilon;
            const Vector<const float> decides = explores ? fresh : logits.row(e).row(n);
            if (!admissible(e, n) || !happens(chances(e, n, 1), decides(0))) continue;
            bits(e, n, 0) = 1;
            for (Index j = 1; j < logits.shape[2]; ++j) bits(e, n, j) = happens(chances(e, n, 1 + j), decides(j));
        }
    }
}

}  // namespace core
