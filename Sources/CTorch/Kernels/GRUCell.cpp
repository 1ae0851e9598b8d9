#include "GRUCell.h"
#include "Activation.h"
#include "Kernels.h"
#include "Numbers.h"
#include "Parallel.h"
#include "Products.h"

using namespace kernels;

namespace {

/// Of one row: what the input `[3 size]` and the state `[3 size]` bring to the gates reset, update and new, and the
/// state `[size]`, to the next state.
template <class Number> ALWAYS_INLINE void step(const Number *of_x, const Number *of_h, const float *h, float *next,
                                                int64_t size) {
  for (int64_t i = 0; i < size; i += lanes) {
    Floats reset = sigmoid(load(of_x + i) + load(of_h + i)),
           carry = sigmoid(load(of_x + size + i) + load(of_h + size + i));
    Floats fresh = kernels::tanh(load(of_x + 2 * size + i) + reset * load(of_h + 2 * size + i));
    store(next + i, fresh + carry * (load(h + i) - fresh));
  }
}
EACH_PROCESSOR void step_float(const float *of_x, const float *of_h, const float *h, float *next, int64_t size) {
  step(of_x, of_h, h, next, size);
}
EACH_PROCESSOR void step_half(const uint16_t *of_x, const uint16_t *of_h, const float *h, float *next, int64_t size) {
  step(of_x, of_h, h, next, size);
}

at::Tensor stepped(const at::Tensor &of_x, const at::Tensor &of_h, const at::Tensor &h) {
  auto next = at::empty_like(h);
  int64_t size = h.size(1);
  bool single = of_x.scalar_type() == at::kFloat;
  parallel(h.size(0), 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      int64_t first = row * size;
      if (single)
        step_float(floats(of_x) + 3 * first, floats(of_h) + 3 * first, floats(h) + first,
                   next.data_ptr<float>() + first, size);
      else
        step_half(halves(of_x) + 3 * first, halves(of_h) + 3 * first, floats(h) + first, next.data_ptr<float>() + first,
                  size);
    }
  });
  return next;
}

}  // namespace

at::Tensor kernels::gru_cell(const at::Tensor &x, const at::Tensor &h, const at::Tensor &input_weight,
                             const at::Tensor &recurrent_weight, const at::Tensor &input_bias,
                             const at::Tensor &recurrent_bias) {
  auto of_x = affine(x, input_weight, input_bias), of_h = affine(h, recurrent_weight, recurrent_bias),
       state = h.contiguous();
  if (is_gru_gates(of_x, of_h, state)) return stepped(of_x, of_h, state);
  auto of_input = of_x.to(state.scalar_type()).chunk(3, 1),
       of_state = of_h.to(state.scalar_type()).chunk(3, 1);  // the gates' own type, in autocast too
  auto reset = at::sigmoid(of_input[0] + of_state[0]), carry = at::sigmoid(of_input[1] + of_state[1]);
  auto fresh = at::tanh(at::addcmul(of_input[2], reset, of_state[2]));
  return at::lerp(fresh, state, carry);
}
