import CChecksum

/// Objects of a group with many links or attributes, in blocks whose sizes double.
final class HDF5FractalHeap {
  private let file: HDF5File
  private let address: UInt64
  /// Bytes of an object's offset, and of its length, in its identifier.
  private let (offsetSize, lengthSize): (Int, Int)
  /// Blocks side by side in a row, bytes of the first one, and of the largest that holds objects.
  private let (width, firstSize, largestSize): (Int, Int, Int)
  private let hasChecksums: Bool
  private let root: UInt64?
  private let rootRows: Int
  /// Blocks whose checksums were compared.
  private var compared = Set<UInt64>()

  init(at address: UInt64, in file: HDF5File) throws {
    var head = HDF5Cursor(try file.bytes(at: address, count: 9))
    try head.expect("FRHP")
    guard try head.unsigned(1) == 0 else { throw HDF5Fault.damaged }
    try head.skip(2)
    guard try head.unsigned(2) == 0 else { throw HDF5Fault.unsupported("is in a group whose names are compressed") }
    var body = try file.summed(at: address, count: 146)
    try body.skip(9)
    let flags = try body.unsigned(1)
    let largestObject = try body.int(4)
    try body.skip(96)
    width = try body.int(2)
    (firstSize, largestSize) = (try body.int(8, limit: 1 << 32), try body.int(8, limit: 1 << 32))
    let bits = try body.int(2, limit: 64)
    try body.skip(2)
    (root, rootRows) = (try body.address(), try body.int(2, limit: 64))
    guard width > 0, [width, firstSize, largestSize].allSatisfy({ $0.nonzeroBitCount == 1 }), firstSize <= largestSize,
      largestObject > 0
    else {
      throw HDF5Fault.damaged
    }
    (self.file, self.address, hasChecksums) = (file, address, flags & 2 != 0)
    offsetSize = (bits + 7) / 8
    lengthSize = min(
      (largestSize.trailingZeroBitCount + 7) / 8, (Int.bitWidth - 1 - largestObject.leadingZeroBitCount) / 8 + 1)
  }

  /// The bytes of the object that `identifier` stands for.
  func object(_ identifier: [UInt8]) throws -> [UInt8] {
    var cursor = HDF5Cursor(identifier)
    let kind = try cursor.int(1)
    switch kind >> 4 {
    case 0:
      let (offset, length) = (try cursor.int(offsetSize, limit: 1 << 48), try cursor.int(lengthSize))
      guard let root else { throw HDF5Fault.damaged }
      if rootRows == 0 { return try object(at: offset, length, inBlock: root, of: firstSize, from: 0) }
      return try object(at: offset, length, inIndirect: root, rows: rootRows, from: 0, depth: 0)
    case 2: return try cursor.take((kind & 15) + 1)
    default: throw HDF5Fault.unsupported("is described by more than 64 KiB")
    }
  }

  /// - Parameter start: the offset in the heap at which the block begins.
  private func object(at offset: Int, _ length: Int, inBlock place: UInt64, of size: Int, from start: Int) throws
    -> [UInt8]
  {
    var cursor = HDF5Cursor(try file.bytes(at: place, count: min(size, 17 + offsetSize)))
    try cursor.expect("FHDB")
    guard try cursor.unsigned(1) == 0, try cursor.unsigned(8) == address, try cursor.int(offsetSize) == start else {
      throw HDF5Fault.damaged
    }
    if hasChecksums { try checkSum(of: place, size, at: cursor.position) }
    let begin = cursor.position + (hasChecksums ? 4 : 0)
    guard offset - start >= begin, length <= size - (offset - start) else { throw HDF5Fault.damaged }
    return try file.bytes(at: place + UInt64(offset - start), count: length)
  }

  /// The checksum is of the block with zeros in its own place.
  private func checkSum(of place: UInt64, _ size: Int, at position: Int) throws {
    guard compared.insert(place).inserted else { return }
    var bytes = try file.bytes(at: place, count: size)
    guard position + 4 <= size else { throw HDF5Fault.damaged }
    let sum = bytes[position..<position + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    bytes.replaceSubrange(position..<position + 4, with: [0, 0, 0, 0])
    guard bytes.withUnsafeBytes({ checksum_lookup3($0.baseAddress!, $0.count) }) == sum else { throw HDF5Fault.damaged }
  }

  private func object(at offset: Int, _ length: Int, inIndirect place: UInt64, rows: Int, from start: Int, depth: Int)
    throws -> [UInt8]
  {
    guard depth < 16 else { throw HDF5Fault.damaged }
    let directRows = min(rows, largestSize.trailingZeroBitCount - firstSize.trailingZeroBitCount + 2)
    var cursor = try file.summed(at: place, count: 17 + offsetSize + 8 * rows * width)
    try cursor.expect("FHIB")
    guard try cursor.unsigned(1) == 0, try cursor.unsigned(8) == address, try cursor.int(offsetSize) == start else {
      throw HDF5Fault.damaged
    }
    var next = start
    for row in 0..<rows {
      let shift = max(0, row - 1)
      guard shift < 32 else { throw HDF5Fault.damaged }
      let size = firstSize << shift
      for _ in 0..<width {
        let child = try cursor.address()
        defer { next += size }
        guard (next..<next + size).contains(offset) else { continue }
        guard let child else { throw HDF5Fault.damaged }
        if row < directRows { return try object(at: offset, length, inBlock: child, of: size, from: next) }
        let below = size.trailingZeroBitCount - firstSize.trailingZeroBitCount - width.trailingZeroBitCount + 1
        guard below > 0 else { throw HDF5Fault.damaged }
        return try object(at: offset, length, inIndirect: child, rows: below, from: next, depth: depth + 1)
      }
    }
    throw HDF5Fault.damaged
  }
}

extension HDF5File {
  /// An object of a global heap, where values of varying length are: what `cursor` goes on with is its address there,
  /// and its number.
  func globalObject(_ cursor: inout HDF5Cursor) throws -> [UInt8] {
    guard let address = try cursor.address(), case let wanted = try cursor.int(4) else { throw HDF5Fault.damaged }
    var head = HDF5Cursor(try bytes(at: address, count: 16))
    try head.expect("GCOL")
    try head.skip(4)
    let size = try head.int(8)
    var collection = HDF5Cursor(try bytes(at: address, count: size))
    try collection.skip(16)
    while collection.rest >= 16 {
      let number = try collection.int(2)
      try collection.skip(6)
      let length = try collection.int(8)
      if number == 0 { break }
      if number == wanted { return try collection.take(length) }
      try collection.skip(length)
      try collection.skip(min(collection.rest, (8 - length % 8) % 8))
    }
    throw HDF5Fault.damaged
  }
}
