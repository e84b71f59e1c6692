// Margins that the core shares with the checker; tests compare them with the Python modules that explain them.
#pragma once

namespace core {

// Relative margin by which a proof steps outwards (fgamcd_opt.problem.tolerances.MARGIN).
constexpr double MARGIN = 1e-12;

// Share of sum_n ||h_n|| ||w_n|| that the checker takes for rounding noise (fgamcd_opt.problem.worst_case.NOISE_SHARE).
constexpr double NOISE_SHARE = 1e-11;

// Relative margin added to every bound of F6 and F8 for floating-point rounding.
constexpr double ROUNDING = 1e-9;

// QoS status of a node set: a beam in hand meets every floor; open; proved that no beam can.
constexpr int FEASIBLE = 1;
constexpr int UNKNOWN = 0;
constexpr int INFEASIBLE = -1;

}  // namespace core
