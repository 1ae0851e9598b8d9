import Configuration
import Experiments
import Foundation
import Testing

/// Feeds a reader with changed files. It may read them or refuse them with a line that says why; it must neither crash nor hang nor take memory beyond what the
/// input gives reason for.
///
/// `DITTO_FUZZ_INPUTS` says how many inputs each reader gets, `DITTO_FUZZ_SECONDS` how long it gets them at most, `DITTO_FUZZ_SEED` which ones. What ends the
/// process is in `ditto-fuzz-PROCESS/NAME` in the folder for temporary files, where each input is before it is read.
struct Fuzz {
  static let inputs = number("INPUTS") ?? 60
  private static let seconds = number("SECONDS").map(Double.init) ?? .infinity
  private static let seed = Seed(UInt64(number("SEED") ?? 1))
  /// Taken as a hang.
  private static let patience = 120.0
  /// Memory that the inputs, which are small, give no reason for, in bytes.
  private static let memory = 1 << 30

  private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment["DITTO_FUZZ_\(name)"].flatMap { Int($0) } }

  let folder: URL
  private let name: String

  /// - Parameters:
  ///   - share: one of so many inputs that others get, where each takes long.
  ///   - read: reads an input; what it throws is a refusal, unless it is a `Finding`.
  static func run(
    _ name: String, share: Int = 1, _ input: (_ mutator: inout Mutator, _ index: Int) -> [UInt8], _ read: (_ input: [UInt8], _ folder: URL) throws -> Void
  ) throws {
    let fuzz = try Fuzz(name)
    let (watchdog, begun, before) = (Watchdog(of: fuzz), Date(), peakMemory)
    var (done, accepted) = (0, 0)
    while done < max(1, inputs / share), Date().timeIntervalSince(begun) < seconds {
      var mutator = Mutator(seed.stream(name).step(done))
      let bytes = input(&mutator, done)
      try Data(bytes).write(to: fuzz.folder.appending(path: "input"))
      watchdog.begin()
      do {
        try read(bytes, fuzz.folder)
        accepted += 1
      } catch let finding as Finding {
        fuzz.end(with: "input \(done) \(finding)")
      } catch {
        if "\(error)".isEmpty { fuzz.end(with: "input \(done) is refused without a word") }
      }
      if peakMemory - before > memory { fuzz.end(with: "input \(done) takes \((peakMemory - before) >> 20) MiB") }
      done += 1
    }
    let spent = Date().timeIntervalSince(begun)
    let (rate, mebibytes) = (Int(Double(done) / max(spent, 0.001)), (peakMemory - before) >> 20)
    let line = "\(name): \(done) inputs, \(accepted) read, \(done - accepted) refused, \(rate) per second, \(mebibytes) MiB\n"
    FileHandle.standardError.write(Data(line.utf8))
    try FileManager.default.removeItem(at: fuzz.folder)
  }

  /// Ends the process; what it says is beside the input.
  private func end(with finding: String) -> Never {
    try? Data(finding.utf8).write(to: folder.appending(path: Self.finding))
    _exit(2)
  }

  private static let finding = "finding"

  /// Looks at how a process ended that was fed.
  static func expectNothing(_ name: String, _ outcome: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation) {
    if let outcome {
      // Gone with the last reader's.
      rmdir(folder(of: name, process: getpid()).deletingLastPathComponent().path)
      if ProcessInfo.processInfo.environment["DITTO_FUZZ_INPUTS"] != nil { FileHandle.standardError.write(Data(outcome.standardErrorContent)) }
      return
    }
    let folder = folder(of: name, process: getpid())
    let finding = (try? String(contentsOf: folder.appending(path: finding), encoding: .utf8)) ?? "the last input crashed it"
    Issue.record("\(name): \(finding); it is in \(folder.path)/input", sourceLocation: sourceLocation)
  }

  /// - Parameter process: the one that looks at the end of the one that is fed.
  private static func folder(of name: String, process: pid_t) -> URL {
    FileManager.default.temporaryDirectory.appending(path: "ditto-fuzz-\(process)/\(name)")
  }

  private init(_ name: String) throws {
    self.name = name
    folder = Self.folder(of: name, process: getppid())
    try? FileManager.default.removeItem(at: folder)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  /// Bytes that this process held at most.
  private static var peakMemory: Int { Int(ProcessMemory.peak * Double(1 << 30)) }

  /// Ends the process where an input takes too long.
  private final class Watchdog: @unchecked Sendable {
    private let lock = NSLock()
    private var begun = Date()

    init(of fuzz: Fuzz) {
      Thread.detachNewThread { [weak self] in
        while let self {
          if Date().timeIntervalSince(self.lock.withLock { self.begun }) > Fuzz.patience { fuzz.end(with: "an input hangs") }
          Thread.sleep(forTimeInterval: 0.5)
        }
      }
    }

    func begin() { lock.withLock { begun = Date() } }
  }
}

/// What should not have been.
struct Finding: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Files of the other tests.
func corpus(_ path: String) -> URL {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: path)
}
