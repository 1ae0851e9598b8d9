#include "Kernels.h"
#include "Parallel.h"
#include "Shim.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

using namespace shim;

namespace {

at::Generator generator(CTGenerator g) { return *static_cast<at::Generator *>(g.pointer); }

/// Fills `numbers` with exponential ones of rate 1, by SplitMix64 (Steele, Lea and Flood 2014) from where the generator says: each number
/// depends on its place alone, so that threads share the work, which libtorch's own draws leave to one.
at::Tensor exponential(at::Tensor numbers, at::Generator generator) {
  uint64_t start;
  {
    std::lock_guard<std::mutex> lock(generator.mutex());
    start = at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
  }
  auto to = numbers.data_ptr<float>();
  parallel(numbers.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      uint64_t z = start + 0x9e3779b97f4a7c15 * static_cast<uint64_t>(i + 1);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      // Of 40 bits, so that short waits, which decide for a class, come in fine steps; never 0, nor 1 by rounding.
      float share = (static_cast<float>(static_cast<int64_t>((z ^ (z >> 31)) >> 24)) + 0.5f) * 0x1p-40f;
      to[i] = -std::min(share, 1 - 0x1p-24f);
    }
  });
  return numbers.log1p_().neg_();
}

}  // namespace

extern "C" {

int ct_generator(uint64_t seed, CTDevice device, CTGenerator *out) {
  return attempt([&] {
    at::Device where(devices[device]);
    auto made = where.is_cpu() ? at::detail::createCPUGenerator(seed)
                               : at::globalContext().defaultGenerator(where).clone();
    made.set_current_seed(seed);
    *out = {new at::Generator(std::move(made))};
  });
}

void ct_release_generator(CTGenerator g) { delete static_cast<at::Generator *>(g.pointer); }

int ct_normal(const int64_t *shape, int rank, CTDevice device, CTGenerator g, CTTensor *out) {
  return attempt([&] { *out = own(at::empty(ints(shape, rank), options(CTFloat32, device)).normal_(0, 1, generator(g))); });
}
int ct_uniform(const int64_t *shape, int rank, CTDevice device, CTGenerator g, CTTensor *out) {
  return attempt([&] { *out = own(at::empty(ints(shape, rank), options(CTFloat32, device)).uniform_(0, 1, generator(g))); });
}
int ct_exponential(const int64_t *shape, int rank, CTDevice device, CTGenerator g, CTTensor *out) {
  return attempt([&] {
    auto numbers = at::empty(ints(shape, rank), options(CTFloat32, device));
    *out = own(is_exponential(numbers) ? exponential(numbers, generator(g)) : numbers.exponential_(1, generator(g)));
  });
}

}  // extern "C"
