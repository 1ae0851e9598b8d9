import Foundation
import Runs

/// What people are told while something runs: on standard error, since standard output is for results.
enum Console {
  /// The live line of the task that is under way.
  private final class Screen: @unchecked Sendable {
    private let lock = NSLock()
    private var line: ProgressLine?

    func show(_ report: ProgressReport) {
      lock.withLock {
        if line?.isOf(report) != true {
          line?.finish()
          line = ProgressLine(report)
        } else {
          line?.update(report)
        }
      }
    }

    func end() {
      lock.withLock {
        line?.finish()
        line = nil
      }
    }
  }

  private static let screen = Screen()

  /// Prints what the library tells.
  static let observer = Observer { event in
    switch event {
    case .note(let text): say(text)
    case .warning(let text): warn(text)
    case .progress(let report): screen.show(report)
    }
  }

  static func say(_ text: String) {
    screen.end()
    try? FileHandle.standardError.write(contentsOf: Data((printable(text) + "\n").utf8))
  }
  static func warn(_ text: String) { say("warning: \(text)") }
  /// Ends a line that is shown, so that what is printed next starts on its own.
  static func end() { screen.end() }

  /// The text with control characters written out: names, and what an environment prints, may hold some that would do
  /// things to a terminal.
  static func printable(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { all, scalar in
      if scalar != "\n", scalar.properties.generalCategory == .control {
        all += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        all.unicodeScalars.append(scalar)
      }
    }
  }
}
