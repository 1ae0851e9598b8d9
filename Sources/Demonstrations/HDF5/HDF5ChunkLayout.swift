/// How a field's message says where its chunks are.
struct HDF5ChunkLayout {
  private enum Index {
    /// Version 1 of the format.
    case tree
    case single(size: Int?, skipped: UInt64)
    case implicit
    case fixedArray
    case extensibleArray
    case secondTree
  }

  typealias Places = [(place: [Int], chunk: HDF5Chunks.Chunk)]

  /// Of one chunk.
  let shape: [Int]
  private let index: Index
  private let address: UInt64?

  /// What follows the version and the class.
  init(_ message: HDF5Cursor, version: Int) throws {
    var message = message
    if version == 3 {
      let rank = try message.int(1, limit: 33) - 1
      address = try message.address()
      guard rank >= 1 else { throw HDF5Fault.damaged }
      (shape, index) = (try (0..<rank).map { _ in try message.int(4) }, .tree)
      return
    }
    let (flags, rank, size) = (try message.int(1), try message.int(1, limit: 33) - 1, try message.int(1, limit: 8))
    guard rank >= 1 else { throw HDF5Fault.damaged }
    shape = try (0..<rank).map { _ in try message.int(size, limit: 1 << 56) }
    try message.skip(size)
    guard flags & 1 == 0 else {
      throw HDF5Fault.unsupported("has chunks at its edges that are not filtered: h5repack -l CONTI writes it anew")
    }
    switch try message.int(1) {
    case 1:
      index =
        flags & 2 == 0
        ? .single(size: nil, skipped: 0) : .single(size: try message.int(8), skipped: try message.unsigned(4))
    case 2: index = .implicit
    case 3:
      try message.skip(1)
      index = .fixedArray
    case 4:
      try message.skip(5)
      index = .extensibleArray
    case 5:
      try message.skip(6)
      index = .secondTree
    default: throw HDF5Fault.damaged
    }
    address = try message.address()
  }

  /// Of chunks that no index names: where they begin, one after the other, and the grid that they count through, which
  /// is as large as it can grow.
  func unnamed(_ space: HDF5Dataspace, size: Int, in file: HDF5File) throws -> (start: UInt64, grid: [Int])? {
    guard case .implicit = index, let address else { return nil }
    guard zip(space.shape, space.largest).allSatisfy({ $0 <= $1 ?? .max }) else { throw HDF5Fault.damaged }
    let grid = zip(space.largest, shape).map { (($0 ?? .max) - 1) / $1 + 1 }
    guard let bytes = product(grid + [size]), UInt64(bytes) <= file.size, address <= file.size - UInt64(bytes) else {
      throw HDF5Fault.incomplete
    }
    return (address, grid)
  }

  /// The chunks that an index names, each with its place in the grid.
  func chunks(_ space: HDF5Dataspace, size: Int, isFiltered: Bool, in file: HDF5File) throws -> Places {
    guard let address else { return [] }
    switch index {
    case .tree: return try inTree(address, size: size, in: file)
    case .secondTree: return try inSecondTree(address, size: size, isFiltered, in: file)
    case .single(let stored, let skipped):
      return [(shape.map { _ in 0 }, HDF5Chunks.Chunk(address: address, size: stored ?? size, skipped: skipped))]
    case .implicit: return []
    case .fixedArray: return try placed(file.fixedArray(address, isFiltered, size: size), space)
    case .extensibleArray: return try placed(file.extensibleArray(address, isFiltered, size: size), space)
    }
  }

  private func inTree(_ root: UInt64, size: Int, in file: HDF5File) throws -> Places {
    var (places, visited) = (Places(), HDF5Visited(file))
    try file.forEachLeaf(ofTree: root, type: 1, keySize: 8 + 8 * (shape.count + 1), &visited) { key, address, _ in
      var key = key
      let (stored, skipped) = (try key.int(4), try key.unsigned(4))
      let offsets = try shape.map { _ in try key.int(8) }
      guard zip(offsets, shape).allSatisfy({ $0 % $1 == 0 }) else { throw HDF5Fault.damaged }
      places.append(
        (zip(offsets, shape).map { $0 / $1 }, HDF5Chunks.Chunk(address: address, size: stored, skipped: skipped)))
    }
    return places
  }

  private func inSecondTree(_ root: UInt64, size: Int, _ isFiltered: Bool, in file: HDF5File) throws -> Places {
    var visited = HDF5Visited(file)
    return try file.records(ofTree: root, type: isFiltered ? 11 : 10, &visited).map { record in
      var record = record
      let sizeBytes = record.rest - 12 - 8 * shape.count
      guard let address = try record.address() else { throw HDF5Fault.incomplete }
      let (stored, skipped) = isFiltered ? (try record.int(sizeBytes), try record.unsigned(4)) : (size, 0)
      return (
        try shape.map { _ in try record.int(8) }, HDF5Chunks.Chunk(address: address, size: stored, skipped: skipped)
      )
    }
  }

  /// Numbers of chunks to places: they count through a grid as large as it can grow, of which only the first axis may
  /// have no end.
  private func placed(_ chunks: [(number: Int, chunk: HDF5Chunks.Chunk)], _ space: HDF5Dataspace) throws -> Places {
    guard space.largest.dropFirst().allSatisfy({ $0 != nil }) else {
      throw HDF5Fault.unsupported("can grow along another axis than the first: h5repack -l CONTI writes it anew")
    }
    let lengths = zip(space.largest, shape).dropFirst().map { ($0.0! - 1) / $0.1 + 1 }
    guard lengths.allSatisfy({ $0 > 0 }) else { throw HDF5Fault.damaged }
    return chunks.map { number, chunk in
      var (rest, place) = (number, [Int]())
      for length in lengths.reversed() {
        place.append(rest % length)
        rest /= length
      }
      return ([rest] + place.reversed(), chunk)
    }
  }
}
