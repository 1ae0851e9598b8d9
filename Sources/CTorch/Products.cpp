#include "Products.h"
#include "Parallel.h"
#include "Shim.h"
#include "Vectors.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

// Matrix products. libtorch takes float32 ones to MKL, which on some processors keeps to half of what their vectors can do; oneDNN, which it
// brings along too, does not. A product with a few rows (one observation, to be acted on) is as fast as its weights are read, and both
// libraries are far from that.

namespace shim {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t few = 4;

/// Outputs `begin` to `end` of `Rows` rows: each pair of a row and an output has a sum in a register, and weights, of float32 or bf16, are read once.
template <int64_t Rows, int64_t Outputs, class Weight>
ALWAYS_INLINE void dot(const float *a, const Weight *weight, const float *bias, float *result, int64_t inner, int64_t outputs, int64_t o) {
  Floats sums[Outputs][Rows] = {};
  int64_t k = 0;
  for (; k + lanes <= inner; k += lanes)
    for (int64_t i = 0; i < Outputs; i++) {
      // Rows of weights are about as long as a page, at whose end a processor stops to fetch ahead by itself. An address behind the last row does no harm.
      __builtin_prefetch(weight + (o + i + Outputs) * inner + k);
      Floats w = load(weight + (o + i) * inner + k);
      for (int64_t row = 0; row < Rows; row++) sums[i][row] += w * load(a + row * inner + k);
    }
  for (int64_t i = 0; i < Outputs; i++)
    for (int64_t row = 0; row < Rows; row++) {
      float sum = bias ? bias[o + i] : 0;
      for (int64_t lane = 0; lane < lanes; lane++) sum += sums[i][row][lane];
      for (int64_t rest = k; rest < inner; rest++) sum += number(weight[(o + i) * inner + rest]) * a[row * inner + rest];
      result[row * outputs + o + i] = sum;
    }
}

template <int64_t Rows, class Weight>
ALWAYS_INLINE void dots(const float *a, const Weight *weight, const float *bias, float *result, int64_t inner, int64_t outputs, int64_t begin, int64_t end) {
  int64_t o = begin;
  for (; o + 4 <= end; o += 4) dot<Rows, 4>(a, weight, bias, result, inner, outputs, o);
  for (; o < end; o++) dot<Rows, 1>(a, weight, bias, result, inner, outputs, o);
}

template <class Weight>
ALWAYS_INLINE void of_few_rows(const float *a, const Weight *weight, const float *bias, float *result, int64_t rows, int64_t inner, int64_t outputs,
                               int64_t begin, int64_t end) {
  switch (rows) {
    case 1: return dots<1>(a, weight, bias, result, inner, outputs, begin, end);
    case 2: return dots<2>(a, weight, bias, result, inner, outputs, begin, end);
    case 3: return dots<3>(a, weight, bias, result, inner, outputs, begin, end);
    case 4: return dots<4>(a, weight, bias, result, inner, outputs, begin, end);
  }
}

EACH_PROCESSOR void few_rows(const float *a, const float *weight, const float *bias, float *result, int64_t rows, int64_t inner, int64_t outputs,
                             int64_t begin, int64_t end) {
  of_few_rows(a, weight, bias, result, rows, inner, outputs, begin, end);
}
EACH_PROCESSOR void few_rows_half(const float *a, const uint16_t *weight, const float *bias, float *result, int64_t rows, int64_t inner,
                                  int64_t outputs, int64_t begin, int64_t end) {
  of_few_rows(a, weight, bias, result, rows, inner, outputs, begin, end);
}

/// Whether `weight` is that of something that acts, stored in bf16, to be multiplied in float32.
bool is_stored_narrow(const at::Tensor &a, const at::Tensor &weight) {
  return a.scalar_type() == at::kFloat && weight.scalar_type() == at::kBFloat16;
}

/// Of at least one number each; `weight`, in float32 or bf16, and `bias` lie contiguous in memory.
at::Tensor product_of_few_rows(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
  int64_t rows = a.size(0), inner = a.size(1), outputs = weight.size(0);
  auto x = a.contiguous(), result = at::empty({rows, outputs}, a.options());
  const float *b = bias ? bias->const_data_ptr<float>() : nullptr;
  parallel(outputs, std::max<int64_t>(1, (1 << 18) / inner), [&](int64_t begin, int64_t end) {
    auto from = x.const_data_ptr<float>();
    auto to = result.data_ptr<float>();
    if (weight.scalar_type() == at::kFloat) few_rows(from, weight.const_data_ptr<float>(), b, to, rows, inner, outputs, begin, end);
    else few_rows_half(from, halves(weight), b, to, rows, inner, outputs, begin, end);
  });
  return result;
}

using Pointwise = at::Tensor(const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, std::string_view,
                             c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);

/// oneDNN's product, where this libtorch has it.
const std::optional<c10::TypedOperatorHandle<Pointwise>> &onednn_linear() {
  static const auto found = []() -> std::optional<c10::TypedOperatorHandle<Pointwise>> {
    auto op = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    return op && at::globalContext().userEnabledMkldnn() ? std::optional(op->typed<Pointwise>()) : std::nullopt;
  }();
  return found;
}

struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
    context->save_for_backward({a, weight});
    context->saved_data["biased"] = bias.has_value();
    return product(a, weight, bias);
  }
  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    auto g = gradients[0], a = saved[0], weight = saved[1];
    variable_list results(3);
    if (context->needs_input_grad(0)) results[0] = product(g, weight.t());
    if (context->needs_input_grad(1)) results[1] = product(g.t(), a.t());
    if (context->saved_data["biased"].toBool()) results[2] = g.sum(0);
    return results;
  }
};

