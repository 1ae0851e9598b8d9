extension HDF5File {
  typealias NumberedChunks = [(number: Int, chunk: HDF5Chunks.Chunk)]

  /// The chunks of a field that cannot grow.
  func fixedArray(_ address: UInt64, _ isFiltered: Bool, size: Int) throws -> NumberedChunks {
    var head = try summed(at: address, count: 28)
    try head.expect("FAHD")
    guard try head.unsigned(1) == 0, try head.unsigned(1) == (isFiltered ? 1 : 0) else { throw HDF5Fault.damaged }
    let (elementSize, pageBits, count) = (try head.int(1), try head.int(1, limit: 30), try head.int(8))
    guard elementSize >= 8, UInt64(count) <= self.size / UInt64(elementSize) else { throw HDF5Fault.incomplete }
    guard let block = try head.address() else { return [] }
    let elements = HDF5ChunkElements(size: elementSize, isFiltered: isFiltered, chunkSize: size)
    var chunks = NumberedChunks()
    guard count > 1 << pageBits else {
      var cursor = try summed(at: block, count: 18 + count * elementSize)
      try Self.expect("FADB", &cursor, of: address)
      try elements.read(count, &cursor, from: 0, &chunks)
      return chunks
    }
    let pages = (count - 1) >> pageBits + 1
    var cursor = try summed(at: block, count: 18 + (pages + 7) / 8)
    try Self.expect("FADB", &cursor, of: address)
    let written = HDF5Bits(try cursor.take((pages + 7) / 8))
    try readPages(count, pageBits, { written[$0] }, block + UInt64(18 + (pages + 7) / 8), elements, from: 0, &chunks)
    return chunks
  }

  /// The chunks of a field that can grow along one axis.
  func extensibleArray(_ address: UInt64, _ isFiltered: Bool, size: Int) throws -> NumberedChunks {
    let array = try HDF5ExtensibleArray(at: address, isFiltered, chunkSize: size, in: self)
    return try array.chunks()
  }

  fileprivate static func expect(_ signature: String, _ cursor: inout HDF5Cursor, of header: UInt64) throws {
    try cursor.expect(signature)
    try cursor.skip(2)
    guard try cursor.unsigned(8) == header else { throw HDF5Fault.damaged }
  }

  /// Elements in pages, each with its checksum, as far as they were written.
  fileprivate func readPages(
    _ count: Int, _ pageBits: Int, _ isWritten: (Int) -> Bool, _ first: UInt64, _ elements: HDF5ChunkElements,
    from number: Int,
    _ chunks: inout NumberedChunks
  ) throws {
    for page in 0..<((count - 1) >> pageBits + 1) where isWritten(page) {
      let start = page << pageBits
      let some = min(1 << pageBits, count - start)
      var cursor = try summed(
        at: first + UInt64(page * (elements.size << pageBits + 4)), count: some * elements.size + 4)
      try elements.read(some, &cursor, from: number + start, &chunks)
    }
  }
}

/// Bits, the highest of each byte first.
private struct HDF5Bits {
  private let bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }
  subscript(index: Int) -> Bool { bytes[index / 8] >> (7 - index % 8) & 1 == 1 }
}

/// What an array says about each chunk.
private struct HDF5ChunkElements {
  let size: Int
  let isFiltered: Bool
  let chunkSize: Int

  func read(_ count: Int, _ cursor: inout HDF5Cursor, from number: Int, _ chunks: inout HDF5File.NumberedChunks) throws
  {
    guard isFiltered ? (13...20).contains(size) : size == 8 else { throw HDF5Fault.damaged }
    for index in 0..<count {
      let address = try cursor.address()
      let (stored, skipped) =
        isFiltered ? (try cursor.unsigned(size - 12), try cursor.unsigned(4)) : (UInt64(chunkSize), 0)
      guard let address else { continue }
      guard let stored = Int(exactly: stored) else { throw HDF5Fault.damaged }
      chunks.append((number + index, HDF5Chunks.Chunk(address: address, size: stored, skipped: skipped)))
    }
  }
}

