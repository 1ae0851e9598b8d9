#pragma once
#include <ATen/ATen.h>

namespace kernels {

/// What `unroll` takes, in this order: what actions and frames add to the two hidden layers `[T, B, N]`, the state
/// before `[B, D]` and `[B, S K]`, and the weights.
enum Input {
  Actions,
  Embedded,
  StartH,
  StartZ,
  StochasticWeight,
  StochasticBias,
  InputNormWeight,
  InputNormBias,
  GRUInputWeight,
  GRURecurrentWeight,
  GRUInputBias,
  GRURecurrentBias,
  PosteriorWeight,
  PosteriorBias,
  PosteriorNormWeight,
  PosteriorNormBias,
  LogitsWeight,
  LogitsBias,
  Inputs
};

/// All steps of the recurrence: h `[T, B, D]`, z and logits `[T, B, S K]`. `not_first` `[T, B, 1]` is 0 where the state
/// is forgotten before a step; `noise` `[T, B, S, K]` are what z is drawn by, and without them it is the most probable
/// class.
std::vector<at::Tensor> unroll(at::TensorList inputs, const std::optional<at::Tensor> &not_first,
                               const std::optional<at::Tensor> &noise, int64_t groups, double epsilon);

}  // namespace kernels
