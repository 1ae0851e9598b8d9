import Foundation
import Settings
import Testing
import Torch
import WorldModel

@testable import Imitation

@Suite struct EncodingTests {
  private static let size = 32 * 32

  private let model = sharpWorldModel(actions: 3, pixels: (100, 100)) {
    ($0.deterministic, $0.hidden, $0.groups, $0.classes) = (8, 8, 2, 3)
  }

  /// Whatever goes side by side, an episode's states are its own.
  @Test(arguments: [1, 12, 1000]) func encodesEachEpisodeAsIfItWereAlone(atOnce: Int) throws {
    var generator = Seed(1).generator
    var largest = 0
    let episodes = [5, 11, 1, 11].map { length in
      let frames = (0..<length * Self.size).map { _ in UInt8.random(in: 0...255, using: &generator) }
      return ExpertEpisode(actions: (1..<length).map { .discrete($0 % 3) }) { range in
        largest = max(largest, range.count)
        return Array(frames[range.lowerBound * Self.size..<range.upperBound * Self.size])
      }
    }
    let together = try ExpertLatents(encoding: episodes, with: model, atOnce: atOnce, seed: Seed(2))
    #expect(largest <= max(1, atOnce / episodes.count))  // no more are read than go through the encoder
    let alone = try episodes.map { try ExpertLatents(encoding: [$0], with: model, seed: Seed(3)) }
    let (found, expected): ([Float], [Float]) = (
      together.deterministic.values(), alone.flatMap { $0.deterministic.values(as: Float.self) }
    )
    #expect(found.count == 28 * 8 && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(together.lengths == [5, 11, 1, 11])
    #expect(together.actions.values(as: Float.self) == alone.flatMap { $0.actions.values(as: Float.self) })
    let classes: [UInt8] = together.classes.values()
    #expect(classes == alone.flatMap { $0.classes.values(as: UInt8.self) } && Set(classes).count > 1)
  }

  @Test(arguments: [12, 1000]) func encodesAnEpisodeSeveralTimes(atOnce: Int) throws {
    var generator = Seed(1).generator
    let episodes = [5, 11].map { length in
      ExpertEpisode(
        actions: (1..<length).map { .discrete($0 % 3) },
        frames: (0..<length * Self.size).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
    // A model that doubts, so that draws differ.
    let doubting = WorldModel(.least, .small(100, 100), actions: 3, using: RandomSource(Seed(5)))
    let latents = try ExpertLatents(encoding: episodes, 3, with: doubting, atOnce: atOnce, seed: Seed(2))
    #expect(latents.lengths == [5, 11, 5, 11, 5, 11])
    let encodings = (0..<3).map { copy in latents.episodes([2 * copy, 2 * copy + 1]) }
    for one in encodings {
      #expect(one.actions.values(as: Float.self) == encodings[0].actions.values())
      // Nothing was drawn before an episode's first state.
      for first in [0, 5] {
        #expect(one.deterministic[first].values(as: Float.self) == encodings[0].deterministic[first].values())
      }
    }
    #expect(Set(encodings.map { $0.classes.values(as: UInt8.self) }).count == 3)
    let sums: [Float] = latents.probabilities!.to(.float32).reshaped(-1, 4).sum(over: -1).values()
    #expect(sums.count == 48 * 2 && sums.allSatisfy { abs($0 - 1) < 0.01 })
  }

  /// A group of 32 episodes, and three of them.
  @Test(arguments: [7, 80]) func writesWhileItEncodesWhatItWouldKeep(episodes: Int) throws {
    var (generator, read, appended) = (Seed(1).generator, 0, [(read: Int, bytes: Data)]())
    let recorded = (0..<episodes).map { index in
      let (length, shade) = (1 + index % 4, UInt8.random(in: 0...255, using: &generator))
      return ExpertEpisode(actions: (1..<length).map { .discrete($0 % 3) }) { range in
        read += 1
        return [UInt8](repeating: shade, count: range.count * Self.size)
      }
    }
    try ExpertLatents.write(encoding: recorded, with: model, seed: Seed(2)) { appended.append((read, $0)) }
    let kept = try ExpertLatents(encoding: recorded, with: model, seed: Seed(2))
    #expect(appended.map(\.bytes).reduce(Data(), +) == Safetensors.pieces(of: kept.tensors).reduce(Data(), +))
    // The first states are handed on when no more than their group has been read.
    #expect(appended[1].read == min(episodes, 32) && !appended[1].bytes.isEmpty)
  }
}
