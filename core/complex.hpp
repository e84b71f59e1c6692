// Complex numbers in plain arithmetic: std::complex looks for NaN after every product, which costs more than the product.
#pragma once

#include <cmath>

namespace core {

struct Complex {
    double re, im;

    Complex& operator+=(Complex other) {
        re += other.re;
        im += other.im;
        return *this;
    }
    Complex& operator-=(Complex other) {
        re -= other.re;
        im -= other.im;
        return *this;
    }
    Complex& operator*=(double factor) {
        re *= factor;
        im *= factor;
        return *this;
    }
    Complex& operator/=(double divisor) {
        re /= divisor;
        im /= divisor;
        return *this;
    }
};

inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
inline Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
inline Complex operator-(Complex a) { return {-a.re, -a.im}; }
inline Complex operator*(Complex a, Complex b) {
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
inline Complex operator*(Complex a, double b) { return {a.re * b, a.im * b}; }
inline Complex operator*(double a, Complex b) { return {a * b.re, a * b.im}; }
inline Complex operator/(Complex a, double b) { return {a.re / b, a.im / b}; }

inline Complex conj(Complex a) { return {a.re, -a.im}; }
inline double conj(double a) { return a; }
inline double real(Complex a) { return a.re; }
inline double real(double a) { return a; }
inline double squared(double a) { return a * a; }
inline double squared_magnitude(Complex a) { return a.re * a.re + a.im * a.im; }
inline double squared_magnitude(double a) { return a * a; }
inline double magnitude(Complex a) { return std::hypot(a.re, a.im); }
inline double angle(Complex a) { return std::atan2(a.im, a.re); }
// e^{j angle}
inline Complex unit(double angle) { return {std::cos(angle), std::sin(angle)}; }

}  // namespace core
