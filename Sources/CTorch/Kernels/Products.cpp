#include "Products.h"
#include "Kernels.h"
#include "Numbers.h"
#include "Parallel.h"
#include "Sums.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

// Matrix products. libtorch takes float32 ones to MKL, which on some processors keeps to half of what their vectors can
// do; oneDNN, which it brings along too, does not. A product with a few rows (one observation, to be acted on) is as
// fast as its weights are read, and both libraries are far from that.

namespace kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Outputs `begin` to `end` of `Rows` rows: each pair of a row and an output has a sum in a register, and weights, of
/// float32 or bf16, are read once.
template <int64_t Rows, int64_t Outputs, class Weight>
ALWAYS_INLINE void dot(const float *a, const Weight *weight, const float *bias, float *result, int64_t inner,
                       int64_t outputs, int64_t o) {
  Floats sums[Outputs][Rows] = {};
  int64_t k = 0;
  for (; k + lanes <= inner; k += lanes)
    for (int64_t i = 0; i < Outputs; i++) {
      // Rows of weights are about as long as a page, at whose end a processor stops to fetch ahead by itself. An
      // address behind the last row does no harm.
      __builtin_prefetch(weight + (o + i + Outputs) * inner + k);
      Floats w = load(weight + (o + i) * inner + k);
      for (int64_t row = 0; row < Rows; row++) sums[i][row] += w * load(a + row * inner + k);
    }
  for (int64_t i = 0; i < Outputs; i++)
    for (int64_t row = 0; row < Rows; row++) {
      float sum = bias ? bias[o + i] : 0;
      for (int64_t lane = 0; lane < lanes; lane++) sum += sums[i][row][lane];
      for (int64_t rest = k; rest < inner; rest++)
        sum += number(weight[(o + i) * inner + rest]) * a[row * inner + rest];
      result[row * outputs + o + i] = sum;
    }
}

template <int64_t Rows, class Weight>
ALWAYS_INLINE void dots(const float *a, const Weight *weight, const float *bias, float *result, int64_t inner,
                        int64_t outputs, int64_t begin, int64_t end) {
  int64_t o = begin;
  for (; o + 4 <= end; o += 4) dot<Rows, 4>(a, weight, bias, result, inner, outputs, o);
  for (; o < end; o++) dot<Rows, 1>(a, weight, bias, result, inner, outputs, o);
}

template <class Weight>
ALWAYS_INLINE void of_few_rows(const float *a, const Weight *weight, const float *bias, float *result, int64_t rows,
                               int64_t inner, int64_t outputs, int64_t begin, int64_t end) {
  constexpr int64_t some = 16;  // outputs, whose weights the cache keeps for all rows
  for (int64_t o = begin; o < end; o += some)
    for (int64_t row = 0; row < rows; row += gemv_rows) {
      const float *from = a + row * inner;
      float *to = result + row * outputs;
      int64_t last = std::min(o + some, end);
      switch (std::min(gemv_rows, rows - row)) {
      case 1: dots<1>(from, weight, bias, to, inner, outputs, o, last); break;
      case 2: dots<2>(from, weight, bias, to, inner, outputs, o, last); break;
      case 3: dots<3>(from, weight, bias, to, inner, outputs, o, last); break;
      case 4: dots<4>(from, weight, bias, to, inner, outputs, o, last); break;
      }
    }
}

EACH_PROCESSOR void few_rows(const float *a, const float *weight, const float *bias, float *result, int64_t rows,
                             int64_t inner, int64_t outputs, int64_t begin, int64_t end) {
  of_few_rows(a, weight, bias, result, rows, inner, outputs, begin, end);
}
EACH_PROCESSOR void few_rows_half(const float *a, const uint16_t *weight, const float *bias, float *result,
                                  int64_t rows, int64_t inner, int64_t outputs, int64_t begin, int64_t end) {
  of_few_rows(a, weight, bias, result, rows, inner, outputs, begin, end);
}

void check(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
  TORCH_CHECK(a.size(1) == weight.size(1), "rows of ", a.size(1), " numbers meet weights for ", weight.size(1));
  TORCH_CHECK(!bias || bias->numel() == weight.size(0), "there are ", weight.size(0), " outputs and a bias for ",
              bias->numel());
}

/// Of at least one number each; `weight`, in float32 or bf16, and `bias` lie contiguous in memory.
at::Tensor product_of_few_rows(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
  check(a, weight, bias);
  int64_t rows = a.size(0), inner = a.size(1), outputs = weight.size(0);
  auto x = a.contiguous(), result = at::empty({rows, outputs}, a.options());
  const float *b = bias ? floats(*bias) : nullptr;
  parallel(outputs, std::max<int64_t>(1, (1 << 18) / (inner * ((rows + gemv_rows - 1) / gemv_rows))),
           [&](int64_t begin, int64_t end) {
             auto from = floats(x);
             auto to = result.data_ptr<float>();
             if (weight.scalar_type() == at::kFloat)
               few_rows(from, floats(weight), b, to, rows, inner, outputs, begin, end);
             else few_rows_half(from, halves(weight), b, to, rows, inner, outputs, begin, end);
           });
  return result;
}

