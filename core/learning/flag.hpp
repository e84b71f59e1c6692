// Entries of NumPy arrays of booleans.
#pragma once

#include <cstdint>

namespace core {

// A byte of which 0 is false. Unlike bool it may hold any value, as a view of other bytes does.
struct Flag {
    std::uint8_t value;

    Flag& operator=(bool other) {
        value = other;
        return *this;
    }
    operator bool() const { return value != 0; }  // NOLINT
};

}  // namespace core
