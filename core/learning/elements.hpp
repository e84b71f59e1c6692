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
template <>
struct Element<std::int32_t> {
    static constexpr const char* name = "int32";
    static bool is(const std::string& format) { return format == "i" || (format == "l" && sizeof(long) == 4); }
};

}  // namespace core
