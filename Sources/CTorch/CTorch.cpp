#include "Kernels/Kernels.h"
#include "Kernels/Products.h"
#include "Shim.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/version.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

using namespace shim;
using namespace kernels;

namespace {

thread_local int64_t host_reads;

/// Numbers of the CPU on a card. They go there from memory that the system cannot move, in their turn and without a
/// wait; libtorch keeps that memory for the next, for ever, so that much at once goes without.
at::Tensor uploaded(const at::Tensor &a, const at::TensorOptions &options) {
  constexpr size_t most = 64 << 20;
  if (a.nbytes() > most) return a.to(options);
  return at::empty_like(a, a.options().pinned_memory(true)).copy_(a).to(options, /*non_blocking=*/true);
}

at::OptionalIntArrayRef axes_or_all(const int64_t *axes, int count) {
  return count ? at::OptionalIntArrayRef(ints(axes, count)) : at::OptionalIntArrayRef(std::nullopt);
}

}  // namespace

extern "C" {

const char *ct_last_error(void) { return message.c_str(); }
const char *ct_version(void) { return TORCH_VERSION; }

void ct_set_threads(int count) { at::set_num_threads(count); }
int ct_threads(void) { return at::get_num_threads(); }

void ct_keep_memory(void) {
#if defined(__GLIBC__)
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_TOP_PAD, 64 << 20);
  mallopt(M_ARENA_MAX, 1);
#endif
}

bool ct_set_recording(bool on) {
  bool before = at::GradMode::is_enabled();
  at::GradMode::set_enabled(on);
  return before;
}

bool ct_set_autocast(CTDevice device, bool on) {
  bool before = at::autocast::is_autocast_enabled(devices[device]);
  at::autocast::set_autocast_enabled(devices[device], on);
  if (on) at::autocast::set_autocast_dtype(devices[device], at::kBFloat16);
  return before;
}

void ct_clear_autocast_cache(void) { at::autocast::clear_cache(); }

int ct_kernels(CTKernel *out, int capacity) {
  auto all = all_kernels();
  for (size_t i = 0; i < all.size() && i < static_cast<size_t>(capacity); i++)
    out[i] = {all[i].name, all[i].operands, all[i].processor, all[i].counterpart, all[i].runs};
  return static_cast<int>(all.size());
}

bool ct_kernels_on(void) { return kernels_are_on(); }

bool ct_set_kernels(bool on) {
  bool before = kernels_are_on();
  set_kernels(on);
  return before;
}

int ct_from_bytes(const void *bytes, const int64_t *shape, int rank, CTType type, CTDevice device, CTTensor *out) {
  return attempt([&] {
    auto view = at::from_blob(const_cast<void *>(bytes), ints(shape, rank), at::TensorOptions().dtype(types[type]));
    *out = own(device == CTCUDA ? uploaded(view, options(type, device))
                                : view.to(options(type, device), /*non_blocking=*/false, /*copy=*/true));
  });
}

int ct_view_bytes(const void *bytes, const int64_t *shape, int rank, CTType type, void *owner,
                  void (*release)(void *owner), CTTensor *out) {
  return attempt([&] {
    *out = own(at::for_blob(const_cast<void *>(bytes), ints(shape, rank))
                   .context(owner, release)
                   .options(options(type, CTCPU))
                   .make_tensor());
  });
}

int ct_copy_bytes(CTTensor a, void *bytes, size_t size) {
  return attempt([&] {
    host_reads++;
    auto plain = in(a).detach().to(at::kCPU).contiguous();
    TORCH_CHECK(plain.nbytes() == size, "the tensor has ", plain.nbytes(), " bytes, ", size, " were asked for");
    if (size) memcpy(bytes, plain.const_data_ptr(), size);
  });
}

int64_t ct_host_reads(void) { return host_reads; }

int ct_full(const int64_t *shape, int rank, double value, CTType type, CTDevice device, CTTensor *out) {
  return attempt([&] { *out = own(at::full(ints(shape, rank), value, options(type, device))); });
}

void ct_release(CTTensor a) { delete static_cast<at::Tensor *>(a.pointer); }
int ct_rank(CTTensor a) { return static_cast<int>(in(a).dim()); }

void ct_shape(CTTensor a, int64_t *shape) {
  for (auto size : in(a).sizes()) *shape++ = size;
}

CTType ct_type(CTTensor a) {
  auto type = in(a).scalar_type();
  for (int i = 0; i < 7; i++)
    if (types[i] == type) return static_cast<CTType>(i);
  return CTFloat32;
}

