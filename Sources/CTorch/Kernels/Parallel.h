// Work for several threads. at::parallel_for is compiled into whoever calls it and shares nothing unless OpenMP is on
// there; this goes to the OpenMP library that libtorch brings along, so that both have the same threads. Where there is
// none, the calling thread does all.
#pragma once
#include <ATen/Parallel.h>
#include <c10/util/ParallelGuard.h>
#include <algorithm>
#include <atomic>
#include <dlfcn.h>

namespace kernels {

/// Calls `body(begin, end)` for parts of 0..<count, none smaller than `grain`. Nothing may be thrown from it.
template <class Body> void parallel(int64_t count, int64_t grain, Body body) {
  static const auto team = reinterpret_cast<void (*)(void (*)(void *), void *, unsigned threads, unsigned flags)>(
      dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  struct Work {
    Body &body;
    int64_t count, parts;
    std::atomic<int64_t> next{0};
  } work{body, count, std::min<int64_t>(at::get_num_threads(), count / grain)};
  if (!team || work.parts < 2 || at::in_parallel_region()) return body(0, count);
  team(
      [](void *pointer) {
        auto &work = *static_cast<Work *>(pointer);
        c10::ParallelGuard inside(true);
        for (int64_t part; (part = work.next++) < work.parts;)
          work.body(part * work.count / work.parts, (part + 1) * work.count / work.parts);
      },
      &work, /*threads: always all, since a team of another size is made anew*/ 0, 0);
}

}  // namespace kernels
