// The memory behind tensors. What libtorch has for this is a template, whose name compilers spell in ways that do not
// fit every build of libtorch.
#pragma once
#include <ATen/ATen.h>

namespace kernels {

/// The numbers of a float32 tensor.
inline const float *floats(const at::Tensor &a) {
  TORCH_CHECK(a.scalar_type() == at::kFloat, "expected numbers in float32, not in ", a.scalar_type());
  return static_cast<const float *>(a.const_data_ptr());
}
/// The bits of numbers in bf16.
inline const uint16_t *halves(const at::Tensor &a) {
  TORCH_CHECK(a.scalar_type() == at::kBFloat16, "expected numbers in bf16, not in ", a.scalar_type());
  return static_cast<const uint16_t *>(a.const_data_ptr());
}

}  // namespace kernels
