// Sixteen numbers at a time, on whatever processor.
#pragma once
#include <cstdint>

#if defined(__x86_64__) && defined(__linux__)
// Names of features are versions of their own each, so that AVX2 with fused multiplication has to be named as an
// architecture.
#define EACH_PROCESSOR __attribute__((target_clones("avx512f", "arch=x86-64-v3", "default")))
#else
#define EACH_PROCESSOR
#endif

// Vectors are handed over differently on different processors, so what is cloned for each calls nothing that is not
// part of it.
#define ALWAYS_INLINE inline __attribute__((always_inline))

namespace kernels {

constexpr int64_t lanes = 16;

typedef float Floats __attribute__((vector_size(4 * lanes), aligned(4)));
typedef uint32_t Words __attribute__((vector_size(4 * lanes), aligned(4)));
typedef uint16_t Halves __attribute__((vector_size(2 * lanes), aligned(2)));

ALWAYS_INLINE void store(float *to, Floats value) { *reinterpret_cast<Floats *>(to) = value; }
ALWAYS_INLINE Floats load(const float *from) { return *reinterpret_cast<const Floats *>(from); }

ALWAYS_INLINE void store(uint16_t *to, Floats value) {
  Words bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  Words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;  // to nearest, ties to even
  auto not_a_number = (bits & 0x7fffffff) > 0x7f800000;
  rounded = not_a_number ? Words{} + 0x7fc0 : rounded;
  *reinterpret_cast<Halves *>(to) = __builtin_convertvector(rounded, Halves);
}
ALWAYS_INLINE Floats load(const uint16_t *from) {
  Words bits = __builtin_convertvector(*reinterpret_cast<const Halves *>(from), Words) << 16;
  Floats value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

ALWAYS_INLINE float number(float value) { return value; }
ALWAYS_INLINE float number(uint16_t half) {
  uint32_t bits = static_cast<uint32_t>(half) << 16;
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace kernels
