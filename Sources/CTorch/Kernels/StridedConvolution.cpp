#include "StridedConvolution.h"
#include "Activation.h"
#include "Kernels.h"
#include "Numbers.h"
#include "Parallel.h"
#include "Sums.h"

#include <torch/csrc/autograd/custom_function.h>

// Convolutions and transposed ones are the same products between a wide map and a narrow one: pixel n of the narrow map
// and tap t of the kernel meet the wide map's pixel n · stride + t. Weights are [narrow, wide, kernel, kernel] for
// both. So there are three passes: to the narrow map, to the wide one, and to the weights. Each keeps sums in registers
// until they are complete, and multiplies by no zeros of a padding.

using namespace kernels;

#ifdef WITH_AVX512

namespace {

constexpr int64_t rows = 8;

struct Map {
  int64_t height, width, channels;
  int64_t pixels() const { return height * width; }
  int64_t numbers() const { return pixels() * channels; }
};

struct Sizes {
  Map wide, narrow;
  int64_t kernel, stride;
  int64_t taps() const { return kernel * kernel; }
  int64_t wide_pixel(int64_t n, int64_t tap) const {
    return (n / narrow.width * stride + tap / kernel) * wide.width + n % narrow.width * stride + tap % kernel;
  }
};

/// A pixel of a result and the pixels of the operand that it gets something from, each with its tap.
struct Position {
  struct Source {
    int64_t pixel, tap;
  };
  int64_t pixel, phase;
  std::vector<Source> sources;
};

/// Those that the same taps meet are next to one another, so that these taps' weights stay in the cache.
std::vector<Position> positions(const Sizes &s, bool to_wide) {
  const Map &map = to_wide ? s.wide : s.narrow;
  std::vector<Position> all;
  for (int64_t pixel = 0; pixel < map.pixels(); pixel++)
    all.push_back({pixel, to_wide ? pixel / map.width % s.stride * s.stride + pixel % map.width % s.stride : 0, {}});
  for (int64_t tap = 0; tap < s.taps(); tap++)
    for (int64_t n = 0; n < s.narrow.pixels(); n++) {
      int64_t w = s.wide_pixel(n, tap);
      to_wide ? all[w].sources.push_back({n, tap}) : all[n].sources.push_back({w, tap});
    }
  std::ranges::stable_sort(all, {}, &Position::phase);
  return all;
}

/// One pass to a map: sums over taps and channels of the operand, of `words` words a pixel.
template <class Word> struct Pass {
  const std::vector<Position> &positions;
  const uint32_t *x, *weight;  // weights [outputs / (16 Width), taps, words, 16 Width]
  const float *bias;
  typename Word::Number *y;
  int64_t x_size, y_size, taps, words, outputs;  // sizes of an image, in words and numbers
  Activation then;
};

/// Sums `[rows, width]` to results whose rows are `step` numbers apart.
template <class Number>
ALWAYS_INLINE void finished(const float *sums, const float *bias, Activation then, Number *y, int64_t rows,
                            int64_t step, int64_t width) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t i = 0; i < width; i += lanes) {
      Floats sum = load(sums + row * width + i);
      if (bias) sum += load(bias + i);
      store(y + row * step + i, activated(sum, then));
    }
}
EACH_PROCESSOR void finish(const float *sums, const float *bias, Activation then, float *y, int64_t rows, int64_t step,
                           int64_t width) {
  finished(sums, bias, then, y, rows, step, width);
}
EACH_PROCESSOR void finish(const float *sums, const float *bias, Activation then, uint16_t *y, int64_t rows,
                           int64_t step, int64_t width) {
  finished(sums, bias, then, y, rows, step, width);
}

/// `Rows` images from the one given on, `Width` vectors of outputs at a time.
template <class Word, int64_t Rows, int64_t Width> WITH_AVX512 void convolve(const Pass<Word> &pass, int64_t tile,
                                                                             int64_t image) {
  const uint32_t *weight = pass.weight + tile * pass.taps * pass.words * lanes * Width,
                 *x = pass.x + image * pass.x_size;
  for (auto &position : pass.positions) {
    Sums<Rows, Width> sums = {};
    for (auto [pixel, tap] : position.sources) {
      const uint32_t *words = x + pixel * pass.words, *vectors = weight + tap * pass.words * lanes * Width;
      for (int64_t k = 0; k < pass.words; k++, vectors += lanes * Width)
        sums.template add<Word>(words + k, pass.x_size, vectors);
    }
    int64_t first = tile * lanes * Width;
    const float *bias = pass.bias ? pass.bias + first : nullptr;
    auto *y = pass.y + image * pass.y_size + position.pixel * pass.outputs + first;
    float all[Rows * lanes * Width];
    sums.store(all, lanes * Width);
    finish(all, bias, pass.then, y, Rows, pass.y_size, lanes * Width);
  }
}

