#include "Products.h"
#include "Vectors.h"

#include <ATen/Parallel.h>
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

/// Outputs `begin` to `end` of `Rows` rows: each pair of a row and an output has a sum in a register, and weights are read once.
template <int64_t Rows, int64_t Outputs>
ALWAYS_INLINE void dot(const float *a, const float *weight, const float *bias, float *result, int64_t inner, int64_t outputs, int64_t o) {
  Floats sums[Outputs][Rows] = {};
  int64_t k = 0;
  for (; k + lanes <= inner; k += lanes)
    for (int64_t i = 0; i < Outputs; i++) {
      Floats w = load(weight + (o + i) * inner + k);
      for (int64_t row = 0; row < Rows; row++) sums[i][row] += w * load(a + row * inner + k);
    }
  for (int64_t i = 0; i < Outputs; i++)
    for (int64_t row = 0; row < Rows; row++) {
      float sum = bias ? bias[o + i] : 0;
      for (int64_t lane = 0; lane < lanes; lane++) sum += sums[i][row][lane];
      for (int64_t rest = k; rest < inner; rest++) sum += weight[(o + i) * inner + rest] * a[row * inner + rest];
      result[row * outputs + o + i] = sum;
    }
}

template <int64_t Rows>
ALWAYS_INLINE void dots(const float *a, const float *weight, const float *bias, float *result, int64_t inner, int64_t outputs, int64_t begin, int64_t end) {
  int64_t o = begin;
  for (; o + 4 <= end; o += 4) dot<Rows, 4>(a, weight, bias, result, inner, outputs, o);
  for (; o < end; o++) dot<Rows, 1>(a, weight, bias, result, inner, outputs, o);
}

EACH_PROCESSOR void few_rows(const float *a, const float *weight, const float *bias, float *result, int64_t rows, int64_t inner, int64_t outputs,
                             int64_t begin, int64_t end) {
  switch (rows) {
    case 1: return dots<1>(a, weight, bias, result, inner, outputs, begin, end);
    case 2: return dots<2>(a, weight, bias, result, inner, outputs, begin, end);
    case 3: return dots<3>(a, weight, bias, result, inner, outputs, begin, end);
    case 4: return dots<4>(a, weight, bias, result, inner, outputs, begin, end);
  }
}

/// Of at least one number each; `weight` and `bias` lie contiguous in memory.
at::Tensor product_of_few_rows(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
  int64_t rows = a.size(0), inner = a.size(1), outputs = weight.size(0);
  auto x = a.contiguous(), result = at::empty({rows, outputs}, a.options());
  const float *b = bias ? bias->const_data_ptr<float>() : nullptr;
  at::parallel_for(0, outputs, std::max<int64_t>(1, (1 << 18) / inner), [&](int64_t begin, int64_t end) {
    few_rows(x.const_data_ptr<float>(), weight.const_data_ptr<float>(), b, result.data_ptr<float>(), rows, inner, outputs, begin, end);
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

at::Tensor product(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &given) {
  if (a.numel() == 0) return at::linear(a, weight, given);
  auto bias = given ? std::optional(given->contiguous()) : std::nullopt;
  if (is_plain(a) && a.size(0) <= few && weight.is_contiguous()) return product_of_few_rows(a, weight, bias);
  auto type = a.scalar_type();
  if (!onednn_linear() || !a.is_cpu() || (type != at::kFloat && type != at::kBFloat16)) return at::linear(a, weight, bias);
  return onednn_linear()->call(a, weight, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

at::Tensor affine(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
  bool own = is_plain(a) && is_plain(weight) && !at::autocast::is_autocast_enabled(at::kCPU);
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
