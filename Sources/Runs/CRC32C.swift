import CChecksum

/// The cyclic redundancy check of Castagnoli's polynomial, which TensorBoard's files use, and good at finding damage in
/// any file.
enum CRC32C {
  /// The checksum of the bytes; `previous` is that of what came before them.
  static func checksum(_ bytes: some Collection<UInt8>, after previous: UInt32 = 0) -> UInt32 {
    bytes.withContiguousStorageIfAvailable { checksum_crc32c(previous, $0.baseAddress, $0.count) }
      ?? Array(bytes).withUnsafeBufferPointer { checksum_crc32c(previous, $0.baseAddress, $0.count) }
  }
}
