#pragma once

#include <stddef.h>
#include <stdint.h>

/// Checksums that files carry. Each takes `count` bytes, and reads nothing else.

/// The cyclic redundancy check of Castagnoli's polynomial, by the processor's own instruction where there is one.
/// `previous` is the checksum of what came before the bytes; 0 at the start.
uint32_t checksum_crc32c(uint32_t previous, const void *bytes, size_t count);

/// Fletcher's checksum of 16-bit words as HDF5's filter of that name takes it.
uint32_t checksum_fletcher32(const void *bytes, size_t count);

/// Jenkins' lookup3 with the initial value 0, which HDF5's own structures carry.
uint32_t checksum_lookup3(const void *bytes, size_t count);
