// vec_math.h - functions of a vector, written once over the vector layer V.
#pragma once

#include <cstdint>
#include <cstring>

namespace hearth::kernels {

template <class V>
typename V::F load_tail(const float* x, std::int64_t n) {
  alignas(64) float buffer[16] = {};
  std::memcpy(buffer, x, static_cast<std::size_t>(n) * sizeof(float));
  return V::load(buffer);
}

template <class V>
void store_tail(float* y, std::int64_t n, typename V::F v) {
  alignas(64) float buffer[16];
  V::store(buffer, v);
  std::memcpy(y, buffer, static_cast<std::size_t>(n) * sizeof(float));
}

// e^x to 2 units in the last place; exactly 1 at 0 and exactly 0 below -104 (and for -inf, which a
// masked score is); +inf above 88.8.
//
// x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 is split so that n * kLn2High is exact for |n| < 2^9.
// The Taylor polynomial of degree 7 is off by r^8 / 8! < 5.2e-9. 2^n is applied in two halves, so
// that n may reach -216 and underflow to zero instead of wrapping around.
template <class V>
typename V::F exp(typename V::F x) {
  using F = typename V::F;
  x = V::min(V::max(x, V::set1(-150.0f)), V::set1(89.0f));
  const typename V::I n = V::to_int(V::mul(x, V::set1(1.44269504f)));
  const F nf = V::to_float(n);
  F r = V::fma(nf, V::set1(-0.693359375f), x);
  r = V::fma(nf, V::set1(2.12194440e-4f), r);
  F p = V::set1(1.40614227e-3f);
  p = V::fma(p, r, V::set1(8.37905904e-3f));
  p = V::fma(p, r, V::set1(4.16647733e-2f));
  p = V::fma(p, r, V::set1(0.166663648f));
  p = V::fma(p, r, V::set1(0.500000044f));
  p = V::fma(p, r, V::set1(1.00000005f));
  p = V::fma(p, r, V::set1(1.0f));
  return V::ldexp(p, n);
}

// The upper tail of the normal distribution, erfc(t / sqrt 2) / 2, for t in [0, 20]; to 5 units in
// the last place and what exp makes of the rounding of t^2 / 2.
//
// It is exp(-t^2 / 2) R(t) with a smooth R that falls from 1/2 like 1/t. In u = 1 / (1 + 0.35 t) it
// is u times a polynomial of degree 8, fitted for the least relative error up to t = 15 (3.3e-8);
// beyond, exp is 0.
template <class V>
typename V::F normal_tail(typename V::F t) {
  using F = typename V::F;
  const F u = V::div(V::set1(1), V::fma(t, V::set1(0.35f), V::set1(1)));
  F p = V::set1(-0.0291638523f);
  p = V::fma(p, u, V::set1(0.144060463f));
  p = V::fma(p, u, V::set1(-0.255901188f));
  p = V::fma(p, u, V::set1(0.159392163f));
  p = V::fma(p, u, V::set1(-0.0232633483f));
  p = V::fma(p, u, V::set1(0.105574608f));
  p = V::fma(p, u, V::set1(0.119815543f));
  p = V::fma(p, u, V::set1(0.139864326f));
  p = V::fma(p, u, V::set1(0.139621258f));
  return V::mul(V::mul(p, u), exp<V>(V::mul(V::mul(t, t), V::set1(-0.5f))));
}

}  // namespace hearth::kernels
