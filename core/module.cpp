// The extension module fgamcd_opt.core: what Python calls. Each folder beside this file adds its own functions.
#include <nanobind/nanobind.h>

namespace core {
void bind_beamforming(nanobind::module_& module);
void bind_knapsack(nanobind::module_& module);
void bind_learning(nanobind::module_& module);
}  // namespace core

NB_MODULE(core, module) {
    module.doc() = "The compiled core of fgamcd_opt; fgamcd_opt/core.pyi describes what is in it.";
    // what other modules still hold when the interpreter ends is no leak, and no message for a user
    nanobind::set_leak_warnings(false);
    core::bind_beamforming(module);
    core::bind_knapsack(module);
    core::bind_learning(module);
}