CTDevice ct_device(CTTensor a) {
  auto device = in(a).device().type();
  return device == at::kCUDA ? CTCUDA : device == at::kMPS ? CTMPS : CTCPU;
}

int ct_to(CTTensor a, CTType type, CTDevice device, CTTensor *out) {
  return attempt([&] {
    host_reads += device == CTCPU && !in(a).is_cpu();
    *out = own(device == CTCUDA && in(a).is_cpu() ? uploaded(in(a), options(type, device))
                                                  : in(a).to(options(type, device)));
  });
}

int ct_channels_last(CTTensor a, CTTensor *out) {
  return attempt([&] { *out = own(in(a).contiguous(at::MemoryFormat::ChannelsLast)); });
}

int ct_assign(CTTensor destination, CTTensor source) {
  return attempt([&] {
    at::NoGradGuard guard;
    TORCH_CHECK(in(destination).sizes() == in(source).sizes(), "the shapes differ");
    auto target = in(destination);
    target.copy_(in(source));
  });
}

#define UNARY(name, expression)                                                                                        \
  int ct_##name(CTTensor a, CTTensor *out) {                                                                           \
    return attempt([&] { *out = own(expression); });                                                                   \
  }
UNARY(neg, at::neg(in(a)))
UNARY(exp, at::exp(in(a)))
UNARY(log, at::log(in(a)))
UNARY(sqrt, at::sqrt(in(a)))
UNARY(square, at::square(in(a)))
UNARY(abs, at::abs(in(a)))
UNARY(tanh, at::tanh(in(a)))
UNARY(sigmoid, at::sigmoid(in(a)))
UNARY(elu, at::elu(in(a)))
UNARY(softplus, at::softplus(in(a)))
UNARY(detach, in(a).detach())
UNARY(contiguous, in(a).contiguous())

int ct_clamp(CTTensor a, double low, double high, CTTensor *out) {
  return attempt([&] { *out = own(at::clamp(in(a), low, high)); });
}

#define BINARY(name, expression)                                                                                       \
  int ct_##name(CTTensor a, CTTensor b, CTTensor *out) {                                                               \
    return attempt([&] { *out = own(expression); });                                                                   \
  }
BINARY(add, at::add(in(a), in(b)))
BINARY(sub, at::sub(in(a), in(b)))
BINARY(mul, at::mul(in(a), in(b)))
BINARY(div, at::div(in(a), in(b)))
BINARY(maximum, at::maximum(in(a), in(b)))
BINARY(equal, at::eq(in(a), in(b)))
BINARY(matmul, in(a).dim() == 2 && in(b).dim() == 2 ? affine(in(a), in(b).t(), std::nullopt) : at::matmul(in(a), in(b)))

int ct_add_number(CTTensor a, double b, CTTensor *out) {
  return attempt([&] { *out = own(at::add(in(a), b)); });
}
int ct_at_least(CTTensor a, double b, CTTensor *out) {
  return attempt([&] { *out = own(at::ge(in(a), b)); });
}
int ct_mul_number(CTTensor a, double b, CTTensor *out) {
  return attempt([&] { *out = own(at::mul(in(a), b)); });
}

int ct_sum(CTTensor a, const int64_t *axes, int count, bool keep, CTTensor *out) {
  return attempt([&] { *out = own(at::sum(in(a), axes_or_all(axes, count), keep)); });
}
int ct_mean(CTTensor a, const int64_t *axes, int count, bool keep, CTTensor *out) {
  return attempt([&] { *out = own(at::mean(in(a), axes_or_all(axes, count), keep)); });
}
int ct_norm(CTTensor a, int64_t axis, bool keep, CTTensor *out) {
  return attempt([&] { *out = own(at::linalg_vector_norm(in(a), 2, axis, keep)); });
}
int ct_amax(CTTensor a, int64_t axis, bool keep, CTTensor *out) {
  return attempt([&] { *out = own(at::amax(in(a), axis, keep)); });
}
int ct_argmax(CTTensor a, int64_t axis, CTTensor *out) {
  return attempt([&] { *out = own(at::argmax(in(a), axis)); });
}
int ct_log_softmax(CTTensor a, int64_t axis, CTTensor *out) {
  return attempt([&] { *out = own(at::log_softmax(in(a), axis)); });
}

