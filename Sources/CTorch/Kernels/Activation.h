// What a layer does to its result, element by element, and what that does to gradients, for which the result suffices.
#pragma once
#include "Vectors.h"
#include <ATen/ATen.h>

namespace kernels {

enum class Activation { Identity, ELU, ReLU };

/// eˣ − 1 of x ≤ 0, to some units in the last place.
ALWAYS_INLINE Floats exponential_less_one(Floats below) {
  below = below < -20 ? Floats{} - 20 : below;   // whose result is −1 already
  Floats sane = below > -30 ? below : Floats{};  // what is no number has no integer either, and is none in the end by r
  // eˣ = 2ⁿ eʳ with |r| ≤ ½ log 2, and eˣ − 1 = 2ⁿ (eʳ − 1) + (2ⁿ − 1), where nothing cancels out. Adding 3 · 2²²
  // leaves an integer in the last bits.
  constexpr float magic = 12582912;
  Floats n = sane * 1.44269504f + magic - magic;
  Floats r = below - n * 0.693359375f + n * 2.12194440e-4f;
  Floats tail = 1 / 6.f + r * (1 / 24.f + r * (1 / 120.f + r * (1 / 720.f + r * (1 / 5040.f))));
  Floats small = r + r * r * (0.5f + r * tail);
  Words exponent = __builtin_convertvector(n + 127, Words) << 23;
  Floats scale;
  __builtin_memcpy(&scale, &exponent, sizeof scale);
  return scale * small + (scale - 1);
}

ALWAYS_INLINE Floats elu(Floats x) { return x < 0 ? exponential_less_one(x < 0 ? x : Floats{}) : x; }
/// To 6e-8, beside 0 too.
ALWAYS_INLINE Floats sigmoid(Floats x) {
  Floats half = 1 / (exponential_less_one(x < 0 ? x : -x) + 2);  // of −|x|
  return x < 0 ? 1 - half : half;
}
ALWAYS_INLINE Floats tanh(Floats x) {
  Floats e = exponential_less_one(x < 0 ? 2 * x : -2 * x), size = e / (e + 2);  // −tanh |x|
  return x < 0 ? size : -size;
}

ALWAYS_INLINE Floats activated(Floats x, Activation then) {
  return then == Activation::ELU ? elu(x) : then == Activation::ReLU ? (x < 0 ? Floats{} : x) : x;
}

/// The gradient before the activation that came to `y`.
ALWAYS_INLINE Floats before_activation(Floats gradient, Floats y, Activation then) {
  return then == Activation::ELU    ? (y < 0 ? gradient * (y + 1) : gradient)
         : then == Activation::ReLU ? (y <= 0 ? Floats{} : gradient)
                                    : gradient;
}

/// The same of all of `g`, in place of it unless somebody else has it.
at::Tensor activation_gradient(at::Tensor &&g, const at::Tensor &y, Activation then);

/// The same of maps `[N, C, Y, X]`, C a multiple of 16, in float32 or bf16, and its sum over pixels `[C]` in float32;
/// `y` and what comes out lie channels last in memory.
std::pair<at::Tensor, at::Tensor> activation_and_bias_gradient(at::Tensor &&g, const at::Tensor &y, Activation then);

}  // namespace kernels
