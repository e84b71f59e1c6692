// What Python calls of learning.
#include "arguments.hpp"

namespace core {

void bind_learning(nb::module_& module) { (void)module; }

}  // namespace core