int ct_reshape(CTTensor a, const int64_t *shape, int rank, CTTensor *out) {
  return attempt([&] { *out = own(at::reshape(in(a), ints(shape, rank))); });
}
int ct_permute(CTTensor a, const int64_t *axes, int rank, CTTensor *out) {
  return attempt([&] { *out = own(at::permute(in(a), ints(axes, rank))); });
}
int ct_expand(CTTensor a, const int64_t *shape, int rank, CTTensor *out) {
  return attempt([&] { *out = own(in(a).expand(ints(shape, rank))); });
}
int ct_narrow(CTTensor a, int64_t axis, int64_t start, int64_t count, CTTensor *out) {
  return attempt([&] { *out = own(at::narrow(in(a), axis, start, count)); });
}
int ct_select(CTTensor a, int64_t axis, int64_t index, CTTensor *out) {
  return attempt([&] { *out = own(at::select(in(a), axis, index)); });
}
int ct_index_select(CTTensor a, int64_t axis, CTTensor indices, CTTensor *out) {
  return attempt([&] { *out = own(at::index_select(in(a), axis, in(indices))); });
}
int ct_gather(CTTensor a, int64_t axis, CTTensor indices, CTTensor *out) {
  return attempt([&] { *out = own(at::gather(in(a), axis, in(indices))); });
}
int ct_one_hot(CTTensor indices, int64_t classes, CTTensor *out) {
  return attempt([&] {
    auto index = in(indices).to(at::kLong).unsqueeze(-1);
    auto shape = index.sizes().vec();
    shape.back() = classes;
    *out = own(at::zeros(shape, index.options().dtype(at::kFloat)).scatter_(-1, index, 1));
  });
}
int ct_unbind(CTTensor a, CTTensor *outs) {
  return attempt([&] {
    for (auto &part : at::unbind(in(a))) *outs++ = own(std::move(part));
  });
}
int ct_cat(const CTTensor *tensors, int count, int64_t axis, CTTensor *out) {
  return attempt([&] { *out = own(at::cat(list(tensors, count), axis)); });
}
int ct_stack(const CTTensor *tensors, int count, int64_t axis, CTTensor *out) {
  return attempt([&] { *out = own(at::stack(list(tensors, count), axis)); });
}

int ct_set_requires_gradient(CTTensor a, bool on) {
  return attempt([&] {
    // Only the storage of borrowed bytes cannot be resized.
    TORCH_CHECK(!on || in(a).storage().resizable(), "it views bytes that are never written to, as a parameter is");
    in(a).requires_grad_(on);
  });
}
int ct_store_in_bf16(CTTensor a) {
  return attempt([&] {
    TORCH_CHECK(!in(a).requires_grad(), "it is trained");
    in(a).set_data(in(a).detach().to(at::kBFloat16));
  });
}
bool ct_requires_gradient(CTTensor a) { return in(a).requires_grad(); }

int ct_gradients(CTTensor scalar, const CTTensor *inputs, int count, CTTensor *outs) {
  return attempt([&] {
    auto gradients =
        torch::autograd::grad({in(scalar)}, list(inputs, count), {}, std::nullopt, false, /*allow_unused=*/true);
    for (int i = 0; i < count; i++) outs[i] = gradients[i].defined() ? own(gradients[i]) : CTTensor{nullptr};
  });
}

int ct_adam_step(const CTTensor *parameters, const CTTensor *gradients, const CTTensor *firsts, const CTTensor *seconds,
                 const CTTensor *steps, int count, double rate, double beta1, double beta2, double decay,
                 double epsilon, double limit, CTTensor *norm) {
  return attempt([&] {
    at::NoGradGuard guard;
    auto counts = list(steps, count), all = list(gradients, count);
    // The fused kernel walks a parameter, its gradient and its moments side by side, so they must lie in memory alike.
    for (int i = 0; i < count; i++)
      if (all[i].strides() != in(parameters[i]).strides()) all[i] = at::empty_like(in(parameters[i])).copy_(all[i]);
    at::_foreach_add_(counts, 1);
    auto total = at::linalg_vector_norm(at::stack(at::_foreach_norm(all)).to(at::kFloat));
    // The kernel divides gradients by this in the same pass; at least 1, so that they only ever shrink.
    auto divisor = limit > 0 ? std::optional(at::clamp_min((total + 1e-6) / limit, 1)) : std::nullopt;
    at::_fused_adamw_(list(parameters, count), all, list(firsts, count), list(seconds, count), {}, counts, rate, beta1,
                      beta2, decay, epsilon, /*amsgrad=*/false, /*maximize=*/false, divisor);
    *norm = own(total);
  });
}

}  // extern "C"
