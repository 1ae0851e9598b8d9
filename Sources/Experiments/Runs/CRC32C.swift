/// The cyclic redundancy check of Castagnoli's polynomial, which TensorBoard's files use, and good at finding damage in any file.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1 }
  }

  /// The checksum of the bytes; `previous` is that of what came before them.
  static func checksum(_ bytes: some Collection<UInt8>, after previous: UInt32 = 0) -> UInt32 {
    table.withUnsafeBufferPointer { table in
      ~bytes.reduce(~previous) { crc, byte in (crc >> 8) ^ table[Int((crc ^ UInt32(byte)) & 0xff)] }
    }
  }
}
