// rows.h - a matrix of activations that somebody else owns: rows of contiguous values, strided.
#pragma once

#include <cstdint>
#include <type_traits>

namespace hearth {

template <class T>
struct Rows {
  T* data = nullptr;
  std::int64_t n_rows = 0;
  std::int64_t n_cols = 0;
  std::int64_t stride = 0;  // values from one row to the next, >= n_cols (or 0: one row for all)

  T* row(std::int64_t i) const { return data + i * stride; }
  operator Rows<const T>() const  // NOLINT: implicit, as T* to const T*
    requires(!std::is_const_v<T>)
  {
    return {data, n_rows, n_cols, stride};
  }
};

}  // namespace hearth
