#pragma once
#include "CTorch.h"
#include <ATen/ATen.h>

namespace shim {

/// Whether `first_convolution` does this one.
bool is_first_convolution(const at::Tensor &frames, const at::Tensor &weight, int64_t stride);
/// float32 frames `[N, 1, Y, X]`, weight `[O, 1, 4, 4]` to `[N, O, y, x]` with bias and activation, channels last in memory, in autocast's type where that is on.
at::Tensor first_convolution(const at::Tensor &frames, const at::Tensor &weight, const at::Tensor &bias, CTActivation then);

}  // namespace shim
