#include "beamforming/dense.hpp"

#include <cmath>

namespace core {

namespace {

void set_real(double& entry, double value) { entry = value; }
void set_real(Complex& entry, double value) { entry = {value, 0.0}; }

}  // namespace

// L_jj = sqrt(A_jj - sum_k |L_jk|^2),  L_ij = (A_ij - sum_k L_ik conj(L_jk)) / L_jj
template <class T>
bool cholesky(Matrix<const T> matrix, Matrix<T> lower) {
    const Index size = matrix.shape[0];
    for (Index j = 0; j < size; ++j) {
        const T* row_j = &lower(j, 0);
        double pivot = real(matrix(j, j));
        for (Index k = 0; k < j; ++k) pivot -= squared_magnitude(row_j[k]);
        if (!(pivot > 0.0)) return false;
        const double root = std::sqrt(pivot);
        set_real(lower(j, j), root);
        const double inverse = 1.0 / root;
        for (Index i = j + 1; i < size; ++i) {
            T* row_i = &lower(i, 0);
            T value = matrix(i, j);
            for (Index k = 0; k < j; ++k) value -= row_i[k] * conj(row_j[k]);
            row_i[j] = value * inverse;
        }
    }
    return true;
}

template <class T>
void solve_cholesky(Matrix<const T> lower, Vector<T> rhs) {
    const Index size = lower.shape[0];
    // L y = rhs
    for (Index i = 0; i < size; ++i) {
        T value = rhs(i);
        for (Index k = 0; k < i; ++k) value -= lower(i, k) * rhs(k);
        rhs(i) = value * (1.0 / real(lower(i, i)));
    }
    // L^H x = y
    for (Index i = size - 1; i >= 0; --i) {
        T value = rhs(i);
        for (Index k = i + 1; k < size; ++k) value -= conj(lower(k, i)) * rhs(k);
        rhs(i) = value * (1.0 / real(lower(i, i)));
    }
}

template <class T>
void solve_cholesky_pair(Matrix<const T> lower, Vector<T> first, Vector<T> second) {
    const Index size = lower.shape[0];
    // L y = rhs
    for (Index i = 0; i < size; ++i) {
        T one = first(i), two = second(i);
        for (Index k = 0; k < i; ++k) {
            one -= lower(i, k) * first(k);
            two -= lower(i, k) * second(k);
        }
        const double inverse = 1.0 / real(lower(i, i));
        first(i) = one * inverse;
        second(i) = two * inverse;
    }
    // L^H x = y
    for (Index i = size - 1; i >= 0; --i) {
        T one = first(i), two = second(i);
        for (Index k = i + 1; k < size; ++k) {
            const T entry = conj(lower(k, i));
            one -= entry * first(k);
            two -= entry * second(k);
        }
        const double inverse = 1.0 / real(lower(i, i));
        first(i) = one * inverse;
        second(i) = two * inverse;
    }
}

void invert_cholesky(Matrix<const Complex> lower, Matrix<Complex> inverse) {
    const Index size = lower.shape[0];
    OwnMatrix<Complex> triangle(size, size);  // L^-1, its lower half
    for (Index i = 0; i < size; ++i) {
        const double own = 1.0 / lower(i, i).re;
        for (Index j = 0; j < i; ++j) {
            Complex value = lower(i, j) * triangle(j, j);
            for (Index k = j + 1; k < i; ++k) value += lower(i, k) * triangle(k, j);
            triangle(i, j) = -own * value;
        }
        triangle(i, i) = {own, 0.0};
    }
    // L^-H L^-1
    for (Index u = 0; u < size; ++u) {
        for (Index v = 0; v <= u; ++v) {
            Complex value = conj(triangle(u, u)) * triangle(u, v);
            for (Index k = u + 1; k < size; ++k) value += conj(triangle(k, u)) * triangle(k, v);
            inverse(u, v) = value;
            inverse(v, u) = conj(value);
        }
    }
}

template bool cholesky<double>(Matrix<const double>, Matrix<double>);
template bool cholesky<Complex>(Matrix<const Complex>, Matrix<Complex>);
template void solve_cholesky<Complex>(Matrix<const Complex>, Vector<Complex>);
template void solve_cholesky_pair<double>(Matrix<const double>, Vector<double>, Vector<double>);

}  // namespace core
