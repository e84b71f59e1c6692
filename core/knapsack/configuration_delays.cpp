#include "knapsack/configuration_delays.hpp"

#include <algorithm>
#include <limits>

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

// Time in s in which node m gets the block over the fastest link from C; infinite without a link.
double arrival_s(Matrix<const double> link_bps, double bits, Mask caching, Index m) {
    double fastest = 0.0;
    for (Index n = 0; n < link_bps.shape[0]; ++n) {
        if (holds(caching, n) && n != m) fastest = std::max(fastest, link_bps(n, m));
    }
    return fastest > 0.0 ? bits / fastest : INFINITE;
}

}  // namespace

void configuration_delays(const DeliveryTimes& times, bool migrate, Matrix<double> delay_s, Matrix<Mask> served_by) {
    const Index n_units = times.starts.size() - 1, n_nodes = times.backhaul_bps.shape[1];
    const Mask n_sets = times.air_s.shape[1];
    Index most = 0;
    for (Index unit = 0; unit < n_units; ++unit) most = std::max(most, times.starts(unit + 1) - times.starts(unit));
    OwnMatrix<double> arrival(most, n_nodes);
    for (Index unit = 0; unit < n_units; ++unit) {
        const Index first = times.starts(unit), end = times.starts(unit + 1);
        for (Mask caching = 0; caching < n_sets; ++caching) {
            // when the block can be at each node, from the nodes that cache it
            for (Index k = first; k < end; ++k) {
                const Matrix<const double> link = times.backhaul_bps.row(times.backhaul_bps.shape[0] > 1 ? k : 0);
                for (Index m = 0; m < n_nodes; ++m) arrival(k - first, m) = arrival_s(link, times.bits(k), caching, m);
            }
            // all subsets of the nodes outside C join it, from all of them down to none
            const Mask outside = migrate && caching ? (n_sets - 1) & ~caching : 0;
            double best = INFINITE;
            Mask best_set = 0;
            for (Mask extra = outside;; extra = (extra - 1) & outside) {
                const Mask members = caching | extra;
                double total = 0.0;
                for (Index k = first; k < end && total < best; ++k) {
                    double migration = 0.0;
                    for (Index m = 0; m < n_nodes; ++m) {
                        if (holds(extra, m)) migration = std::max(migration, arrival(k - first, m));
                    }
                    total += migration + times.air_s(k, members);
                }
                if (total < best) {
                    best = total;
                    best_set = members;
                }
                if (extra == 0) break;
            }
            delay_s(unit, caching) = best;
            served_by(unit, caching) = best_set;
        }
    }
}

}  // namespace core
