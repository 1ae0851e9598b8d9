#include "Exponential.h"
#include "Parallel.h"

#include <ATen/CPUGeneratorImpl.h>

at::Tensor kernels::exponential(at::Tensor numbers, at::Generator generator) {
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
