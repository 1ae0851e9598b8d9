import Foundation
import Settings
import Spaces

@testable import Demonstrations

/// A folder of its own that goes with the last reference.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("demonstrations-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}

/// A fixture that Minari has written; what it holds is in `make_fixtures.py`.
func fixture(_ name: String) -> URL {
  Bundle.module.resourceURL!.appendingPathComponent("Fixtures/fixtures/\(name)")
}

/// The files that `make_layouts.py` has written.
var layouts: URL { Bundle.module.resourceURL!.appendingPathComponent("Fixtures/layouts") }

extension RecordedEpisode {
  /// An episode of random content.
  static func random(steps: Int, side: Int = 32, actionCount: Int = 3, using generator: inout SeededGenerator)
    -> RecordedEpisode
  {
    RecordedEpisode(
      frames: (0..<(steps + 1) * side * side).map { _ in UInt8.random(in: 0...255, using: &generator) },
      actions: (0..<steps).map { _ in .discrete(Int.random(in: 0..<actionCount, using: &generator)) },
      rewards: (0..<steps).map { _ in Double.random(in: -2...2, using: &generator) },
      terminated: Bool.random(using: &generator),
      truncated: Bool.random(using: &generator), seed: generator.next(), attributes: ["policy_epsilon": 0.25])
  }

  /// An episode whose every frame says where it comes from: the first two pixels are the episode's number and the
  /// frame's.
  static func labelled(_ number: Int, steps: Int) -> RecordedEpisode {
    let frames = (0...steps).flatMap { t in [UInt8(number), UInt8(t)] + [UInt8](repeating: 0, count: 32 * 32 - 2) }
    return RecordedEpisode(
      frames: frames, actions: (0..<steps).map { .discrete(($0 + number) % 3) },
      rewards: .init(repeating: 1, count: steps), terminated: true,
      truncated: false)
  }
}

extension TemporaryFolder {
  /// Writes `episodes` of 32×32 frames with actions 0..<3 and returns the dataset's folder.
  @discardableResult func write(_ episodes: [RecordedEpisode], id: String = "test/some-v0", actionCount: Int = 3) throws
    -> URL
  {
    let writer = try DatasetWriter(
      id: id, in: url, observation: ObservationSpace(height: 32, width: 32), actions: .discrete(actionCount))
    for episode in episodes { try writer.append(episode) }
    try writer.finish()
    return writer.folder
  }

  /// Episodes of these lengths in steps, whose frames say where they come from.
  func labelled(_ lengths: [Int], id: String = "test/some-v0", cache: FrameCache = FrameCache(capacity: 1 << 20)) throws
    -> Dataset
  {
    try Dataset(at: write(lengths.enumerated().map { .labelled($0, steps: $1) }, id: id), cache: cache)
  }
}
