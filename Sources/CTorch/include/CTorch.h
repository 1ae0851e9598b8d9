// A C face on libtorch, as small as this project needs: tensors, gradients, random generators, and operations that
// libtorch is slow at.
//
// Inputs are borrowed, outputs belong to the caller (ct_release). Every call that can fail returns 0 when it worked;
// ct_last_error() then says, per thread, what went wrong. No C++ exception leaves this file.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  void *pointer;
} CTTensor;  // an at::Tensor, NULL where there is none
typedef struct {
  void *pointer;
} CTGenerator;  // an at::Generator

typedef enum { CTFloat32, CTFloat64, CTBFloat16, CTInt64, CTInt32, CTUInt8, CTBool } CTType;
typedef enum { CTCPU, CTCUDA, CTMPS } CTDevice;
typedef enum { CTIdentity, CTELU, CTReLU } CTActivation;

const char *ct_last_error(void);
const char *ct_version(void);
bool ct_device_available(CTDevice device);
// Readies a device for programs: results that do not change from run to run, and float32 that is float32.
void ct_prepare_device(CTDevice device);
// What a device is, or why there is none: name, memory and driver; until the next call on this thread.
const char *ct_describe_device(CTDevice device);
// The most memory that tensors on a device have held, in bytes; 0 for the CPU.
int64_t ct_peak_device_memory(CTDevice device);
void ct_set_threads(int count);
int ct_threads(void);
// Keeps freed blocks in the process instead of handing them back to the system at every step.
void ct_keep_memory(void);

// Whether operations on this thread record a graph; both return what was set before.
bool ct_set_recording(bool on);
bool ct_set_autocast(CTDevice device, bool on);
void ct_clear_autocast_cache(void);

// A kernel of our own for the CPU: the operands and the processor that it is for, libtorch's operations instead, and
// how often it ran on this thread.
typedef struct {
  const char *name, *operands, *processor, *counterpart;
  int64_t runs;
} CTKernel;
// Fills in as many as there is room for; returns how many there are.
int ct_kernels(CTKernel *out, int capacity);
// Whether they may run on this thread: unless DITTO_KERNELS is `off` in the environment, or as set last; the latter
// returns what was set before.
bool ct_kernels_on(void);
bool ct_set_kernels(bool on);

// Tensors
int ct_from_bytes(const void *bytes, const int64_t *shape, int rank, CTType type, CTDevice device, CTTensor *out);
// A view of `bytes`, which `owner` keeps and nobody writes to; `release` lets go of it when the last tensor that shares
// them is gone, or at once where this fails. It cannot become a parameter, which alone is written to.
int ct_view_bytes(const void *bytes, const int64_t *shape, int rank, CTType type, void *owner,
                  void (*release)(void *owner), CTTensor *out);
int ct_copy_bytes(CTTensor a, void *bytes, size_t size);
// How often this thread has read a tensor's numbers, for which the device had to have computed everything before.
int64_t ct_host_reads(void);
int ct_full(const int64_t *shape, int rank, double value, CTType type, CTDevice device, CTTensor *out);
void ct_release(CTTensor a);
int ct_rank(CTTensor a);
void ct_shape(CTTensor a, int64_t *shape);
CTType ct_type(CTTensor a);
CTDevice ct_device(CTTensor a);
int ct_to(CTTensor a, CTType type, CTDevice device, CTTensor *out);
int ct_channels_last(CTTensor a, CTTensor *out);
int ct_assign(CTTensor destination, CTTensor source);

// Randomness
int ct_generator(uint64_t seed, CTDevice device, CTGenerator *out);
void ct_release_generator(CTGenerator g);
int ct_normal(const int64_t *shape, int rank, CTDevice device, CTGenerator g, CTTensor *out);
int ct_uniform(const int64_t *shape, int rank, CTDevice device, CTGenerator g, CTTensor *out);
int ct_exponential(const int64_t *shape, int rank, CTDevice device, CTGenerator g, CTTensor *out);

// One tensor to one tensor, element by element
int ct_neg(CTTensor a, CTTensor *out);
int ct_exp(CTTensor a, CTTensor *out);
int ct_log(CTTensor a, CTTensor *out);
int ct_sqrt(CTTensor a, CTTensor *out);
int ct_square(CTTensor a, CTTensor *out);
int ct_abs(CTTensor a, CTTensor *out);
int ct_tanh(CTTensor a, CTTensor *out);
int ct_sigmoid(CTTensor a, CTTensor *out);
int ct_elu(CTTensor a, CTTensor *out);
int ct_clamp(CTTensor a, double low, double high, CTTensor *out);

// Two tensors (broadcast), or a tensor and a number
int ct_add(CTTensor a, CTTensor b, CTTensor *out);
int ct_sub(CTTensor a, CTTensor b, CTTensor *out);
int ct_mul(CTTensor a, CTTensor b, CTTensor *out);
int ct_div(CTTensor a, CTTensor b, CTTensor *out);
int ct_maximum(CTTensor a, CTTensor b, CTTensor *out);
int ct_equal(CTTensor a, CTTensor b, CTTensor *out);
int ct_add_number(CTTensor a, double b, CTTensor *out);
int ct_at_least(CTTensor a, double b, CTTensor *out);
int ct_softplus(CTTensor a, CTTensor *out);
int ct_mul_number(CTTensor a, double b, CTTensor *out);

