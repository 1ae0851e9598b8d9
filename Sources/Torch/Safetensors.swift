import CChecksum
import Foundation

/// Tensors by name in a file of the safetensors format: a JSON header with each tensor's type, shape and place, then
/// their bytes.
///
/// What is written here ends with a checksum of all before it, which is compared when the file is opened. To others it
/// is one more tensor, four bytes called `crc32c`; files without it are opened all the same.
public struct Safetensors {
  public let path: String
  public let metadata: [String: String]
  private let mapping: Mapping
  private let entries: [String: Entry]

  struct Entry {
    let type: ElementType
    let shape: [Int]
    let bytes: Range<Int>
  }

  /// The file's bytes, for as long as somebody has it.
  private final class Mapping {
    let data: Data
    init(_ data: Data) { self.data = data }
  }

  /// What it ends with, as 8 hexadecimal digits, and agrees with; nil where it carries none.
  public let checksum: String?

  private static let types: [String: ElementType] = [
    "F32": .float32, "F64": .float64, "BF16": .bfloat16, "I64": .int64, "I32": .int32, "U8": .uint8, "BOOL": .bool,
  ]

  private static let checksumName = "crc32c"
  private static let checksum: (name: String, type: ElementType, shape: [Int]) = (checksumName, .uint8, [4])

  /// Maps the file into memory; tensors are copied out one by one, or view it.
  /// - Throws: `TorchError.unreadable` where it is missing or closed to us, `damaged` where it is cut off, no such
  ///   file, or not as it was written.
  public init(at url: URL) throws {
    path = url.path
    let damaged = { [path] (reason: String) in TorchError.damaged(file: path, reason: reason) }
    // What is no file, such as a pipe, has no end, or lets wait for someone who writes.
    var status = stat()
    guard stat(url.path, &status) == 0 else {
      throw TorchError.unreadable(file: path, reason: "there is no such file")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw TorchError.unreadable(file: path, reason: "it is a folder, a pipe or a device, not a file")
    }
    let data: Data
    do { data = try Data(contentsOf: url, options: .alwaysMapped) } catch {
      throw TorchError.unreadable(file: path, reason: "it may not be opened")
    }
    guard data.count >= 8 else { throw damaged("is too short") }
    let length = data.prefix(8).enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
    guard length <= UInt64(data.count - 8) else { throw damaged("the header is cut off") }
    let start = 8 + Int(length)
    guard let header = try? JSONSerialization.jsonObject(with: data[8..<start]) as? [String: Any] else {
      throw damaged("the header is not JSON")
    }
    metadata = header["__metadata__"] as? [String: String] ?? [:]
    var entries: [String: Entry] = [:]
    for (name, value) in header where name != "__metadata__" {
      guard let fields = value as? [String: Any], let dtype = fields["dtype"] as? String, let type = Self.types[dtype],
        let shape = fields["shape"] as? [Int], let place = fields["data_offsets"] as? [Int], place.count == 2
      else { throw damaged("the header's entry '\(name)' is not understood") }
      guard 0 <= place[0], place[0] <= place[1], place[1] <= data.count - start,
        place[1] - place[0] == Self.size(shape, type)
      else { throw damaged("tensor '\(name)' is cut off") }
      // Any other byte would be true in one operation and false in another.
      guard type != .bool || data[start + place[0]..<start + place[1]].allSatisfy({ $0 <= 1 }) else {
        throw damaged("tensor '\(name)' holds what is no truth value")
      }
      entries[name] = Entry(type: type, shape: shape, bytes: start + place[0]..<start + place[1])
    }
    let sum = entries.removeValue(forKey: Self.checksumName)
    checksum = sum.map { Checksum.text(data[$0.bytes]) }
    if let sum {
      guard sum.bytes.count == 4, sum.bytes.upperBound == data.count,
        try Self.checksum(of: url, upTo: sum.bytes.lowerBound) == Data(data[sum.bytes])
      else {
        throw damaged("it has changed since it was written")
      }
    }
    (mapping, self.entries) = (Mapping(data), entries)
  }

  /// The checksum of the file's first bytes. It reads them piece by piece: what is mapped would count as held, too.
  private static func checksum(of url: URL, upTo count: Int) throws -> Data {
    do {
      let file = try FileHandle(forReadingFrom: url)
      defer { try? file.close() }
      var (sum, left) = (Checksum(), count)
      while left > 0, let piece = try file.read(upToCount: min(left, 1 << 20)), !piece.isEmpty {
        sum.add(piece)
        left -= piece.count
      }
      return sum.bytes
    } catch {
      throw TorchError.unreadable(file: url.path, reason: error.localizedDescription)
    }
  }

