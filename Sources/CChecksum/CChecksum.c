#include "CChecksum.h"

#include <string.h>

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *bytes, size_t count) {
  uint64_t sum = crc;
  for (; count >= 8; bytes += 8, count -= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    sum = __builtin_ia32_crc32di(sum, word);
  }
  crc = (uint32_t)sum;
  for (; count > 0; ++bytes, --count) crc = __builtin_ia32_crc32qi(crc, *bytes);
  return crc;
}
static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
static uint32_t by_instruction(uint32_t crc, const uint8_t *bytes, size_t count) {
  for (; count >= 8; bytes += 8, count -= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    crc = __crc32cd(crc, word);
  }
  for (; count > 0; ++bytes, --count) crc = __crc32cb(crc, *bytes);
  return crc;
}
static int has_instruction(void) { return 1; }
#else
static uint32_t by_instruction(uint32_t crc, const uint8_t *bytes, size_t count) {
  return (void)bytes, (void)count, crc;
}
static int has_instruction(void) { return 0; }
#endif

// Four bits at a time: small, and only where the processor has no instruction.
static uint32_t by_table(uint32_t crc, const uint8_t *bytes, size_t count) {
  uint32_t table[16];
  for (uint32_t half = 0; half < 16; ++half) {
    uint32_t value = half;
    for (int bit = 0; bit < 4; ++bit) value = value & 1 ? value >> 1 ^ 0x82f63b78u : value >> 1;
    table[half] = value;
  }
  for (size_t i = 0; i < count; ++i) {
    crc ^= bytes[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return crc;
}

uint32_t checksum_crc32c(uint32_t previous, const void *bytes, size_t count) {
  return ~(has_instruction() ? by_instruction(~previous, bytes, count) : by_table(~previous, bytes, count));
}

uint32_t checksum_fletcher32(const void *start, size_t count) {
  const uint8_t *bytes = start;
  uint32_t first = 0, second = 0;
  for (size_t words = count / 2; words > 0;) {
    // So many that the sums still fit into 32 bits.
    size_t some = words < 360 ? words : 360;
    words -= some;
    for (; some > 0; --some, bytes += 2) second += first += (uint32_t)bytes[0] << 8 | bytes[1];
    first = (first & 0xffff) + (first >> 16);
    second = (second & 0xffff) + (second >> 16);
  }
  if (count % 2) {
    second += first += (uint32_t)bytes[0] << 8;
    first = (first & 0xffff) + (first >> 16);
    second = (second & 0xffff) + (second >> 16);
  }
  first = (first & 0xffff) + (first >> 16);
  second = (second & 0xffff) + (second >> 16);
  return second << 16 | first;
}

static uint32_t rotated(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

uint32_t checksum_lookup3(const void *start, size_t count) {
  const uint8_t *bytes = start;
  uint32_t a = 0xdeadbeefu + (uint32_t)count, b = a, c = a;
  if (count == 0) return c;
  for (; count > 12; bytes += 12, count -= 12) {
    uint32_t words[3];
    memcpy(words, bytes, 12);
    a += words[0], b += words[1], c += words[2];
    a -= c, a ^= rotated(c, 4), c += b;
    b -= a, b ^= rotated(a, 6), a += c;
    c -= b, c ^= rotated(b, 8), b += a;
    a -= c, a ^= rotated(c, 16), c += b;
    b -= a, b ^= rotated(a, 19), a += c;
    c -= b, c ^= rotated(b, 4), b += a;
  }
  uint32_t words[3] = {0, 0, 0};
  memcpy(words, bytes, count);
  a += words[0], b += words[1], c += words[2];
  c ^= b, c -= rotated(b, 14);
  a ^= c, a -= rotated(c, 11);
  b ^= a, b -= rotated(a, 25);
  c ^= b, c -= rotated(b, 16);
  a ^= c, a -= rotated(c, 4);
  b ^= a, b -= rotated(a, 14);
  c ^= b, c -= rotated(b, 24);
  return c;
}