bool is_plain(const at::Tensor &a) { return a.is_cpu() && a.scalar_type() == at::kFloat; }

}  // namespace

at::Tensor product(const at::Tensor &a, const at::Tensor &given, const std::optional<at::Tensor> &given_bias) {
  auto type = a.scalar_type();
  auto bias = given_bias ? std::optional(given_bias->contiguous()) : std::nullopt;
  bool narrow = is_stored_narrow(a, given);
  if (is_plain(a) && (narrow || is_plain(given)) && a.size(0) <= few && a.numel() && given.is_contiguous()) return product_of_few_rows(a, given, bias);
  auto weight = narrow ? given.to(type) : given;
  if (a.numel() == 0 || !onednn_linear() || !a.is_cpu() || (type != at::kFloat && type != at::kBFloat16)) return at::linear(a, weight, bias);
  return onednn_linear()->call(a, weight, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

at::Tensor affine(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
  bool own = is_plain(a) && (is_plain(weight) || is_stored_narrow(a, weight)) && !at::autocast::is_autocast_enabled(at::kCPU);
  return own ? Linear::apply(a, weight, bias) : at::linear(a, weight, bias);
}

std::optional<at::Tensor> convolution_of_few_pixels(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t stride) {
  if (!is_plain(x) || !is_plain(weight) || !weight.is_contiguous(at::MemoryFormat::ChannelsLast)) return std::nullopt;
  if (at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad())) return std::nullopt;
  int64_t kernel = weight.size(2), height = (x.size(2) - kernel) / stride + 1, width = (x.size(3) - kernel) / stride + 1;
  if (x.size(0) * height * width > few) return std::nullopt;
  // Channels last, a pixel's inputs are a few rows of numbers side by side, and so are an output's weights.
  auto patches = x.permute({0, 2, 3, 1}).unfold(1, kernel, stride).unfold(2, kernel, stride).permute({0, 1, 2, 4, 5, 3});
  auto rows = patches.reshape({x.size(0) * height * width, -1}), flat = weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1});
  return product(rows, flat, bias).reshape({x.size(0), height, width, weight.size(0)}).permute({0, 3, 1, 2});
}

}  // namespace shim
