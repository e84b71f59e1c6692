// Element types of the arrays that only learning hands over.
#pragma once

#include "arguments.hpp"
#include "learning/flag.hpp"

namespace core {

template <>
struct Element<Flag> {
    static constexpr const char* name = "bool";
    static bool is(const std::string& format) { return format == "?"; }
};

}  // namespace core
