#pragma once
#include <ATen/ATen.h>

namespace shim {

/// `a Wᵀ + b` of `[M, K]` and `[N, K]`, both of one type, or `a` in float32 and `W` stored in bf16; records no graph.
at::Tensor product(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias = std::nullopt);

/// `W` `[N, K]`, laid out once for many products with it.
class PackedWeight {
 public:
  explicit PackedWeight(const at::Tensor &weight);
  /// `a Wᵀ` in float32, of `a` `[M, K]` rounded to the type of `W`; records no graph.
  at::Tensor operator()(const at::Tensor &a) const;

 private:
  at::Tensor weight, packed;  // [tiles, words, outputs of a tile], undefined where this processor has no such products
};

/// The same as `product` with gradients, and in autocast's type where that is on.
at::Tensor affine(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias);

/// The same of rows that are zero but for a few numbers, of which alone the weights are read, unless gradients are taken: for weights that lie in memory
/// as `[K, N]`. Then the result is in float32.
at::Tensor affine_of_sparse(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias);

/// A convolution without padding that needs no gradients and has so few pixels that its weights, read once, are most of the work; nothing
/// where it is not such a one.
std::optional<at::Tensor> convolution_of_few_pixels(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t stride);

}  // namespace shim
