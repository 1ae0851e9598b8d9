/// What kind of elements a field holds.
enum HDF5Kind: Equatable {
  case integer(bytes: Int, signed: Bool)
  case float(bytes: Int)
  case enumeration
  case text
  case variableLength
  case other

  static let byte = HDF5Kind.integer(bytes: 1, signed: false)

  var name: String {
    switch self {
    case .integer(let bytes, let signed): "\(signed ? "int" : "uint")\(8 * bytes)"
    case .float(let bytes): "float\(8 * bytes)"
    case .enumeration: "bool"
    case .text: "text"
    case .variableLength: "lists of varying length"
    case .other: "neither numbers nor lists"
    }
  }
}

/// How elements are stored.
struct HDF5Datatype: Equatable {
  let kind: HDF5Kind
  /// Bytes of an element.
  let size: Int
  let isBigEndian: Bool
  /// Of the numbers that an enumeration names.
  let isSigned: Bool

  init(_ message: HDF5Cursor) throws { try self.init(message, depth: 0) }

  private init(_ message: HDF5Cursor, depth: Int) throws {
    var message = message
    let (head, bits, size) = (try message.int(1), try message.int(3), try message.int(4))
    guard size > 0, (1...5).contains(head >> 4), depth < 4 else { throw HDF5Fault.damaged }
    self.size = size
    var (isBigEndian, isSigned) = (bits & 1 != 0, bits & 8 != 0)
    switch head & 15 {
    case 0:
      let isPlain = try message.int(2) == 0 && message.int(2) == 8 * size && [1, 2, 4, 8].contains(size)
      kind = isPlain ? .integer(bytes: size, signed: isSigned) : .other
    case 1:
      kind = try Self.isPlainFloat(&message, bits: bits, size: size) ? .float(bytes: size) : .other
    case 3: kind = .text
    case 8:
      let base = try HDF5Datatype(message, depth: depth + 1)
      guard case .integer(size, _) = base.kind else { throw HDF5Fault.damaged }
      (kind, isBigEndian, isSigned) = (.enumeration, base.isBigEndian, base.isSigned)
    case 9: kind = bits & 15 == 1 ? .text : .variableLength
    default: kind = .other
    }
    (self.isBigEndian, self.isSigned) = (isBigEndian, isSigned)
  }

  /// Whether numbers are those of IEEE 754 in 4 or 8 bytes.
  private static func isPlainFloat(_ message: inout HDF5Cursor, bits: Int, size: Int) throws -> Bool {
    let known: [Int: [Int]] = [4: [32, 23, 8, 0, 23, 127], 8: [64, 52, 11, 0, 52, 1023]]
    let offset = try message.int(2)
    let found = try [2, 1, 1, 1, 1, 4].map { try message.int($0) }
    return offset == 0 && found == known[size] && bits & 0x7e == 0x20 && bits >> 8 == 8 * size - 1
  }
}

/// The extents of a field.
struct HDF5Dataspace {
  let shape: [Int]
  /// How far each axis can grow; nil for as far as one likes.
  let largest: [Int?]

  /// Whether a message is of something that has no values, not even none in number.
  static func isNull(_ message: [UInt8]) -> Bool { message.count > 3 && message[0] == 2 && message[3] == 2 }

  /// - Throws: `HDF5Fault.damaged` also for more elements than can be counted.
  init(_ message: HDF5Cursor) throws {
    var message = message
    let (version, rank, flags) = (try message.int(1), try message.int(1, limit: 32), try message.int(1))
    let type = try message.int(1)
    guard version == 1 || version == 2, version == 1 || type != 2 else { throw HDF5Fault.damaged }
    if version == 1 { try message.skip(4) }
    shape = try (0..<rank).map { _ in try message.int(8, limit: 1 << 56) }
    largest = try flags & 1 == 0 ? shape : (0..<rank).map { _ in try message.unsigned(8) }.map { Int(exactly: $0) }
    guard product(shape.map { Swift.max($0, 1) }) != nil else { throw HDF5Fault.damaged }
  }
}

/// The product; nil where it is more than 2⁵⁶, so that a few bytes for each can still be counted.
func product(_ factors: [Int]) -> Int? {
  factors.reduce(1) { product, factor in
    guard let product, case let (larger, overflow) = product.multipliedReportingOverflow(by: factor), !overflow,
      larger <= 1 << 56
    else { return nil }
    return larger
  }
}
