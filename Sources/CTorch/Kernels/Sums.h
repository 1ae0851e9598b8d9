// Sums of products that stay in registers until they are complete, up to 24 vectors of them: nearly all that the
// vectors of a processor with AVX-512 can do (oneDNN reaches from half to nine tenths of it in convolutions and with
// few rows).
#pragma once
#include "Vectors.h"
#include <ATen/ATen.h>

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#define WITH_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#define UNROLLED _Pragma("clang loop unroll(full)")

namespace kernels {

/// Operands come in words of 32 bits: one number in float32,
struct Single {
  static constexpr int64_t numbers = 1;
  using Number = float;
  static WITH_AVX512 ALWAYS_INLINE __m512 add(__m512 sum, __m512i a, __m512i b) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
  }
};
/// or two in bf16 that are multiplied with those of another word and added up, in float32.
struct Pair {
  static constexpr int64_t numbers = 2;
  using Number = uint16_t;
  static WITH_AVX512 ALWAYS_INLINE __m512 add(__m512 sum, __m512i a, __m512i b) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
  }
};

template <int64_t Rows, int64_t Width> struct Sums {
  __m512 of[Rows][Width];

  /// Adds `Rows` words, `step` from one another, times `Width` vectors.
  template <class Word> WITH_AVX512 ALWAYS_INLINE void add(const uint32_t *words, int64_t step,
                                                           const uint32_t *vectors) {
    __m512i b[Width];
    UNROLLED for (int64_t j = 0; j < Width; j++) b[j] = _mm512_loadu_si512(vectors + lanes * j);
    UNROLLED for (int64_t row = 0; row < Rows; row++) {
      __m512i a = _mm512_set1_epi32(words[row * step]);
      UNROLLED for (int64_t j = 0; j < Width; j++) of[row][j] = Word::add(of[row][j], a, b[j]);
    }
  }
  /// To rows that are `step` apart.
  WITH_AVX512 ALWAYS_INLINE void store(float *to, int64_t step) const {
    UNROLLED for (int64_t row = 0; row < Rows; row++) UNROLLED for (int64_t j = 0; j < Width; j++)
        _mm512_storeu_ps(to + row * step + lanes * j, of[row][j]);
  }
  WITH_AVX512 ALWAYS_INLINE void add_to(float *to, int64_t step) {
    UNROLLED for (int64_t row = 0; row < Rows; row++) UNROLLED for (int64_t j = 0; j < Width; j++) of[row][j] =
        _mm512_add_ps(of[row][j], _mm512_loadu_ps(to + row * step + lanes * j));
    store(to, step);
  }
};

inline const uint32_t *words_of(const at::Tensor &a) { return static_cast<const uint32_t *>(a.const_data_ptr()); }

/// Whether this processor has such sums of numbers of `type`, and nothing better.
inline bool sums_of(at::ScalarType type) {
  static const bool singles = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  // With tiles of bf16 a processor has better than vectors, which oneDNN knows.
  static const bool pairs = singles && __builtin_cpu_supports("avx512bf16") && !__builtin_cpu_supports("amx-bf16");
  return type == at::kFloat ? singles : type == at::kBFloat16 && pairs;
}

}  // namespace kernels
#endif
