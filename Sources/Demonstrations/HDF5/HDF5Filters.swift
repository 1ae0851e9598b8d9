import CChecksum
import CZlib

/// What a chunk's bytes went through when they were written, the first filter first.
struct HDF5Filters {
  private enum Filter: Equatable {
    case deflate
    case shuffle(elementSize: Int)
    case fletcher32
  }

  private let filters: [Filter]

  static let none = HDF5Filters(filters: [])

  private init(filters: [Filter]) { self.filters = filters }

  var hasChecksums: Bool { filters.contains(.fletcher32) }

  init(_ message: HDF5Cursor) throws {
    var message = message
    let (version, count) = (try message.int(1), try message.int(1, limit: 32))
    guard version == 1 || version == 2 else { throw HDF5Fault.damaged }
    if version == 1 { try message.skip(6) }
    var filters = [Filter]()
    for _ in 0..<count {
      let id = try message.int(2)
      let nameLength = version == 1 || id >= 256 ? try message.int(2) : 0
      try message.skip(2)
      let valueCount = try message.int(2)
      let name = try message.take(version == 1 ? (nameLength + 7) / 8 * 8 : nameLength)
      let values = try (0..<valueCount).map { _ in try message.int(4) }
      if version == 1, valueCount % 2 == 1 { try message.skip(4) }
      filters.append(try Self.filter(id, values, name: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)))
    }
    self.filters = filters
  }

  private static func filter(_ id: Int, _ values: [Int], name: String) throws -> Filter {
    switch id {
    case 1: return .deflate
    case 2:
      guard let size = values.first, size > 0 else { throw HDF5Fault.damaged }
      return .shuffle(elementSize: size)
    case 3: return .fletcher32
    default:
      throw HDF5Fault.unsupported(
        "is compressed by filter \(id)\(name.isEmpty ? "" : " ('\(name)')"), and only gzip is read: h5repack -f GZIP=4 writes it anew"
      )
    }
  }

  /// Takes a chunk's bytes back to what they were.
  /// - Parameters:
  ///   - skipped: a bit for each filter that this chunk was spared.
  ///   - size: bytes of the chunk in the end.
  func decoded(_ stored: [UInt8], skipped: UInt64, size: Int) throws -> [UInt8] {
    var bytes = stored
    for (index, filter) in filters.enumerated().reversed() where skipped >> UInt64(index) & 1 == 0 {
      switch filter {
      case .deflate: bytes = try Self.inflated(bytes, size: size + 4 * filters[..<index].count { $0 == .fletcher32 })
      case .shuffle(let elementSize): bytes = Self.unshuffled(bytes, elementSize)
      case .fletcher32: bytes = try Self.summed(bytes)
      }
    }
    guard bytes.count == size else { throw HDF5Fault.damaged }
    return bytes
  }

  /// - Parameter size: of the result, which is refused before memory is taken for it where so few bytes cannot hold it.
  private static func inflated(_ bytes: [UInt8], size: Int) throws -> [UInt8] {
    // Deflate makes no more than 1032 bytes of one.
    guard size / 1032 <= bytes.count, bytes.count < 1 << 32 else { throw HDF5Fault.damaged }
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, done in
      var length = uLongf(size)
      let status = bytes.withUnsafeBufferPointer {
        uncompress(buffer.baseAddress, &length, $0.baseAddress, uLong($0.count))
      }
      guard status == Z_OK, length == uLongf(size) else { throw HDF5Fault.damaged }
      done = size
    }
  }

  /// The checksum behind the bytes has to be theirs.
  private static func summed(_ bytes: [UInt8]) throws -> [UInt8] {
    guard bytes.count >= 4 else { throw HDF5Fault.damaged }
    let sum = bytes.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard bytes.withUnsafeBytes({ checksum_fletcher32($0.baseAddress!, $0.count - 4) }) == sum else {
      throw HDF5Fault.damaged
    }
    return bytes.dropLast(4)
  }

  /// Bytes were sorted by their place in an element.
  private static func unshuffled(_ bytes: [UInt8], _ elementSize: Int) -> [UInt8] {
    let count = bytes.count / elementSize
    guard elementSize > 1, count > 1 else { return bytes }
    var result = bytes
    result.withUnsafeMutableBufferPointer { result in
      bytes.withUnsafeBufferPointer { bytes in
        for place in 0..<elementSize {
          for element in 0..<count { result[element * elementSize + place] = bytes[place * count + element] }
        }
      }
    }
    return result
  }
}
