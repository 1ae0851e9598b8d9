#include "Activation.h"
#include "Numbers.h"
#include "Parallel.h"

using namespace kernels;

namespace {

/// Adds the gradients before the activation, `[pixels, channels]`, to `sums` `[channels]`, and puts them in place of
/// `gradient` where there is an activation.
template <class Number>
ALWAYS_INLINE void walk(Number *gradient, const Number *y, Activation then, float *sums, int64_t pixels,
                        int64_t channels) {
  for (int64_t pixel = 0; pixel < pixels; pixel++, gradient += channels, y += channels)
    for (int64_t c = 0; c < channels; c += lanes) {
      Floats g = load(gradient + c);
      if (then != Activation::Identity) {
        g = before_activation(g, load(y + c), then);
        store(gradient + c, g);
      }
      store(sums + c, load(sums + c) + g);
    }
}
EACH_PROCESSOR void walk_float(float *gradient, const float *y, Activation then, float *sums, int64_t pixels,
                               int64_t channels) {
  walk(gradient, y, then, sums, pixels, channels);
}
EACH_PROCESSOR void walk_half(uint16_t *gradient, const uint16_t *y, Activation then, float *sums, int64_t pixels,
                              int64_t channels) {
  walk(gradient, y, then, sums, pixels, channels);
}

bool is_alone(const at::Tensor &a) {
  return a.use_count() == 1 && a.storage().use_count() == 1 && a.is_non_overlapping_and_dense();
}

}  // namespace

at::Tensor kernels::activation_gradient(at::Tensor &&given, const at::Tensor &y, Activation then) {
  auto g = std::move(given);
  if (then == Activation::Identity) return g;
  auto to = is_alone(g) ? g : at::empty_like(g);
  if (then == Activation::ELU) at::elu_backward_out(to, g, 1, 1, 1, /*is_result=*/true, y);
  else at::threshold_backward_out(to, g, y, 0);
  return to;
}

std::pair<at::Tensor, at::Tensor> kernels::activation_and_bias_gradient(at::Tensor &&given, const at::Tensor &y,
                                                                        Activation then) {
  auto g = std::move(given);
  if (!g.is_contiguous(at::MemoryFormat::ChannelsLast)) g = g.contiguous(at::MemoryFormat::ChannelsLast);
  else if (then != Activation::Identity && !is_alone(g)) g = g.clone();
  int64_t channels = g.size(1), pixels = g.numel() / channels,
          parts = std::min<int64_t>(pixels, 64);  // whatever the threads
  auto sums = at::zeros({parts, channels}, g.options().dtype(at::kFloat));
  auto of_y = then == Activation::Identity ? g : y;
  parallel(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      int64_t first = part * pixels / parts, count = (part + 1) * pixels / parts - first;
      float *sum = sums.data_ptr<float>() + part * channels;
      if (g.scalar_type() == at::kFloat)
        walk_float(g.data_ptr<float>() + first * channels, floats(of_y) + first * channels, then, sum, count, channels);
      else
        walk_half(static_cast<uint16_t *>(g.data_ptr()) + first * channels, halves(of_y) + first * channels, then, sum,
                  count, channels);
    }
  });
  return {g, sums.sum(0)};
}