#ifdef WITH_AVX512
constexpr int64_t tile_width = 4, tile_rows = 6, tile_outputs = tile_width * lanes;

/// Outputs `begin` to `end` of `weight`, as words `[inputs, outputs]` for each tile of 64.
template <class Word> void pack(const at::Tensor &weight, uint32_t *packed, int64_t begin, int64_t end) {
  auto from = static_cast<const typename Word::Number *>(weight.const_data_ptr());
  int64_t words = weight.size(1) / Word::numbers, of_output = weight.stride(0), of_input = weight.stride(1);
  auto put = [&](int64_t output, int64_t word) {
    uint32_t bits = 0;
    for (int64_t i = 0; i < Word::numbers; i++) {
      auto number = from[output * of_output + (word * Word::numbers + i) * of_input];
      memcpy(reinterpret_cast<char *>(&bits) + i * sizeof number, &number, sizeof number);
    }
    packed[(output / tile_outputs * words + word) * tile_outputs + output % tile_outputs] = bits;
  };
  if (of_input == 1)
    for (int64_t output = begin; output < end; output++)
      for (int64_t word = 0; word < words; word++) put(output, word);
  else
    for (int64_t word = 0; word < words; word++)
      for (int64_t output = begin; output < end; output++) put(output, word);
}

template <class Word, int64_t Rows>
WITH_AVX512 void multiply(const uint32_t *a, const uint32_t *tile, float *y, int64_t words, int64_t outputs,
                          int64_t step) {
  Sums<Rows, tile_width> sums = {};
  for (int64_t k = 0; k < words; k++) sums.template add<Word>(a + k, words, tile + k * tile_outputs);
  float all[Rows * tile_outputs];
  sums.store(all, tile_outputs);
  for (int64_t row = 0; row < Rows; row++) memcpy(y + row * step, all + row * tile_outputs, outputs * sizeof(float));
}

template <class Word> void multiply(const uint32_t *a, const uint32_t *packed, float *y, int64_t rows, int64_t words,
                                    int64_t outputs, int64_t begin, int64_t end) {
  for (int64_t tile = begin; tile < end; tile++) {
    int64_t first = tile * tile_outputs, count = std::min(tile_outputs, outputs - first), row = 0;
    const uint32_t *weight = packed + first * words;
    for (; row + tile_rows <= rows; row += tile_rows)
      multiply<Word, tile_rows>(a + row * words, weight, y + row * outputs + first, words, count, outputs);
    for (; row + 2 <= rows; row += 2)
      multiply<Word, 2>(a + row * words, weight, y + row * outputs + first, words, count, outputs);
    for (; row < rows; row++)
      multiply<Word, 1>(a + row * words, weight, y + row * outputs + first, words, count, outputs);
  }
}
#endif

/// Adds up the weights `[inputs, outputs]` of one row's inputs, most of which are zero: `parts` of 16 outputs at a
/// time.
template <int64_t Parts, class Weight>
ALWAYS_INLINE void pick(const float *a, const int32_t *places, int64_t count, const Weight *weight, const float *bias,
                        float *result, int64_t outputs) {
  Floats sums[Parts];
  for (int64_t i = 0; i < Parts; i++) sums[i] = bias ? load(bias + i * lanes) : Floats{};
  for (int64_t place = 0; place < count; place++)
    for (int64_t i = 0; i < Parts; i++)
      sums[i] += a[places[place]] * load(weight + places[place] * outputs + i * lanes);
  for (int64_t i = 0; i < Parts; i++) store(result + i * lanes, sums[i]);
}
template <class Weight>
ALWAYS_INLINE void sparse_row(const float *a, int32_t *places, const Weight *weight, const float *bias, float *result,
                              int64_t inner, int64_t outputs) {
  int64_t count = 0, o = 0;
  for (int64_t k = 0; k < inner; k++) {
    places[count] = static_cast<int32_t>(k);
    count += a[k] != 0;
  }
  for (; o + 8 * lanes <= outputs; o += 8 * lanes)
    pick<8>(a, places, count, weight + o, bias ? bias + o : nullptr, result + o, outputs);
  for (; o + lanes <= outputs; o += lanes)
    pick<1>(a, places, count, weight + o, bias ? bias + o : nullptr, result + o, outputs);
  for (; o < outputs; o++) {
    result[o] = bias ? bias[o] : 0;
    for (int64_t place = 0; place < count; place++)
      result[o] += a[places[place]] * number(weight[places[place] * outputs + o]);
  }
}
EACH_PROCESSOR void sparse_row_float(const float *a, int32_t *places, const float *weight, const float *bias,
                                     float *result, int64_t inner, int64_t outputs) {
  sparse_row(a, places, weight, bias, result, inner, outputs);
}
EACH_PROCESSOR void sparse_row_half(const float *a, int32_t *places, const uint16_t *weight, const float *bias,
                                    float *result, int64_t inner, int64_t outputs) {
  sparse_row(a, places, weight, bias, result, inner, outputs);
}

using Pointwise = at::Tensor(const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &,
                             std::string_view, c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);

