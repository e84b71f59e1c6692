// What Python calls of beamforming.
#include "arguments.hpp"
#include "beamforming/constants.hpp"
#include "beamforming/lone_user.hpp"

namespace core {

namespace {

using nb::literals::operator""_a;

nb::tuple call_lone_user(nb::handle gram_in, nb::handle radius2_in, bool balls, Index user, nb::handle share_in) {
    Complexes<3> gram(gram_in, "gram");
    const Index n = gram.length(0), m = gram.length(1);
    require(gram.length(2) == m && user >= 0 && user < m, "gram: expected (n, m, m), and a user below m");
    Reals<2> radius2(radius2_in, "radius2", {n, m});
    RealsOut<1> share(share_in, "share", {n});
    const LoneUser found = lone_user(*gram, *radius2, balls, user, *share);
    return nb::make_tuple(found.amplitude, found.bound);
}

}  // namespace

void bind_beamforming(nb::module_& module) {
    module.attr("ROUNDING") = ROUNDING;
    module.attr("MARGIN") = MARGIN;
    module.attr("NOISE_SHARE") = NOISE_SHARE;
    module.def("lone_user", &call_lone_user, "gram"_a, "radius2"_a, "balls"_a, "user"_a, "share"_a);
}

}  // namespace core
