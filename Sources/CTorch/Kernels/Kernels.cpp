#include "Kernels.h"
#include "FirstConvolution.h"
#include "Products.h"
#include "StridedConvolution.h"
#include "Sums.h"

#include <ATen/autocast_mode.h>
#include <cstdlib>
#include <cstring>

using namespace kernels;

namespace {

constexpr KernelFacts table[] = {
    {"gemv", "float32 rows, 1 to 4 of them; weights float32 or bf16, contiguous", "any", "linear", 0},
    {"onednn_linear", "float32 or bf16 rows", "any, where libtorch has oneDNN", "linear", 0},
    {"packed_gemm", "weights float32 or bf16 (even K), laid out for all steps of a sequence",
     "AVX-512; bf16: AVX512_BF16 without AMX", "linear", 0},
    {"sparse_linear", "float32 rows that are mostly zeros; weights float32 or bf16, inputs first; no gradients", "any",
     "linear", 0},
    {"patch_gemv",
     "float32 frames with at most 256 pixels of output; weights float32 or bf16, channels last; no gradients", "any",
     "conv2d", 0},
    {"first_convolution", "float32 frames of 1 to 4 channels, kernel 4, stride 2, a multiple of 16 output channels",
     "any", "conv2d", 0},
    {"strided_convolution", "float32 or bf16 maps of at least 8 images, square kernel, multiples of 16 channels",
     "AVX-512; bf16: AVX512_BF16 without AMX", "conv2d, conv_transpose2d", 0},
    {"gru_gates", "float32 state, a multiple of 16 long; products float32 or bf16; no gradients", "any",
     "sigmoid, addcmul, tanh, lerp", 0},
    {"exponential", "float32", "any", "exponential_ (other numbers of the same law)", 0},
};
constexpr int count = sizeof table / sizeof *table;

thread_local int64_t runs[count];
thread_local std::optional<bool> chosen;

/// Counts a run, where there is one.
bool is(Kernel kernel, bool fits) {
  runs[static_cast<int>(kernel)] += fits;
  return fits;
}

bool is_plain(const at::Tensor &a) { return a.is_cpu() && a.scalar_type() == at::kFloat; }
bool is_plain_or_narrow(const at::Tensor &a, const at::Tensor &weight) {
  return weight.is_cpu() && (is_plain(weight) || is_stored_narrow(a, weight));
}
bool is_float_or_bf16(at::ScalarType type) { return type == at::kFloat || type == at::kBFloat16; }

#ifdef WITH_AVX512
bool has_sums_of(at::ScalarType type) { return sums_of(type); }
#else
bool has_sums_of(at::ScalarType) { return false; }
#endif

}  // namespace

