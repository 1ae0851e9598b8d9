import Foundation
import Runs

/// A live line about a long task on standard error: `world model  1500/3000  8.1 steps/s  3m05s left  kl 7.31`.
///
/// On a terminal the line is rewritten in place; elsewhere a new one appears every ten seconds.
struct ProgressLine {
  private let isTerminal: Bool
  /// Letters that the terminal has in a line, where it says so: it may change.
  private let columns: () -> Int?
  private let output: (String) -> Void
  /// Seconds between lines.
  private var interval: Double { isTerminal ? 0.2 : 10 }

  /// The last report and when it came, the smoothed seconds per step, and the time of the last line.
  private var last: (report: ProgressReport, time: Double)
  private var secondsPerStep: Double?
  private var shown: Double?
  private var width = 0

  /// - Parameters:
  ///   - report: the first of its task.
  ///   - time: in seconds, on any clock that `update` uses too.
  init(
    _ report: ProgressReport, time: Double = Uptime.seconds, isTerminal: Bool = isatty(STDERR_FILENO) == 1,
    columns: @escaping () -> Int? = Self.columns,
    output: @escaping (String) -> Void = { try? FileHandle.standardError.write(contentsOf: Data($0.utf8)) }
  ) {
    (self.isTerminal, self.columns, self.output) = (isTerminal, columns, output)
    last = (report, time)
  }

  func isOf(_ report: ProgressReport) -> Bool {
    (report.label, report.total) == (last.report.label, last.report.total) && report.step >= last.report.step
  }

  mutating func update(_ report: ProgressReport, time: Double = Uptime.seconds) {
    if report.step > last.report.step {
      let seconds = (time - last.time) / Double(report.step - last.report.step)
      // An average over about the last 20 reports.
      secondsPerStep = secondsPerStep.map { 0.95 * $0 + 0.05 * seconds } ?? seconds
      last = (report, time)
    }
    if let shown, time - shown < interval, report.step < report.total { return }
    shown = time
    show(line(report))
  }

  /// Ends the line, so that what is printed next starts on its own.
  mutating func finish() {
    if isTerminal, width > 0 { output("\n") }
    width = 0
  }

  static func columns() -> Int? {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1 ? Int(size.ws_col) : nil
  }

  private mutating func show(_ line: String) {
    // What does not fit would go on in the next line, and stay there.
    let line = isTerminal ? String(line.prefix(columns().map { $0 - 1 } ?? .max)) : line
    output(isTerminal ? "\r" + line + String(repeating: " ", count: max(0, width - line.count)) : line + "\n")
    width = line.count
  }

  private func line(_ report: ProgressReport) -> String {
    var parts = [Console.printable(report.label).replacing("\n", with: " "), "\(report.step)/\(report.total)"]
    if let secondsPerStep, secondsPerStep > 0 {
      parts.append(String(format: secondsPerStep < 0.1 ? "%.0f " : "%.2f ", 1 / secondsPerStep) + report.unit + "/s")
      parts.append(Uptime.description(secondsPerStep * Double(report.total - report.step)) + " left")
    }
    parts += report.metrics.map { "\($0.name) \(String(format: "%.4g", $0.value))" }
    return parts.joined(separator: "  ")
  }
}
