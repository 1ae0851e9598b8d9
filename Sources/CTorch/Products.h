#pragma once
#include <ATen/ATen.h>

namespace shim {

/// `a Wᵀ + b` of `[M, K]` and `[N, K]`, both of one type, or `a` in float32 and `W` stored in bf16; records no graph.
at::Tensor product(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias = std::nullopt);

/// The same with gradients, and in autocast's type where that is on.
at::Tensor affine(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias);

/// A convolution without padding that needs no gradients and has so few pixels that its weights, read once, are most of the work; nothing
/// where it is not such a one.
std::optional<at::Tensor> convolution_of_few_pixels(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t stride);

}  // namespace shim