template <class Word, int64_t Width> void convolve(const Pass<Word> &pass, int64_t begin, int64_t end) {
  for (int64_t tile = 0; tile < pass.outputs / (lanes * Width); tile++) {
    int64_t image = begin;
    for (; image + rows <= end; image += rows) convolve<Word, rows, Width>(pass, tile, image);
    for (; image < end; image++) convolve<Word, 1, Width>(pass, tile, image);
  }
}

/// How many vectors of channels at a time.
int64_t vectors(int64_t channels) { return channels % (3 * lanes) == 0 ? 3 : channels % (2 * lanes) == 0 ? 2 : 1; }

/// `x` and the result lie channels last in memory; both are of the type of `Word`.
template <class Word>
at::Tensor convolved(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const Sizes &s,
                     bool to_wide, Activation then) {
  const Map &from = to_wide ? s.narrow : s.wide, &to = to_wide ? s.wide : s.narrow;
  int64_t width = vectors(to.channels);
  auto y = at::empty({x.size(0), to.channels, to.height, to.width}, x.options(), at::MemoryFormat::ChannelsLast);
  auto packed = weight.to(x.scalar_type())
                    .permute({2, 3, to_wide ? 0 : 1, to_wide ? 1 : 0})
                    .reshape({s.taps(), from.channels / Word::numbers, Word::numbers, to.channels / (lanes * width),
                              lanes * width})
                    .permute({3, 0, 1, 4, 2})
                    .contiguous();
  auto all = positions(s, to_wide);
  Pass<Word> pass{all,
                  words_of(x),
                  words_of(packed),
                  bias.defined() ? floats(bias) : nullptr,
                  static_cast<typename Word::Number *>(y.data_ptr()),
                  from.numbers() / Word::numbers,
                  to.numbers(),
                  s.taps(),
                  from.channels / Word::numbers,
                  to.channels,
                  then};
  int64_t count = x.size(0), blocks = (count + rows - 1) / rows;
  kernels::parallel(blocks, 1, [&](int64_t begin, int64_t end) {
    auto convolve = width == 3 ? ::convolve<Word, 3> : width == 2 ? ::convolve<Word, 2> : ::convolve<Word, 1>;
    convolve(pass, begin * rows, std::min(end * rows, count));
  });
  return y;
}

/// Adds the products of some images (of two at a time in bf16) to the gradient `[taps, wide, narrow]` of the weights.
template <class Word, int64_t Width>
WITH_AVX512 void gather(const uint32_t *wide, const uint32_t *narrow, float *gradient, const Sizes &s, int64_t images,
                        int64_t begin, int64_t end) {
  int64_t slices = s.wide.channels / rows;
  for (int64_t part = begin; part < end; part++) {
    int64_t tap = part / slices, channel = part % slices * rows;
    for (int64_t first = 0; first < s.narrow.channels; first += lanes * Width) {
      float *to = gradient + (tap * s.wide.channels + channel) * s.narrow.channels + first;
      Sums<rows, Width> sums = {};
      for (int64_t image = 0; image < images; image++)
        for (int64_t y = 0; y < s.narrow.height; y++) {
          int64_t n = y * s.narrow.width;
          const uint32_t *a = wide + image * s.wide.numbers() + s.wide_pixel(n, tap) * s.wide.channels + channel;
          const uint32_t *b = narrow + image * s.narrow.numbers() + n * s.narrow.channels + first;
          for (int64_t x = 0; x < s.narrow.width; x++, a += s.stride * s.wide.channels, b += s.narrow.channels)
            sums.template add<Word>(a, 1, b);
        }
      sums.add_to(to, s.narrow.channels);
    }
  }
}

/// The numbers of two images side by side; of one, where it is the last, beside zeros.
WITH_AVX512 void pair(const uint16_t *one, const uint16_t *two, uint32_t *words, int64_t count) {
  for (int64_t i = 0; i < count; i += lanes) {
    Words low = __builtin_convertvector(*reinterpret_cast<const Halves *>(one + i), Words);
    Words high = two ? __builtin_convertvector(*reinterpret_cast<const Halves *>(two + i), Words) << 16 : Words{};
    *reinterpret_cast<Words *>(words + i) = low | high;
  }
}

