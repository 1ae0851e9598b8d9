/// What describes a group or a field: messages of several types.
struct HDF5ObjectHeader {
  enum MessageType: Int {
    case dataspace = 1, linkInfo, datatype, link = 6, externalFiles, layout, filters = 11, attribute, continuation = 16,
      symbolTable, attributeInfo = 21
  }

  private struct Message {
    let type: Int
    let isShared: Bool
    let body: [UInt8]
  }

  private let messages: [Message]

  init(at address: UInt64, in file: HDF5File) throws {
    var messages = [Message]()
    if try file.bytes(at: address, count: 4) == Array("OHDR".utf8) {
      try Self.readSecond(file, address) { messages.append($0) }
    } else {
      try Self.readFirst(file, address) { messages.append($0) }
    }
    self.messages = messages
  }

  /// Version 1 of the format.
  private static func readFirst(_ file: HDF5File, _ address: UInt64, _ add: (Message) -> Void) throws {
    var prefix = HDF5Cursor(try file.bytes(at: address, count: 16))
    guard try prefix.unsigned(1) == 1 else { throw HDF5Fault.damaged }
    try prefix.skip(1)
    let count = try prefix.int(2)
    try prefix.skip(4)
    var (blocks, visited, found) = ([(address + 16, try prefix.int(4))], HDF5Visited(file), 0)
    while let (start, length) = blocks.popLast() {
      try visited.visit(start, length)
      var cursor = HDF5Cursor(try file.bytes(at: start, count: length))
      while cursor.rest >= 8 {
        let (type, size, flags) = (try cursor.int(2), try cursor.int(2), try cursor.unsigned(1))
        try cursor.skip(3)
        found += 1
        try keep(Message(type: type, isShared: flags & 2 != 0, body: try cursor.take(size)), &blocks, add)
      }
    }
    guard found >= count else { throw HDF5Fault.damaged }
  }

  /// Version 2, whose blocks have checksums.
  private static func readSecond(_ file: HDF5File, _ address: UInt64, _ add: (Message) -> Void) throws {
    var prefix = HDF5Cursor(try file.bytes(at: address, count: 6))
    try prefix.skip(4)
    guard try prefix.unsigned(1) == 2 else { throw HDF5Fault.damaged }
    let flags = try prefix.int(1)
    let (sizeBytes, sizeStart) = (1 << (flags & 3), 6 + (flags & 0x20 == 0 ? 0 : 16) + (flags & 0x10 == 0 ? 0 : 4))
    var sized = HDF5Cursor(try file.bytes(at: address, count: sizeStart + sizeBytes))
    try sized.skip(sizeStart)
    let start = sizeStart + sizeBytes
    let (first, overflow) = try sized.int(sizeBytes).addingReportingOverflow(start + 4)
    guard !overflow else { throw HDF5Fault.damaged }
    var (blocks, visited) = ([(address, first)], HDF5Visited(file))
    while let (place, length) = blocks.popLast() {
      try visited.visit(place, length)
      guard length >= 8 else { throw HDF5Fault.damaged }
      var cursor = try file.summed(at: place, count: length)
      if place == address { try cursor.skip(start) } else { try cursor.expect("OCHK") }
      let head = flags & 4 == 0 ? 4 : 6
      while cursor.rest >= head + 4 {
        let (type, size, messageFlags) = (try cursor.int(1), try cursor.int(2), try cursor.unsigned(1))
        try cursor.skip(head - 4)
        guard size <= cursor.rest - 4 else { throw HDF5Fault.damaged }
        try keep(Message(type: type, isShared: messageFlags & 2 != 0, body: try cursor.take(size)), &blocks, add)
      }
    }
  }

  private static func keep(_ message: Message, _ blocks: inout [(UInt64, Int)], _ add: (Message) -> Void) throws {
    guard message.type == MessageType.continuation.rawValue else { return add(message) }
    var cursor = HDF5Cursor(message.body)
    guard let address = try cursor.address() else { throw HDF5Fault.damaged }
    blocks.append((address, try cursor.int(8)))
  }

  /// The messages of a type.
  func all(_ type: MessageType) throws -> [HDF5Cursor] {
    try messages.filter { $0.type == type.rawValue }.map {
      guard !$0.isShared else { throw HDF5Fault.unsupported("shares its description with other fields") }
      return HDF5Cursor($0.body)
    }
  }

  /// Those of a type that this header has for itself.
  func unshared(_ type: MessageType) -> [HDF5Cursor] {
    messages.filter { $0.type == type.rawValue && !$0.isShared }.map { HDF5Cursor($0.body) }
  }

  func first(_ type: MessageType) throws -> HDF5Cursor? { try all(type).first }
}
