import Demonstrations
import Foundation
import Imitation
import Runs
import Settings
import Torch

/// Pieces of episodes that a world model sees as if they began there, with nothing remembered.
package struct Restarts {
  /// Steps from one to the next.
  let interval: Int
  /// Steps of each.
  let length: Int

  func starts(in steps: Int) -> [Int] { Array(stride(from: interval, through: steps - length, by: interval)) }
}

/// Expert episodes encoded by a world model, kept in its run's folder and read back by whoever needs the same.
package struct LatentCache {
  private let world: LoadedWorldModel
  /// That episodes are encoded in.
  private let precision: Precision
  /// Changes with the way episodes are encoded.
  private static let version = 4
  /// Under which a file says what it is of; one of an earlier version does not.
  private static let nameKey = "latents"

  package init(_ world: LoadedWorldModel, _ precision: Precision = .f32) {
    (self.world, self.precision) = (world, precision)
  }

  /// Encodes the episodes, or reads what was encoded before from the same weights and the same data in the same
  /// precision on the same device. A folder that cannot be written to costs the time to encode again, and the memory
  /// for all of them.
  /// - Parameters:
  ///   - encodings: how often each is encoded, with draws of its own.
  ///   - restarts: pieces that are encoded besides, as if episodes began there; nil for none.
  /// - Throws: `DemonstrationError`, where frames cannot be read.
  package func latents(
    of dataset: Dataset, episodes: Range<Int>, encodings: Int = 1, restarts: Restarts? = nil, on device: Device
  ) throws -> ExpertLatents {
    let parts = [
      "\(Self.version)", world.fingerprint, dataset.fingerprint, "\(episodes.lowerBound)", "\(episodes.upperBound)",
    ]
    let (encodedOn, pieces) = (world.model.device, restarts.map { ["\($0.interval)", "\($0.length)"] } ?? [])
    let others =
      (encodings == 1 ? [] : ["\(encodings)times"]) + pieces + (precision == .f32 ? [] : [precision.rawValue])
      + (encodedOn == .cpu ? [] : [encodedOn.rawValue])
    let name = (parts + others).joined(separator: "-") + ".safetensors"
    let file = world.url.appending(path: "latents").appending(path: name)
    let stored = { () -> ExpertLatents? in
      // Also of a file that somebody called so.
      guard let stored = try? Safetensors(at: file), [nil, name].contains(stored.metadata[Self.nameKey]) else {
        return nil
      }
      return try? ExpertLatents(from: stored, classCount: world.model.sizes.classes, on: device)
    }
    if let latents = stored() { return latents }
    let recorded = episodes.flatMap { index in
      let actions = dataset.episodes[index].actions
      let frames = { (range: Range<Int>) in
        try Interruption.check(
          "stopped while episodes of \(dataset.name) were encoded; the same command begins with them again")
        return try dataset.frames(episode: index, range: range)
      }
      let whole = ExpertEpisode(actions: actions, frames: frames)
      return [whole]
        + (restarts?.starts(in: actions.count) ?? []).map { start in
          ExpertEpisode(actions: Array(actions[start..<start + restarts!.length])) {
            try frames(start + $0.lowerBound..<start + $0.upperBound)
          }
        }
    }
    let seed = Seed(0).stream("encode")
    try? FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: false)
    do {
      try AtomicFile.write(to: file) {
        try ExpertLatents.write(
          encoding: recorded, encodings, with: world.model, precision, seed: seed, metadata: [Self.nameKey: name],
          to: $0)
        try dataset.checkUnchanged()
      }
    } catch is RunError {}
    if let latents = stored() { return latents }
    let latents = try ExpertLatents(encoding: recorded, encodings, with: world.model, precision, seed: seed)
    try dataset.checkUnchanged()
    return latents
  }
}
