import CChecksum
import Foundation
import Synchronization

/// Why something in a file cannot be read; the reader adds what it is, and of which file.
enum HDF5Fault: Error, Equatable {
  /// The bytes there are not what the format wants, or do not have the checksum that they carry.
  case damaged
  /// Values were never written, or what says where they are lacks some.
  case incomplete
  /// Written in a way that is not read here, in words that follow the field's name.
  case unsupported(String)
  /// In another file, of this path, that is not read.
  case elsewhere(String)
}

/// The bytes of one HDF5 file.
///
/// Files come from strangers, and the HDF5 library is no judge of them: it reads beyond its memory where a size in a
/// file is wrong, and fills what a file lacks with zeros. So the package reads the format itself, with every size
/// checked against the file's before it is used. Source: HDF5 File Format Specification, version 3.0.
final class HDF5File: Sendable {
  let path: String
  private let descriptor: Int32
  /// Where the file's first structure is, which addresses are counted from.
  private let base: UInt64
  /// Bytes from there to the end that the file says it has.
  let size: UInt64
  /// The address of the root group's header.
  let root: UInt64
  /// What the system said of it when its bytes were known last.
  private let known: Mutex<State>

  private static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

  /// - Throws: `DemonstrationError.missing`, `notHDF5`, `beingWritten`, `damagedFile`, `unsupportedField`.
  init(path: String) throws {
    self.path = path
    do { descriptor = try RegularFile.open(path) } catch {
      throw DemonstrationError.cannotRead(path: path, reason: "\(error)")
    }
    do {
      let state = State(of: descriptor)
      known = Mutex(state)
      // Where the file system has locks, writers hold one, and this one keeps them out as long as the file is open.
      if flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK {
        throw DemonstrationError.beingWritten(file: path)
      }
      let length = UInt64(state.size)
      guard let start = try Self.start(in: descriptor, length) else { throw DemonstrationError.notHDF5(file: path) }
      base = start
      (size, root) = try Self.superblock(
        HDF5Cursor(Self.read(descriptor, at: start, count: Int(min(length - start, 112)))), available: length - start,
        path)
    } catch {
      close(descriptor)
      switch error as? HDF5Fault {
      case nil: throw error
      case .unsupported(let reason): throw DemonstrationError.unsupportedField(file: path, field: "/", reason: reason)
      default: throw DemonstrationError.damagedFile(file: path)
      }
    }
  }

  deinit { close(descriptor) }

  /// What changes, as far as the system knows, whenever somebody writes to a file.
  struct State: Equatable {
    let size, seconds, nanoseconds, changeSeconds, changeNanoseconds: Int

    fileprivate init(of descriptor: Int32) {
      var status = stat()
      fstat(descriptor, &status)
      (size, seconds, nanoseconds) = (Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
      (changeSeconds, changeNanoseconds) = (status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
    }
  }

  var state: State { State(of: descriptor) }
  /// Whether nobody has written to it, as far as the system knows, since its bytes were known last.
  func isKnown(in state: State) -> Bool { known.withLock { $0 == state } }
  /// Its bytes are known to be what they were.
  func know(in state: State) { known.withLock { $0 = state } }

  /// The signature is at the file's start, or behind a block of the user's, of 512 bytes times a power of two.
  private static func start(in descriptor: Int32, _ length: UInt64) throws -> UInt64? {
    var offset: UInt64 = 0
    while offset + 96 <= length {
      if try read(descriptor, at: offset, count: 8) == signature { return offset }
      offset = offset == 0 ? 512 : offset * 2
    }
    return nil
  }

  private static func superblock(_ start: HDF5Cursor, available: UInt64, _ path: String) throws -> (
    size: UInt64, root: UInt64
  ) {
    var cursor = start
    try cursor.skip(8)
    let version = try cursor.unsigned(1)
    var root: UInt64?
    let base, end: UInt64
    switch version {
    case 0, 1:
      try cursor.skip(4)
      try checkSizes(&cursor)
      try cursor.skip(version == 0 ? 9 : 13)
      base = try cursor.unsigned(8)
      try cursor.skip(8)
      end = try cursor.unsigned(8)
      try cursor.skip(16)
      root = try cursor.address()
    case 2, 3:
      try checkSizes(&cursor)
      let isOpen = try cursor.unsigned(1) & 1 != 0
      base = try cursor.unsigned(8)
      try cursor.skip(8)
      end = try cursor.unsigned(8)
      root = try cursor.address()
      try cursor.checkSum()
      guard !isOpen else { throw DemonstrationError.beingWritten(file: path) }
    default: throw HDF5Fault.damaged
    }
    guard end >= base, end - base <= available, let root else { throw HDF5Fault.damaged }
    return (end - base, root)
  }

  private static func checkSizes(_ cursor: inout HDF5Cursor) throws {
    let sizes = (try cursor.unsigned(1), try cursor.unsigned(1))
    guard sizes == (8, 8) else {
      throw HDF5Fault.unsupported(
        "has addresses or lengths of \(min(sizes.0, sizes.1)) bytes instead of 8: h5repack writes it anew")
    }
  }

  /// - Throws: `HDF5Fault.damaged` where the file has no such bytes.
  func bytes(at address: UInt64, count: Int) throws -> [UInt8] {
    guard count >= 0, address <= size, UInt64(count) <= size - address else { throw HDF5Fault.damaged }
    return try Self.read(descriptor, at: base + address, count: count)
  }

  /// A structure that ends with its checksum.
  func summed(at address: UInt64, count: Int) throws -> HDF5Cursor {
    let cursor = HDF5Cursor(try bytes(at: address, count: count))
    var end = cursor
    try end.skip(count - 4)
    try end.checkSum()
    return cursor
  }

  private static func read(_ descriptor: Int32, at offset: UInt64, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      while done < count {
        let some = pread(descriptor, buffer.baseAddress! + done, count - done, off_t(offset) + off_t(done))
        if some < 0 && errno == EINTR { continue }
        guard some > 0 else { throw HDF5Fault.damaged }
        done += some
      }
    }
  }

