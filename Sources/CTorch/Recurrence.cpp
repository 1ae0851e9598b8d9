#include "Kernels/GRUCell.h"
#include "Kernels/Unroll.h"
#include "Shim.h"

using namespace shim;

extern "C" {

int ct_gru_cell(CTTensor x, CTTensor h, CTTensor input_weight, CTTensor recurrent_weight, CTTensor input_bias,
                CTTensor recurrent_bias, CTTensor *out) {
  return attempt([&] {
    *out = own(
        kernels::gru_cell(in(x), in(h), in(input_weight), in(recurrent_weight), in(input_bias), in(recurrent_bias)));
  });
}

int ct_unroll(CTTensor action_shares, CTTensor embedded, CTTensor not_first, CTTensor noise, CTTensor h, CTTensor z,
              int64_t groups, double epsilon, CTRecurrence w, CTTensor *outs) {
  return attempt([&] {
    const CTTensor inputs[kernels::Inputs] = {action_shares,
                                              embedded,
                                              h,
                                              z,
                                              w.stochastic_weight,
                                              w.stochastic_bias,
                                              w.input_norm_weight,
                                              w.input_norm_bias,
                                              w.gru_input_weight,
                                              w.gru_recurrent_weight,
                                              w.gru_input_bias,
                                              w.gru_recurrent_bias,
                                              w.posterior_weight,
                                              w.posterior_bias,
                                              w.posterior_norm_weight,
                                              w.posterior_norm_bias,
                                              w.logits_weight,
                                              w.logits_bias};
    auto results = kernels::unroll(list(inputs, kernels::Inputs), maybe(not_first), maybe(noise), groups, epsilon);
    for (auto &result : results) *outs++ = own(std::move(result));
  });
}

}  // extern "C"
