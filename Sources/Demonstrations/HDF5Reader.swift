import Foundation

/// Reads fields and attributes of an HDF5 file, and of files beside it that it links to.
final class HDF5Reader: Sendable {
  let path: String
  private let file: HDF5File
  private let root: [String: HDF5Link]
  private let linked = HDF5LinkedFiles()
  private let last = HDF5LastFields()

  /// - Throws: `missing`, `notHDF5`, `beingWritten`, `damagedFile`.
  init(path: String) throws {
    self.path = path
    file = try HDF5File(path: path)
    do { root = try file.links(of: file.root) } catch is HDF5Fault { throw DemonstrationError.damagedFile(file: path) }
  }

  /// How many groups and fields the root holds.
  var rootCount: Int { root.count }

  /// This file, and those that something was read of so far, by their names.
  var files: [HDF5File] { [file] + linked.all }

  /// A field that is known to exist, with its shape and the kind of its elements.
  struct Field {
    let name: String
    let shape: [Int]
    var kind: HDF5Kind { type.kind }
    /// Whether its values cannot change unnoticed.
    var hasChecksums: Bool { storage.hasChecksums }
    fileprivate let type: HDF5Datatype
    fileprivate let storage: HDF5Storage
  }

  /// - Throws: `missingField`, `damagedField`, `incompleteField`, `unsupportedField`, `storedElsewhere`.
  func field(_ name: String) throws -> Field { try last.field(name) { try read(name) } }

  private func read(_ name: String) throws -> Field {
    try explaining(name) {
      let (file, address) = try object(name)
      let header = try HDF5ObjectHeader(at: address, in: file)
      guard let space = try header.first(.dataspace), let type = try header.first(.datatype) else {
        throw HDF5Fault.damaged
      }
      let (extents, stored) = (try HDF5Dataspace(space), try HDF5Datatype(type))
      return Field(
        name: name, shape: extents.shape, type: stored,
        storage: try HDF5Storage(header, extents, elementSize: stored.size, in: file))
    }
  }