  /// Of a file while it is written or read: `bytes` are what it ends with.
  public struct Checksum {
    private var sum: UInt32 = 0

    public init() {}

    public mutating func add(_ data: Data) {
      data.withUnsafeBytes { if let start = $0.baseAddress { sum = checksum_crc32c(sum, start, $0.count) } }
    }

    /// Little-endian.
    public var bytes: Data { withUnsafeBytes(of: sum.littleEndian) { Data($0) } }

    fileprivate static func text(_ bytes: Data) -> String {
      bytes.reversed().map { String(format: "%02x", $0) }.joined()
    }
  }

  /// The bytes of a tensor; `nil` where a size is negative, or the bytes are more than can be counted, even were there
  /// something where a length is 0.
  private static func size(_ shape: [Int], _ type: ElementType) -> Int? {
    let most = shape.reduce(Optional(type.bytes)) { bytes, length in
      guard let bytes, length >= 0, shape.count <= 64 else { return nil }
      let (product, overflow) = bytes.multipliedReportingOverflow(by: max(length, 1))
      return overflow ? nil : product
    }
    return shape.contains(0) ? most.map { _ in 0 } : most
  }

  public var names: [String] { entries.keys.sorted() }
  /// Nil where there is no tensor `name`.
  public func shape(of name: String) -> [Int]? { entries[name]?.shape }
  public func contains(_ name: String) -> Bool { entries[name] != nil }

  /// The tensor `name`; where `shape` is given, it must have it.
  public func tensor(_ name: String, shape: [Int]? = nil, on device: Device = .cpu) throws -> Tensor {
    let entry = try check(name, shape: shape)
    guard !entry.bytes.isEmpty else { return .zeros(entry.shape, entry.type, on: device) }
    return Data(mapping.data[entry.bytes]).withUnsafeBytes { Tensor(bytes: $0, entry.shape, entry.type, on: device) }
  }

  /// What the file says of the tensor `name`; where `shape` is given, it must have it.
  @discardableResult
  func check(_ name: String, shape: [Int]?) throws -> Entry {
    guard let entry = entries[name] else { throw TorchError.missingTensor(file: path, name: name) }
    if let shape, shape != entry.shape {
      throw TorchError.wrongShape(file: path, name: name, expected: shape, found: entry.shape)
    }
    return entry
  }

  /// The tensor `name` as a view of the file, of which no more is in memory than is in use: the system reads its pages
  /// when they are needed, and can take them back. It outlives this value and the file's name, but not a change of the
  /// file itself. Its pages are read-only, as every tensor is that is no `Parameter`; to make one of it stops the
  /// program. A copy on other devices, and where the file has it at no multiple of an element's size.
  public func mapped(_ name: String, on device: Device = .cpu) throws -> Tensor {
    guard device == .cpu, let entry = entries[name], !entry.bytes.isEmpty,
      entry.bytes.lowerBound % entry.type.bytes == 0
    else {
      return try tensor(name, on: device)
    }
    return mapping.data.withUnsafeBytes {
      Tensor(viewing: UnsafeRawBufferPointer(rebasing: $0[entry.bytes]), entry.shape, entry.type, of: mapping)
    }
  }

  /// The file's bytes for these tensors, in this order: the header, then each tensor's, which are made when it is their
  /// turn, and the checksum.
  public static func pieces(of tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:])
    -> some Sequence<Data>
  {
    sequence(state: (next: -1, sum: Checksum())) { state -> Data? in
      defer { state.next += 1 }
      guard state.next < tensors.count else { return state.next == tensors.count ? state.sum.bytes : nil }
      let piece =
        state.next < 0
        ? header(of: tensors.map { ($0.name, $0.tensor.type, $0.tensor.shape) }, metadata: metadata)
        : Data(tensors[state.next].tensor.bytes())
      state.sum.add(piece)
      return piece
    }
  }

  /// What the file of these tensors ends with, as 8 hexadecimal digits: it names their content.
  public static func checksum(of tensors: [(name: String, tensor: Tensor)]) -> String {
    Checksum.text(pieces(of: tensors).reduce(Data()) { $1 })
  }

  /// What the file of such tensors begins with; their bytes follow in this order, and then the `Checksum` of all.
  public static func header(
    of tensors: [(name: String, type: ElementType, shape: [Int])], metadata: [String: String] = [:]
  ) -> Data {
    let tensors = tensors + [checksum]
    var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
    var end = 0
    for (name, type, shape) in tensors {
      let (start, dtype) = (end, types.first { $0.value == type }!.key)
      end += shape.reduce(type.bytes, *)
      header[name] = ["dtype": dtype, "shape": shape, "data_offsets": [start, end]]
    }
    var text = try! JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes])
    text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
    return Data((0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }) + text
  }
}
