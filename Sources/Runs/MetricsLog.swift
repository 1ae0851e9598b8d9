import Foundation

/// A run's metrics: lines of JSON in `metrics.jsonl` (`{"step":100,"time":1700000000.5,"actor/loss":0.25,…}`, the time
/// in seconds since 1970), and the same as TensorBoard curves.
public final class MetricsLog {
  public let tensorBoard: TensorBoardWriter
  private let url: URL
  private let file: Int32

  /// Opens the log in a run's folder. What it says about steps after `step`, the last one done, is dropped, since they
  /// will be done again.
  /// - Throws: `RunError.cannotRead`, or `.cannotWrite`.
  public init(in folder: URL, after step: Int = 0) throws {
    url = folder.appendingPathComponent(Self.name)
    if FileManager.default.fileExists(atPath: url.path) { try Self.truncate(url, after: step) }
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
    try AtomicFile.writeAll(Data((line + "}\n").utf8), to: file, of: url)
    try tensorBoard.write(Dictionary(uniqueKeysWithValues: metrics), step: step, time: time)
  }

  /// - Throws: `RunError.nonFiniteMetric`.
  package static func checkFinite(_ metrics: [String: Double], step: Int) throws {
    if let (key, value) = metrics.sorted(by: { $0.key < $1.key }).first(where: { !$0.value.isFinite }) {
      throw RunError.nonFiniteMetric(key, value: "\(value)", step: step)
    }
  }

  /// What a run logged, line by line: numbers by name, the `step`, a whole one, and the `time` among them. A line cut
  /// short is left out.
  /// - Throws: `RunError.notARun` where it has no log.
  package static func lines(of run: URL) throws -> [[String: Double]] {
    guard let data = try? Data(contentsOf: run.appendingPathComponent(name)) else {
      throw RunError.notARun(run.path, reason: "it has no \(name)")
    }
    let lines = data.split(separator: UInt8(ascii: "\n")).compactMap {
      try? JSONDecoder().decode([String: Double].self, from: $0)
    }
    return lines.filter { $0["step"].flatMap(Int.init(exactly:)) != nil }
  }

  package static let name = "metrics.jsonl"

  /// Keeps the complete lines of steps up to `step`.
  private static func truncate(_ url: URL, after step: Int) throws {
    struct Line: Decodable { let step: Int }
    let old: Data
    do { old = try Data(contentsOf: url) } catch { throw RunError.cannotRead(url.path, reason: reason(error)) }
    var kept = Data()
    for line in old.split(separator: UInt8(ascii: "\n")) {
      guard let parsed = try? JSONDecoder().decode(Line.self, from: line), parsed.step <= step else { continue }
      kept += line + [UInt8(ascii: "\n")]
    }
    if kept != old { try AtomicFile.write(kept, to: url) }
  }
}
