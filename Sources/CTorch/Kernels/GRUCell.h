#pragma once
#include <ATen/ATen.h>

namespace kernels {

/// The next state `[B, D]` from the input `x` `[B, I]` and the state `h` `[B, D]`; gates reset, update and new: weights
/// `[3 D, I]` and `[3 D, D]`, biases `[3 D]`.
at::Tensor gru_cell(const at::Tensor &x, const at::Tensor &h, const at::Tensor &input_weight,
                    const at::Tensor &recurrent_weight, const at::Tensor &input_bias, const at::Tensor &recurrent_bias);

}  // namespace kernels
