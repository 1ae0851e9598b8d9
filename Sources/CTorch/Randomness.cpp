#include "Kernels/Exponential.h"
#include "Kernels/Kernels.h"
#include "Shim.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

using namespace shim;
using namespace kernels;

namespace {

at::Generator generator(CTGenerator g) { return *static_cast<at::Generator *>(g.pointer); }

}  // namespace

extern "C" {

int ct_generator(uint64_t seed, CTDevice device, CTGenerator *out) {
  return attempt([&] {
    at::Device where(devices[device]);
    auto made =
        where.is_cpu() ? at::detail::createCPUGenerator(seed) : at::globalContext().defaultGenerator(where).clone();
    made.set_current_seed(seed);
    *out = {new at::Generator(std::move(made))};
  });
}

void ct_release_generator(CTGenerator g) { delete static_cast<at::Generator *>(g.pointer); }

int ct_normal(const int64_t *shape, int rank, CTDevice device, CTGenerator g, CTTensor *out) {
  return attempt(
      [&] { *out = own(at::empty(ints(shape, rank), options(CTFloat32, device)).normal_(0, 1, generator(g))); });
}
int ct_uniform(const int64_t *shape, int rank, CTDevice device, CTGenerator g, CTTensor *out) {
  return attempt(
      [&] { *out = own(at::empty(ints(shape, rank), options(CTFloat32, device)).uniform_(0, 1, generator(g))); });
}
int ct_exponential(const int64_t *shape, int rank, CTDevice device, CTGenerator g, CTTensor *out) {
  return attempt([&] {
    auto numbers = at::empty(ints(shape, rank), options(CTFloat32, device));
    *out = own(is_exponential(numbers) ? exponential(numbers, generator(g)) : numbers.exponential_(1, generator(g)));
  });
}

}  // extern "C"