/// oneDNN's product, where this libtorch has it.
const std::optional<c10::TypedOperatorHandle<Pointwise>> &onednn_linear() {
  static const auto found = []() -> std::optional<c10::TypedOperatorHandle<Pointwise>> {
    auto op = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    return op && at::globalContext().userEnabledMkldnn() ? std::optional(op->typed<Pointwise>()) : std::nullopt;
  }();
  return found;
}

struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &a, const at::Tensor &weight,
                            const std::optional<at::Tensor> &bias) {
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

}  // namespace

bool has_onednn_linear() { return onednn_linear().has_value(); }

at::Tensor product(const at::Tensor &a, const at::Tensor &given, const std::optional<at::Tensor> &given_bias) {
  auto bias = given_bias ? std::optional(given_bias->contiguous()) : std::nullopt;
  if (is_gemv(a, given)) return product_of_few_rows(a, given, bias);
  auto weight = is_stored_narrow(a, given) ? given.to(at::kFloat) : given;
  if (!is_onednn_linear(a, weight)) return at::linear(a, weight, bias);
  return onednn_linear()->call(a, weight, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

PackedWeight::PackedWeight(const at::Tensor &weight)
    : plain(weight), outputs(weight.size(0)), type(weight.scalar_type()) {
#ifdef WITH_AVX512
  if (!is_packed_gemm(weight)) return;
  bool single = weight.scalar_type() == at::kFloat;
  int64_t tiles = (weight.size(0) + tile_outputs - 1) / tile_outputs;
  packed = at::zeros({tiles, weight.size(1) / (single ? 1 : 2), tile_outputs}, weight.options().dtype(at::kInt));
  parallel(tiles, 1, [&](int64_t begin, int64_t end) {
    (single ? pack<Single> : pack<Pair>)(weight, static_cast<uint32_t *>(packed.data_ptr()), begin * tile_outputs,
                                         std::min(end * tile_outputs, outputs));
  });
  plain.reset();
#endif
}

at::Tensor PackedWeight::operator()(const at::Tensor &a) const {
  auto x = a.to(type).contiguous();
#ifdef WITH_AVX512
  if (packed.defined()) {
    bool single = type == at::kFloat;
    TORCH_CHECK(x.size(1) == packed.size(1) * (single ? 1 : 2), "rows of ", x.size(1),
                " numbers meet weights for others");
    auto y = at::empty({x.size(0), outputs}, x.options().dtype(at::kFloat));
    auto multiply = single ? kernels::multiply<Single> : kernels::multiply<Pair>;
    parallel(packed.size(0), 1, [&](int64_t begin, int64_t end) {
      multiply(words_of(x), words_of(packed), y.data_ptr<float>(), x.size(0), packed.size(1), outputs, begin, end);
    });
    return y;
  }
#endif
  return product(x, plain);
}

at::Tensor affine(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
  bool own = kernels_are_on() && a.is_cpu() && a.scalar_type() == at::kFloat && computed_in(a) == at::kFloat;
  bool fits = weight.scalar_type() == at::kFloat || is_stored_narrow(a, weight);
  return own && fits ? Linear::apply(a, weight, bias) : at::linear(a, widened(weight, a), bias);
}

at::Tensor widened(const at::Tensor &weight, const at::Tensor &x) {
  return is_stored_narrow(x, weight) && computed_in(x) == at::kFloat ? weight.to(at::kFloat) : weight;
}

at::Tensor affine_of_sparse(const at::Tensor &a, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
  if (!is_sparse_linear(a, weight, bias)) return affine(a, weight, bias);
  check(a, weight, bias);
  int64_t rows = a.size(0), inner = a.size(1), outputs = weight.size(0);
  auto x = a.contiguous(), result = at::empty({rows, outputs}, a.options()),
       b = bias ? bias->contiguous() : at::Tensor();
  auto places = at::empty({rows, inner}, a.options().dtype(at::kInt));
  parallel(rows, 8, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      auto from = floats(x) + row * inner, of_bias = b.defined() ? floats(b) : nullptr;
      auto to = result.data_ptr<float>() + row * outputs;
      auto own = places.data_ptr<int32_t>() + row * inner;
      if (weight.scalar_type() == at::kFloat) sparse_row_float(from, own, floats(weight), of_bias, to, inner, outputs);
      else sparse_row_half(from, own, halves(weight), of_bias, to, inner, outputs);
    }
  });
  return result;
}

at::Tensor convolution_of_few_pixels(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                                     int64_t stride) {
  int64_t kernel = weight.size(2), height = (x.size(2) - kernel) / stride + 1,
          width = (x.size(3) - kernel) / stride + 1;
  // Channels last, a pixel's inputs are a few rows of numbers side by side, and so are an output's weights.
  auto patches =
      x.permute({0, 2, 3, 1}).unfold(1, kernel, stride).unfold(2, kernel, stride).permute({0, 1, 2, 4, 5, 3});
  auto rows = patches.reshape({x.size(0) * height * width, -1}),
       flat = weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1});
  return product_of_few_rows(rows, flat, bias.contiguous())
      .reshape({x.size(0), height, width, weight.size(0)})
      .permute({0, 3, 1, 2});
}

}  // namespace kernels
