import CChecksum

/// A value that is kept with a group or a field.
struct HDF5Attribute {
  let type: HDF5Datatype
  let shape: [Int]
  let bytes: [UInt8]

  /// A single number or string; nil for anything else.
  func scalar(in file: HDF5File) throws -> JSONValue? {
    guard shape.allSatisfy({ $0 == 1 }) else { return nil }
    switch type.kind {
    case .integer: return type.integers(bytes).first.map { .integer(Int($0)) }
    case .float: return type.floats(bytes).first.map(JSONValue.number)
    case .text where isVariable:
      var cursor = HDF5Cursor(bytes)
      let length = try cursor.int(4)
      let text = length == 0 ? [] : try file.globalObject(&cursor)
      guard length <= text.count else { throw HDF5Fault.damaged }
      return .string(String(decoding: text.prefix(length).prefix { $0 != 0 }, as: UTF8.self))
    case .text: return .string(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
    default: return nil
    }
  }

  /// Of text: whether it is elsewhere, and of any length.
  fileprivate let isVariable: Bool
}

extension HDF5ObjectHeader {
  /// All attributes that can be understood, by their names; only the one of a name where that is given, whatever the
  /// others are.
  func attributes(in file: HDF5File, named name: String? = nil) throws -> [String: HDF5Attribute] {
    var messages = unshared(.attribute)
    if var info = try first(.attributeInfo) {
      try info.skip(1)
      if try info.unsigned(1) & 1 != 0 { try info.skip(2) }
      let wanted = name.map { name in
        Array(name.utf8).withUnsafeBytes { UInt64(checksum_lookup3($0.baseAddress!, $0.count)) }
      }
      if let heap = try info.address(), let tree = try info.address() {
        messages += try file.dense(heap, tree, type: 8, before: 0, heapIDs: 8) { record in
          let kind = try record.unsigned(1) >> 4
          try record.skip(7)
          let isShared = try record.unsigned(1) & 2 != 0
          try record.skip(4)
          // Without a name, those that are too large for the heap are passed over.
          return try !isShared && (wanted == nil ? kind != 1 : record.unsigned(4) == wanted)
        }
      }
    }
    return try messages.reduce(into: [:]) { attributes, message in
      if let (name, attribute) = try Self.attribute(message, named: name) { attributes[name] = attribute }
    }
  }

  /// Nil where the attribute has another name than the one that is wanted, shares its type with others, or has no
  /// values.
  private static func attribute(_ message: HDF5Cursor, named wanted: String?) throws -> (String, HDF5Attribute)? {
    var message = message
    let (version, flags) = (try message.int(1), try message.int(1))
    guard (1...3).contains(version) else { throw HDF5Fault.damaged }
    let sizes = try (0..<3).map { _ in try message.int(2) }
    if version == 3 { try message.skip(1) }
    let parts = try sizes.map { size in
      let part = try message.take(size)
      if version == 1 { try message.skip((8 - size % 8) % 8) }
      return part
    }
    let name = String(decoding: parts[0].prefix { $0 != 0 }, as: UTF8.self)
    guard wanted == nil || wanted == name, version == 1 || flags & 3 == 0, !HDF5Dataspace.isNull(parts[2]) else {
      return nil
    }
    let (type, space) = (try HDF5Datatype(HDF5Cursor(parts[1])), try HDF5Dataspace(HDF5Cursor(parts[2])))
    guard let size = product(space.shape + [type.size]) else { throw HDF5Fault.damaged }
    return (
      name,
      HDF5Attribute(
        type: type, shape: space.shape, bytes: try message.take(size),
        isVariable: parts[1].first.map { $0 & 15 == 9 } ?? false)
    )
  }
}
