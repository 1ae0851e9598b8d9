/// Where a field's values are, all of which are there.
struct HDF5Storage {
  private enum Place {
    case within([UInt8])
    case contiguous(HDF5File, UInt64)
    case chunked(HDF5Chunks)
  }

  private let shape: [Int]
  private let elementSize: Int
  private let place: Place

  init(_ header: HDF5ObjectHeader, _ space: HDF5Dataspace, elementSize: Int, in file: HDF5File) throws {
    (shape, self.elementSize) = (space.shape, elementSize)
    guard let size = product(shape + [elementSize]), var message = try header.first(.layout) else {
      throw HDF5Fault.damaged
    }
    if let external = try header.first(.externalFiles) { throw HDF5Fault.elsewhere(try file.externalName(external)) }
    let version = try message.int(1)
    guard (3...5).contains(version) else {
      throw HDF5Fault.unsupported("is laid out as HDF5 did before version 1.6: h5repack writes it anew")
    }
    switch try message.int(1) {
    case 0: place = .within(try message.take(try message.int(2)))
    case 1:
      let address = try message.address()
      guard size == 0 || address != nil else { throw HDF5Fault.incomplete }
      guard try message.int(8) >= size, size == 0 || UInt64(size) <= file.size && address! <= file.size - UInt64(size)
      else { throw HDF5Fault.damaged }
      place = .contiguous(file, address ?? 0)
    case 2:
      let filters = try header.first(.filters).map(HDF5Filters.init)
      place = .chunked(
        try HDF5Chunks(
          HDF5ChunkLayout(message, version: version), space, elementSize: elementSize, filters: filters, in: file))
    case 3: throw try file.virtualSource(message)
    default: throw HDF5Fault.damaged
    }
    if case .within(let bytes) = place, bytes.count != size { throw HDF5Fault.damaged }
  }

  var hasChecksums: Bool { if case .chunked(let chunks) = place { chunks.filters.hasChecksums } else { false } }

  /// The bytes of some rows, or of all.
  func bytes(rows: Range<Int>?) throws -> [UInt8] {
    let rows = rows ?? 0..<(shape.first ?? 1)
    guard rows.lowerBound >= 0, rows.upperBound <= shape.first ?? 1 else { throw HDF5Fault.damaged }
    let rowSize = (shape.isEmpty ? 1 : shape.dropFirst().reduce(1, *)) * elementSize
    switch place {
    case .within(let bytes): return Array(bytes[rows.lowerBound * rowSize..<rows.upperBound * rowSize])
    case .contiguous(let file, let address):
      return try file.bytes(at: address + UInt64(rows.lowerBound * rowSize), count: rows.count * rowSize)
    case .chunked(let chunks): return try chunks.bytes(rows, of: shape, elementSize)
    }
  }
}

extension HDF5Chunks {
  /// The bytes of some rows of a field.
  fileprivate func bytes(_ rows: Range<Int>, of field: [Int], _ elementSize: Int) throws -> [UInt8] {
    let wanted = [rows] + field.dropFirst().map { 0..<$0 }
    let count = wanted.reduce(elementSize) { $0 * $1.count }
    guard count > 0 else { return [] }
    let first = rows.lowerBound / shape[0]..<(rows.upperBound - 1) / shape[0] + 1
    return try [UInt8](unsafeUninitializedCapacity: count) { result, done in
      try forEachPlace([first] + grid.dropFirst().map { 0..<$0 }) { place in
        let chunk = try bytes(at: place)
        let box = zip(place, shape).map { $0 * $1..<($0 + 1) * $1 }
        chunk.withUnsafeBufferPointer {
          copy(0, $0, box, UnsafeMutableBufferPointer(rebasing: result[...]), wanted, elementSize)
        }
      }
      done = count
    }
  }

  /// All places of a box, row by row.
  private func forEachPlace(_ box: [Range<Int>], _ body: ([Int]) throws -> Void) throws {
    var place = box.map(\.lowerBound)
    while true {
      try body(place)
      guard let axis = box.indices.last(where: { place[$0] + 1 < box[$0].upperBound }) else { return }
      place[axis] += 1
      for rest in box.indices where rest > axis { place[rest] = box[rest].lowerBound }
    }
  }