/// Elements in blocks that double: some in the index block, then blocks that it names, then blocks that blocks which it
/// names name.
private struct HDF5ExtensibleArray {
  private let (file, address): (HDF5File, UInt64)
  private let elements: HDF5ChunkElements
  private let (bits, inIndex, leastElements, leastPointers, pageBits): (Int, Int, Int, Int, Int)
  /// Elements up to the last that was written.
  private let count: Int
  private let index: UInt64?

  init(at address: UInt64, _ isFiltered: Bool, chunkSize: Int, in file: HDF5File) throws {
    var head = try file.summed(at: address, count: 72)
    try head.expect("EAHD")
    guard try head.unsigned(1) == 0, try head.unsigned(1) == (isFiltered ? 1 : 0) else { throw HDF5Fault.damaged }
    elements = HDF5ChunkElements(size: try head.int(1), isFiltered: isFiltered, chunkSize: chunkSize)
    (bits, inIndex) = (try head.int(1, limit: 56), try head.int(1))
    (leastElements, leastPointers, pageBits) = (try head.int(1), try head.int(1), try head.int(1, limit: 30))
    try head.skip(32)
    count = try head.int(8)
    try head.skip(8)
    index = try head.address()
    guard elements.size >= 8, leastElements.nonzeroBitCount == 1, leastPointers.nonzeroBitCount == 1, leastPointers > 1,
      bits > leastElements.trailingZeroBitCount, UInt64(count) <= file.size / UInt64(elements.size)
    else { throw HDF5Fault.damaged }
    (self.file, self.address) = (file, address)
  }

  func chunks() throws -> HDF5File.NumberedChunks {
    guard let index else { return [] }
    let superBlocks = 1 + bits - leastElements.trailingZeroBitCount
    let direct = min(superBlocks, 2 * leastPointers.trailingZeroBitCount)
    let pointers = 2 * (leastPointers - 1)
    var cursor = try file.summed(at: index, count: 18 + inIndex * elements.size + 8 * (pointers + superBlocks - direct))
    try HDF5File.expect("EAIB", &cursor, of: address)
    var (chunks, number) = (HDF5File.NumberedChunks(), inIndex)
    try elements.read(inIndex, &cursor, from: 0, &chunks)
    for block in 0..<superBlocks {
      guard number < count else { break }
      let (blocks, size) = (1 << (block / 2), leastElements << ((block + 1) / 2))
      if block < direct {
        for place in 0..<blocks {
          try read(try cursor.address(), size, from: number + place * size, &chunks) { _ in true }
        }
      } else if let place = try cursor.address() {
        try readSuperBlock(place, blocks, size, from: number, &chunks)
      }
      number += blocks * size
    }
    return chunks
  }

  private var offsetSize: Int { (bits + 7) / 8 }
  private func isPaged(_ size: Int) -> Bool { size > 1 << pageBits }

  private func readSuperBlock(
    _ place: UInt64, _ blocks: Int, _ size: Int, from number: Int, _ chunks: inout HDF5File.NumberedChunks
  ) throws {
    let pages = isPaged(size) ? size >> pageBits : 0
    let bitmap = blocks * ((pages + 7) / 8)
    var cursor = try file.summed(at: place, count: 18 + offsetSize + bitmap + 8 * blocks)
    try HDF5File.expect("EASB", &cursor, of: address)
    try cursor.skip(offsetSize)
    let written = HDF5Bits(try cursor.take(bitmap))
    for block in 0..<blocks {
      try read(try cursor.address(), size, from: number + block * size, &chunks) { written[block * pages + $0] }
    }
  }

  private func read(
    _ place: UInt64?, _ size: Int, from number: Int, _ chunks: inout HDF5File.NumberedChunks, isWritten: (Int) -> Bool
  ) throws {
    guard let place else { return }
    let paged = isPaged(size)
    var cursor = try file.summed(at: place, count: 18 + offsetSize + (paged ? 0 : size * elements.size))
    try HDF5File.expect("EADB", &cursor, of: address)
    guard paged else {
      try cursor.skip(offsetSize)
      return try elements.read(size, &cursor, from: number, &chunks)
    }
    try file.readPages(size, pageBits, isWritten, place + UInt64(18 + offsetSize), elements, from: number, &chunks)
  }
}