  private func explaining<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let fault as HDF5Fault {
      throw switch fault {
      case .damaged: DemonstrationError.damagedField(file: path, field: name)
      case .incomplete: DemonstrationError.incompleteField(file: path, field: name)
      case .unsupported(let reason): DemonstrationError.unsupportedField(file: path, field: name, reason: reason)
      case .elsewhere(let other):
        DemonstrationError.storedElsewhere(
          file: path, field: name, other: other, isThere: FileManager.default.fileExists(atPath: place(beside: other)))
      }
    }
  }

  /// Where a file of some name, or of a path from this file's folder, would be.
  private func place(beside name: String) -> String {
    URL(fileURLWithPath: name, relativeTo: URL(fileURLWithPath: path).deletingLastPathComponent()).path
  }

  /// The file and the address of what a path names.
  private func object(_ name: String) throws -> (HDF5File, UInt64) {
    var (file, address, links, followed) = (file, file.root, root, 0)
    let split = { (path: String) in path.split(separator: "/").map(String.init).filter { $0 != "." }.reversed() }
    var parts = Array(split(name))
    var passed = [String]()
    while let part = parts.popLast() {
      passed.append(part)
      guard let link = links[part] else {
        throw DemonstrationError.missingField(file: path, field: passed.joined(separator: "/"))
      }
      switch link {
      case .object(let place): address = place
      case .soft(let target):
        parts += split(target)
        if target.hasPrefix("/") { address = file.root }
        (passed, followed) = ([], followed + 1)
      case .external(let other, let target):
        file = try linked.file(other, beside: path, from: passed.joined(separator: "/"))
        (address, parts) = (file.root, parts + split(target))
        (passed, followed) = ([], followed + 1)
      }
      guard followed < 16 else { throw HDF5Fault.damaged }
      if !parts.isEmpty { links = address == self.file.root && file === self.file ? root : try file.links(of: address) }
    }
    return (file, address)
  }

  /// What is the same for all names of one object.
  func identity(_ name: String) throws -> String {
    let (file, address) = try explaining(name) { try object(name) }
    return "\(address) \(file.path)"
  }

  /// Rows `rows` of a field of integers, enumerations included, or all of it.
  func integers(_ field: Field, rows: Range<Int>? = nil) throws -> [Int64] {
    switch field.kind {
    case .integer, .enumeration: try explaining(field.name) { try field.type.integers(field.storage.bytes(rows: rows)) }
    default:
      throw DemonstrationError.wrongType(file: path, field: field.name, found: field.kind.name, expected: "integers")
    }
  }

  /// All of a one-dimensional field of numbers.
  func numbers(_ field: Field) throws -> [Double] { try numbers(field, rows: nil) }

  /// Rows `rows` of a field of numbers, or of flags, of any shape, one after the other.
  func floats(_ field: Field, rows: Range<Int>) throws -> [Float] {
    if case .enumeration = field.kind {
      return try explaining(field.name) { try field.type.integers(field.storage.bytes(rows: rows)).map(Float.init) }
    }
    return try numbers(field, rows: rows).map(Float.init)
  }

  private func numbers(_ field: Field, rows: Range<Int>?) throws -> [Double] {
    try explaining(field.name) {
      switch field.kind {
      case .integer(bytes: 8, signed: false):
        try field.type.unsigned(field.storage.bytes(rows: rows)).map { Double($0) }
      case .integer: try field.type.integers(field.storage.bytes(rows: rows)).map(Double.init)
      case .float: try field.type.floats(field.storage.bytes(rows: rows))
      default:
        throw DemonstrationError.wrongType(file: path, field: field.name, found: field.kind.name, expected: "numbers")
      }
    }
  }

  /// Rows `rows` of a field of bytes of any shape, one after the other.
  func bytes(_ field: Field, rows: Range<Int>) throws -> [UInt8] {
    try explaining(field.name) {
      guard field.type.size == 1 else { throw HDF5Fault.damaged }
      return try field.storage.bytes(rows: rows)
    }
  }

  /// A whole number, not below zero, among the attributes of a group; nil where there is none.
  func unsignedAttribute(_ name: String, of object: String) throws -> UInt64? {
    try explaining(object) {
      let (file, address) = try self.object(object)
      guard let found = try HDF5ObjectHeader(at: address, in: file).attributes(in: file, named: name)[name],
        case .integer = found.type.kind, found.shape.isEmpty
      else {
        return nil
      }
      return found.type.kind == .integer(bytes: 8, signed: false)
        ? found.type.unsigned(found.bytes).first
        : found.type.integers(found.bytes).first.flatMap { UInt64(exactly: $0) }
    }
  }

  /// The attributes of the file itself that are single numbers or strings.
  var rootAttributes: [String: JSONValue] {
    get throws {
      try explaining("/") {
        try HDF5ObjectHeader(at: file.root, in: file).attributes(in: file).compactMapValues { try $0.scalar(in: file) }
      }
    }
  }
}

/// Of the fields of each name in any group, the one that was asked for last: where its chunks are is read once for all
/// blocks of its rows.
private final class HDF5LastFields: @unchecked Sendable {
  private let lock = NSLock()
  private var fields = [Substring: HDF5Reader.Field]()

  func field(_ name: String, read: () throws -> HDF5Reader.Field) rethrows -> HDF5Reader.Field {
    let place = name.drop { $0 != "/" }
    if let held = lock.withLock({ fields[place] }), held.name == name { return held }
    let field = try read()
    lock.withLock { fields[place] = field }
    return field
  }
}

/// The files beside a dataset's own that it links to. A dataset reaches no others: whoever sends one could otherwise
/// show what is anywhere on the disk.
private final class HDF5LinkedFiles: @unchecked Sendable {
  private let lock = NSLock()
  private var files = [String: HDF5File]()

  var all: [HDF5File] { lock.withLock { files.values.sorted { $0.path < $1.path } } }

  /// - Throws: `HDF5Fault.elsewhere` for a file in another folder, and one that is gone.
  func file(_ name: String, beside path: String, from link: String) throws -> HDF5File {
    try lock.withLock {
      if let known = files[name] { return known }
      let place = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent(name)
      guard !name.isEmpty, !name.contains("/"), name != ".", name != "..",
        FileManager.default.fileExists(atPath: place.path)
      else { throw HDF5Fault.elsewhere(name) }
      let file = try HDF5File(path: place.path)
      files[name] = file
      return file
    }
  }
}
