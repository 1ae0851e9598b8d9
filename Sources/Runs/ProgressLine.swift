import Foundation

/// A live line about a long task on standard error: `world model  1500/3000  8.1 steps/s  3m05s left  kl 7.31`.
///
/// On a terminal the line is rewritten in place; elsewhere a new one appears every ten seconds.
public struct ProgressLine {
  private let label: String
  private let total: Int
  private let unit: String
  private let isTerminal: Bool
  /// Letters that the terminal has in a line, where it says so: it may change.
  private let columns: () -> Int?
  private let output: (String) -> Void
  /// Seconds between lines.
  private var interval: Double { isTerminal ? 0.2 : 10 }

  /// The last step and time seen, the smoothed seconds per step, and the time of the last line.
  private var last: (step: Int, time: Double)
  private var secondsPerStep: Double?
  private var shown: Double?
  private var width = 0

  /// - Parameters:
  ///   - step: the steps already done, when a run resumes.
  ///   - time: in seconds, on any clock that `update` uses too.
  public init(_ label: String, total: Int, unit: String = "steps", step: Int = 0, time: Double = ProgressLine.now) {
    self.init(
      label, total: total, unit: unit, step: step, time: time, isTerminal: isatty(STDERR_FILENO) == 1,
      columns: Self.columns
    ) {
      try? FileHandle.standardError.write(contentsOf: Data($0.utf8))
    }
  }

  init(
    _ label: String, total: Int, unit: String = "steps", step: Int, time: Double, isTerminal: Bool,
    columns: @escaping () -> Int? = { nil },
    output: @escaping (String) -> Void
  ) {
    self.columns = columns
    self.label = label
    self.total = total
    self.unit = unit
    self.isTerminal = isTerminal
    self.output = output
    last = (step, time)
  }

  /// Seconds of a clock that never goes back.
  public static var now: Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }

  /// Says that `step` steps are done. Cheap enough for every step.
  public mutating func update(_ step: Int, _ metrics: [(String, Double)] = [], time: Double = ProgressLine.now) {
    if step > last.step {
      let seconds = (time - last.time) / Double(step - last.step)
      // An average over about the last 20 reports.
      secondsPerStep = secondsPerStep.map { 0.95 * $0 + 0.05 * seconds } ?? seconds
      last = (step, time)
    }
    if let shown, time - shown < interval, step < total { return }
    shown = time
    show(line(metrics))
  }

  /// Ends the line, so that what is printed next starts on its own.
  public mutating func finish() {
    if isTerminal, width > 0 { output("\n") }
    width = 0
  }

  private static func columns() -> Int? {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1 ? Int(size.ws_col) : nil
  }

  private mutating func show(_ line: String) {
    // What does not fit would go on in the next line, and stay there.
    let line = isTerminal ? String(line.prefix(columns().map { $0 - 1 } ?? .max)) : line
    output(isTerminal ? "\r" + line + String(repeating: " ", count: max(0, width - line.count)) : line + "\n")
    width = line.count
  }

  private func line(_ metrics: [(String, Double)]) -> String {
    var parts = [label, "\(last.step)/\(total)"]
    if let secondsPerStep, secondsPerStep > 0 {
      parts.append(String(format: secondsPerStep < 0.1 ? "%.0f " : "%.2f ", 1 / secondsPerStep) + unit + "/s")
      parts.append(Self.duration(secondsPerStep * Double(total - last.step)) + " left")
    }
    parts += metrics.map { "\($0.0) \(String(format: "%.4g", $0.1))" }
    return parts.joined(separator: "  ")
  }

  /// `59s`, `3m05s`, `2h07m`.
  package static func duration(_ seconds: Double) -> String {
    let seconds = Int(min(max(seconds, 0), 1e9).rounded())
    if seconds < 60 { return "\(seconds)s" }
    if seconds < 3600 { return String(format: "%dm%02ds", seconds / 60, seconds % 60) }
    return String(format: "%dh%02dm", seconds / 3600, seconds / 60 % 60)
  }
}
