#pragma once
#include <ATen/ATen.h>

namespace kernels {

/// Fills `numbers` with exponential ones of rate 1, by SplitMix64 (Steele, Lea and Flood 2014) from where the generator
/// says: each number depends on its place alone, so that threads share the work, which libtorch's own draws leave to
/// one.
at::Tensor exponential(at::Tensor numbers, at::Generator generator);

}  // namespace kernels
