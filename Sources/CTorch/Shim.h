// What the files of this shim share.
#pragma once
#include "CTorch.h"

#include <ATen/ATen.h>

namespace shim {

inline thread_local std::string message;

/// Runs `body`; 0 when it worked, else 1 and a message.
template <class Body> int attempt(Body body) noexcept {
  try {
    body();
    return 0;
  } catch (const c10::Error &error) {
    message = error.what_without_backtrace();
  } catch (const std::exception &error) {
    message = error.what();
  } catch (...) {
    message = "unknown C++ exception";
  }
  return 1;
}

inline at::IntArrayRef ints(const int64_t *values, int count) { return {values, static_cast<size_t>(count)}; }

inline constexpr at::ScalarType types[] = {at::kFloat, at::kDouble, at::kBFloat16, at::kLong,
                                           at::kInt,   at::kByte,   at::kBool};
inline constexpr at::DeviceType devices[] = {at::kCPU, at::kCUDA, at::kMPS};

inline at::TensorOptions options(CTType type, CTDevice device) {
  return at::TensorOptions().dtype(types[type]).device(devices[device]);
}

inline const at::Tensor &in(CTTensor a) { return *static_cast<const at::Tensor *>(a.pointer); }

inline CTTensor own(at::Tensor a) { return {new at::Tensor(std::move(a))}; }

inline std::optional<at::Tensor> maybe(CTTensor a) {
  return a.pointer ? std::optional<at::Tensor>(in(a)) : std::nullopt;
}

inline std::vector<at::Tensor> list(const CTTensor *tensors, int count) {
  std::vector<at::Tensor> all;
  all.reserve(count);
  for (int i = 0; i < count; i++) all.push_back(in(tensors[i]));
  return all;
}

}  // namespace shim
