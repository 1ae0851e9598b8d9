#include "Unroll.h"
#include "Products.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <map>

// One step, as eq 9 has it and as RSSM.swift writes it:
//
//   u = elu(norm(z W_z + b_z + a))                                        z, h: the state before, forgotten where it
//   should be r, c, n = gates(u W_i + b_i, h W_h + b_h);   h' = n + c (h - n) q = elu(norm(h' W_p + b_p + e));   l = q
//   W_l + b_l;   z' ~ softmax(l)
//
// Autograd would not_first some thirty nodes a step, and add up the gradient of every weight step by step. Here the
// steps back only carry what must go from step to step; the weights' gradients are one product each, over all steps, at
// the end.

using namespace kernels;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What every step leaves for the way back, [T, B, ...] each.
enum Kept {
  Z,
  X,
  XMean,
  XScale,
  U,
  H,
  Reset,
  Carry,
  New,
  RecurrentNew,
  NextH,
  P,
  PMean,
  PScale,
  Q,
  Probabilities,
  Kepts
};

/// Collects a tensor per step, `[B, ...]`, into one, `[T, B, ...]`, with a single copy at the end: on a device each
/// copy is a kernel to be launched.
struct Track {
  std::vector<at::Tensor> steps;

  explicit Track(int64_t count) : steps(count) {}
  void set(int64_t t, at::Tensor value) { steps[t] = std::move(value); }
  at::Tensor all() {
    auto stacked = at::stack(steps);
    steps.clear();
    return stacked;
  }
};

struct Unroll : torch::autograd::Function<Unroll> {
  static variable_list forward(AutogradContext *context, at::TensorList in, const std::optional<at::Tensor> &not_first,
                               const std::optional<at::Tensor> &noise, int64_t groups, double epsilon) {
    auto type = in[StartH].scalar_type();
    auto device = in[StartH].device().type();
    auto narrow = at::autocast::is_autocast_enabled(device) ? at::autocast::get_autocast_dtype(device) : type;
    c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);

    auto actions = in[Actions].to(type) + in[StochasticBias], embedded = in[Embedded].to(type) + in[PosteriorBias];
    int64_t steps = actions.size(0), size = in[StartH].size(1), hidden = actions.size(2);
    std::map<Input, PackedWeight> packed;
    for (auto w : {StochasticWeight, GRUInputWeight, GRURecurrentWeight, PosteriorWeight, LogitsWeight})
      packed.emplace(w, in[w].to(narrow));
    auto times = [&](const at::Tensor &a, Input weight) { return packed.at(weight)(a).to(type); };

    std::vector<Track> kept(Kepts, Track(steps));
    Track all_z(steps), all_logits(steps);
    auto h = in[StartH], z = in[StartZ];
    for (int64_t t = 0; t < steps; t++) {
      if (not_first) {
        h = h * not_first->select(0, t);
        z = z * not_first->select(0, t);
      }
      auto x = times(z, StochasticWeight).add_(actions.select(0, t));
      auto [u, x_mean, x_scale] = at::native_layer_norm(x, {hidden}, in[InputNormWeight], in[InputNormBias], epsilon);
      at::elu_(u);
      auto of_input = times(u, GRUInputWeight).add_(in[GRUInputBias]),
           of_h = times(h, GRURecurrentWeight).add_(in[GRURecurrentBias]);
      auto gates = of_input.narrow(1, 0, 2 * size).add_(of_h.narrow(1, 0, 2 * size)).sigmoid_();
      auto reset = gates.narrow(1, 0, size), carry = gates.narrow(1, size, size),
           of_h_new = of_h.narrow(1, 2 * size, size);
      auto fresh = of_input.narrow(1, 2 * size, size).addcmul_(reset, of_h_new).tanh_();
      auto next = at::lerp(fresh, h, carry);
      auto p = times(next, PosteriorWeight).add_(embedded.select(0, t));
      auto [q, p_mean, p_scale] =
          at::native_layer_norm(p, {hidden}, in[PosteriorNormWeight], in[PosteriorNormBias], epsilon);
      at::elu_(q);
      auto logits = times(q, LogitsWeight).add_(in[LogitsBias]);
      auto probabilities = at::softmax(logits.view({logits.size(0), groups, -1}), -1);
      auto drawn = at::argmax(noise ? probabilities / noise->select(0, t) : probabilities, -1, true);

      const at::Tensor values[] = {z,     x,        x_mean, x_scale, u,      h,       reset, carry,
                                   fresh, of_h_new, next,   p,       p_mean, p_scale, q,     probabilities};
      for (int i = 0; i < Kepts; i++) kept[i].set(t, values[i]);
      h = next;
      z = at::zeros_like(probabilities).scatter_(-1, drawn, 1).view_as(logits);
      all_z.set(t, z);
      all_logits.set(t, logits);
    }

