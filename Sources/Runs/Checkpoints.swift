import Foundation

/// The checkpoints of a run: `step-00001500/` and so on, of which the newest are kept, and some that are named.
public struct Checkpoints {
  public let folder: URL
  /// How many of the newest are kept.
  private let keep: Int
  /// Identity of the run that they are of.
  private let run: String?

  /// - Parameters:
  ///   - keep: at least 1.
  ///   - run: identity of the run that they are of; nil where it has none.
  package init(in folder: URL, keep: Int, of run: String? = nil) {
    precondition(keep >= 1, "a run keeps at least one checkpoint")
    (self.folder, self.keep, self.run) = (folder, keep, run)
  }

  /// Saves a checkpoint of `step`, and then deletes those no longer kept.
  /// - Parameters:
  ///   - spared: steps of those that are kept however old they are.
  ///   - log: checksum of the run's log up to this step.
  ///   - write: fills the folder it is given.
  /// - Throws: `RunError.cannotWrite`, or what `write` throws; no trace of the checkpoint is then left.
  @discardableResult
  public func save(
    step: Int, sparing spared: Set<Int> = [], log: String? = nil, write: (URL) throws -> Void
  ) throws -> Checkpoint {
    for left in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] where left.hasPrefix(".step-")
    {
      // Of a process that was killed: a run has one at a time.
      try? FileManager.default.removeItem(at: folder.appendingPathComponent(left))
    }
    let checkpoint = try Checkpoint.write(to: place(of: step), step: step, of: run, log: log, write)
    for old in try steps().dropFirst(keep) where !spared.contains(old) {
      try? FileManager.default.removeItem(at: place(of: old))
    }
    return checkpoint
  }

  /// The newest checkpoint whose files are all as they were written, nil if there is none, and a warning for each
  /// damaged one that was passed over.
  /// - Throws: `RunError.ofAnotherRun`, since whoever goes on without it would write in its place.
  public func newestGood() throws -> (checkpoint: Checkpoint?, warnings: [String]) {
    var warnings: [String] = []
    for step in try steps() {
      do {
        return (try checkpoint(of: step), warnings)
      } catch RunError.damagedCheckpoint(let path, let reason) {
        warnings.append("\(RunError.damagedCheckpoint(path, reason: reason))")
      }
    }
    return (nil, warnings)
  }

  /// - Throws: `RunError.cannotRead` where they are behind a link that leads nowhere, such as to a disk that is not
  ///   there now.
  package func checkAreThere() throws {
    guard (try? FileManager.default.destinationOfSymbolicLink(atPath: folder.path)) != nil,
      !FileManager.default.fileExists(atPath: folder.path)
    else { return }
    throw RunError.cannotRead(folder.path, reason: "it is a link to what is not there")
  }

  /// - Throws: `RunError.damagedCheckpoint`, or `.ofAnotherRun`.
  package func checkpoint(of step: Int) throws -> Checkpoint { try Checkpoint(at: place(of: step), of: run) }

  package func place(of step: Int) -> URL { folder.appendingPathComponent("step-" + String(format: "%08d", step)) }

  /// Of all there are, the newest first.
  package func steps() throws -> [Int] {
    guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: folder.path) } catch {
      throw RunError.cannotRead(folder.path, reason: reason(error))
    }
    return names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.sorted(by: >)
  }
}
