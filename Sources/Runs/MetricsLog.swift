import Demonstrations
import Foundation

/// A run's metrics: lines of JSON in `metrics.jsonl` (`{"step":100,"time":1700000000.5,"actor/loss":0.25,…}`, the time
/// in seconds since 1970, and at the end `crc32c`, a checksum of all before), and the same as TensorBoard curves.
public final class MetricsLog {
  public let tensorBoard: TensorBoardWriter
  private let url: URL
  private let file: Int32
  private var sum: LineChecksum

  /// Opens the log in a run's folder. What it says about steps after `step`, the last one done, is dropped, since they
  /// will be done again.
  /// - Throws: `RunError.damagedRun`, or `.cannotWrite`.
  public init(in folder: URL, after step: Int = 0) throws {
    url = folder.appendingPathComponent(Self.name)
    sum =
      FileManager.default.fileExists(atPath: url.path)
      ? try Self.truncate(url, after: step) : try LineChecksum(of: folder)
    file = open(url.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, AtomicFile.mode)
    try AtomicFile.check(file >= 0, url)
    tensorBoard = try TensorBoardWriter(in: folder, firstStep: step == 0 ? 0 : step + 1)
  }

  deinit { close(file) }

  /// Appends the metrics of a step.
  /// - Throws: `RunError.nonFiniteMetric`, in which case nothing is written, or `.cannotWrite`.
  public func append(_ metrics: [String: Double], step: Int, time: Date = Date()) throws {
    try Self.checkFinite(metrics, step: step)
    let metrics = metrics.sorted { $0.key < $1.key }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    var line = "{\"step\":\(step),\"time\":\((time.timeIntervalSince1970 * 1000).rounded() / 1000)"
    for (key, value) in metrics { line += try ",\(String(decoding: encoder.encode(key), as: UTF8.self)):\(value)" }
    // One call, so that a line is never mixed with another's.
    try AtomicFile.writeAll(sum.line(of: line), to: file, of: url)
    try tensorBoard.write(Dictionary(uniqueKeysWithValues: metrics), step: step, time: time)
  }

  /// - Throws: `RunError.nonFiniteMetric`.
  package static func checkFinite(_ metrics: [String: Double], step: Int) throws {
    if let (key, value) = metrics.sorted(by: { $0.key < $1.key }).first(where: { !$0.value.isFinite }) {
      throw RunError.nonFiniteMetric(key, value: "\(value)", step: step)
    }
  }

  /// Brings what was appended to the disk, and says its checksum: a checkpoint must not know more than the log.
  /// - Throws: `RunError.cannotWrite`.
  package func synchronize() throws -> String {
    try AtomicFile.check(fsync(file) == 0, url)
    return "\(sum)"
  }

  /// Of what a run logged up to a step.
  /// - Throws: as `lines`.
  package static func checksum(of run: URL, upTo step: Int) throws -> String {
    let known = try entries(of: run).last { $0.values["step"]! <= Double(step) }
    return try "\(known?.end ?? LineChecksum(of: run))"
  }

  /// - Throws: `RunError.damagedRun` where a run's log is not all that it was when a checkpoint was saved; as `lines`.
  package static func check(_ run: URL, knownBy checkpoint: Checkpoint) throws {
    guard let known = checkpoint.log else { return }
    let found: String?
    do { found = try checksum(of: run, upTo: checkpoint.step) } catch RunError.notARun { found = nil }
    guard found != known else { return }
    throw RunError.damagedRun(
      run.path, reason: "its \(name) lacks what it said when \(checkpoint.url.lastPathComponent) was saved")
  }

  /// What a run logged, line by line: numbers by name, the `step`, a whole one, and the `time` among them. A line cut
  /// short is left out.
  /// - Throws: `RunError.notARun` where it has no log, `.damagedRun` where that is not as it was written.
  package static func lines(of run: URL) throws -> [[String: Double]] { try entries(of: run).map(\.values) }

  package static let name = "metrics.jsonl"

  /// Makes the log of one run that of another.
  /// - Throws: as `lines`; `RunError.cannotWrite`.
  package static func copy(from run: URL, to other: URL) throws {
    var sum = try LineChecksum(of: other)
    let lines = try entries(of: run).map { sum.line(of: LineChecksum.object(in: $0.line)) }
    try AtomicFile.write(lines, to: other.appendingPathComponent(name))
  }

  /// Keeps the complete lines of steps up to `step`; says what goes before the next.
  private static func truncate(_ url: URL, after step: Int) throws -> LineChecksum {
    let run = url.deletingLastPathComponent()
    let kept = try entries(of: run).filter { $0.values["step"]! <= Double(step) }
    let lines = Data(kept.map { $0.line + [UInt8(ascii: "\n")] }.joined())
    if try lines != RegularFile.contents(of: url) { try AtomicFile.write(lines, to: url) }
    return try kept.last?.end ?? LineChecksum(of: run)
  }

  /// The whole lines, what they say, and the checksum of all up to their ends. In what versions without checksums wrote,
  /// lines that are not understood are left out.
  private static func entries(of run: URL) throws -> [(line: Data, values: [String: Double], end: LineChecksum)] {
    let data = try RunFolder.bytes(of: name, in: run)
    var (sum, isSummed) = (try LineChecksum(of: run), try RunIdentity.of(run) != nil)
    var found: [(line: Data, values: [String: Double], end: LineChecksum)] = []
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
    for (index, line) in lines.enumerated() {
      var values = try? JSONDecoder().decode([String: Double].self, from: line)
      isSummed = isSummed || values?[LineChecksum.key] != nil
      if values?["step"].flatMap(Int.init(exactly:)) == nil { values = nil }
      guard !isSummed || (values != nil && sum.agrees(with: line)) else {
        throw RunError.damagedRun(
          run.path, reason: "its \(name) has changed since it was written, in line \(index + 1)")
      }
      guard var values else { continue }
      values[LineChecksum.key] = nil
      sum.add(line + [UInt8(ascii: "\n")])
      found.append((line, values, sum))
    }
    return found
  }
}

/// Of a log up to some place, and of the run's identity before it. Each line ends with that of all before, so that none
/// can be changed, taken out or come from another run without a word.
private struct LineChecksum: CustomStringConvertible {
  static let key = "crc32c"
  private static let mark = Data(",\"\(key)\":".utf8)
  private var sum: UInt32

  /// Of an empty log.
  init(of run: URL) throws { sum = CRC32C.checksum((try RunIdentity.of(run) ?? "").utf8) }

  var description: String { String(format: "%08x", sum) }

  mutating func add(_ data: Data) { sum = CRC32C.checksum(data, after: sum) }

  /// The line of an object whose last brace is not there yet.
  mutating func line(of object: String) -> Data {
    add(Data(object.utf8))
    let end = Self.mark + Data("\(sum)}\n".utf8)
    add(end)
    return Data(object.utf8) + end
  }

  /// What a line says beside its checksum, without the last brace.
  static func object(in line: Data) -> String {
    let end = line.range(of: mark, options: .backwards)?.lowerBound ?? line.lastIndex(of: UInt8(ascii: "}"))
    return String(decoding: line[..<(end ?? line.endIndex)], as: UTF8.self)
  }

  func agrees(with line: Data) -> Bool {
    guard let mark = line.range(of: Self.mark, options: .backwards) else { return false }
    let sum = CRC32C.checksum(line[..<mark.lowerBound], after: sum)
    return line[mark.upperBound...].elementsEqual("\(sum)}".utf8)
  }
}
