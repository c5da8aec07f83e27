// vec_math.h - functions of a vector, written once over the vector layer V.
#pragma once

namespace hearth::kernels {

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
  F p = V::set1(1.0f / 5040);
  p = V::fma(p, r, V::set1(1.0f / 720));
  p = V::fma(p, r, V::set1(1.0f / 120));
  p = V::fma(p, r, V::set1(1.0f / 24));
  p = V::fma(p, r, V::set1(1.0f / 6));
  p = V::fma(p, r, V::set1(0.5f));
  p = V::fma(p, r, V::set1(1.0f));
  p = V::fma(p, r, V::set1(1.0f));
  const typename V::I half = V::halve(n);
  return V::mul(V::mul(p, V::pow2(half)), V::pow2(V::subi(n, half)));
}

}  // namespace hearth::kernels