/// The gradient of the weights `[narrow, wide, kernel, kernel]`, in float32.
template <class Word> at::Tensor gathered(const at::Tensor &wide, const at::Tensor &narrow, const Sizes &s) {
  constexpr int64_t cache = 96 << 10;  // words
  at::Tensor gradient =
      at::zeros({s.kernel, s.kernel, s.wide.channels, s.narrow.channels}, wide.options().dtype(at::kFloat));
  int64_t images = wide.size(0), sets = (images + Word::numbers - 1) / Word::numbers,
          size = s.wide.numbers() + s.narrow.numbers();
  int64_t group = std::max<int64_t>(1, cache / size), width = vectors(s.narrow.channels);
  float *sums = static_cast<float *>(gradient.data_ptr());
  auto scratch = at::empty({Word::numbers > 1 ? group * size : 0}, wide.options().dtype(at::kInt));
  for (int64_t first = 0; first < sets; first += group) {
    int64_t count = std::min(group, sets - first);
    const uint32_t *a = words_of(wide) + first * s.wide.numbers(), *b = words_of(narrow) + first * s.narrow.numbers();
    if constexpr (Word::numbers == 2) {
      auto *wides = static_cast<uint32_t *>(scratch.data_ptr()), *narrows = wides + count * s.wide.numbers();
      int64_t lines = s.wide.height + s.narrow.height;
      kernels::parallel(count * lines, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
          int64_t set = i / lines, line = i % lines;
          auto both = [&](const at::Tensor &from, const Map &map, uint32_t *to, int64_t line) {
            int64_t start = line * map.width * map.channels, image = 2 * (first + set);
            const uint16_t *one = halves(from) + image * map.numbers() + start,
                           *two = image + 1 < images ? one + map.numbers() : nullptr;
            pair(one, two, to + set * map.numbers() + start, map.width * map.channels);
          };
          line < s.wide.height ? both(wide, s.wide, wides, line)
                               : both(narrow, s.narrow, narrows, line - s.wide.height);
        }
      });
      a = wides, b = narrows;
    }
    kernels::parallel(s.taps() * s.wide.channels / rows, 1, [&](int64_t begin, int64_t end) {
      auto gather = width == 3 ? ::gather<Word, 3> : width == 2 ? ::gather<Word, 2> : ::gather<Word, 1>;
      gather(a, b, sums, s, count, begin, end);
    });
  }
  return gradient.permute({3, 2, 0, 1});
}

struct Strided : torch::autograd::Function<Strided> {
  static Sizes sizes(const at::Tensor &x, const at::Tensor &weight, int64_t stride, bool transposed) {
    int64_t kernel = weight.size(2);
    Map own{x.size(2), x.size(3), x.size(1)};
    if (transposed)
      return {
          {(own.height - 1) * stride + kernel, (own.width - 1) * stride + kernel, weight.size(1)}, own, kernel, stride};
    return {
        own, {(own.height - kernel) / stride + 1, (own.width - kernel) / stride + 1, weight.size(0)}, kernel, stride};
  }

  /// `x` lies channels last in memory.
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const at::Tensor &bias, int64_t stride, bool transposed, int64_t then) {
    auto convolve = x.scalar_type() == at::kFloat ? convolved<Single> : convolved<Pair>;
    auto y = convolve(x, weight, bias.contiguous(), sizes(x, weight, stride, transposed), transposed,
                      static_cast<Activation>(then));
    context->save_for_backward({x, weight, static_cast<Activation>(then) == Activation::Identity ? at::Tensor() : y});
    context->saved_data["stride"] = stride;
    context->saved_data["transposed"] = transposed;
    context->saved_data["then"] = then;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list &gradients) {
    auto saved = context->get_saved_variables();
    auto x = saved[0], weight = saved[1];
    bool transposed = context->saved_data["transposed"].toBool(), single = x.scalar_type() == at::kFloat;
    Sizes s = sizes(x, weight, context->saved_data["stride"].toInt(), transposed);
    auto then = static_cast<Activation>(context->saved_data["then"].toInt());
    auto [g, of_bias] = activation_and_bias_gradient(std::move(gradients[0]), saved[2], then);
    torch::autograd::variable_list results(6);
    if (context->needs_input_grad(0))
      results[0] = (single ? convolved<Single> : convolved<Pair>)(g, weight, {}, s, !transposed, Activation::Identity);
    if (context->needs_input_grad(1))
      results[1] = (single ? gathered<Single> : gathered<Pair>)(transposed ? g : x, transposed ? x : g, s);
    results[2] = of_bias;
    return results;
  }
};

}  // namespace

namespace kernels {

at::Tensor strided_convolution(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t stride,
                               bool transposed, Activation then) {
  TORCH_CHECK(bias.numel() == weight.size(transposed ? 1 : 0), "the bias is for ", bias.numel(), " channels");
  return Strided::apply(x.to(computed_in(x)).contiguous(at::MemoryFormat::ChannelsLast), weight, bias, stride,
                        transposed, int64_t(then));
}

}  // namespace kernels
#else
namespace kernels {
at::Tensor strided_convolution(const at::Tensor &, const at::Tensor &, const at::Tensor &, int64_t, bool, Activation) {
  TORCH_CHECK(false, "this processor has no such convolution");
}
}  // namespace kernels
#endif
