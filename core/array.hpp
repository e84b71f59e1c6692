// Arrays as the core sees them: C-contiguous, of a fixed number of axes, addressed as a(i, j, k).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace core {

using Index = std::ptrdiff_t;

// A part of memory that somebody else owns.
template <class T, int Axes>
struct View {
    T* data = nullptr;
    std::array<Index, Axes> shape{};

    View() = default;
    View(T* start, std::array<Index, Axes> lengths) : data(start), shape(lengths) {}

    // What may be written may be read.
    template <class Other, class = std::enable_if_t<std::is_same_v<const Other, T>>>
    View(const View<Other, Axes>& other) : data(other.data), shape(other.shape) {}  // NOLINT

    template <class... Indices>
    T& operator()(Indices... indices) const {
        static_assert(sizeof...(Indices) == Axes, "one index per axis");
        const Index list[] = {static_cast<Index>(indices)...};
        Index place = list[0];
        for (int axis = 1; axis < Axes; ++axis) place = place * shape[axis] + list[axis];
        return data[place];
    }

    // The i-th part along the first axis.
    View<T, Axes - 1> row(Index i) const {
        std::array<Index, Axes - 1> rest{};
        Index length = 1;
        for (int axis = 1; axis < Axes; ++axis) {
            rest[axis - 1] = shape[axis];
            length *= shape[axis];
        }
        return {data + i * length, rest};
    }

    // The first ``count`` parts along the first axis.
    View first(Index count) const {
        View part = *this;
        part.shape[0] = count;
        return part;
    }

    Index size() const {
        Index total = 1;
        for (Index length : shape) total *= length;
        return total;
    }

    void fill(const T& value) const {
        for (Index i = 0, n = size(); i < n; ++i) data[i] = value;
    }

    // Take over the entries of an array of the same shape.
    void copy_from(View<const T, Axes> other) const {
        for (Index i = 0, n = size(); i < n; ++i) data[i] = other.data[i];
    }
};

template <class T>
using Vector = View<T, 1>;
template <class T>
using Matrix = View<T, 2>;
template <class T>
using Cube = View<T, 3>;

// An array with memory of its own, filled with zeros.
template <class T, int Axes>
struct Array : View<T, Axes> {
    template <class... Lengths>
    explicit Array(Lengths... lengths) : View<T, Axes>(nullptr, {static_cast<Index>(lengths)...}) {
        static_assert(sizeof...(Lengths) == Axes, "one length per axis");
        memory_.reset(new T[static_cast<std::size_t>(this->size())]());
        this->data = memory_.get();
    }

    // Filled with one value.
    static Array filled(std::array<Index, Axes> lengths, const T& value) {
        Array made(lengths);
        made.fill(value);
        return made;
    }

  private:
    explicit Array(std::array<Index, Axes> lengths) : View<T, Axes>(nullptr, lengths) {
        memory_.reset(new T[static_cast<std::size_t>(this->size())]());
        this->data = memory_.get();
    }

    std::unique_ptr<T[]> memory_;
};

template <class T>
using OwnVector = Array<T, 1>;
template <class T>
using OwnMatrix = Array<T, 2>;
template <class T>
using OwnCube = Array<T, 3>;

}  // namespace core
