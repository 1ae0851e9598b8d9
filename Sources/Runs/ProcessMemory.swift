import Foundation

/// What this process holds.
public enum ProcessMemory {
  /// The most resident memory so far, in GiB.
  public static var peak: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / Double(1 << 20)
  }
}
