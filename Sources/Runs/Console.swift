import Foundation

/// What people are told while something runs: on standard error, since standard output is for results.
public enum Console {
  public static func say(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data((printable(text) + "\n").utf8))
  }
  public static func warn(_ text: String) { say("warning: \(text)") }

  /// The text with control characters written out: names, and what an environment prints, may hold some that would do
  /// things to a terminal.
  public static func printable(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { all, scalar in
      if scalar != "\n", scalar.properties.generalCategory == .control {
        all += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        all.unicodeScalars.append(scalar)
      }
    }
  }
}
