#include "Kernels/Activation.h"
#include "Kernels/FirstConvolution.h"
#include "Kernels/Kernels.h"
#include "Kernels/Products.h"
#include "Kernels/StridedConvolution.h"
#include "Shim.h"

#include <torch/csrc/autograd/custom_function.h>

using namespace shim;
using namespace kernels;

namespace {

Activation ours(CTActivation then) {
  return then == CTELU ? Activation::ELU : then == CTReLU ? Activation::ReLU : Activation::Identity;
}

/// In place of what it is given, which nobody else reads yet: gradients need only what comes out, so that is all that
/// is kept. On the way back the gradient is changed in place too, unless somebody else has it.
struct Activated : torch::autograd::Function<Activated> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, at::Tensor y, int64_t then) {
    then == CTELU ? at::elu_(y) : at::relu_(y);
    context->mark_dirty({y});
    context->save_for_backward({y});
    context->saved_data["then"] = then;
    return y;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list &gradients) {
    auto then = static_cast<CTActivation>(context->saved_data["then"].toInt());
    return {activation_gradient(std::move(gradients[0]), context->get_saved_variables()[0], ours(then)), at::Tensor()};
  }
};

at::Tensor activated(at::Tensor y, CTActivation then) {
  return then == CTIdentity ? y : Activated::apply(std::move(y), then);
}

/// A transposed convolution of stride 2 and kernel 6 onto few channels, `[N, C, Y, X]` to `[N, O, 2 Y + 4, 2 X + 4]`.
/// Every second row and column of the result is a plain convolution with every second row and column of the kernel;
/// four such give all of it.
struct Interleaved : torch::autograd::Function<Interleaved> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &weight) {
    auto w = weight.to(x.scalar_type());
    context->save_for_backward({x, w});
    auto inputs = w.size(0), outputs = w.size(1);
    auto parts = w.reshape({inputs, outputs, 3, 2, 3, 2})
                     .permute({1, 3, 5, 0, 2, 4})
                     .flip({4, 5})
                     .reshape({4 * outputs, inputs, 3, 3});
    return at::pixel_shuffle(at::conv2d(x, parts, {}, 1, 2), 2);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    auto saved = context->get_saved_variables();
    auto [x, w, none] =
        at::convolution_backward(gradients[0], saved[0], saved[1], at::OptionalIntArrayRef(std::nullopt), {2, 2},
                                 {0, 0}, {1, 1}, true, {0, 0}, 1, {true, true, false});
    return {x, w};
  }
};

}  // namespace

extern "C" {

int ct_linear(CTTensor a, CTTensor weight, CTTensor bias, CTActivation then, CTTensor *out) {
  return attempt([&] {
    auto shape = in(a).sizes().vec();
    shape.back() = in(weight).size(0);
    // Of a view, the activation's gradient would be copied.
    *out = own(activated(affine(in(a).flatten(0, -2), in(weight), maybe(bias)), then).reshape(shape));
  });
}
int ct_linear_of_sparse(CTTensor a, CTTensor weight, CTTensor bias, CTTensor *out) {
  return attempt([&] {
    auto shape = in(a).sizes().vec();
    shape.back() = in(weight).size(0);
    *out = own(affine_of_sparse(in(a).flatten(0, -2), in(weight), maybe(bias)).reshape(shape));
  });
}
int ct_layer_norm(CTTensor a, CTTensor weight, CTTensor bias, double epsilon, CTTensor *out) {
  return attempt([&] { *out = own(at::layer_norm(in(a), in(weight).sizes(), in(weight), in(bias), epsilon)); });
}
int ct_conv2d(CTTensor a, CTTensor weight, CTTensor bias, int64_t stride, CTActivation then, CTTensor *out) {
  return attempt([&] {
    auto x = in(a), w = in(weight), b = in(bias);
    if (is_patch_gemv(x, w, b, stride)) *out = own(activated(convolution_of_few_pixels(x, w, b, stride), then));
    else if (is_first_convolution(x, w, stride)) *out = own(first_convolution(x, w, b, ours(then)));
    else if (w = widened(w, x); is_strided_convolution(x, w, /*transposed=*/false))
      *out = own(strided_convolution(x, w, b, stride, /*transposed=*/false, ours(then)));
    else *out = own(activated(at::conv2d(x, w, b, {stride, stride}), then));
  });
}
int ct_conv_transpose2d(CTTensor a, CTTensor weight, CTTensor bias, int64_t stride, CTActivation then, CTTensor *out) {
  return attempt([&] {
    auto x = in(a), w = widened(in(weight), x), b = in(bias);
    if (is_strided_convolution(x, w, /*transposed=*/true)) {
      *out = own(strided_convolution(x, w, b, stride, /*transposed=*/true, ours(then)));
      return;
    }
    bool few_channels = w.size(1) <= 4 && stride == 2 && w.size(2) == 6;
    auto y = few_channels ? Interleaved::apply(x, w) : at::conv_transpose2d(x, w, {}, {stride, stride});
    // The library adds a bias to a transposed convolution by its reference code, which is slow.
    *out = own(activated(y.add_(b.reshape({1, -1, 1, 1})), then));
  });
}
int ct_orthogonal(CTTensor normal, CTTensor *out) {
  return attempt([&] {
    bool wide = in(normal).size(0) < in(normal).size(1);
    auto [q, r] = at::linalg_qr(wide ? in(normal).t() : in(normal));
    auto signed_q = q * at::sign(at::diagonal(r));
    *out = own((wide ? signed_q.t() : signed_q).contiguous());
  });
}

}  // extern "C"
