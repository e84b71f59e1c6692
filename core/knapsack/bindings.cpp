// What Python calls of knapsack.
#include "arguments.hpp"

namespace core {

void bind_knapsack(nb::module_& module) { (void)module; }

}  // namespace core
