// Decisions from logits as they are carried out: likelier or drawn bits, within the masks.
//
// The masks are exact: a_n = 0 where the block does not fit (1), b_{n,m} <= a_n (2).
#pragma once

#include "array.hpp"
#include "learning/flag.hpp"

namespace core {

// The likelier value of each bit (logit > 0): logits and bits (E, N, J), admissible (E, N).
void likelier_bits(Cube<const float> logits, Matrix<const Flag> admissible, Cube<std::uint8_t> bits);

// Bits that are 1 with probability sigmoid(logit): ``chances`` (E, N, 1 + J), uniform in [0, 1), say whether the agent
// explores, by the logits ``fresh`` (J,), and then each of its bits.
void drawn_bits(Cube<const float> logits, Matrix<const Flag> admissible, Cube<const float> chances, double epsilon,
                Vector<const float> fresh, Cube<std::uint8_t> bits);

}  // namespace core
