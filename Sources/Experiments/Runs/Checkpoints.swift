import Foundation

/// The checkpoints of a run: `step-00001500/` and so on, of which the newest and the pinned ones are kept.
public struct Checkpoints {
  public let folder: URL
  /// How many unpinned ones are kept.
  private let keep: Int

  /// - Parameter keep: at least 1.
  public init(in folder: URL, keep: Int) {
    precondition(keep >= 1, "a run keeps at least one checkpoint")
    self.folder = folder
    self.keep = keep
  }

  /// Saves a checkpoint of `step`, and then deletes those no longer kept.
  /// - Parameters:
  ///   - pinned: whether it is kept for good.
  ///   - write: fills the folder it is given.
  /// - Throws: `RunError.cannotWrite`, or what `write` throws; no trace of the checkpoint is then left.
  @discardableResult
  public func save(step: Int, pinned: Bool = false, write: (URL) throws -> Void) throws -> Checkpoint {
    let checkpoint = try Checkpoint.write(
      to: folder.appendingPathComponent("step-" + String(format: "%08d", step)), step: step, pinned: pinned, write)
    let unpinned = try stored().filter { name in
      (try? Checkpoint.Manifest.read(at: folder.appendingPathComponent(name)))?.pinned != true
    }
    for name in unpinned.dropFirst(keep) { try? FileManager.default.removeItem(at: folder.appendingPathComponent(name)) }
    return checkpoint
  }

  /// The newest checkpoint whose files are all as they were written, nil if there is none, and a warning for each damaged one
  /// that was passed over.
  public func newestGood() throws -> (checkpoint: Checkpoint?, warnings: [String]) {
    var warnings: [String] = []
    for name in try stored() {
      do {
        return (try Checkpoint(at: folder.appendingPathComponent(name)), warnings)
      } catch {
        warnings.append("\(error)")
      }
    }
    return (nil, warnings)
  }

  /// The folders' names, the newest first.
  private func stored() throws -> [String] {
    guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: folder.path) } catch {
      throw RunError.cannotRead(folder.path, reason: reason(error))
    }
    return names.compactMap { name in name.hasPrefix("step-") ? Int(name.dropFirst(5)).map { (step: $0, name: name) } : nil }
      .sorted { $0.step > $1.step }.map(\.name)
  }
}
