import Configuration
import Demonstrations
import Foundation
import Imitation
import Torch

/// Expert episodes encoded by a world model, kept in its run's folder and read back by whoever needs the same.
struct LatentCache {
  private let world: LoadedWorldModel
  /// Changes with the way episodes are encoded.
  private static let version = 2

  init(_ world: LoadedWorldModel) { self.world = world }

  /// Encodes the episodes, or reads what was encoded before from the same weights and the same data. A folder that cannot be written to
  /// costs only the time to encode again.
  /// - Throws: `DemonstrationError`, where frames cannot be read.
  func latents(of dataset: Dataset, episodes: Range<Int>, on device: Device) throws -> ExpertLatents {
    let name = "\(Self.version)-\(world.fingerprint)-\(dataset.fingerprint)-\(episodes.lowerBound)-\(episodes.upperBound).safetensors"
    let file = world.url.appending(path: "latents").appending(path: name)
    if let stored = try? Safetensors(at: file),
      let latents = try? ExpertLatents(from: stored, classCount: world.model.sizes.classes, on: device) { return latents }
    let recorded = episodes.map { index in
      ExpertEpisode(actions: dataset.episodes[index].actions) { try dataset.frames(episode: index) }
    }
    let latents = try ExpertLatents(encoding: recorded, with: world.model, world.pixels, seed: Seed(0).stream("encode"))
    try? FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: false)
    try? AtomicFile.write(Safetensors.encoded(latents.tensors), to: file)
    return latents
  }
}
