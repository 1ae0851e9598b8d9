extension HDF5File {
  /// Hands out the children of the leaves of a tree, version 1 of the format, with the key before each.
  func forEachLeaf(
    ofTree root: UInt64, type: Int, keySize: Int, _ visited: inout HDF5Visited,
    _ body: (_ key: HDF5Cursor, _ child: UInt64, inout HDF5Visited) throws -> Void
  ) throws {
    var nodes: [(place: UInt64, level: Int?)] = [(root, nil)]
    while let (place, expected) = nodes.popLast() {
      var head = HDF5Cursor(try bytes(at: place, count: 24))
      try head.expect("TREE")
      guard try head.int(1) == type, case let level = try head.int(1), expected == nil || level == expected else {
        throw HDF5Fault.damaged
      }
      let count = try head.int(2)
      let size = count * (keySize + 8) + keySize
      try visited.visit(place, 24 + size)
      var entries = HDF5Cursor(try bytes(at: place + 24, count: size))
      var children = [(place: UInt64, level: Int?)]()
      for _ in 0..<count {
        let key = HDF5Cursor(try entries.take(keySize))
        guard let child = try entries.address() else { throw HDF5Fault.damaged }
        if level == 0 { try body(key, child, &visited) } else { children.append((child, level - 1)) }
      }
      nodes += children.reversed()
    }
  }

  /// All records of a tree, version 2 of the format.
  func records(ofTree address: UInt64, type: Int, _ visited: inout HDF5Visited) throws -> [HDF5Cursor] {
    var head = try summed(at: address, count: 38)
    try head.expect("BTHD")
    guard try head.unsigned(1) == 0, try head.int(1) == type else { throw HDF5Fault.damaged }
    let (nodeSize, recordSize, depth) = (try head.int(4), try head.int(2), try head.int(2, limit: 32))
    try head.skip(2)
    guard let root = try head.address() else { return [] }
    let (rootCount, total) = (try head.int(2), try head.int(8))
    guard recordSize > 0, nodeSize > 10 + recordSize else { throw HDF5Fault.damaged }
    let levels = try HDF5TreeLevel.all(nodeSize: nodeSize, recordSize: recordSize, depth: depth)
    var records = [HDF5Cursor]()
    var nodes: [(place: UInt64, count: Int, depth: Int)] = [(root, rootCount, depth)]
    while let (place, count, depth) = nodes.popLast() {
      guard count <= levels[depth].most else { throw HDF5Fault.damaged }
      let size = 10 + count * recordSize + (depth == 0 ? 0 : (count + 1) * levels[depth].pointerSize)
      try visited.visit(place, size)
      var cursor = try summed(at: place, count: size)
      try cursor.expect(depth == 0 ? "BTLF" : "BTIN")
      try cursor.skip(2)
      for _ in 0..<count { records.append(HDF5Cursor(try cursor.take(recordSize))) }
      guard depth > 0 else { continue }
      for _ in 0...count {
        guard let child = try cursor.address() else { throw HDF5Fault.damaged }
        nodes.append((child, try cursor.int(levels[0].countSize), depth - 1))
        try cursor.skip(levels[depth].pointerSize - 8 - levels[0].countSize)
      }
    }
    guard records.count == total else { throw HDF5Fault.incomplete }
    return records
  }
}

/// What nodes of one depth can hold.
private struct HDF5TreeLevel {
  /// Records at most.
  let most: Int
  /// Bytes of that number: at the leaves of a node's own records, above of all below it.
  let countSize: Int
  let pointerSize: Int

  static func all(nodeSize: Int, recordSize: Int, depth: Int) throws -> [HDF5TreeLevel] {
    let size = { (number: Int) in (Int.bitWidth - 1 - number.leadingZeroBitCount) / 8 + 1 }
    let leaf = (nodeSize - 10) / recordSize
    var (levels, below) = ([HDF5TreeLevel(most: leaf, countSize: size(leaf), pointerSize: 0)], leaf)
    for level in stride(from: 1, through: depth, by: 1) {
      let pointer = 8 + levels[0].countSize + (level == 1 ? 0 : levels[level - 1].countSize)
      let most = (nodeSize - 10 - pointer) / (recordSize + pointer)
      guard most > 0, case let (product, overflow) = (most + 1).multipliedReportingOverflow(by: below), !overflow,
        product < Int.max / 2
      else {
        throw HDF5Fault.damaged
      }
      below = product + most
      levels.append(HDF5TreeLevel(most: most, countSize: size(below), pointerSize: pointer))
    }
    return levels
  }
}
