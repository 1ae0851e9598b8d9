#include "FirstConvolution.h"
#include "Activation.h"
#include "Kernels.h"
#include "Numbers.h"
#include "Parallel.h"
#include "Vectors.h"

#include <torch/csrc/autograd/custom_function.h>

// The encoder's first layer: from the few channels of frames, kernel 4, stride 2. It has few products for each number
// that it reads and writes, and libtorch's ways to do it (a convolution, or a product over patches) are bound by
// memory. Here each pixel's 16 inputs of a channel meet 16 output channels at a time in registers, and results are
// written once, in the precision that they are read in.

using namespace kernels;

namespace {

constexpr int64_t kernel = 4, stride = 2, taps = kernel * kernel;

struct Sizes {
  int64_t channels, height, width, outputs;
  int64_t pixels() const { return height * width; }
  /// Numbers that each output is made of.
  int64_t inputs() const { return channels * taps; }
  int64_t rows() const { return (height - kernel) / stride + 1; }
  int64_t columns() const { return (width - kernel) / stride + 1; }
};

/// One frame `[C, Y, X]` to `[y, x, O]`; weights `[C * taps, O]`.
template <class Number> ALWAYS_INLINE void convolve(const float *frame, const float *weight, const float *bias,
                                                    Activation then, Number *result, Sizes s) {
  for (int64_t row = 0; row < s.rows(); row++)
    for (int64_t column = 0; column < s.columns(); column++, result += s.outputs) {
      const float *corner = frame + row * stride * s.width + column * stride;
      for (int64_t first = 0; first < s.outputs; first += lanes) {
        Floats sum = load(bias + first);
        for (int64_t c = 0; c < s.channels; c++)
          for (int64_t tap = 0; tap < taps; tap++)
            sum += corner[c * s.pixels() + tap / kernel * s.width + tap % kernel] *
                   load(weight + (c * taps + tap) * s.outputs + first);
        store(result + first, activated(sum, then));
      }
    }
}

/// Adds one frame's part to the gradients of weights `[C * taps, O]` and bias `[O]`.
template <class Number>
ALWAYS_INLINE void gather(const float *frame, const Number *gradient, const Number *y, Activation then, float *weight,
                          float *bias, Sizes s) {
  for (int64_t first = 0; first < s.outputs; first += lanes)
    for (int64_t c = 0; c < s.channels; c++) {
      Floats sums[taps] = {}, total = {};
      for (int64_t row = 0; row < s.rows(); row++)
        for (int64_t column = 0; column < s.columns(); column++) {
          const float *corner = frame + c * s.pixels() + row * stride * s.width + column * stride;
          int64_t at = (row * s.columns() + column) * s.outputs + first;
          Floats g = before_activation(load(gradient + at), load(y + at), then);
          for (int64_t tap = 0; tap < taps; tap++) sums[tap] += corner[tap / kernel * s.width + tap % kernel] * g;
          total += g;
        }
      float *own = weight + c * taps * s.outputs + first;
      for (int64_t tap = 0; tap < taps; tap++) store(own + tap * s.outputs, load(own + tap * s.outputs) + sums[tap]);
      if (c == 0) store(bias + first, load(bias + first) + total);
    }
}

EACH_PROCESSOR void convolve_float(const float *frame, const float *weight, const float *bias, Activation then,
                                   float *result, Sizes s) {
  convolve(frame, weight, bias, then, result, s);
}
EACH_PROCESSOR void convolve_half(const float *frame, const float *weight, const float *bias, Activation then,
                                  uint16_t *result, Sizes s) {
  convolve(frame, weight, bias, then, result, s);
}
EACH_PROCESSOR void gather_float(const float *frame, const float *gradient, const float *y, Activation then,
                                 float *weight, float *bias, Sizes s) {
  gather(frame, gradient, y, then, weight, bias, s);
}
EACH_PROCESSOR void gather_half(const float *frame, const uint16_t *gradient, const uint16_t *y, Activation then,
                                float *weight, float *bias, Sizes s) {
  gather(frame, gradient, y, then, weight, bias, s);
}

Sizes sizes_of(const at::Tensor &frames, const at::Tensor &weight) {
  return {frames.size(1), frames.size(2), frames.size(3), weight.size(0)};
}

struct First : torch::autograd::Function<First> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &frames,
                            const at::Tensor &weight, const at::Tensor &bias, int64_t activation) {
    auto x = frames.contiguous();
    auto then = static_cast<Activation>(activation);
    Sizes s = sizes_of(x, weight);
    auto type = computed_in(x);
    auto y = at::empty({x.size(0), s.outputs, s.rows(), s.columns()}, x.options().dtype(type),
                       at::MemoryFormat::ChannelsLast);
    auto w = weight.reshape({s.outputs, s.inputs()}).t().contiguous(), b = bias.contiguous();
    int64_t numbers = s.channels * s.pixels(), results = s.rows() * s.columns() * s.outputs;
    kernels::parallel(x.size(0), 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; n++) {
        const float *frame = floats(x) + n * numbers;
        if (type == at::kFloat) convolve_float(frame, floats(w), floats(b), then, y.data_ptr<float>() + n * results, s);
        else convolve_half(frame, floats(w), floats(b), then, static_cast<uint16_t *>(y.data_ptr()) + n * results, s);
      }
    });
    context->save_for_backward({x, weight, y});
    context->saved_data["then"] = activation;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    auto saved = context->get_saved_variables();
    auto x = saved[0], weight = saved[1], y = saved[2], g = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    auto then = static_cast<Activation>(context->saved_data["then"].toInt());
    Sizes s = sizes_of(x, weight);
    int64_t numbers = s.channels * s.pixels(), results = s.rows() * s.columns() * s.outputs, count = x.size(0);
    // A fixed number of parts, so that sums do not depend on the threads.
    int64_t parts = std::min<int64_t>(count, 64);
    auto sums = at::zeros({parts, s.inputs() + 1, s.outputs}, x.options());
    kernels::parallel(parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; part++) {
        float *own = sums.data_ptr<float>() + part * (s.inputs() + 1) * s.outputs,
              *own_bias = own + s.inputs() * s.outputs;
        for (int64_t n = part * count / parts; n < (part + 1) * count / parts; n++) {
          const float *frame = floats(x) + n * numbers;
          if (g.scalar_type() == at::kFloat)
            gather_float(frame, floats(g) + n * results, floats(y) + n * results, then, own, own_bias, s);
          else gather_half(frame, halves(g) + n * results, halves(y) + n * results, then, own, own_bias, s);
        }
      }
    });
    auto total = sums.sum(0);
    return {at::Tensor(), total.narrow(0, 0, s.inputs()).t().reshape(weight.sizes()), total[s.inputs()].clone(),
            at::Tensor()};
  }
};

}  // namespace

namespace kernels {

at::Tensor first_convolution(const at::Tensor &frames, const at::Tensor &weight, const at::Tensor &bias,
                             Activation then) {
  return First::apply(frames, weight.to(at::kFloat), bias, int64_t(then));
}

}  // namespace kernels