  /// Copies what a chunk, which fills `source`, has of what is wanted, which fills `result`, from `axis` on.
  private func copy(
    _ axis: Int, _ chunk: UnsafeBufferPointer<UInt8>, _ source: [Range<Int>],
    _ result: UnsafeMutableBufferPointer<UInt8>, _ wanted: [Range<Int>],
    _ elementSize: Int
  ) {
    let common = source[axis].clamped(to: wanted[axis])
    let (from, to) = (common.lowerBound - source[axis].lowerBound, common.lowerBound - wanted[axis].lowerBound)
    let sourceStride = source.dropFirst(axis + 1).reduce(elementSize) { $0 * $1.count }
    let resultStride = wanted.dropFirst(axis + 1).reduce(elementSize) { $0 * $1.count }
    if source.dropFirst(axis + 1) == wanted.dropFirst(axis + 1) {
      let count = common.count * sourceStride
      _ = UnsafeMutableBufferPointer(rebasing: result[(to * resultStride)...]).update(
        fromContentsOf: chunk[from * sourceStride..<from * sourceStride + count])
      return
    }
    for step in 0..<common.count {
      copy(
        axis + 1, UnsafeBufferPointer(rebasing: chunk[((from + step) * sourceStride)...]), source,
        UnsafeMutableBufferPointer(rebasing: result[((to + step) * resultStride)...]), wanted, elementSize)
    }
  }
}

extension HDF5File {
  /// The first file that a field's values are kept in beside this one.
  func externalName(_ message: HDF5Cursor) throws -> String {
    var message = message
    try message.skip(8)
    guard let heap = try message.address(), case let name = try message.int(8) else { throw HDF5Fault.damaged }
    var names = HDF5Cursor(try localHeap(heap))
    try names.skip(name)
    return try names.text()
  }

  /// What a virtual field is: a window on others, of which only those that are there would have values.
  func virtualSource(_ message: HDF5Cursor) throws -> HDF5Fault {
    var message = message
    var list = HDF5Cursor(try globalObject(&message))
    let version = try list.int(1)
    try list.skip(8)
    let isHere = try version > 0 && list.int(1) & 4 != 0
    let source = isHere ? "." : try list.text()
    return source == "."
      ? .unsupported("is a view of other fields (virtual): copy their values into one") : .elsewhere(source)
  }
}

extension HDF5Datatype {
  /// Numbers as they are stored.
  func integers(_ bytes: [UInt8]) -> [Int64] {
    switch (size, isSigned) {
    case (1, false): bytes.map(Int64.init)
    case (1, true): bytes.map { Int64(Int8(bitPattern: $0)) }
    case (2, false): words(bytes, UInt16.self).map(Int64.init)
    case (2, true): words(bytes, UInt16.self).map { Int64(Int16(bitPattern: $0)) }
    case (4, false): words(bytes, UInt32.self).map(Int64.init)
    case (4, true): words(bytes, UInt32.self).map { Int64(Int32(bitPattern: $0)) }
    case (_, false): unsigned(bytes).map { Int64(clamping: $0) }
    default: unsigned(bytes).map(Int64.init(bitPattern:))
    }
  }

  /// Those of 8 bytes without a sign.
  func unsigned(_ bytes: [UInt8]) -> [UInt64] { words(bytes, UInt64.self) }

  func floats(_ bytes: [UInt8]) -> [Double] {
    size == 4
      ? words(bytes, UInt32.self).map { Double(Float(bitPattern: $0)) }
      : words(bytes, UInt64.self).map(Double.init(bitPattern:))
  }

  private func words<Word: FixedWidthInteger & BitwiseCopyable>(_ bytes: [UInt8], _: Word.Type) -> [Word] {
    bytes.withUnsafeBytes { buffer in
      (0..<buffer.count / MemoryLayout<Word>.size).map {
        let word = buffer.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Word>.size, as: Word.self)
        return isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
      }
    }
  }
}