    variable_list saved(in.begin(), in.end());
    saved.push_back(not_first.value_or(at::Tensor()));
    for (auto &track : kept) saved.push_back(track.all());
    auto all_h = saved[Inputs + 1 + NextH].clone();
    context->save_for_backward(saved);
    context->saved_data["narrow"] = static_cast<int64_t>(narrow);
    context->set_materialize_grads(false);
    return {all_h, all_z.all(), all_logits.all()};
  }

  static variable_list backward(AutogradContext *context, variable_list out) {
    auto saved = context->get_saved_variables();
    const at::Tensor *in = saved.data(), not_first = saved[Inputs], *kept = saved.data() + Inputs + 1;
    auto narrow = static_cast<at::ScalarType>(context->saved_data["narrow"].toInt());
    auto type = in[StartH].scalar_type();
    int64_t steps = kept[X].size(0), hidden = kept[X].size(2);
    std::map<Input, PackedWeight> packed;
    for (auto w : {StochasticWeight, GRUInputWeight, GRURecurrentWeight, PosteriorWeight, LogitsWeight})
      packed.emplace(w, in[w].to(narrow).t());
    auto times = [&](const at::Tensor &a, Input weight) { return packed.at(weight)(a).to(type); };
    // Back through elu(norm(.)), given the result; the gradient behind the norm is left in `normed`.
    auto before_norm = [&](const at::Tensor &gradient, const at::Tensor &result, const at::Tensor &input,
                           const at::Tensor &mean, const at::Tensor &scale, Input weight, Track &normed, int64_t t) {
      auto inner = at::elu_backward(gradient, 1, 1, 1, /*is_result=*/true, result);
      normed.set(t, inner);
      return std::get<0>(at::native_layer_norm_backward(inner, input, {hidden}, mean, scale, in[weight], in[weight + 1],
                                                        {true, false, false}));
    };

    Track d_x(steps), d_u(steps), d_p(steps), d_q(steps), d_input(steps), d_h(steps), d_logits(steps);
    auto to_h = at::zeros_like(in[StartH]), to_z = at::zeros_like(in[StartZ]);
    for (int64_t t = steps - 1; t >= 0; t--) {
      auto at = [&](Kept what) { return kept[what].select(0, t); };
      if (out[0].defined()) to_h = to_h + out[0].select(0, t);
      if (out[1].defined()) to_z = to_z + out[1].select(0, t);
      // Straight through: the gradient of a draw is that of its probabilities.
      auto probabilities = at(Probabilities), weighted = to_z.view_as(probabilities) * probabilities;
      auto to_logits = (weighted - probabilities * weighted.sum(-1, true)).view_as(to_z);
      if (out[2].defined()) to_logits = to_logits + out[2].select(0, t);
      d_logits.set(t, to_logits);
      auto to_p =
          before_norm(times(to_logits, LogitsWeight), at(Q), at(P), at(PMean), at(PScale), PosteriorNormWeight, d_q, t);
      d_p.set(t, to_p);
      to_h = to_h + times(to_p, PosteriorWeight);

      auto reset = at(Reset), carry = at(Carry), fresh = at(New), h = at(H);
      auto to_new = to_h * (1 - carry) * (1 - fresh * fresh);
      auto to_carry = to_h * (h - fresh) * carry * (1 - carry);
      auto to_reset = to_new * at(RecurrentNew) * reset * (1 - reset);
      auto to_input = at::cat({to_reset, to_carry, to_new}, 1),
           to_recurrent = at::cat({to_reset, to_carry, to_new * reset}, 1);
      d_input.set(t, to_input);
      d_h.set(t, to_recurrent);
      auto to_x =
          before_norm(times(to_input, GRUInputWeight), at(U), at(X), at(XMean), at(XScale), InputNormWeight, d_u, t);
      d_x.set(t, to_x);
      to_h = to_h * carry + times(to_recurrent, GRURecurrentWeight);
      to_z = times(to_x, StochasticWeight);
      if (not_first.defined()) {
        to_h = to_h * not_first.select(0, t);
        to_z = to_z * not_first.select(0, t);
      }
    }

    variable_list gradients(Inputs + 4);
    auto flat = [](const at::Tensor &a) { return a.flatten(0, 1); };
    auto weight = [&](Input which, const at::Tensor &to, Kept from) {
      gradients[which] = product(flat(to).to(narrow).t(), flat(kept[from]).to(narrow).t()).to(in[which].scalar_type());
      gradients[which + (which == GRUInputWeight || which == GRURecurrentWeight ? 2 : 1)] = flat(to).sum(0);
    };
    auto all_x = d_x.all(), all_p = d_p.all();
    weight(StochasticWeight, all_x, Z);
    weight(GRUInputWeight, d_input.all(), U);
    weight(GRURecurrentWeight, d_h.all(), H);
    weight(PosteriorWeight, all_p, NextH);
    weight(LogitsWeight, d_logits.all(), Q);
    auto norm = [&](Input which, const at::Tensor &to, Kept input, Kept mean, Kept scale) {
      auto [none, w, b] =
          at::native_layer_norm_backward(flat(to), flat(kept[input]), {hidden}, flat(kept[mean]), flat(kept[scale]),
                                         in[which], in[which + 1], {false, true, true});
      gradients[which] = w;
      gradients[which + 1] = b;
    };
    norm(InputNormWeight, d_u.all(), X, XMean, XScale);
    norm(PosteriorNormWeight, d_q.all(), P, PMean, PScale);
    gradients[Actions] = all_x.to(in[Actions].scalar_type());
    gradients[Embedded] = all_p.to(in[Embedded].scalar_type());
    gradients[StartH] = to_h;
    gradients[StartZ] = to_z;
    return gradients;
  }
};

}  // namespace

std::vector<at::Tensor> kernels::unroll(at::TensorList inputs, const std::optional<at::Tensor> &not_first,
                                        const std::optional<at::Tensor> &noise, int64_t groups, double epsilon) {
  TORCH_CHECK(inputs.size() == Inputs, "expected ", Inputs, " tensors, not ", inputs.size());
  return Unroll::apply(inputs, not_first, noise, groups, epsilon);
}
