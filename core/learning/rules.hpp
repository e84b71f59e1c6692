// The rules of a step of the game: what is executed, which nodes then have the block, and how long that takes.
//
// Decisions (N, N) say in entry (n, 0) whether node n caches the block and in (n, 1 + j) whether it sends it to the
// j-th of the other nodes in increasing order. Links (N, N - 1) hold the time in s in which that takes, infinite where
// there is none. fgamcd_opt.learning.environment.rules says what else the arguments are.
#pragma once

#include "array.hpp"
#include "learning/flag.hpp"

namespace core {

using Mask = std::int64_t;
using Bits = View<const std::uint8_t, 2>;
using Links = Matrix<const double>;

// The steps of all scenarios, one after the other.
struct Steps {
    Vector<const std::int64_t> block_bytes;  // (rows,), not negative
    Vector<const Flag> requested;            // (rows,)
    Cube<const double> link_s;               // (rows, N, N - 1)
};

// Leave of decisions (E, N, N) what the rules allow, repair them if wanted, and take the room (E, N) in bytes. Copy e is
// at row(e) of the steps, its episode ends before end(e).
void execute(Cube<Flag> chosen, bool repaired, Matrix<std::int64_t> room, Vector<const std::int64_t> row,
             Vector<const std::int64_t> end, const Steps& steps);

// What is known about deliveries.
struct Deliveries {
    Vector<const Flag> requested;          // (rows,)
    Vector<const double> block_bits;       // (rows,)
    Cube<const double> link_s;             // (rows, N, N - 1)
    Matrix<const double> rates_bps;        // (rows, 2^N), NaN where not known
    Matrix<const std::int32_t> best_sets;  // (rows, 2^N), negative where not known
};

// T_k of (8) for all copies (E,); returns the first for which something is not known yet, or -1.
Index deliver(Cube<std::uint8_t> bits, bool redeliver, Vector<const std::int64_t> row, const Deliveries& known,
              Vector<double> delay_s);

// States (E, S) of rows (E,), the room filled in from entry ``first`` on as a share of the bytes to come (rows,).
void shown(Matrix<const float> states, Vector<const std::int64_t> row, Matrix<const std::int64_t> room,
           Vector<const double> bytes_to_come, Index first, Matrix<float> state);

// The nodes that cache the block, those that have it once it is sent (3), and the slowest migration in s, 0 without one.
Mask caching_mask(Bits bits);
Mask participants(Bits bits);
double migration_s(Bits bits, Links link_s);

// Set the bits (N, N - 1) that bring a block to every node of ``mask`` outside C over the fastest link from C. Rows of
// ``bits`` lie ``stride`` entries apart; they are zero before.
void cheapest_migration(Mask caching, Mask mask, Links link_s, std::uint8_t* bits, Index stride);

struct BestSet {
    Mask participants;
    bool known;
};

// Participants S that attain T_k(C) of F5, 0 if none deliver; or, not known, the S whose rate must be known first.
BestSet best_set(Mask caching, double size_bits, Links link_s, Vector<const double> most_bps,
                 Vector<const double> rate_bps);

}  // namespace core
