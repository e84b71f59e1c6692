#include "arguments.hpp"

namespace core {

namespace {

std::string tuple_text(const Index* shape, int axes) {
    std::string text = "(";
    for (int axis = 0; axis < axes; ++axis) text += std::to_string(shape[axis]) + (axis + 1 < axes || axes == 1 ? "," : "") + (axis + 1 < axes ? " " : "");
    return text + ")";
}

[[noreturn]] void refuse_type(const std::string& message) { throw nb::type_error(message.c_str()); }

[[noreturn]] void refuse_value(const std::string& message) { throw nb::value_error(message.c_str()); }

}  // namespace

void open_buffer(Py_buffer& buffer, nb::handle object, const char* name, const char* element, int axes,
                 bool (*matches)(const std::string&), std::size_t alignment, bool written) {
    const std::string wanted =
        std::string(name) + ": expected an array of " + element + " with " + std::to_string(axes) + " axes, got ";
    // objects without a buffer, and element types that buffers do not know
    if (PyObject_GetBuffer(object.ptr(), &buffer, PyBUF_FORMAT | PyBUF_STRIDES) != 0) {
        PyErr_Clear();
        refuse_type(wanted + nb::type_name(object.type()).c_str());
    }
    const std::string format = buffer.format ? buffer.format : "B";
    std::string refusal;
    bool wrong_type = false;
    if (!matches(format)) {
        wrong_type = true;
        refusal = wanted + "elements of the type '" + format + "'";
    } else if (buffer.ndim != axes) {
        refusal = wanted + std::to_string(buffer.ndim);
    } else if (!PyBuffer_IsContiguous(&buffer, 'C')) {
        refusal = std::string(name) + ": expected a C-contiguous array; numpy.ascontiguousarray makes one";
    } else if (written && buffer.readonly) {
        refusal = std::string(name) + ": expected an array that can be written to, got a read-only one";
    } else if (reinterpret_cast<std::uintptr_t>(buffer.buf) % alignment != 0) {
        refusal = std::string(name) + ": expected an aligned array";
    }
    if (!refusal.empty()) {
        PyBuffer_Release(&buffer);
        if (wrong_type) refuse_type(refusal);
        refuse_value(refusal);
    }
}

void refuse_shape(const char* name, const Index* shape, const Index* expected, int axes) {
    refuse_value(std::string(name) + ": expected the shape " + tuple_text(expected, axes) + ", got " +
                 tuple_text(shape, axes));
}

void require(bool condition, const char* message) {
    if (!condition) throw nb::value_error(message);
}

void require_range(Vector<const std::int64_t> values, Index low, Index high, const char* name) {
    for (Index i = 0; i < values.size(); ++i) {
        if (values(i) < low || values(i) >= high) {
            refuse_value(std::string(name) + ": entry " + std::to_string(i) + " is " + std::to_string(values(i)) +
                         ", expected a number from " + std::to_string(low) + " to " + std::to_string(high - 1));
        }
    }
}

}  // namespace core
