import Foundation

/// Appends scalars to an event file that TensorBoard reads.
///
/// The file is a sequence of TFRecords, each an `Event` message of `tensorflow/core/util/event.proto`.
public final class TensorBoardWriter {
  public let url: URL
  private let file: Int32

  /// Starts a new event file in `folder`.
  /// - Parameter firstStep: what earlier files of the folder say about this step and later ones no longer counts.
  /// - Throws: `RunError.cannotWrite`.
  public init(in folder: URL, firstStep: Int, time: Date = Date()) throws {
    try Self.cutHalfRecords(in: folder)
    let host = ProcessInfo.processInfo.hostName
    let started = time.timeIntervalSince1970
    url = folder.appendingPathComponent("events.out.tfevents.\(String(format: "%.6f", started)).\(getpid()).\(host)")
    file = open(url.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, AtomicFile.mode)
    try AtomicFile.check(file >= 0, url)
    try append(time: time) { $0.field(3, "brain.Event:2") }
    // The start of a session, at which TensorBoard drops what it has read of this step and later ones.
    if firstStep > 0 { try append(step: firstStep, time: time) { $0.message(7) { $0.field(1, 1) } } }
  }

  deinit { close(file) }

  /// Cuts off what a killed process left of half a record: TensorBoard waits for the rest of it, and shows nothing of
  /// later files.
  private static func cutHalfRecords(in folder: URL) throws {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    where name.hasPrefix("events.out.tfevents.") {
      let file = folder.appendingPathComponent(name)
      guard let bytes = (try? Data(contentsOf: file)).map([UInt8].init) else { continue }
      var end = 0
      while let size = recordSize(bytes[end...]) { end += size }
      if end < bytes.count { try AtomicFile.check(truncate(file.path, off_t(end)) == 0, file) }
    }
  }

  /// Bytes of the record that `bytes` begin with; nil where it is not whole.
  private static func recordSize(_ bytes: ArraySlice<UInt8>) -> Int? {
    let (header, sum) = (8, 4)
    guard bytes.count >= header + 2 * sum else { return nil }
    let length = bytes.prefix(header).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(bytes.count - header - 2 * sum) else { return nil }
    let content = bytes.dropFirst(header + sum).prefix(Int(length))
    let sums = [
      (bytes.prefix(header), bytes.dropFirst(header)), (content, bytes.dropFirst(header + sum + Int(length))),
    ]
    guard sums.allSatisfy({ Array($1.prefix(sum)) == littleEndian(masked(Array($0))) }) else { return nil }
    return header + 2 * sum + Int(length)
  }

  /// Appends one point to each curve.
  public func write(_ scalars: [String: Double], step: Int, time: Date = Date()) throws {
    try append(step: step, time: time) { event in
      event.message(5) { summary in
        for (tag, scalar) in scalars.sorted(by: { $0.key < $1.key }) {
          summary.message(1) {
            $0.field(1, tag)
            $0.field(2, Float(scalar))
          }
        }
      }
    }
  }

  private func append(step: Int = 0, time: Date, _ fill: (inout Message) -> Void) throws {
    var event = Message()
    event.field(1, time.timeIntervalSince1970)
    event.field(2, step)
    fill(&event)
    let length = littleEndian(UInt64(event.bytes.count))
    let record = length + littleEndian(Self.masked(length)) + event.bytes + littleEndian(Self.masked(event.bytes))
    try AtomicFile.writeAll(Data(record), to: file, of: url)
  }

  /// The checksum as TFRecord stores it.
  private static func masked(_ bytes: [UInt8]) -> UInt32 {
    let crc = CRC32C.checksum(bytes)
    return (crc >> 15 | crc << 17) &+ 0xa282_ead8
  }
}

/// A Protocol Buffers message under construction.
private struct Message {
  private(set) var bytes: [UInt8] = []

  mutating func field(_ number: Int, _ value: Int) {
    key(number, wireType: 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func field(_ number: Int, _ value: Double) {
    key(number, wireType: 1)
    bytes += littleEndian(value.bitPattern)
  }

  mutating func field(_ number: Int, _ value: Float) {
    key(number, wireType: 5)
    bytes += littleEndian(value.bitPattern)
  }

  mutating func field(_ number: Int, _ value: [UInt8]) {
    key(number, wireType: 2)
    varint(UInt64(value.count))
    bytes += value
  }

  mutating func field(_ number: Int, _ value: String) { field(number, [UInt8](value.utf8)) }

  mutating func message(_ number: Int, _ fill: (inout Message) -> Void) {
    var inner = Message()
    fill(&inner)
    field(number, inner.bytes)
  }

  private mutating func key(_ number: Int, wireType: Int) { varint(UInt64(number << 3 | wireType)) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

private func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian, Array.init)
}
