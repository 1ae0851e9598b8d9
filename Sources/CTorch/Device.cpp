#include "Shim.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>

// What devices there are. CUDA's driver is asked by its own library, which is there where a card is: libtorch says of
// it no more than how many cards it can use.

using namespace shim;

namespace {

thread_local std::string description;

/// A function of a library that may be missing; null where it, or the library, is.
template <class Function> Function *function(const char *library, const char *name) {
  void *handle = dlopen(library, RTLD_LAZY);
  return handle ? reinterpret_cast<Function *>(dlsym(handle, name)) : nullptr;
}
constexpr auto driver = "libcuda.so.1", management = "libnvidia-ml.so.1";

/// Such as `12.4`, of 12040.
std::string cuda_version(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// Of the driver, such as `580.65.06`; empty where it does not say.
std::string driver_version() {
  auto init = function<int()>(management, "nvmlInit_v2");
  auto version = function<int(char *, unsigned)>(management, "nvmlSystemGetDriverVersion");
  char text[96] = "";
  return init && version && init() == 0 && version(text, sizeof text) == 0 ? text : "";
}

std::string why_no_cuda() {
  if (!at::detail::getCUDAHooks().hasCUDART()) return "this libtorch is built without CUDA";
  auto init = function<int(unsigned)>(driver, "cuInit");
  if (!init) return "there is no NVIDIA driver (no libcuda.so.1)";
  if (int code = init(0)) {
    auto name = function<int(int, const char **)>(driver, "cuGetErrorName");
    const char *text = nullptr;
    if (name) name(code, &text);
    return std::string("the NVIDIA driver finds no card that it can use (") + (text ? text : std::to_string(code)) +
           ")";
  }
  int supported = 0;
  if (auto version = function<int(int *)>(driver, "cuDriverGetVersion")) version(&supported);
  return "libtorch can use no card with this NVIDIA driver, which is for CUDA up to " + cuda_version(supported);
}

std::string cuda_card() {
  char name[256] = "";
  size_t bytes = 0;
  int version = 0, device = 0;
  auto get = function<int(int *, int)>(driver, "cuDeviceGet");
  auto get_name = function<int(char *, int, int)>(driver, "cuDeviceGetName");
  auto get_memory = function<int(size_t *, int)>(driver, "cuDeviceTotalMem_v2");
  auto get_version = function<int(int *)>(driver, "cuDriverGetVersion");
  if (!get || !get_name || !get_memory || !get_version || get(&device, 0) || get_name(name, sizeof name, device) ||
      get_memory(&bytes, device) || get_version(&version))
    return "a card that its driver says nothing of";
  char memory[64];
  snprintf(memory, sizeof memory, "%.1f GiB", static_cast<double>(bytes) / (1 << 30));
  auto release = driver_version();
  return std::string(name) + ", " + memory + ", driver " + (release.empty() ? "" : release + " ") + "(CUDA " +
         cuda_version(version) + ")";
}

bool is_available(CTDevice device) {
  switch (device) {
  case CTCPU: return true;
  case CTCUDA: return at::hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0;
  case CTMPS: return at::hasMPS();
  }
  return false;
}

}  // namespace

extern "C" {

bool ct_device_available(CTDevice device) { return is_available(device); }

void ct_prepare_device(CTDevice device) {
  if (device != CTCUDA) return;
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
}

const char *ct_describe_device(CTDevice device) {
  switch (device) {
  case CTCPU: description = "the CPU"; break;
  case CTCUDA: description = is_available(device) ? cuda_card() : why_no_cuda(); break;
  case CTMPS:
    description = is_available(device) ? "Metal" : "this libtorch is built without Metal, or there is no card for it";
    break;
  }
  return description.c_str();
}

int64_t ct_peak_device_memory(CTDevice device) {
  int64_t peak = 0;
  if (device != CTCPU)
    attempt([&] {
      using namespace c10::CachingAllocator;
      auto stats = c10::getDeviceAllocator(devices[device])->getDeviceStats(0);
      peak = stats.reserved_bytes[static_cast<size_t>(StatType::AGGREGATE)].peak;
    });
  return peak;
}

}  // extern "C"