namespace kernels {

std::vector<KernelFacts> all_kernels() {
  std::vector<KernelFacts> all(table, table + count);
  for (int i = 0; i < count; i++) all[i].runs = runs[i];
  return all;
}

void set_kernels(bool on) { chosen = on; }

bool kernels_are_on() {
  static const bool by_default = [] {
    const char *word = std::getenv("DITTO_KERNELS");
    return !word || std::strcmp(word, "off") != 0;
  }();
  return chosen.value_or(by_default);
}

bool is_gemv(const at::Tensor &a, const at::Tensor &weight) {
  return is(Kernel::Gemv, kernels_are_on() && is_plain(a) && is_plain_or_narrow(a, weight) && a.size(0) <= gemv_rows &&
                              a.numel() && weight.is_contiguous());
}

bool is_onednn_linear(const at::Tensor &a, const at::Tensor &weight) {
  return is(Kernel::OneDNNLinear, kernels_are_on() && a.is_cpu() && is_float_or_bf16(a.scalar_type()) &&
                                      weight.scalar_type() == a.scalar_type() && a.numel() && has_onednn_linear());
}

bool is_packed_gemm(const at::Tensor &weight) {
  auto type = weight.scalar_type();
  return is(Kernel::PackedGemm, kernels_are_on() && weight.is_cpu() && has_sums_of(type) &&
                                    (type == at::kFloat || weight.size(1) % 2 == 0));
}

bool is_sparse_linear(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
  bool fits = kernels_are_on() && is_plain(a) && is_plain_or_narrow(a, weight) && weight.t().is_contiguous() &&
              (!bias || is_plain(*bias));
  return is(Kernel::SparseLinear, fits && !is_recorded({a, weight, bias ? *bias : weight}));
}

bool is_patch_gemv(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t stride) {
  constexpr int64_t most = 256;
  if (!kernels_are_on() || !is_plain(x) || !is_plain_or_narrow(x, weight) || weight.size(1) == 1 ||
      !weight.is_contiguous(at::MemoryFormat::ChannelsLast))
    return false;
  int64_t kernel = weight.size(2), height = (x.size(2) - kernel) / stride + 1,
          width = (x.size(3) - kernel) / stride + 1;
  bool fits = x.size(2) >= kernel && x.size(3) >= kernel && x.numel() && x.size(0) * height * width <= most;
  return is(Kernel::PatchGemv, fits && !is_recorded({x, weight, bias}));
}

bool is_first_convolution(const at::Tensor &frames, const at::Tensor &weight, int64_t stride) {
  constexpr int64_t kernel = 4, most_channels = 4;
  return is(Kernel::FirstConvolution, kernels_are_on() && is_plain(frames) && is_plain_or_narrow(frames, weight) &&
                                          !frames.requires_grad() && weight.size(1) <= most_channels &&
                                          weight.size(1) == frames.size(1) && weight.size(2) == kernel &&
                                          weight.size(3) == kernel && stride == 2 && weight.size(0) % lanes == 0 &&
                                          frames.size(2) >= kernel && frames.size(3) >= kernel);
}

bool is_strided_convolution(const at::Tensor &x, const at::Tensor &weight, bool transposed) {
  constexpr int64_t images = 8;
  auto type = computed_in(x);
  return is(Kernel::StridedConvolution,
            kernels_are_on() && x.is_cpu() && has_sums_of(type) &&
                (weight.scalar_type() == at::kFloat || weight.scalar_type() == type) && x.dim() == 4 &&
                x.size(0) >= images && x.size(1) == weight.size(transposed ? 0 : 1) &&
                weight.size(2) == weight.size(3) && x.size(2) && x.size(3) && weight.size(0) % lanes == 0 &&
                weight.size(1) % lanes == 0 &&
                (transposed || (x.size(2) >= weight.size(2) && x.size(3) >= weight.size(2))));
}

bool is_gru_gates(const at::Tensor &of_x, const at::Tensor &of_h, const at::Tensor &h) {
  bool fits = of_x.sizes() == of_h.sizes() && of_x.size(0) == h.size(0) && of_x.size(1) == 3 * h.size(1) &&
              h.size(1) % lanes == 0;
  return is(Kernel::GRUGates, kernels_are_on() && fits && is_plain(h) && of_x.scalar_type() == of_h.scalar_type() &&
                                  is_float_or_bf16(of_x.scalar_type()) && !is_recorded({of_x, of_h, h}));
}

bool is_exponential(const at::Tensor &numbers) {
  return is(Kernel::Exponential, kernels_are_on() && is_plain(numbers));
}

bool is_stored_narrow(const at::Tensor &a, const at::Tensor &weight) {
  return a.scalar_type() == at::kFloat && weight.scalar_type() == at::kBFloat16;
}

bool is_recorded(std::initializer_list<std::reference_wrapper<const at::Tensor>> operands) {
  return at::GradMode::is_enabled() &&
         std::ranges::any_of(operands, [](const at::Tensor &a) { return a.requires_grad(); });
}

at::ScalarType computed_in(const at::Tensor &x) {
  auto device = x.device().type();
  return at::autocast::is_autocast_enabled(device) ? at::autocast::get_autocast_dtype(device) : x.scalar_type();
}

}  // namespace kernels
