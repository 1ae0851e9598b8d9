#pragma once
#include "Activation.h"
#include <ATen/ATen.h>

namespace kernels {

/// Where `is_first_convolution` says so: float32 frames `[N, C, Y, X]`, weight `[O, C, 4, 4]` to `[N, O, y, x]` with
/// bias and activation, channels last in memory, in autocast's type where that is on.
at::Tensor first_convolution(const at::Tensor &frames, const at::Tensor &weight, const at::Tensor &bias,
                             Activation then);

}  // namespace kernels
