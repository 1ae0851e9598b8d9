import Foundation

/// A clock that never goes back.
package enum Uptime {
  package static var seconds: Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }

  /// `59s`, `3m05s`, `2h07m`.
  package static func description(_ seconds: Double) -> String {
    let seconds = Int(min(max(seconds, 0), 1e9).rounded())
    if seconds < 60 { return "\(seconds)s" }
    if seconds < 3600 { return String(format: "%dm%02ds", seconds / 60, seconds % 60) }
    return String(format: "%dh%02dm", seconds / 3600, seconds / 60 % 60)
  }
}