// Reductions; no axes means all
int ct_sum(CTTensor a, const int64_t *axes, int count, bool keep, CTTensor *out);
int ct_mean(CTTensor a, const int64_t *axes, int count, bool keep, CTTensor *out);
int ct_norm(CTTensor a, int64_t axis, bool keep, CTTensor *out);
int ct_amax(CTTensor a, int64_t axis, bool keep, CTTensor *out);
int ct_argmax(CTTensor a, int64_t axis, CTTensor *out);
int ct_log_softmax(CTTensor a, int64_t axis, CTTensor *out);

// Shape
int ct_reshape(CTTensor a, const int64_t *shape, int rank, CTTensor *out);
int ct_permute(CTTensor a, const int64_t *axes, int rank, CTTensor *out);
int ct_expand(CTTensor a, const int64_t *shape, int rank, CTTensor *out);
int ct_narrow(CTTensor a, int64_t axis, int64_t start, int64_t count, CTTensor *out);
int ct_select(CTTensor a, int64_t axis, int64_t index, CTTensor *out);
int ct_index_select(CTTensor a, int64_t axis, CTTensor indices, CTTensor *out);
int ct_gather(CTTensor a, int64_t axis, CTTensor indices, CTTensor *out);
int ct_one_hot(CTTensor indices, int64_t classes, CTTensor *out);
int ct_unbind(CTTensor a, CTTensor *outs);  // along the first axis: as many as its size
int ct_cat(const CTTensor *tensors, int count, int64_t axis, CTTensor *out);
int ct_stack(const CTTensor *tensors, int count, int64_t axis, CTTensor *out);

// Layers; a bias without pointer is none, and what `then` says is applied to the result
int ct_matmul(CTTensor a, CTTensor b, CTTensor *out);
int ct_linear(CTTensor a, CTTensor weight, CTTensor bias, CTActivation then, CTTensor *out);
int ct_linear_of_sparse(CTTensor a, CTTensor weight, CTTensor bias,
                        CTTensor *out);  // the same of rows that are mostly zeros
int ct_layer_norm(CTTensor a, CTTensor weight, CTTensor bias, double epsilon, CTTensor *out);
int ct_conv2d(CTTensor a, CTTensor weight, CTTensor bias, int64_t stride, CTActivation then, CTTensor *out);
int ct_conv_transpose2d(CTTensor a, CTTensor weight, CTTensor bias, int64_t stride, CTActivation then, CTTensor *out);
int ct_gru_cell(CTTensor x, CTTensor h, CTTensor input_weight, CTTensor recurrent_weight, CTTensor input_bias,
                CTTensor recurrent_bias, CTTensor *out);
int ct_orthogonal(CTTensor normal, CTTensor *out);

// The recurrent state-space model along a sequence, as one operation with a backward pass of its own.
typedef struct {
  CTTensor stochastic_weight, stochastic_bias, input_norm_weight, input_norm_bias;
  CTTensor gru_input_weight, gru_recurrent_weight, gru_input_bias, gru_recurrent_bias;
  CTTensor posterior_weight, posterior_bias, posterior_norm_weight, posterior_norm_bias, logits_weight, logits_bias;
} CTRecurrence;
// action_shares, embedded: [T, B, N], what actions and frames add to the two hidden layers; not_first: [T, B, 1], 0
// where the state is forgotten before a step, or none; noise: [T, B, S, K], to draw z by, or none for the most probable
// class; h: [B, D]; z: [B, S * K]. outs: h [T, B, D], z [T, B, S * K], logits [T, B, S * K].
int ct_unroll(CTTensor action_shares, CTTensor embedded, CTTensor not_first, CTTensor noise, CTTensor h, CTTensor z,
              int64_t groups, double epsilon, CTRecurrence weights, CTTensor *outs);

// Gradients
int ct_set_requires_gradient(CTTensor a, bool on);
bool ct_requires_gradient(CTTensor a);
// Stores a parameter that is not trained in bf16 from now on.
int ct_store_in_bf16(CTTensor a);
int ct_detach(CTTensor a, CTTensor *out);
int ct_contiguous(CTTensor a, CTTensor *out);
// Gradients of a scalar; outs[i].pointer is NULL where the scalar does not depend on inputs[i].
int ct_gradients(CTTensor scalar, const CTTensor *inputs, int count, CTTensor *outs);
// One step of Adam with decoupled weight decay (AdamW), in place, by libtorch's fused kernel. `norm` is the L2 norm of
// all gradients together; where `limit` is positive, they count scaled down so that it is at most that.
int ct_adam_step(const CTTensor *parameters, const CTTensor *gradients, const CTTensor *firsts, const CTTensor *seconds,
                 const CTTensor *steps, int count, double rate, double beta1, double beta2, double decay,
                 double epsilon, double limit, CTTensor *norm);

#ifdef __cplusplus
}
#endif
