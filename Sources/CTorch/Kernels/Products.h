#pragma once
#include <ATen/ATen.h>

namespace kernels {

/// Rows of a product that are multiplied together where these are few.
constexpr int64_t gemv_rows = 4;
/// Whether this libtorch has oneDNN's product.
bool has_onednn_linear();

/// `a Wᵀ + b` of `[M, K]` and `[N, K]`, both of one type, or `a` in float32 and `W` stored in bf16; records no graph.
at::Tensor product(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias = std::nullopt);

/// `W` `[N, K]`, laid out once for many products with it.
class PackedWeight {
public:
  explicit PackedWeight(const at::Tensor &weight);
  /// `a Wᵀ` of `a` `[M, K]` rounded to the type of `W`, in float32, or in that type where this processor has no such
  /// products; records no graph.
  at::Tensor operator()(const at::Tensor &a) const;

private:
  at::Tensor plain, packed;  // one of both: as given, or [tiles, words, outputs of a tile]
  int64_t outputs;
  at::ScalarType type;
};

/// The same as `product` with gradients, and in autocast's type where that is on.
at::Tensor affine(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias);

/// The same of rows that are zero but for a few numbers, of which alone the weights are read, unless gradients are
/// taken: for weights that lie in memory as `[K, N]`. Then the result is in float32.
at::Tensor affine_of_sparse(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias);

/// `weight` in a type that libtorch takes together with `x`, where it is stored in bf16 and products with `x` are
/// computed in float32.
at::Tensor widened(const at::Tensor &weight, const at::Tensor &x);

/// A convolution without padding for which `is_patch_gemv` says so, in float32 in autocast too.
at::Tensor convolution_of_few_pixels(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                                     int64_t stride);

}  // namespace kernels
