// The boundary to Python: NumPy arrays become views once type, axes, memory layout and shape are what the core expects.
#pragma once

#include <Python.h>
#include <nanobind/nanobind.h>

#include <string>

#include "array.hpp"
#include "complex.hpp"

namespace core {

namespace nb = nanobind;

// How NumPy calls an element type, and how the buffer protocol does.
template <class T>
struct Element;
template <>
struct Element<double> {
    static constexpr const char* name = "float64";
    static bool is(const std::string& format) { return format == "d"; }
};
template <>
struct Element<float> {
    static constexpr const char* name = "float32";
    static bool is(const std::string& format) { return format == "f"; }
};
template <>
struct Element<Complex> {
    static constexpr const char* name = "complex128";
    static bool is(const std::string& format) { return format == "Zd"; }
};
template <>
struct Element<std::int64_t> {
    static constexpr const char* name = "int64";
    static bool is(const std::string& format) { return format == "q" || (format == "l" && sizeof(long) == 8); }
};
template <>
struct Element<std::int32_t> {
    static constexpr const char* name = "int32";
    static bool is(const std::string& format) { return format == "i" || (format == "l" && sizeof(long) == 4); }
};
template <>
struct Element<std::uint8_t> {
    static constexpr const char* name = "uint8";
    static bool is(const std::string& format) { return format == "B"; }
};

// Fills ``buffer`` from ``object`` or throws the TypeError or ValueError that names the argument.
void open_buffer(Py_buffer& buffer, nb::handle object, const char* name, const char* element, int axes,
                 bool (*matches)(const std::string&), std::size_t alignment, bool written);

// A ValueError that says which argument has which shape, and which one it should have.
[[noreturn]] void refuse_shape(const char* name, const Index* shape, const Index* expected, int axes);

// One array argument, kept alive and unmoved while it exists; T is const where the core only reads.
template <class T, int Axes>
class Argument {
  public:
    Argument(nb::handle object, const char* name) : name_(name) {
        using Plain = std::remove_const_t<T>;
        open_buffer(buffer_, object, name, Element<Plain>::name, Axes, &Element<Plain>::is, alignof(Plain),
                    !std::is_const_v<T>);
        view_.data = static_cast<T*>(buffer_.buf);
        for (int axis = 0; axis < Axes; ++axis) view_.shape[axis] = buffer_.shape[axis];
    }
    // As above, and of a given shape.
    Argument(nb::handle object, const char* name, std::array<Index, Axes> expected) : Argument(object, name) {
        if (view_.shape != expected) refuse_shape(name, view_.shape.data(), expected.data(), Axes);
    }
    Argument(const Argument&) = delete;
    Argument& operator=(const Argument&) = delete;
    ~Argument() { PyBuffer_Release(&buffer_); }

    const View<T, Axes>& operator*() const { return view_; }
    const View<T, Axes>* operator->() const { return &view_; }
    Index length(int axis) const { return view_.shape[axis]; }
    const char* name() const { return name_; }

  private:
    const char* name_;
    Py_buffer buffer_{};
    View<T, Axes> view_;
};

template <int Axes>
using Reals = Argument<const double, Axes>;
template <int Axes>
using Complexes = Argument<const Complex, Axes>;
template <int Axes>
using Integers = Argument<const std::int64_t, Axes>;
template <int Axes>
using RealsOut = Argument<double, Axes>;
template <int Axes>
using ComplexesOut = Argument<Complex, Axes>;
template <int Axes>
using IntegersOut = Argument<std::int64_t, Axes>;

// A ValueError unless ``condition`` holds; for what shapes alone do not say, such as indices within their array.
void require(bool condition, const char* message);

// Every entry lies in [low, high).
void require_range(Vector<const std::int64_t> values, Index low, Index high, const char* name);

}  // namespace core
