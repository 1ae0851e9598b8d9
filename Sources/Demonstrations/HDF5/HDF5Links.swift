/// What a name in a group stands for.
enum HDF5Link {
  case object(UInt64)
  /// A path in the same file.
  case soft(String)
  case external(file: String, path: String)
}

extension HDF5File {
  /// The links of the group whose header is at `address`.
  func links(of address: UInt64) throws -> [String: HDF5Link] {
    let header = try HDF5ObjectHeader(at: address, in: self)
    if var table = try header.first(.symbolTable) {
      guard let tree = try table.address(), let heap = try table.address() else { throw HDF5Fault.damaged }
      return try symbols(tree, names: localHeap(heap))
    }
    guard var info = try header.first(.linkInfo) else { throw HDF5Fault.damaged }
    try info.skip(1)
    if try info.unsigned(1) & 1 != 0 { try info.skip(8) }
    let (heap, tree) = (try info.address(), try info.address())
    let messages =
      if let heap, let tree { try dense(heap, tree, type: 5, before: 4, heapIDs: 7) } else { try header.all(.link) }
    var links = [String: HDF5Link]()
    for message in messages {
      let (name, link) = try Self.link(message)
      guard links.updateValue(link, forKey: name) == nil else { throw HDF5Fault.damaged }
    }
    return links
  }

  /// The objects of a fractal heap that a tree of records names, each with its heap identifier after `before` bytes;
  /// those whose records are wanted.
  func dense(
    _ heap: UInt64, _ tree: UInt64, type: Int, before: Int, heapIDs: Int,
    where isWanted: (inout HDF5Cursor) throws -> Bool = { _ in true }
  ) throws -> [HDF5Cursor] {
    let heap = try HDF5FractalHeap(at: heap, in: self)
    var visited = HDF5Visited(self)
    return try records(ofTree: tree, type: type, &visited).compactMap { record in
      var (record, asked) = (record, record)
      guard try isWanted(&asked) else { return nil }
      try record.skip(before)
      let object = HDF5Cursor(try heap.object(record.take(heapIDs)))
      try visited.add(object.rest)
      return object
    }
  }

  private static func link(_ message: HDF5Cursor) throws -> (String, HDF5Link) {
    var message = message
    guard try message.unsigned(1) == 1 else { throw HDF5Fault.damaged }
    let flags = try message.int(1)
    let type = flags & 8 == 0 ? 0 : try message.int(1)
    try message.skip((flags & 4 == 0 ? 0 : 8) + (flags & 16 == 0 ? 0 : 1))
    let name = String(decoding: try message.take(try message.int(1 << (flags & 3))), as: UTF8.self)
    switch type {
    case 0:
      guard let address = try message.address() else { throw HDF5Fault.damaged }
      return (name, .object(address))
    case 1: return (name, .soft(String(decoding: try message.take(try message.int(2)), as: UTF8.self)))
    case 64:
      try message.skip(3)
      return (name, .external(file: try message.text(), path: try message.text()))
    default: throw HDF5Fault.unsupported("is linked in a way of its own")
    }
  }

  /// The links below a node of a group's tree, version 1 of the format.
  private func symbols(_ tree: UInt64, names: [UInt8]) throws -> [String: HDF5Link] {
    var (links, visited) = ([String: HDF5Link](), HDF5Visited(self))
    try forEachLeaf(ofTree: tree, type: 0, keySize: 8, &visited) { _, place, visited in
      var head = HDF5Cursor(try bytes(at: place, count: 8))
      try head.expect("SNOD")
      try head.skip(2)
      let count = try head.int(2)
      try visited.visit(place, 8 + 40 * count)
      var entries = HDF5Cursor(try bytes(at: place + 8, count: 40 * count))
      for _ in 0..<count {
        let (name, address, cache) = (
          try text(names, at: entries.int(8), &visited), try entries.address(), try entries.unsigned(4)
        )
        try entries.skip(4)
        var scratch = HDF5Cursor(try entries.take(16))
        let link: HDF5Link
        if cache == 2 {
          link = .soft(try text(names, at: scratch.int(4), &visited))
        } else {
          guard let address else { throw HDF5Fault.damaged }
          link = .object(address)
        }
        guard links.updateValue(link, forKey: name) == nil else { throw HDF5Fault.damaged }
      }
    }
    return links
  }

  private func text(_ heap: [UInt8], at offset: Int, _ visited: inout HDF5Visited) throws -> String {
    var cursor = HDF5Cursor(heap)
    try cursor.skip(offset)
    let text = try cursor.text()
    try visited.add(cursor.position - offset)
    return text
  }

  /// The bytes of a heap of names.
  func localHeap(_ address: UInt64) throws -> [UInt8] {
    var head = HDF5Cursor(try bytes(at: address, count: 32))
    try head.expect("HEAP")
    try head.skip(4)
    let size = try head.int(8)
    try head.skip(8)
    guard let place = try head.address() else { throw HDF5Fault.damaged }
    return try bytes(at: place, count: size)
  }
}
