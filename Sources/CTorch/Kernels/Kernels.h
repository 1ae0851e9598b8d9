// The CPU kernels of our own, in one table: which operands and which processor each is for, and what libtorch computes
// instead. Everything else that the shim does is libtorch's on every device, so with all kernels off the CPU computes
// by the operations that other devices compute by.
#pragma once
#include <ATen/ATen.h>

namespace kernels {

/// In the order of the table in Kernels.cpp.
enum class Kernel {
  Gemv,
  OneDNNLinear,
  PackedGemm,
  SparseLinear,
  PatchGemv,
  FirstConvolution,
  StridedConvolution,
  GRUGates,
  Exponential
};

/// The operands and the processor that a kernel is for, libtorch's operations instead, and how often it ran on this
/// thread.
struct KernelFacts {
  const char *name, *operands, *processor, *counterpart;
  int64_t runs;
};
/// The table's rows.
std::vector<KernelFacts> all_kernels();

/// Whether kernels of our own may run on this thread.
bool kernels_are_on();
/// Whether they may from now on.
void set_kernels(bool on);

// Whether a kernel is the one for these operands; true is counted as a run of it.

/// `a` `[M, K]` in float32, weight `[N, K]` in float32 or stored in bf16.
bool is_gemv(const at::Tensor &a, const at::Tensor &weight);
/// `a` `[M, K]` and weight `[N, K]` of one type.
bool is_onednn_linear(const at::Tensor &a, const at::Tensor &weight);
/// Weight `[N, K]`, to be laid out once for many products with it.
bool is_packed_gemm(const at::Tensor &weight);
/// `a` `[M, K]`, mostly zeros, and a weight `[N, K]` that lies in memory as `[K, N]`; no gradients are recorded.
bool is_sparse_linear(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias);
/// Frames `x` `[N, C, Y, X]` of which at most 256 pixels come out; no gradients are recorded.
bool is_patch_gemv(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t stride);
/// Frames `[N, C, Y, X]` of few channels.
bool is_first_convolution(const at::Tensor &frames, const at::Tensor &weight, int64_t stride);
/// Maps `[N, C, Y, X]`.
bool is_strided_convolution(const at::Tensor &x, const at::Tensor &weight, bool transposed);
/// What input and state bring to the gates, `[B, 3 D]`, and the state `[B, D]`; no gradients are recorded.
bool is_gru_gates(const at::Tensor &of_x, const at::Tensor &of_h, const at::Tensor &h);
bool is_exponential(const at::Tensor &numbers);

/// Whether `weight` is that of something frozen, stored in bf16, to be multiplied in float32.
bool is_stored_narrow(const at::Tensor &a, const at::Tensor &weight);
/// Whether any operand's gradient is recorded.
bool is_recorded(std::initializer_list<std::reference_wrapper<const at::Tensor>> operands);
/// What products with `x` are computed in: autocast's type where that is on for its device, else its own.
at::ScalarType computed_in(const at::Tensor &x);

}  // namespace kernels
