#pragma once
#include "Activation.h"
#include <ATen/ATen.h>

namespace kernels {

/// Where `is_strided_convolution` says so: a convolution without padding, or a transposed one, of `x` `[N, in, Y, X]`,
/// with bias and activation; channels last in memory, in autocast's type where that is on. Weight `[out, in, kernel,
/// kernel]`, transposed `[in, out, kernel, kernel]`.
at::Tensor strided_convolution(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t stride,
                               bool transposed, Activation then);

}  // namespace kernels
