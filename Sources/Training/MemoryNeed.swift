import Demonstrations
import Foundation
import Spaces

/// What a run has to hold at least, looked at before it is asked for: where an array finds no memory the process ends,
/// and nobody is told why.
enum MemoryNeed {
  /// - Parameters:
  ///   - bytes: the least that it takes.
  ///   - what: what takes them, such as "a batch of 16 sequences of 32 frames".
  ///   - smaller: which settings make it less.
  /// - Throws: `ExperimentError.notEnoughMemory`.
  static func require(
    _ bytes: Double, for what: @autoclosure () -> String, smaller: String, of available: Double = available
  ) throws {
    guard bytes > available else { return }
    throw ExperimentError.notEnoughMemory(
      what: what(), gibibytes: bytes / 0x1p30, available: available / 0x1p30, smaller: smaller)
  }

  /// Of batches that are read ahead, and of the one in use as networks take it.
  static func bytes(ofBatches frames: Double, _ observation: ObservationSpace) -> Double {
    let stored = Double(observation.frameSize + MemoryLayout<Action?>.stride + MemoryLayout<Bool>.stride)
    let normalized = Double(MemoryLayout<Float>.stride * observation.elementCount)
    return frames * (stored * Double(prefetchDepth + 2) + normalized)
  }

  /// Bytes that this process may still take: of the machine's memory and swap, of its container's, and of its own
  /// limit.
  static var available: Double {
    [machine, container, ownLimit].compactMap { $0 }.min() ?? .infinity
  }

  private static var machine: Double? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else {
      return Double(ProcessInfo.processInfo.physicalMemory)
    }
    let sizes = text.split(separator: "\n").filter { $0.hasPrefix("MemTotal:") || $0.hasPrefix("SwapTotal:") }
    return sizes.compactMap { $0.split(separator: " ").dropFirst().first.flatMap { Double($0) } }.reduce(0, +) * 1024
  }

  private static var container: Double? {
    for file in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
      if let text = try? String(contentsOfFile: file, encoding: .utf8) {
        return Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
      }
    }
    return nil
  }

  private static var ownLimit: Double? {
    #if os(Linux)
      var limit = rlimit()
      guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max,
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ").first
          .flatMap({ Double($0) })
      else { return nil }
      return max(0, Double(limit.rlim_cur) - pages * Double(sysconf(Int32(_SC_PAGESIZE))))
    #else
      return nil
    #endif
  }
}
