/// Where a field's chunks are in the file: all of them, or it is an error.
struct HDF5Chunks {
  struct Chunk {
    let address: UInt64
    let size: Int
    /// Filters that it was spared.
    let skipped: UInt64
  }

  /// Of one chunk.
  let shape: [Int]
  /// Of a whole chunk, in bytes.
  let size: Int
  /// Chunks along each axis.
  let grid: [Int]
  let filters: HDF5Filters
  /// Row by row of the grid, unless no index names them.
  private let chunks: [Chunk]
  private let unnamed: (start: UInt64, grid: [Int])?
  private let file: HDF5File

  /// - Throws: `HDF5Fault.incomplete` where the file does not have them all.
  init(_ layout: HDF5ChunkLayout, _ space: HDF5Dataspace, elementSize: Int, filters: HDF5Filters?, in file: HDF5File)
    throws
  {
    guard layout.shape.count == space.shape.count, layout.shape.allSatisfy({ $0 > 0 }),
      let size = product(layout.shape + [elementSize])
    else {
      throw HDF5Fault.damaged
    }
    (shape, self.size, self.filters, self.file) = (layout.shape, size, filters ?? .none, file)
    grid = zip(space.shape, shape).map { ($0 + $1 - 1) / $1 }
    unnamed = try layout.unnamed(space, size: size, in: file)
    guard unnamed == nil else {
      chunks = []
      return
    }
    guard let count = product(grid), UInt64(count) <= file.size / 8 else { throw HDF5Fault.incomplete }
    // Reserved only as far as the file can hold such chunks.
    var found = [Chunk?](repeating: nil, count: count)
    var bytes = 0
    for (place, chunk) in try layout.chunks(space, size: size, isFiltered: filters != nil, in: file) {
      guard zip(place, grid).allSatisfy({ $0 < $1 }) else { continue }  // left from when the field was larger
      let index = zip(place, grid).reduce(0) { $0 * $1.1 + $1.0 }
      guard found[index] == nil, chunk.size > 0, UInt64(chunk.size) <= file.size,
        chunk.address <= file.size - UInt64(chunk.size)
      else { throw HDF5Fault.damaged }
      bytes += chunk.size
      // Chunks that share their bytes would make much of a small file.
      guard UInt64(bytes) <= file.size else { throw HDF5Fault.damaged }
      found[index] = chunk
    }
    chunks = found.compactMap { $0 }
    guard chunks.count == count else { throw HDF5Fault.incomplete }
  }

  /// The bytes of the chunk at a place of the grid.
  func bytes(at place: [Int]) throws -> [UInt8] {
    let number = zip(place, unnamed?.grid ?? grid).reduce(0) { $0 * $1.1 + $1.0 }
    let chunk =
      unnamed.map { Chunk(address: $0.start + UInt64(number * size), size: size, skipped: 0) } ?? chunks[number]
    return try filters.decoded(try file.bytes(at: chunk.address, count: chunk.size), skipped: chunk.skipped, size: size)
  }
}