  /// Hands all bytes of the file to `body`, in pieces of a MiB, of which only the last may be shorter, however much the
  /// system reads at once.
  func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    var (offset, held) = (off_t(0), 0)
    try withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 64) { buffer in
      while true {
        let some = pread(descriptor, buffer.baseAddress! + held, buffer.count - held, offset + off_t(held))
        if some < 0 && errno == EINTR { continue }
        guard some >= 0 else { throw DemonstrationError.damagedFile(file: path) }
        held += some
        guard some == 0 || held == buffer.count else { continue }
        if held > 0 { try body(UnsafeRawBufferPointer(rebasing: buffer[..<held])) }
        if some == 0 { return }
        (offset, held) = (offset + off_t(held), 0)
      }
    }
  }
}

/// Reads little-endian numbers one after the other, never beyond the end.
struct HDF5Cursor {
  private let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Bytes that are left.
  var rest: Int { bytes.count - position }

  mutating func unsigned(_ count: Int) throws -> UInt64 {
    guard (0...8).contains(count), count <= rest else { throw HDF5Fault.damaged }
    var (number, place) = (UInt64(0), position + count)
    while place > position {
      place -= 1
      number = number << 8 | UInt64(bytes[place])
    }
    position += count
    return number
  }

  /// A number that has to be at most `limit`.
  mutating func int(_ count: Int, limit: Int = .max) throws -> Int {
    guard let number = Int(exactly: try unsigned(count)), number <= limit else { throw HDF5Fault.damaged }
    return number
  }

  /// A place in the file; nil where there is none.
  mutating func address() throws -> UInt64? {
    let address = try unsigned(8)
    return address == .max ? nil : address
  }

  mutating func skip(_ count: Int) throws {
    guard count >= 0, count <= rest else { throw HDF5Fault.damaged }
    position += count
  }

  mutating func take(_ count: Int) throws -> [UInt8] {
    let start = position
    try skip(count)
    return Array(bytes[start..<position])
  }

  /// The characters up to a zero, which is passed over.
  mutating func text() throws -> String {
    guard let end = bytes[position...].firstIndex(of: 0) else { throw HDF5Fault.damaged }
    defer { position = end + 1 }
    return String(decoding: bytes[position..<end], as: UTF8.self)
  }

  mutating func expect(_ signature: String) throws {
    guard try take(signature.utf8.count).elementsEqual(signature.utf8) else { throw HDF5Fault.damaged }
  }

  /// Compares the four bytes that follow with the checksum of all before them.
  mutating func checkSum() throws {
    let sum = bytes.withUnsafeBytes { checksum_lookup3($0.baseAddress!, position) }
    guard try unsigned(4) == sum else { throw HDF5Fault.damaged }
  }
}

/// Places that a walk through a file has come by. None is visited twice, so that every walk ends, and together they
/// have no more bytes than the file: structures that overlap would make much of a small file.
struct HDF5Visited {
  private var places = Set<UInt64>()
  /// Bytes that the rest of the walk can have.
  private var rest: UInt64

  init(_ file: HDF5File) { rest = file.size }

  mutating func visit(_ address: UInt64, _ count: Int) throws {
    guard places.insert(address).inserted else { throw HDF5Fault.damaged }
    try add(count)
  }

  mutating func add(_ count: Int) throws {
    guard count >= 0, UInt64(count) <= rest else { throw HDF5Fault.damaged }
    rest -= UInt64(count)
  }
}
